/* A queue's life: its threads, its end, its log lines. */
#include "support/check.h"

#include <dirent.h>
#include <sys/mman.h>

static linq_client *g_client;

/* The queue's threads; with `blocked`, checks of each that it blocks all signals that can be blocked. */
static int threads(int blocked) {
  int found = 0;
  DIR *tasks = opendir("/proc/self/task");
  CHECK(tasks != NULL);
  for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
    char path[300], line[256] = "";
    snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
    FILE *status = fopen(path, "r");
    if (status == NULL) continue;
    int ours = 0;
    while (fgets(line, sizeof line, status) != NULL) {
      ours |= strcmp(line, "Name:\tlinq-queue\n") == 0;
      unsigned long long mask = 0;
      if (ours && blocked && sscanf(line, "SigBlk:\t%llx", &mask) == 1)
        for (int number = 1; number < 32; number++)
          CHECK(number == SIGKILL || number == SIGSTOP || (mask >> (number - 1) & 1) == 1);
    }
    found += ours;
    fclose(status);
  }
  closedir(tasks);
  return found;
}

/* In an emulator a thread may still be listed for a moment when it was joined. */
static int none_left(void) {
  for (int64_t end = now_ms() + (slow() < 8 ? 0 : 5000); threads(0) > 0 && now_ms() < end;) sleep_ms(20);
  return threads(0) == 0;
}

static void threads_are_made_when_needed_and_go_when_not(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":3,\"fault\":{\"delay_ms\":500}}");
  linq_queue *queue = queue_of(g_client, 8);
  CHECK(threads(0) == 0);
  for (uint64_t tag = 0; tag < 3; tag++) CHECK(add_bytes(queue, "hello", 5, tag) == LINQ_OK);
  sleep_ms(200);
  CHECK(threads(slow() < 8) == 3); /* valgrind keeps the masks to itself */
  for (int64_t end = now_ms() + 20000 * slow(); threads(0) > 0 && now_ms() < end;) sleep_ms(20);
  CHECK(threads(0) == 0);
  linq_free(queue);
}

/* The bytes are gone after linq_free: a thread that still read them would crash the program. */
static void freeing_ends_everything_and_reads_nothing_more(void) {
  enum { BYTES = 4 << 20 };
  static const char *faults[] = {
      "{\"side\":\"storage\",\"times\":0,\"fault\":{\"stall_after\":100000}}",
      "{\"side\":\"storage\",\"times\":0,\"fault\":{\"slow_read\":{\"bytes_per_s\":5000000}}}",
      "{\"side\":\"storage\",\"times\":0,\"fault\":{\"no_answer\":true}}",
      "{\"side\":\"api\",\"times\":0,\"fault\":{\"no_answer\":true}}",
      "{\"side\":\"api\",\"times\":0,\"fault\":{\"respond\":{\"status\":503,\"headers\":[[\"Retry-After\",\"30\"]]}}}",
  };
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    calm();
    fault(faults[i]);
    char *bytes = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(bytes != MAP_FAILED);
    memset(bytes, 'x', BYTES);
    linq_queue *queue = queue_of(g_client, 4);
    for (uint64_t tag = 0; tag < 20; tag++) CHECK(add_bytes(queue, bytes, BYTES, tag) == LINQ_OK);
    sleep_ms(200);
    int64_t start = now_ms();
    linq_free(queue);
    CHECK(munmap(bytes, BYTES) == 0);
    CHECK(now_ms() - start < 300 * slow());
    CHECK(none_left());
  }
  calm();
}

static void one_that_did_nothing_is_freed_too(void) {
  linq_free(queue_of(g_client, 1));
  linq_queue *queue = queue_of(g_client, 1);
  CHECK(add_missing(queue, 1) == LINQ_OK);
  sleep_ms(100);
  linq_free(queue); /* with an event that nobody fetched */
}

static void *asks(void *queue) {
  linq_event *event = POISON(linq_event);
  linq_error *error = NULL;
  linq_status status = linq_queue_next(queue, UINT32_MAX, &event, &error);
  CHECK(event == NULL && error->status == status);
  CHECK_TEXT(error->message, "the queue was freed");
  linq_free(error);
  return (void *)(intptr_t)status;
}

static void whoever_asks_meanwhile_is_told(void) {
  linq_queue *queue = queue_of(g_client, 1);
  pthread_t waiting[3];
  for (int i = 0; i < 3; i++) CHECK(pthread_create(&waiting[i], NULL, asks, queue) == 0);
  sleep_ms(200);
  linq_free(queue);
  for (int i = 0; i < 3; i++) {
    void *status = NULL;
    pthread_join(waiting[i], &status);
    CHECK((linq_status)(intptr_t)status == LINQ_CANCELLED);
  }
  linq_event *event = POISON(linq_event);
  CHECK(linq_queue_next(queue, 0, &event, NULL) == LINQ_INVALID_ARGUMENT && event == NULL);
  CHECK(add_missing(queue, 1) == LINQ_INVALID_ARGUMENT);
  linq_queue_cancel(queue, LINQ_QUEUE_ALL);
}

