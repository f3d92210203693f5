/* A queue's life: freed at any moment, asked from any thread, its log lines, signals. */
#include "support/check.h"

#include <dirent.h>
#include <stdatomic.h>
#include <sys/mman.h>

static linq_client *g_client;

static linq_queue *queue_of(uint32_t max_in_flight) {
  linq_queue_options options = linq_queue_options_default();
  options.max_in_flight = max_in_flight;
  linq_queue *queue = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_queue_new(g_client, &options, &queue, &error), LINQ_OK, error);
  return queue;
}

static linq_status add_bytes(linq_queue *queue, const void *bytes, size_t length, uint64_t tag) {
  linq_source source = from_memory(bytes, length);
  linq_upload_options options = named("a.txt", "text/plain");
  return linq_queue_add(queue, NULL, &source, &options, tag, NULL);
}

static linq_status add_missing(linq_queue *queue, uint64_t tag) {
  linq_source source = linq_source_default();
  source.kind = LINQ_SOURCE_PATH;
  source.path = "/nowhere/x.txt";
  return linq_queue_add(queue, NULL, &source, NULL, tag, NULL);
}

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
  linq_queue *queue = queue_of(8);
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
    linq_queue *queue = queue_of(4);
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
  linq_free(queue_of(1));
  linq_queue *queue = queue_of(1);
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
  linq_queue *queue = queue_of(1);
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

static void on_line(void *user_data, uint32_t level, const char *line) {
  (void)user_data, (void)level;
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
  linq_queue *queue = queue_of(1);
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
  linq_queue *queue = queue_of(1);
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
  linq_queue *queue = queue_of(4);
  for (uint64_t tag = 0; tag < UPLOADS; tag++) CHECK(add_missing(queue, tag) == LINQ_OK);
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
  linq_free(queue);
  CHECK(linq_set_log(NULL, NULL, 0) == LINQ_OK);
}

enum { EACH = 200 };
static atomic_int g_seen[4 * EACH];
static atomic_int g_left;

static void *adds(void *argument) {
  linq_queue *queue = ((void **)argument)[0];
  int first = (int)(intptr_t)((void **)argument)[1];
  for (int tag = first; tag < first + EACH; tag++)
    CHECK((tag % 10 == 0 ? add_bytes(queue, "hello", 5, (uint64_t)tag) : add_missing(queue, (uint64_t)tag)) == LINQ_OK);
  return NULL;
}

static void *takes(void *queue) {
  while (g_left > 0) {
    linq_event *event = NULL;
    CHECK(linq_queue_next(queue, 50, &event, NULL) == LINQ_OK);
    if (event != NULL && (event->kind == LINQ_EVENT_FINISHED || event->kind == LINQ_EVENT_FAILED)) {
      g_seen[event->tag]++;
      g_left--;
    }
    linq_free(event);
  }
  return NULL;
}

static void *cancels(void *queue) {
  for (uint64_t tag = 0; g_left > 0; tag = (tag + 7) % (4 * EACH)) {
    linq_queue_cancel(queue, tag);
    sleep_ms(1);
  }
  return NULL;
}

static void adding_asking_and_cancelling_are_for_any_thread(void) {
  calm();
  linq_queue *queue = queue_of(4);
  g_left = 4 * EACH;
  pthread_t all[8];
  void *arguments[4][2];
  for (int i = 0; i < 4; i++) {
    arguments[i][0] = queue;
    arguments[i][1] = (void *)(intptr_t)(i * EACH);
    CHECK(pthread_create(&all[i], NULL, adds, arguments[i]) == 0);
  }
  for (int i = 4; i < 7; i++) CHECK(pthread_create(&all[i], NULL, takes, queue) == 0);
  CHECK(pthread_create(&all[7], NULL, cancels, queue) == 0);
  for (int i = 0; i < 8; i++) pthread_join(all[i], NULL);
  for (int tag = 0; tag < 4 * EACH; tag++) CHECK(g_seen[tag] == 1);
  linq_free(queue);
}

static atomic_int g_handled;
static pthread_t g_handler;

static void on_signal(int number) {
  (void)number;
  g_handler = pthread_self();
  g_handled++;
}

static void *interrupts(void *thread) {
  for (int i = 0; i < 20; i++) {
    sleep_ms(10);
    kill(getpid(), SIGUSR1);
    pthread_kill(*(pthread_t *)thread, SIGUSR1);
  }
  return NULL;
}

/* No thread of the queue runs a handler, and a handler on the asking thread ends no wait. */
static void signals_are_the_hosts(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal; /* without SA_RESTART */
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"delay_ms\":400}}");
  linq_queue *queue = queue_of(1);
  CHECK(add_bytes(queue, "hello", 5, 1) == LINQ_OK);
  pthread_t thread, self = pthread_self();
  CHECK(pthread_create(&thread, NULL, interrupts, &self) == 0);
  linq_event *event = NULL;
  do {
    linq_free(event);
    CHECK(linq_queue_next(queue, 30000, &event, NULL) == LINQ_OK);
    CHECK(event != NULL);
  } while (event->kind == LINQ_EVENT_PROGRESS);
  CHECK(event->kind == LINQ_EVENT_FINISHED && event->attachment->attempts == 1);
  pthread_join(thread, NULL);
  CHECK(g_handled > 10 && (pthread_equal(g_handler, self) || pthread_equal(g_handler, thread)));
  linq_free(event);
  linq_free(queue);
}

static linq_cancel_token *g_token;

static void on_alarm(int number) {
  (void)number;
  linq_cancel_token_cancel(g_token);
}

static void a_token_may_be_cancelled_by_a_signal_handler(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_alarm;
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"no_answer\":true}}");
  g_token = linq_cancel_token_new();
  linq_queue *queue = queue_of(1);
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  options.cancel = g_token;
  CHECK(linq_queue_add(queue, NULL, &source, &options, 1, NULL) == LINQ_OK);
  alarm(1);
  linq_event *event = NULL;
  do {
    linq_free(event);
    CHECK(linq_queue_next(queue, 30000, &event, NULL) == LINQ_OK);
    CHECK(event != NULL);
  } while (event->kind == LINQ_EVENT_PROGRESS);
  CHECK(event->error != NULL && event->error->status == LINQ_CANCELLED);
  linq_free(event);
  linq_free(queue);
  linq_free(g_token);
  calm();
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
  RUN(adding_asking_and_cancelling_are_for_any_thread);
  RUN(signals_are_the_hosts);
  RUN(a_token_may_be_cancelled_by_a_signal_handler);
  linq_free(g_client);
  return done("queue_life");
}
