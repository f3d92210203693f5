/*
 * event-loop: uploads files from an epoll loop that does other things too: it counts the seconds, and ends at Ctrl-C.
 *
 *     event-loop FILE...
 *
 *     cc event-loop.c -llinq -o event-loop
 *
 * The key is in LINQ_API_V3_API_KEY. No call here waits for an upload. kqueue, libuv, GLib and Qt can watch the queue's
 * descriptor in the same way. Linux only.
 */
#define _GNU_SOURCE

#include <linq.h>

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct loop {
  int epoll, timer, signals;
  linq_queue *queue;
  char **words;
  uint64_t remaining;
  int code;
};

static int refused(linq_error *error) {
  fprintf(stderr, "event-loop: %s\n", error->message);
  linq_free(error);
  return 2;
}

static void watch(int epoll, int descriptor) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
  if (descriptor < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) {
    perror("event-loop");
    exit(2);
  }
}

/* What the program does besides: a timer, and Ctrl-C from a descriptor. */
static void prepare(struct loop *loop) {
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  sigprocmask(SIG_BLOCK, &interrupt, NULL);
  struct itimerspec second = {.it_interval.tv_sec = 1, .it_value.tv_sec = 1};
  loop->epoll = epoll_create1(EPOLL_CLOEXEC);
  loop->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  loop->signals = signalfd(-1, &interrupt, SFD_NONBLOCK | SFD_CLOEXEC);
  timerfd_settime(loop->timer, 0, &second, NULL);
  watch(loop->epoll, loop->timer);
  watch(loop->epoll, loop->signals);
  watch(loop->epoll, linq_queue_descriptor(loop->queue));
}

static void show(struct loop *loop, const linq_event *event) {
  const char *path = loop->words[event->tag];
  loop->remaining = event->remaining;
  if (event->kind == LINQ_EVENT_FINISHED) {
    printf("%s\t%s\n", event->attachment->attachment_id, path);
  } else if (event->kind == LINQ_EVENT_FAILED) {
    fprintf(stderr, "%s: %s\n", path, event->error->message);
    loop->code = 1;
  }
}

/* The queue's descriptor is readable: fetches all waiting events, without blocking. */
static void take_events(struct loop *loop) {
  linq_event *event = NULL;
  while (linq_queue_next(loop->queue, 0, &event, NULL) == LINQ_OK && event != NULL) {
    show(loop, event);
    linq_free(event);
  }
}

static void run(struct loop *loop) {
  unsigned seconds = 0;
  while (loop->remaining > 0) {
    struct epoll_event events[4];
    int ready = epoll_wait(loop->epoll, events, 4, -1);
    if (ready < 0 && errno != EINTR) exit(2);
    for (int i = 0; i < ready; i++) {
      uint64_t expired = 0;
      struct signalfd_siginfo signal;
      if (events[i].data.fd == loop->timer) {
        if (read(loop->timer, &expired, sizeof expired) == (ssize_t)sizeof expired)
          fprintf(stderr, "%u s, %" PRIu64 " to go\n", seconds += (unsigned)expired, loop->remaining);
      } else if (events[i].data.fd == loop->signals) {
        if (read(loop->signals, &signal, sizeof signal) == (ssize_t)sizeof signal)
          linq_queue_cancel(loop->queue, LINQ_QUEUE_ALL); /* the last events say so */
      } else {
        take_events(loop);
      }
    }
  }
}

int main(int count, char **words) {
  if (count < 2) {
    fputs("usage: event-loop FILE...\n", stderr);
    return 2;
  }
  struct loop loop = {.words = words};
  linq_error *error = NULL;
  if (linq_queue_new(NULL, NULL, &loop.queue, &error) != LINQ_OK) return refused(error);
  prepare(&loop);
  for (int i = 1; i < count; i++, loop.remaining++) {
    linq_source source = linq_source_default();
    source.kind = LINQ_SOURCE_PATH;
    source.path = words[i];
    if (linq_queue_add(loop.queue, NULL, &source, NULL, (uint64_t)i, &error) != LINQ_OK) {
      linq_free(loop.queue);
      return refused(error);
    }
  }
  run(&loop);
  epoll_ctl(loop.epoll, EPOLL_CTL_DEL, linq_queue_descriptor(loop.queue), NULL); /* before the queue is freed */
  linq_free(loop.queue);
  return fflush(stdout) != 0 ? 1 : loop.code;
}
