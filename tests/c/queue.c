/* A queue: what goes in, and the events that come out. Its end, threads, processes: queue_life.c, queue_threads.c, queue_fork.c. */
#include "support/check.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

static linq_client *g_client;

static void add_text(linq_queue *queue, const char *text, uint64_t tag) {
  linq_source source = from_memory(text, strlen(text));
  linq_upload_options options = named("a.txt", "text/plain");
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(linq_queue_add(queue, NULL, &source, &options, tag, &error), LINQ_OK, error);
  CHECK(error == NULL);
}

static void add_path(linq_queue *queue, const char *path, uint64_t tag) {
  linq_source source = linq_source_default();
  source.kind = LINQ_SOURCE_PATH;
  source.path = path;
  linq_error *error = NULL;
  CHECK_STATUS(linq_queue_add(queue, NULL, &source, NULL, tag, &error), LINQ_OK, error);
}

/* The next event, which must come. */
static linq_event *next(linq_queue *queue) {
  linq_event *event = POISON(linq_event);
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(linq_queue_next(queue, 30000, &event, &error), LINQ_OK, error);
  CHECK(event != NULL && error == NULL);
  CHECK(event->struct_size == sizeof *event && event->reserved == NULL && event->reserved_2 == 0);
  CHECK(LINQ_HAS(event, again_in_ms));
  CHECK((event->kind == LINQ_EVENT_FINISHED) == (event->attachment != NULL));
  CHECK((event->kind == LINQ_EVENT_FAILED || event->kind == LINQ_EVENT_RETRY) == (event->error != NULL));
  CHECK(event->kind == LINQ_EVENT_RETRY || event->again_in_ms == 0);
  CHECK(event->attempt <= event->max_attempts && event->step <= LINQ_STEP_PUT && (event->step == 0 || event->attempt > 0));
  CHECK(event->sent <= event->total && (event->total > 0 || event->kind == LINQ_EVENT_FAILED));
  return event;
}

/* The next event that is the last of its upload. */
static linq_event *last(linq_queue *queue) {
  linq_event *event = next(queue);
  while (event->kind == LINQ_EVENT_PROGRESS || event->kind == LINQ_EVENT_RETRY) {
    linq_free(event);
    event = next(queue);
  }
  return event;
}

static void ends(linq_queue *queue, uint64_t tag, linq_status status, uint64_t remaining) {
  linq_event *event = last(queue);
  CHECK(event->tag == tag && event->remaining == remaining);
  CHECK_STATUS(event->error != NULL ? event->error->status : LINQ_OK, status, event->error);
  linq_free(event);
}

/* What is there now; free() it. */
static char *stored(const linq_attachment *attachment) {
  char path[300];
  snprintf(path, sizeof path, "/objects/%s", attachment->attachment_id);
  return control("GET", path, "");
}

static int readable(linq_queue *queue) {
  struct pollfd one = {.fd = linq_queue_descriptor(queue), .events = POLLIN};
  CHECK(one.fd >= 0);
  return poll(&one, 1, 0) == 1 && (one.revents & POLLIN) != 0;
}

static int open_descriptors(void) {
  int open = 0;
  for (int fd = 0; fd < 1024; fd++) open += fcntl(fd, F_GETFD) >= 0;
  return open;
}

static void an_upload_ends_with_its_attachment(void) {
  calm();
  linq_queue *queue = queue_of(g_client, 0);
  add_text(queue, "content-of-the-file", 7);
  linq_event *event = last(queue);
  CHECK(event->kind == LINQ_EVENT_FINISHED && event->tag == 7 && event->remaining == 0);
  CHECK(event->sent == 19 && event->total == 19);
  const linq_attachment *attachment = event->attachment;
  CHECK(attachment->struct_size == sizeof *attachment && attachment->size_bytes == 19);
  CHECK(attachment->attempts == 1);
  CHECK_TEXT(attachment->filename, "a.txt");
  CHECK_TEXT(attachment->content_type, "text/plain");
  char *body = stored(attachment);
  CHECK_TEXT(body, "content-of-the-file");
  free(body);
  linq_free(event);
  linq_free(queue);
}

