/* Read callbacks: exactly the declared length, on the calling thread, and again from the start only where they can. */
#include "support/check.h"

#define SIZE 300000

typedef struct {
  pthread_t caller;
  unsigned char *bytes;
  size_t at, end;  /* where it is, and where it stops */
  size_t most;     /* how much it gives at a time */
  int64_t special; /* what it returns instead, at `special_at` */
  size_t special_at;
  int reads, rewinds;
  int32_t rewind_answer;
} tape;

static linq_client *g_client;

static int64_t read_tape(void *user_data, void *buffer, size_t capacity) {
  tape *t = user_data;
  CHECK(pthread_equal(pthread_self(), t->caller));
  CHECK(buffer != NULL && capacity > 0);
  t->reads++;
  if (t->special != 0 && t->at >= t->special_at)
    return t->special == INT64_MAX ? (int64_t)capacity + 1 : t->special;
  size_t give = t->end - t->at;
  if (give > capacity) give = capacity;
  if (give > t->most) give = t->most;
  memcpy(buffer, t->bytes + t->at % SIZE, give);
  t->at += give;
  return (int64_t)give;
}

static int32_t rewind_tape(void *user_data) {
  tape *t = user_data;
  CHECK(pthread_equal(pthread_self(), t->caller));
  t->rewinds++;
  if (t->rewind_answer == 0) t->at = 0;
  return t->rewind_answer;
}

static linq_status upload(tape *t, uint64_t length, int can_rewind, linq_attachment **attachment,
                          linq_error **error) {
  t->caller = pthread_self();
  if (t->most == 0) t->most = SIZE;
  linq_source source = linq_source_default();
  source.kind = LINQ_SOURCE_READER;
  source.read = read_tape;
  source.rewind = can_rewind ? rewind_tape : NULL;
  source.user_data = t;
  source.length = length;
  linq_upload_options options = named("a.txt", "text/plain");
  return linq_upload(g_client, &source, &options, attachment, error);
}

static void holds(const linq_attachment *attachment, const unsigned char *bytes, size_t size) {
  char path[128];
  snprintf(path, sizeof path, "/objects/%s", attachment->attachment_id);
  char *body = control("GET", path, "");
  CHECK(memcmp(body, bytes, size) == 0 && body[size] == '\0');
  free(body);
}

static void what_it_gives_arrives(void) {
  static const size_t steps[] = {SIZE, 65536, 1000, 7};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    tape t = {.bytes = bytes_of(SIZE), .end = SIZE, .most = steps[i]};
    linq_attachment *attachment = NULL;
    linq_error *error = NULL;
    CHECK_STATUS(upload(&t, SIZE, 0, &attachment, &error), LINQ_OK, error);
    CHECK(attachment->size_bytes == SIZE && t.at == SIZE);
    holds(attachment, t.bytes, SIZE);
    linq_free(attachment);
    free(t.bytes);
  }
}

static void fails(tape t, const char *words) {
  t.bytes = bytes_of(SIZE * 2);
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(upload(&t, SIZE, 1, &attachment, &error), LINQ_FILE, error);
  CHECK(attachment == NULL);
  CHECK_HAS(error->message, words);
  CHECK(error->retryable == 0);
  linq_free(error);
  free(t.bytes);
}

static void an_early_end_is_a_file_error(void) {
  fails((tape){.end = 0}, "");
  fails((tape){.end = 1000}, "");
  fails((tape){.end = SIZE - 1}, "");
}

static void more_than_was_declared_is_a_file_error(void) {
  fails((tape){.end = SIZE + 1}, "");
  fails((tape){.end = SIZE * 2, .most = 999}, "");
}

static void a_negative_number_is_a_file_error(void) {
  fails((tape){.end = SIZE, .special = -5}, "-5");
  fails((tape){.end = SIZE, .special = -1, .special_at = 100000, .most = 1000}, "-1");
  fails((tape){.end = SIZE, .special = INT64_MIN}, "");
}

static void more_than_was_asked_for_is_a_file_error(void) {
  fails((tape){.end = SIZE, .special = INT64_MAX}, "the read callback");
  fails((tape){.end = SIZE, .special = INT64_MAX, .special_at = 200000, .most = 1000},
        "the read callback");
  fails((tape){.end = SIZE, .special = INT64_MAX - 1}, "the read callback");
}

/* The storage breaks the first attempt; whether there is a second is for the reader to allow. */
static void one_that_rewinds_is_tried_again_from_the_start(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"respond\":{\"status\":503,\"code\":"
        "\"SlowDown\"}}}");
  tape t = {.bytes = bytes_of(SIZE), .end = SIZE};
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(upload(&t, SIZE, 1, &attachment, &error), LINQ_OK, error);
  CHECK(attachment->attempts == 2 && t.rewinds >= 1);
  holds(attachment, t.bytes, SIZE);
  linq_free(attachment);
  free(t.bytes);
}

static void one_that_cannot_rewind_is_not_tried_again(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"respond\":{\"status\":503,\"code\":"
        "\"SlowDown\"}}}");
  tape t = {.bytes = bytes_of(SIZE), .end = SIZE};
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = NULL;
  CHECK_STATUS(upload(&t, SIZE, 0, &attachment, &error), LINQ_STORAGE, error);
  CHECK(attachment == NULL && error->http_status == 503 && error->attempts == 1);
  CHECK_TEXT(error->storage_code, "SlowDown");
  linq_free(error);
  free(t.bytes);
  calm();
}

static void a_rewind_that_fails_ends_the_call(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"respond\":{\"status\":503,\"code\":"
        "\"SlowDown\"}}}");
  tape t = {.bytes = bytes_of(SIZE), .end = SIZE, .rewind_answer = 1};
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = NULL;
  linq_status status = upload(&t, SIZE, 1, &attachment, &error);
  CHECK(status == LINQ_FILE || status == LINQ_STORAGE);
  CHECK(attachment == NULL && t.rewinds == 1);
  linq_free(error);
  free(t.bytes);
  calm();
}

int main(void) {
  g_client = client_of(api(), key());
  RUN(what_it_gives_arrives);
  RUN(an_early_end_is_a_file_error);
  RUN(more_than_was_declared_is_a_file_error);
  RUN(a_negative_number_is_a_file_error);
  RUN(more_than_was_asked_for_is_a_file_error);
  RUN(one_that_rewinds_is_tried_again_from_the_start);
  RUN(one_that_cannot_rewind_is_not_tried_again);
  RUN(a_rewind_that_fails_ends_the_call);
  linq_free(g_client);
  return done("reader");
}
