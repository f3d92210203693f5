/* A queue that is used by many threads at the same time, and signals. */
#include "support/check.h"

#include <stdatomic.h>
#include <sys/mman.h>

static linq_client *g_client;

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
  linq_queue *queue = queue_of(g_client, 4);
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

/* One that other threads use: their calls fail, as do later ones; the bytes are read no more. */
enum { BYTES = 1 << 16 };
static char *g_bytes;
static atomic_int g_over;

static void told_that_it_is_gone(linq_status status, linq_error *error) {
  CHECK(status == LINQ_CANCELLED || status == LINQ_INVALID_ARGUMENT);
  CHECK_HAS(error->message, status == LINQ_CANCELLED ? "the queue was freed" : "queue is not a live linq_queue");
  linq_free(error);
}

static void *adds_until_it_is_gone(void *queue) {
  for (uint64_t tag = 0;; tag = (tag + 1) % 50) {
    linq_source source = from_memory(g_bytes, BYTES);
    linq_upload_options options = named("a.txt", "text/plain");
    linq_error *error = NULL;
    linq_status status = linq_queue_add(queue, NULL, &source, &options, tag, &error);
    if (status != LINQ_OK) return told_that_it_is_gone(status, error), NULL;
    sleep_ms(1);
  }
}

static void *asks_until_it_is_gone(void *queue) {
  for (;;) {
    linq_event *event = POISON(linq_event);
    linq_error *error = NULL;
    linq_status status = linq_queue_next(queue, UINT32_MAX, &event, &error);
    if (status != LINQ_OK) return told_that_it_is_gone(status, error), NULL;
    linq_free(event);
  }
}

static void *cancels_until_all_is_over(void *queue) {
  for (uint64_t tag = 0; !g_over; tag++) {
    linq_queue_cancel(queue, tag % 60 == 59 ? LINQ_QUEUE_ALL : tag % 50);
    linq_queue_descriptor(queue);
    sleep_ms(1);
  }
  return NULL;
}

static void it_is_freed_while_others_use_it(void) {
  static void *(*const uses[])(void *) = {adds_until_it_is_gone, adds_until_it_is_gone, asks_until_it_is_gone,
                                          asks_until_it_is_gone, cancels_until_all_is_over};
  enum { USES = sizeof uses / sizeof *uses };
  calm();
  for (int round = 0; round < 12; round++) {
    g_bytes = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(g_bytes != MAP_FAILED);
    memset(g_bytes, 'x', BYTES);
    linq_queue *queue = queue_of(g_client, 1 + (uint32_t)round % 5);
    pthread_t all[USES];
    g_over = 0;
    for (int i = 0; i < USES; i++) CHECK(pthread_create(&all[i], NULL, uses[i], queue) == 0);
    sleep_ms(7 * round);
    linq_free(queue);
    CHECK(munmap(g_bytes, BYTES) == 0);
    g_over = 1;
    for (int i = 0; i < USES; i++) pthread_join(all[i], NULL);
  }
}

static pthread_t g_self, g_other;
static atomic_int g_handled, g_elsewhere;

static void on_signal(int number) {
  (void)number;
  g_handled++;
  g_elsewhere += !pthread_equal(pthread_self(), g_self) && !pthread_equal(pthread_self(), g_other);
}

static void *interrupts(void *ignored) {
  (void)ignored;
  g_other = pthread_self();
  for (int i = 0; i < 20; i++) {
    sleep_ms(10);
    kill(getpid(), SIGUSR1);
    pthread_kill(g_self, SIGUSR1);
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
  linq_queue *queue = queue_of(g_client, 1);
  CHECK(add_bytes(queue, "hello", 5, 1) == LINQ_OK);
  pthread_t thread;
  g_self = pthread_self();
  CHECK(pthread_create(&thread, NULL, interrupts, NULL) == 0);
  linq_event *event = NULL;
  do {
    linq_free(event);
    CHECK(linq_queue_next(queue, 30000, &event, NULL) == LINQ_OK);
    CHECK(event != NULL);
  } while (event->kind == LINQ_EVENT_PROGRESS);
  CHECK(event->kind == LINQ_EVENT_FINISHED && event->attachment->attempts == 1);
  pthread_join(thread, NULL);
  CHECK(g_handled > 10 && g_elsewhere == 0);
  linq_free(event);
  linq_free(queue);
}

static linq_cancel_token *g_token;
static volatile sig_atomic_t g_kept;

static void on_alarm(int number) {
  (void)number;
  int before = errno;
  errno = ENOTTY;
  linq_cancel_token_cancel(g_token);
  g_kept = errno == ENOTTY;
  errno = before;
}

static void a_token_may_be_cancelled_by_a_signal_handler(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_alarm;
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"no_answer\":true}}");
  g_token = linq_cancel_token_new();
  linq_queue *queue = queue_of(g_client, 1);
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
  CHECK(event->error != NULL && event->error->status == LINQ_CANCELLED && g_kept);
  linq_free(event);
  linq_free(queue);
  linq_free(g_token);
  calm();
}

int main(void) {
  g_client = client_of(api(), key());
  RUN(adding_asking_and_cancelling_are_for_any_thread);
  RUN(it_is_freed_while_others_use_it);
  RUN(signals_are_the_hosts);
  RUN(a_token_may_be_cancelled_by_a_signal_handler);
  linq_free(g_client);
  return done("queue_threads");
}