static void an_upload_that_fails_ends_with_its_error(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"respond\":{\"status\":403,\"code\":\"SignatureDoesNotMatch\"}}}");
  linq_queue *queue = queue_of(g_client, 0);
  add_text(queue, "hello", 8);
  linq_event *event = last(queue);
  CHECK(event->kind == LINQ_EVENT_FAILED && event->tag == 8 && event->remaining == 0 && event->total == 5);
  CHECK(event->error->struct_size == sizeof *event->error);
  CHECK(event->error->status == LINQ_STORAGE && event->error->http_status == 403);
  CHECK(event->error->attempts == 1 && event->error->attachment_id != NULL);
  CHECK_TEXT(event->error->storage_code, "SignatureDoesNotMatch");
  CHECK_HAS(event->error->message, "uploading a.txt");
  linq_free(event);
  linq_free(queue);
}

static void progress_is_told_while_it_runs(void) {
  enum { BYTES = 3000000 };
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"slow_read\":{\"bytes_per_s\":3000000}}}");
  linq_queue *queue = queue_of(g_client, 0);
  add_path(queue, file_of("slow.txt", BYTES), 9);
  uint64_t sent = 0;
  int between = 0;
  linq_event *event = next(queue);
  for (; event->kind == LINQ_EVENT_PROGRESS; event = next(queue)) {
    CHECK(event->tag == 9 && event->remaining == 1 && event->total == BYTES && event->sent >= sent);
    sent = event->sent;
    between += sent > 0 && sent < BYTES;
    linq_free(event);
  }
  CHECK(event->kind == LINQ_EVENT_FINISHED && event->sent == BYTES && between > 2);
  linq_free(event);
  linq_free(queue);
}

/* Waits for an event of this kind and step. */
static linq_event *event_of(linq_queue *queue, uint32_t kind, uint32_t step) {
  linq_event *event = next(queue);
  while (event->kind != kind || event->step != step) {
    CHECK(event->kind == LINQ_EVENT_PROGRESS);
    linq_free(event);
    event = next(queue);
  }
  return event;
}

static void what_an_upload_does_is_told(void) {
  calm();
  /* Each answer is late, so that no event replaces the one that is looked for. */
  fault("{\"side\":\"api\",\"times\":1,\"fault\":{\"respond\":{\"status\":429,\"headers\":[[\"Retry-After\",\"1\"]],"
        "\"delay_ms\":300}}}");
  fault("{\"side\":\"api\",\"times\":1,\"fault\":{\"delay_ms\":300}}");
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"respond\":{\"status\":503,\"code\":\"SlowDown\",\"delay_ms\":300}}}");
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"delay_ms\":300}}");
  linq_queue *queue = queue_of(g_client, 0);
  add_text(queue, "hello", 7);

  linq_event *event = event_of(queue, LINQ_EVENT_PROGRESS, LINQ_STEP_RESERVE);
  CHECK(event->attempt == 1 && event->max_attempts == 4 && event->sent == 0 && event->total == 5);
  linq_free(event);

  event = event_of(queue, LINQ_EVENT_RETRY, LINQ_STEP_RESERVE);
  CHECK(event->attempt == 2 && event->max_attempts == 4 && event->again_in_ms == 1000 && event->remaining == 1);
  CHECK(event->error->status == LINQ_RATE_LIMITED && event->error->retry_after_ms == 1000);
  CHECK(event->error->attempts == 1);
  CHECK_HAS(event->error->message, "reserving a place for a.txt");
  linq_free(event);

  event = event_of(queue, LINQ_EVENT_PROGRESS, LINQ_STEP_RESERVE);
  CHECK(event->attempt == 2);
  linq_free(event);

  event = event_of(queue, LINQ_EVENT_RETRY, LINQ_STEP_PUT);
  CHECK(event->attempt == 3 && event->again_in_ms <= 8000);
  CHECK(event->error->status == LINQ_STORAGE && event->error->retry_after_ms == 0);
  CHECK_TEXT(event->error->storage_code, "SlowDown");
  linq_free(event);

  event = event_of(queue, LINQ_EVENT_PROGRESS, LINQ_STEP_PUT);
  CHECK(event->attempt == 3);
  linq_free(event);

  event = event_of(queue, LINQ_EVENT_FINISHED, LINQ_STEP_PUT);
  CHECK(event->attempt == 3 && event->attachment->attempts == 3 && event->remaining == 0);
  linq_free(event);
  linq_free(queue);
}

static void an_upload_that_never_started_made_no_attempt(void) {
  calm();
  linq_queue *queue = queue_of(g_client, 0);
  add_path(queue, "/nowhere/x.txt", 1);
  linq_event *event = last(queue);
  CHECK(event->kind == LINQ_EVENT_FAILED && event->attempt == 0 && event->step == 0);
  CHECK(event->max_attempts == 4);
  linq_free(event);
  linq_free(queue);
}

