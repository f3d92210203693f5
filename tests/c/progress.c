/* Progress: from 0 to the total, never back within an attempt, on the calling thread; anything but 0 cancels. */
#include "support/check.h"

#define SIZE (3u << 20)

typedef struct {
  pthread_t caller;
  int calls, attempts;
  uint64_t last, cancel_at;
  int32_t answer;
} meter;

static linq_client *g_client;
static linq_client *g_tls;
static unsigned char *g_bytes;

static int32_t told(void *user_data, uint64_t sent, uint64_t total) {
  meter *m = user_data;
  CHECK(pthread_equal(pthread_self(), m->caller));
  CHECK(total == SIZE && sent <= total);
  if (sent == 0) {
    m->attempts++; /* each begins so, once */
  } else {
    CHECK(m->calls > 0 && sent >= m->last);
  }
  m->calls++;
  m->last = sent;
  return sent >= m->cancel_at ? m->answer : 0;
}

static linq_status upload(linq_client *client, meter *m, linq_attachment **attachment,
                          linq_error **error) {
  linq_source source = from_memory(g_bytes, SIZE);
  linq_upload_options options = named("a.txt", "text/plain");
  options.progress = told;
  options.user_data = m;
  m->caller = pthread_self();
  return linq_upload(client, &source, &options, attachment, error);
}

static void it_goes_from_nothing_to_everything(linq_client *client) {
  meter m = {.answer = 0};
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(upload(client, &m, &attachment, &error), LINQ_OK, error);
  CHECK(m.calls >= 2 && m.attempts == 1 && m.last == SIZE);
  linq_free(attachment);
}

static void plain_goes_from_nothing_to_everything(void) {
  it_goes_from_nothing_to_everything(g_client);
}
static void tls_goes_from_nothing_to_everything(void) { it_goes_from_nothing_to_everything(g_tls); }

static void a_long_upload_is_told_about_as_it_goes(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"slow_read\":{\"bytes_per_s\":4000000}}}");
  meter m = {.answer = 0};
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  int64_t start = now_ms();
  CHECK_STATUS(upload(g_client, &m, &attachment, &error), LINQ_OK, error);
  int64_t took = now_ms() - start;
  CHECK(m.calls >= 4);                                /* not only at both ends */
  CHECK(m.calls <= (int)(took * 20 / 1000 * 2) + 10); /* about 20 a second */
  CHECK(m.last == SIZE);
  linq_free(attachment);
}

static void anything_but_zero_cancels_at_once(void) {
  static const int32_t answers[] = {1, -1, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    meter m = {.answer = answers[i]};
    linq_attachment *attachment = POISON(linq_attachment);
    linq_error *error = POISON(linq_error);
    CHECK_STATUS(upload(g_client, &m, &attachment, &error), LINQ_CANCELLED, error);
    CHECK(attachment == NULL && m.calls == 1);
    CHECK(error->status == LINQ_CANCELLED && error->retryable == 0);
    linq_free(error);
  }
}

static void it_cancels_in_the_middle(linq_client *client) {
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"slow_read\":{\"bytes_per_s\":2000000}}}");
  meter m = {.answer = 1, .cancel_at = SIZE / 4};
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(upload(client, &m, &attachment, &error), LINQ_CANCELLED, error);
  CHECK(attachment == NULL && m.last >= SIZE / 4 && m.last < SIZE);
  CHECK(m.attempts == 1);
  linq_free(error);
  calm();
}

static void plain_is_cancelled_in_the_middle(void) { it_cancels_in_the_middle(g_client); }
static void tls_is_cancelled_in_the_middle(void) { it_cancels_in_the_middle(g_tls); }

static void it_begins_at_nothing_when_an_attempt_is_made_anew(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"reset_after\":1500000}}");
  meter m = {.answer = 0};
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(upload(g_client, &m, &attachment, &error), LINQ_OK, error);
  CHECK(attachment->attempts == 2);
  CHECK(m.attempts == 2 && m.last == SIZE);
  linq_free(attachment);
}

static int g_after;
static int32_t counts(void *user_data, uint64_t sent, uint64_t total) {
  (void)user_data, (void)sent, (void)total;
  g_after++;
  return 0;
}

static void it_is_never_called_after_the_call(void) {
  linq_source source = from_memory(g_bytes, SIZE);
  linq_upload_options options = named("a.txt", "text/plain");
  options.progress = counts; /* without user_data */
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_OK, error);
  linq_free(attachment);
  int calls = g_after;
  CHECK(calls >= 2);
  sleep_ms(200);
  CHECK(g_after == calls);
}

int main(void) {
  g_client = client_of(api(), key());
  g_tls = client_of(api_tls(), key());
  g_bytes = bytes_of(SIZE);
  RUN(plain_goes_from_nothing_to_everything);
  RUN(tls_goes_from_nothing_to_everything);
  RUN(a_long_upload_is_told_about_as_it_goes);
  RUN(anything_but_zero_cancels_at_once);
  RUN(plain_is_cancelled_in_the_middle);
  RUN(tls_is_cancelled_in_the_middle);
  RUN(it_begins_at_nothing_when_an_attempt_is_made_anew);
  RUN(it_is_never_called_after_the_call);
  free(g_bytes);
  linq_free(g_client);
  linq_free(g_tls);
  return done("progress");
}
