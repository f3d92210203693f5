/*
 * album: uploads many files, several at a time, and shows the progress of each.
 *
 *     album FILE...
 *
 *     cc album.c -llinq -o album
 *
 * The key is in LINQ_API_V3_API_KEY. Progress goes to stderr, and a line for each uploaded file, its id and path, to stdout.
 * Exits with 0 if all were uploaded, 1 if some failed, 2 if nothing could start.
 */
#include <linq.h>

#include <inttypes.h>
#include <stdio.h>

static int refused(linq_error *error) {
  fprintf(stderr, "album: %s\n", error->message);
  linq_free(error);
  return 2;
}

/* The tag is the file's position in the command line. */
static linq_status add(linq_queue *queue, const char *path, uint64_t tag, linq_error **error) {
  linq_source source = linq_source_default();
  source.kind = LINQ_SOURCE_PATH;
  source.path = path;
  return linq_queue_add(queue, NULL, &source, NULL, tag, error);
}

/* Whether the file has not failed. */
static int show(const linq_event *event, const char *path) {
  switch (event->kind) {
    case LINQ_EVENT_PROGRESS:
      if (event->step == LINQ_STEP_PUT) fprintf(stderr, "%s: %" PRIu64 "%%\n", path, event->sent * 100 / event->total);
      return 1;
    case LINQ_EVENT_FINISHED:
      printf("%s\t%s\n", event->attachment->attachment_id, path);
      fprintf(stderr, "%s: done, %" PRIu64 " to go\n", path, event->remaining);
      return 1;
    case LINQ_EVENT_RETRY:
      fprintf(stderr, "%s: attempt %" PRIu32 " of %" PRIu32 " in %" PRIu32 " ms: %s\n", path, event->attempt,
              event->max_attempts, event->again_in_ms, event->error->message);
      return 1;
    default:
      fprintf(stderr, "%s: failed: %s%s\n", path, event->error->message,
              event->error->retryable ? " (the same may work later)" : "");
      return 0;
  }
}

int main(int count, char **words) {
  if (count < 2) {
    fputs("usage: album FILE...\n", stderr);
    return 2;
  }
  linq_queue *queue = NULL;
  linq_error *error = NULL;
  if (linq_queue_new(NULL, NULL, &queue, &error) != LINQ_OK) return refused(error);
  uint64_t remaining = 0;
  int code = 0;
  for (; remaining < (uint64_t)count - 1; remaining++) {
    if (add(queue, words[remaining + 1], remaining + 1, &error) != LINQ_OK) {
      linq_free(queue);
      return refused(error);
    }
  }
  while (remaining > 0) {
    linq_event *event = NULL;
    if (linq_queue_next(queue, UINT32_MAX, &event, &error) != LINQ_OK) {
      linq_free(queue);
      return refused(error);
    }
    if (!show(event, words[event->tag])) code = 1;
    remaining = event->remaining;
    linq_free(event);
  }
  linq_free(queue);
  if (fflush(stdout) != 0) {
    perror("album: stdout");
    return 1;
  }
  return code;
}