static int puts_seen(void) {
  char *all = requests();
  int seen = count(all, "\"method\":\"PUT\"");
  free(all);
  return seen;
}

/* Waits until so many are sending. */
static void await_puts(int many) {
  for (int64_t end = now_ms() + 20000 * slow(); puts_seen() < many && now_ms() < end;) sleep_ms(20);
  CHECK(puts_seen() >= many);
}

static void adding_does_not_wait_and_as_many_run_as_may(void) {
  static const struct {
    uint32_t in_flight;
    int run;
  } cases[] = {{1, 1}, {2, 2}, {0, 4}, {7, 7}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    calm();
    fault("{\"side\":\"storage\",\"times\":0,\"fault\":{\"no_answer\":true}}");
    linq_queue *queue = queue_of(g_client, cases[i].in_flight);
    int64_t start = now_ms();
    for (uint64_t tag = 0; tag < 8; tag++) add_text(queue, "hello", tag);
    CHECK(now_ms() - start < 500 * slow());
    await_puts(cases[i].run);
    sleep_ms(300);
    CHECK(puts_seen() == cases[i].run); /* none is answered, so no other begins */
    linq_free(queue);
  }
  calm();
}

static void uploads_may_be_added_while_it_runs(void) {
  linq_queue *queue = queue_of(g_client, 1);
  for (uint64_t tag = 1; tag <= 5; tag++) {
    add_text(queue, "hello", tag);
    ends(queue, tag, LINQ_OK, 0);
  }
  linq_free(queue);
}

static void the_next_event_is_waited_for_as_long_as_is_said(void) {
  linq_queue *queue = queue_of(g_client, 0);
  linq_event *event = POISON(linq_event);
  linq_error *error = POISON(linq_error);
  int64_t start = now_ms();
  CHECK_STATUS(linq_queue_next(queue, 0, &event, &error), LINQ_OK, error);
  CHECK(event == NULL && error == NULL && now_ms() - start < 100 * slow());
  start = now_ms();
  event = POISON(linq_event);
  CHECK_STATUS(linq_queue_next(queue, 300, &event, &error), LINQ_OK, error);
  CHECK(event == NULL && now_ms() - start >= 300 && now_ms() - start < 600 * slow());
  linq_free(queue);
}

static void *adds_soon(void *queue) {
  sleep_ms(200);
  add_text(queue, "hello", 3);
  return NULL;
}

static void it_is_waited_for_as_long_as_it_takes(void) {
  linq_queue *queue = queue_of(g_client, 0);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, adds_soon, queue) == 0);
  linq_event *event = NULL;
  CHECK(linq_queue_next(queue, UINT32_MAX, &event, NULL) == LINQ_OK);
  CHECK(event != NULL && event->tag == 3);
  linq_free(event);
  pthread_join(thread, NULL);
  linq_free(queue);
}

static void the_descriptor_is_readable_while_an_event_waits(void) {
  linq_queue *queue = queue_of(g_client, 0);
  CHECK(!readable(queue));
  CHECK(linq_queue_descriptor(queue) == linq_queue_descriptor(queue));
  CHECK((fcntl(linq_queue_descriptor(queue), F_GETFD) & FD_CLOEXEC) != 0);
  for (int round = 0; round < 3; round++) {
    add_path(queue, "/nowhere/x.txt", 1);
    add_path(queue, "/nowhere/y.txt", 2);
    struct pollfd one = {.fd = linq_queue_descriptor(queue), .events = POLLIN};
    CHECK(poll(&one, 1, 30000) == 1);
    CHECK(readable(queue) && readable(queue)); /* level-triggered */
    linq_free(last(queue));
    one.revents = 0;
    CHECK(poll(&one, 1, 30000) == 1);
    linq_free(last(queue));
    CHECK(!readable(queue));
  }
  linq_free(queue);
  CHECK(linq_queue_descriptor(queue) == -1);
}

