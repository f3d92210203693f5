/* In a child made by fork an inherited queue is good for nothing but linq_free, and its parent notices nothing. */
#include "support/check.h"

#include <poll.h>
#include <sys/wait.h>

static linq_client *g_client;

static linq_status add_text(linq_queue *queue, uint64_t tag, linq_error **error) {
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", "text/plain");
  return linq_queue_add(queue, NULL, &source, &options, tag, error);
}

static void in_a_child(int (*work)(linq_queue *), linq_queue *queue) {
  fflush(stdout);
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    alarm((unsigned)(30 * slow()));
    int well = work(queue);
    /* Another program's exit: a leak checker would count what is the parent's. */
    execlp(well ? "true" : "false", "child", (char *)NULL);
    _exit(2);
  }
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int readable(linq_queue *queue) {
  struct pollfd one = {.fd = linq_queue_descriptor(queue), .events = POLLIN};
  return poll(&one, 1, 0) == 1;
}

static int ends_well(linq_queue *queue, uint64_t tag) {
  linq_event *event = NULL;
  do {
    linq_free(event);
    if (linq_queue_next(queue, 30000, &event, NULL) != LINQ_OK || event == NULL) return 0;
  } while (event->kind == LINQ_EVENT_PROGRESS || event->kind == LINQ_EVENT_RETRY);
  int well = event->kind == LINQ_EVENT_FINISHED && event->tag == tag;
  linq_free(event);
  return well;
}

static int says_whose_it_is(linq_error *error) {
  int well = error->status == LINQ_INVALID_ARGUMENT && strstr(error->message, "the parent process's") != NULL;
  linq_free(error);
  return well;
}

static int only_frees(linq_queue *queue) {
  linq_event *event = POISON(linq_event);
  linq_error *error = NULL;
  int well = linq_queue_next(queue, UINT32_MAX, &event, &error) != LINQ_OK && event == NULL;
  well = well && says_whose_it_is(error);
  well = well && add_text(queue, 9, &error) != LINQ_OK && says_whose_it_is(error);
  well = well && linq_queue_descriptor(queue) == -1;
  linq_queue_cancel(queue, LINQ_QUEUE_ALL);
  linq_free(queue);
  linq_queue *own = queue_of(g_client, 1); /* the client may be used on */
  well = well && add_text(own, 5, NULL) == LINQ_OK && ends_well(own, 5);
  linq_free(own);
  return well;
}

static void a_child_can_only_free_it_and_the_parent_goes_on(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"delay_ms\":800}}");
  linq_queue *queue = queue_of(g_client, 1);
  CHECK(add_text(queue, 1, NULL) == LINQ_OK); /* runs */
  CHECK(add_text(queue, 2, NULL) == LINQ_OK); /* waits */
  sleep_ms(200);
  in_a_child(only_frees, queue);
  CHECK(ends_well(queue, 1) && ends_well(queue, 2));
  CHECK(!readable(queue));
  linq_free(queue);
}

/* The child never reads what tells of an event: it is the parent's. */
static void an_event_that_waits_is_the_parents(void) {
  calm();
  linq_queue *queue = queue_of(g_client, 1);
  CHECK(add_text(queue, 1, NULL) == LINQ_OK);
  while (!readable(queue)) sleep_ms(5);
  in_a_child(only_frees, queue);
  CHECK(readable(queue));
  CHECK(ends_well(queue, 1));
  linq_free(queue);
}

static void *asks(void *queue) {
  CHECK(ends_well(queue, 1));
  return NULL;
}

static void a_child_of_a_queue_that_is_being_asked(void) {
  calm();
  linq_queue *queue = queue_of(g_client, 1);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, asks, queue) == 0);
  sleep_ms(100);
  in_a_child(only_frees, queue);
  CHECK(add_text(queue, 1, NULL) == LINQ_OK);
  pthread_join(thread, NULL);
  linq_free(queue);
}

/* AddressSanitizer's own allocator is not safe to fork while other threads are in it; see fork.c. */
#ifndef __SANITIZE_ADDRESS__

static int frees(linq_queue *queue) {
  linq_free(queue);
  return 1;
}

static volatile int g_stop;

static void *adds_and_asks(void *queue) {
  for (uint64_t tag = 0; !g_stop; tag++) {
    CHECK(add_text(queue, tag, NULL) == LINQ_OK);
    linq_queue_cancel(queue, tag / 2);
    linq_event *event = NULL;
    CHECK(linq_queue_next(queue, 1, &event, NULL) == LINQ_OK);
    linq_free(event);
  }
  return NULL;
}

/* Whatever the other threads hold at that moment. */
static void a_fork_in_the_midst_of_everything(void) {
  calm();
  linq_queue *queue = queue_of(g_client, 3);
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, adds_and_asks, queue) == 0);
  for (int i = 0; i < 60 / slow() + 1; i++) in_a_child(frees, queue);
  g_stop = 1;
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  linq_free(queue);
}

#endif

int main(void) {
  g_client = client_of(api(), key());
  RUN(a_child_can_only_free_it_and_the_parent_goes_on);
  RUN(an_event_that_waits_is_the_parents);
  RUN(a_child_of_a_queue_that_is_being_asked);
#ifndef __SANITIZE_ADDRESS__
  if (!emulated()) RUN(a_fork_in_the_midst_of_everything);
#endif
  linq_free(g_client);
  return done("queue_fork");
}
