/* Uploads files with a queue of liblinq: upload-queue COUNT FILE..., so many at a time. */
#include <linq.h>
#include <stdio.h>
#include <stdlib.h>

static int failed(linq_error *error) {
  fprintf(stderr, "%s\n", error->message);
  linq_free(error);
  return 1;
}

int main(int count, char **words) {
  if (count < 3) return 2;
  linq_queue_options options = linq_queue_options_default();
  options.max_in_flight = (uint32_t)atoi(words[1]);
  linq_queue *queue = NULL;
  linq_error *error = NULL;
  if (linq_queue_new(NULL, &options, &queue, &error) != LINQ_OK) return failed(error);
  for (int i = 2; i < count; i++) {
    linq_source source = linq_source_default();
    source.kind = LINQ_SOURCE_PATH;
    source.path = words[i];
    if (linq_queue_add(queue, NULL, &source, NULL, (uint64_t)i, &error) != LINQ_OK) return failed(error);
  }
  int status = 0;
  for (uint64_t remaining = 1; remaining > 0;) {
    linq_event *event = NULL;
    if (linq_queue_next(queue, UINT32_MAX, &event, &error) != LINQ_OK) return failed(error);
    remaining = event->remaining;
    if (event->kind == LINQ_EVENT_FINISHED) puts(event->attachment->attachment_id);
    if (event->kind == LINQ_EVENT_FAILED) {
      fprintf(stderr, "%s: %s\n", words[event->tag], event->error->message);
      status = 1;
    }
    linq_free(event);
  }
  linq_free(queue);
  return status;
}