static void a_place_and_strings_are_copied(void) {
  linq_file file = linq_file_default();
  file.filename = "split.txt";
  file.size_bytes = 5;
  linq_presigned *place = NULL;
  CHECK(linq_presign(g_client, &file, NULL, &place, NULL) == LINQ_OK);
  char id[256], name[] = "split.txt", type[] = "text/plain", path[4096];
  snprintf(id, sizeof id, "%s", place->attachment_id);
  snprintf(path, sizeof path, "%s", file_of("split.txt", 5));
  linq_client_options phone = options_for(NULL, NULL);
  phone.flags |= LINQ_CLIENT_ALLOW_HTTP_LOOPBACK;
  linq_client *client = client_with(&phone);
  linq_queue *queue = NULL;
  CHECK(linq_queue_new(client, NULL, &queue, NULL) == LINQ_OK);
  linq_free(client); /* held */
  linq_source source = linq_source_default();
  source.kind = LINQ_SOURCE_PATH;
  source.path = path;
  linq_upload_options options = named(name, type);
  linq_error *error = NULL;
  CHECK_STATUS(linq_queue_add(queue, place, &source, &options, 1, &error), LINQ_OK, error);
  linq_free(place);
  memset(path, 'x', 10);
  memset(name, 'x', sizeof name - 1);
  memset(type, 'x', sizeof type - 1);
  linq_event *event = last(queue);
  CHECK_STATUS(event->error != NULL ? event->error->status : LINQ_OK, LINQ_OK, event->error);
  CHECK_TEXT(event->attachment->attachment_id, id);
  CHECK_TEXT(event->attachment->filename, "split.txt");
  linq_free(event);
  linq_free(queue);
}

static void a_path_is_opened_when_its_turn_comes(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"no_answer\":true}}");
  linq_queue *queue = queue_of(g_client, 1);
  add_text(queue, "hello", 1);
  await_puts(1);
  const char *path = file_of("later.txt", 5);
  CHECK(unlink(path) == 0);
  add_path(queue, path, 2);
  add_path(queue, "/nowhere/x.txt", 3);
  CHECK_TEXT(file_of("later.txt", 6), path);
  linq_queue_cancel(queue, 1);
  ends(queue, 1, LINQ_CANCELLED, 2);
  linq_event *event = last(queue);
  CHECK(event->tag == 2 && event->attachment != NULL && event->attachment->size_bytes == 6);
  linq_free(event);
  event = last(queue);
  CHECK(event->tag == 3 && event->error->status == LINQ_FILE && event->error->attempts == 0);
  CHECK(event->error->system_error == ENOENT);
  CHECK_TEXT(event->error->message, "/nowhere/x.txt cannot be opened: there is no such file");
  linq_free(event);
  linq_free(queue);
}

/* How many descriptors of a file are open. */
static int open_of(const struct stat *file) {
  int open = 0;
  for (int fd = 0; fd < 1024; fd++) {
    struct stat its;
    open += fstat(fd, &its) == 0 && its.st_dev == file->st_dev && its.st_ino == file->st_ino;
  }
  return open;
}

static void a_descriptor_is_duplicated_until_its_last_event(void) {
  calm();
  linq_source source = linq_source_default();
  source.kind = LINQ_SOURCE_DESCRIPTOR;
  int fd = open(file_of("part.txt", 1000), O_RDONLY);
  struct stat file;
  CHECK(fstat(fd, &file) == 0 && open_of(&file) == 1);
  source.descriptor = (uint32_t)fd;
  source.offset = 10;
  source.length = 100;
  linq_upload_options options = named("part.txt", NULL);
  linq_error *error = NULL;
  linq_queue *queue = queue_of(g_client, 1);
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"no_answer\":true}}");
  add_text(queue, "hello", 1);
  await_puts(1);
  for (uint64_t tag = 2; tag <= 3; tag++)
    CHECK_STATUS(linq_queue_add(queue, NULL, &source, &options, tag, &error), LINQ_OK, error);
  CHECK(open_of(&file) == 3);
  close(fd);
  linq_queue_cancel(queue, 3);
  CHECK(open_of(&file) == 1);
  ends(queue, 3, LINQ_CANCELLED, 2);
  linq_queue_cancel(queue, 1);
  ends(queue, 1, LINQ_CANCELLED, 1);
  linq_event *event = last(queue);
  CHECK(event->tag == 2 && event->attachment != NULL && event->attachment->size_bytes == 100);
  CHECK(open_of(&file) == 0);
  unsigned char *bytes = bytes_of(1000);
  char *body = stored(event->attachment);
  CHECK(memcmp(body, bytes + 10, 100) == 0 && strlen(body) == 100);
  free(body);
  free(bytes);
  linq_free(event);
  CHECK_STATUS(linq_queue_add(queue, NULL, &source, &options, 3, &error), LINQ_FILE, error);
  CHECK(error->system_error == EBADF);
  CHECK_HAS(error->message, "the descriptor cannot be used");
  linq_free(error);
  linq_free(queue);
}