static pthread_t g_asker;
static linq_queue *g_to_free;
static int g_lines, g_elsewhere, g_stray;
static char g_first[200];

static void on_line(void *user_data, uint32_t level, const char *line) {
  (void)user_data, (void)level;
  if (g_lines == 0) snprintf(g_first, sizeof g_first, "%s", line);
  g_lines++;
  g_elsewhere += !pthread_equal(pthread_self(), g_asker);
  g_stray += strstr(line, "not a live object") != NULL;
  linq_queue *queue = g_to_free;
  g_to_free = NULL;
  linq_free(queue);
}

static void a_log_callback_may_free_the_queue_that_speaks(void) {
  g_asker = pthread_self();
  CHECK(linq_set_log(on_line, NULL, LINQ_LOG_DEBUG) == LINQ_OK);
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"no_answer\":true}}");
  linq_queue *queue = queue_of(g_client, 1);
  CHECK(add_bytes(queue, "hello", 5, 1) == LINQ_OK);
  g_to_free = queue;
  linq_event *event = POISON(linq_event);
  linq_error *error = NULL;
  linq_status status = linq_queue_next(queue, UINT32_MAX, &event, &error);
  while (status == LINQ_OK) { /* an event may come before the first line */
    CHECK(event->kind == LINQ_EVENT_PROGRESS);
    linq_free(event);
    status = linq_queue_next(queue, UINT32_MAX, &event, &error);
  }
  CHECK_STATUS(status, LINQ_CANCELLED, error);
  CHECK(event == NULL && none_left());
  linq_free(error);
  CHECK(linq_set_log(NULL, NULL, 0) == LINQ_OK);
  calm();
}

static void a_second_free_is_left_alone(void) {
  linq_queue *queue = queue_of(g_client, 1);
  linq_free(queue);
  g_stray = 0;
  g_asker = pthread_self();
  CHECK(linq_set_log(on_line, NULL, LINQ_LOG_WARN) == LINQ_OK);
  linq_free(queue);
  CHECK(g_stray == 1);
  CHECK(linq_set_log(NULL, NULL, 0) == LINQ_OK);
}

static void lines_are_said_on_the_asking_thread_and_the_oldest_go(void) {
  enum { UPLOADS = 400 };
  g_asker = pthread_self();
  g_elsewhere = g_lines = 0;
  CHECK(linq_set_log(on_line, NULL, LINQ_LOG_ERROR) == LINQ_OK);
  linq_queue *queue = queue_of(g_client, 1);
  for (uint64_t tag = 0; tag < UPLOADS; tag++) {
    char path[40];
    snprintf(path, sizeof path, "/nowhere/%d.txt", (int)tag);
    linq_source source = linq_source_default();
    source.kind = LINQ_SOURCE_PATH;
    source.path = path;
    CHECK(linq_queue_add(queue, NULL, &source, NULL, tag, NULL) == LINQ_OK);
  }
  sleep_ms(300 * slow()); /* a thread that just began has no name yet */
  for (int64_t end = now_ms() + 20000 * slow(); threads(0) > 0 && now_ms() < end;) sleep_ms(20);
  CHECK(g_lines == 0); /* nobody has asked */
  for (uint64_t left = UPLOADS; left-- > 0;) {
    linq_event *event = NULL;
    CHECK(linq_queue_next(queue, 0, &event, NULL) == LINQ_OK);
    CHECK(event != NULL && event->remaining == left);
    CHECK(g_lines == 256 && g_elsewhere == 0); /* all that waited, before the first event */
    linq_free(event);
  }
  CHECK_TEXT(g_first, "/nowhere/144.txt cannot be opened: there is no such file");
  linq_free(queue);
  CHECK(linq_set_log(NULL, NULL, 0) == LINQ_OK);
}

int main(void) {
  g_client = client_of(api(), key());
  RUN(threads_are_made_when_needed_and_go_when_not);
  RUN(freeing_ends_everything_and_reads_nothing_more);
  RUN(one_that_did_nothing_is_freed_too);
  RUN(whoever_asks_meanwhile_is_told);
  RUN(a_log_callback_may_free_the_queue_that_speaks);
  RUN(a_second_free_is_left_alone);
  RUN(lines_are_said_on_the_asking_thread_and_the_oldest_go);
  linq_free(g_client);
  return done("queue_life");
}