static int64_t reads(void *user_data, void *buffer, size_t capacity) {
  (void)user_data, (void)buffer, (void)capacity;
  return -1;
}

static int32_t on_progress(void *user_data, uint64_t sent, uint64_t total) {
  (void)user_data, (void)sent, (void)total;
  return 0;
}

static linq_presigned *on_renew(void *renew_user_data, const linq_presigned *expired) {
  (void)renew_user_data, (void)expired;
  return NULL;
}

static void on_attempt(void *attempt_user_data, const linq_attempt *attempt) {
  (void)attempt_user_data, (void)attempt;
}

static void refused(linq_queue *queue, const linq_source *source, const linq_upload_options *options, uint64_t tag,
                    const char *why) {
  linq_error *error = NULL;
  CHECK_STATUS(linq_queue_add(queue, NULL, source, options, tag, &error), LINQ_INVALID_ARGUMENT, error);
  CHECK_HAS(error->message, why);
  linq_free(error);
}

static void what_would_run_on_another_thread_is_refused(void) {
  linq_queue *queue = queue_of(g_client, 0);
  linq_source reader = linq_source_default(), bytes = from_memory("hello", 5);
  reader.kind = LINQ_SOURCE_READER;
  reader.read = reads;
  reader.length = 5;
  linq_upload_options plain = named("a.txt", NULL), progress = plain, renew = plain, attempt = plain;
  progress.progress = on_progress;
  renew.renew = on_renew;
  attempt.attempt = on_attempt;
  refused(queue, &reader, &plain, 1, "linq_source.read would be called on a thread of the library");
  refused(queue, &bytes, &progress, 1, "linq_upload_options.progress would be called on a thread of the library");
  refused(queue, &bytes, &renew, 1, "linq_upload_options.renew would be called on a thread of the library");
  refused(queue, &bytes, &attempt, 1, "linq_upload_options.attempt would be called on a thread of the library");
  refused(queue, &bytes, &plain, LINQ_QUEUE_ALL, "tag is LINQ_QUEUE_ALL");
  linq_event *event = POISON(linq_event);
  CHECK(linq_queue_next(queue, 100, &event, NULL) == LINQ_OK && event == NULL);
  linq_free(queue);
  linq_queue_options options = linq_queue_options_default();
  options.max_in_flight = 257;
  linq_error *error = NULL;
  queue = POISON(linq_queue);
  CHECK_STATUS(linq_queue_new(g_client, &options, &queue, &error), LINQ_INVALID_ARGUMENT, error);
  CHECK_HAS(error->message, "max_in_flight is 257; a queue runs 1 to 256 uploads at a time");
  CHECK(queue == NULL);
  linq_free(error);
}

static void the_timeout_runs_from_the_start(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"delay_ms\":1000}}");
  linq_queue *queue = queue_of(g_client, 1);
  add_text(queue, "hello", 1);
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  options.timeout_ms = (uint32_t)(700 * slow());
  CHECK(linq_queue_add(queue, NULL, &source, &options, 2, NULL) == LINQ_OK);
  ends(queue, 1, LINQ_OK, 1);
  ends(queue, 2, LINQ_OK, 0);
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"no_answer\":true}}");
  options.timeout_ms = 300;
  CHECK(linq_queue_add(queue, NULL, &source, &options, 3, NULL) == LINQ_OK);
  ends(queue, 3, LINQ_TIMEOUT, 0);
  linq_free(queue);
  calm();
}

/* For a while, no event comes but the progress of this upload. */
static void only_progress(linq_queue *queue, uint64_t tag) {
  linq_event *event = POISON(linq_event);
  do {
    CHECK(linq_queue_next(queue, 200, &event, NULL) == LINQ_OK);
    CHECK(event == NULL || (event->tag == tag && event->kind == LINQ_EVENT_PROGRESS));
    linq_free(event);
  } while (event != NULL);
}

static void a_token_is_held_and_ends_its_upload_alone(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":2,\"fault\":{\"no_answer\":true}}");
  linq_queue *queue = queue_of(g_client, 2);
  linq_cancel_token *token = linq_cancel_token_new();
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  options.cancel = token;
  CHECK(linq_queue_add(queue, NULL, &source, &options, 1, NULL) == LINQ_OK);
  add_text(queue, "hello", 2);
  await_puts(2);
  linq_cancel_token_cancel(token);
  linq_free(token);
  int64_t start = now_ms();
  ends(queue, 1, LINQ_CANCELLED, 1);
  CHECK(now_ms() - start < 200 * slow());
  only_progress(queue, 2);
  linq_free(queue);
  calm();
}

static void a_token_ends_a_waiting_upload_when_it_would_start(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"no_answer\":true}}");
  linq_queue *queue = queue_of(g_client, 1);
  add_text(queue, "hello", 1);
  await_puts(1);
  linq_cancel_token *token = linq_cancel_token_new();
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  options.cancel = token;
  for (uint64_t tag = 2; tag <= 3; tag++) CHECK(linq_queue_add(queue, NULL, &source, &options, tag, NULL) == LINQ_OK);
  add_text(queue, "hello", 4);
  linq_cancel_token_cancel(token);
  linq_free(token);
  only_progress(queue, 1); /* the others have not started */
  linq_queue_cancel(queue, 1);
  ends(queue, 1, LINQ_CANCELLED, 3);
  ends(queue, 2, LINQ_CANCELLED, 2);
  ends(queue, 3, LINQ_CANCELLED, 1);
  ends(queue, 4, LINQ_OK, 0);
  CHECK(puts_seen() == 2); /* of 1 and 4 */
  linq_free(queue);
}

static void uploads_are_cancelled_by_their_tag(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":0,\"fault\":{\"no_answer\":true}}");
  linq_queue *queue = queue_of(g_client, 2);
  for (uint64_t tag = 1; tag <= 2; tag++) add_text(queue, "hello", tag); /* these run */
  for (uint64_t tag = 2; tag <= 4; tag++) add_text(queue, "hello", tag); /* and these wait */
  sleep_ms(300);
  linq_queue_cancel(queue, 99);
  int64_t start = now_ms();
  linq_queue_cancel(queue, 2);
  ends(queue, 2, LINQ_CANCELLED, 4);
  ends(queue, 2, LINQ_CANCELLED, 3);
  CHECK(now_ms() - start < 200 * slow());
  linq_queue_cancel(queue, LINQ_QUEUE_ALL);
  uint64_t tags = 0;
  for (uint64_t left = 3; left-- > 0;) {
    linq_event *event = last(queue);
    CHECK(event->error != NULL && event->error->status == LINQ_CANCELLED && event->remaining == left);
    tags += event->tag;
    linq_free(event);
  }
  CHECK(tags == 1 + 3 + 4);
  calm();
  add_text(queue, "hello", 5); /* it goes on */
  ends(queue, 5, LINQ_OK, 0);
  linq_free(queue);
}

static void nothing_waits_for_a_slow_reader_of_events(void) {
  enum { UPLOADS = 20 };
  calm();
  linq_queue *queue = queue_of(g_client, 0);
  for (uint64_t tag = 0; tag < UPLOADS; tag++) add_text(queue, "hello", tag);
  char *all = requests();
  for (int64_t end = now_ms() + 20000 * slow(); count(all, "\"method\":\"PUT\"") < UPLOADS && now_ms() < end;) {
    sleep_ms(20);
    free(all);
    all = requests();
  }
  CHECK(count(all, "\"method\":\"PUT\"") == UPLOADS);
  free(all);
  sleep_ms(200 * slow());
  for (uint64_t left = UPLOADS; left-- > 0;) { /* one event of each is left */
    linq_event *event = next(queue);
    CHECK(event->kind == LINQ_EVENT_FINISHED && event->remaining == left);
    linq_free(event);
  }
  linq_event *event = POISON(linq_event);
  CHECK(linq_queue_next(queue, 0, &event, NULL) == LINQ_OK && event == NULL);
  linq_free(queue);
}

/* The processor's time of this thread, whatever else the machine does. */
static int64_t own_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void ten_thousand_paths_cost_no_descriptor(void) {
  enum { PATHS = 10000 };
  calm();
  fault("{\"side\":\"storage\",\"times\":0,\"fault\":{\"no_answer\":true}}");
  linq_queue *queue = queue_of(g_client, 2);
  const char *path = file_of("one-of-many.txt", 5);
  for (uint64_t tag = 0; tag < 2; tag++) add_path(queue, path, tag);
  sleep_ms(300);
  int before = open_descriptors();
  int64_t start = now_ms();
  for (uint64_t tag = 2; tag < PATHS; tag++) add_path(queue, path, tag);
  CHECK(now_ms() - start < 3000 * slow());
  CHECK(open_descriptors() <= before + 2);
  /* Cancelling one does not look up all the others. Valgrind would take a minute for it. */
  start = own_ms();
  for (uint64_t tag = PATHS / 2; tag < PATHS / 2 + 2000 && slow() < 8; tag++) linq_queue_cancel(queue, tag);
  CHECK(own_ms() - start < 1500 * slow());
  linq_queue_cancel(queue, LINQ_QUEUE_ALL);
  for (uint64_t left = PATHS; left-- > 0;) {
    linq_event *event = last(queue);
    CHECK(event->error != NULL && event->error->status == LINQ_CANCELLED && event->remaining == left);
    linq_free(event);
  }
  for (uint64_t tag = 0; tag < PATHS; tag++) add_path(queue, "/nowhere/x.txt", tag);
  for (uint64_t left = PATHS; left-- > 0;) {
    linq_event *event = last(queue);
    CHECK(event->error->system_error == ENOENT && event->remaining == left);
    linq_free(event);
  }
  linq_free(queue);
  calm();
}

static int g_stray;

static void on_line(void *user_data, uint32_t level, const char *line) {
  (void)user_data;
  if (level == LINQ_LOG_WARN && strstr(line, "not a live object") != NULL) g_stray++;
}

static void an_event_is_one_block(void) {
  linq_queue *queue = queue_of(g_client, 0);
  add_text(queue, "hello", 1);
  linq_event *finished = last(queue);
  add_path(queue, "/nowhere/x.txt", 2);
  linq_event *failed = last(queue);
  CHECK(linq_set_log(on_line, NULL, LINQ_LOG_WARN) == LINQ_OK);
  linq_free((void *)(uintptr_t)finished->attachment);
  linq_free((void *)(uintptr_t)failed->error);
  CHECK(g_stray == 2);
  linq_free(queue); /* events outlive their queue */
  CHECK_TEXT(finished->attachment->filename, "a.txt");
  CHECK_TEXT(failed->error->message, "/nowhere/x.txt cannot be opened: there is no such file");
  linq_free(finished);
  linq_free(failed);
  CHECK(g_stray == 2);
  linq_free(finished);
  linq_free(failed);
  CHECK(g_stray == 4);
  CHECK(linq_set_log(NULL, NULL, 0) == LINQ_OK);
}

static void null_is_the_default_client(void) {
  setenv("LINQ_API_V3_API_KEY", key(), 1);
  setenv("LINQ_API_V3_BASE_URL", api(), 1);
  linq_queue *queue = NULL;
  CHECK(linq_queue_new(NULL, NULL, &queue, NULL) == LINQ_OK);
  add_text(queue, "hello", 1);
  ends(queue, 1, LINQ_OK, 0);
  linq_free(queue);
}

int main(void) {
  g_client = client_of(api(), key());
  RUN(an_upload_ends_with_its_attachment);
  RUN(an_upload_that_fails_ends_with_its_error);
  RUN(progress_is_told_while_it_runs);
  RUN(what_an_upload_does_is_told);
  RUN(an_upload_that_never_started_made_no_attempt);
  RUN(adding_does_not_wait_and_as_many_run_as_may);
  RUN(uploads_may_be_added_while_it_runs);
  RUN(the_next_event_is_waited_for_as_long_as_is_said);
  RUN(it_is_waited_for_as_long_as_it_takes);
  RUN(the_descriptor_is_readable_while_an_event_waits);
  RUN(a_place_and_strings_are_copied);
  RUN(a_path_is_opened_when_its_turn_comes);
  RUN(a_descriptor_is_duplicated_until_its_last_event);
  RUN(what_would_run_on_another_thread_is_refused);
  RUN(the_timeout_runs_from_the_start);
  RUN(a_token_is_held_and_ends_its_upload_alone);
  RUN(a_token_ends_a_waiting_upload_when_it_would_start);
  RUN(uploads_are_cancelled_by_their_tag);
  RUN(nothing_waits_for_a_slow_reader_of_events);
  RUN(ten_thousand_paths_cost_no_descriptor);
  RUN(an_event_is_one_block);
  RUN(null_is_the_default_client);
  linq_free(g_client);
  return done("queue");
}
