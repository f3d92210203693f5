/* Cancelling: from another thread in every phase, from a signal handler, before the call; final, and kept short. */
#include "support/check.h"

#include <sys/time.h>

static linq_client *g_client;
static linq_client *g_tls;
static unsigned char *g_bytes;
#define SIZE (8u << 20)

/* How long a cancelled call may go on. 10 ms are promised and measured elsewhere, by themselves; here a busy machine
 * takes its time to wake anybody. */
static int64_t bound(void) { return slow() > 1 ? 300 * slow() : 50; }

typedef struct {
  linq_cancel_token *token;
  int after_ms;
  int64_t cancelled_at;
} canceller;

static void *cancels(void *argument) {
  canceller *c = argument;
  sleep_ms(c->after_ms);
  c->cancelled_at = now_ms();
  linq_cancel_token_cancel(c->token);
  return NULL;
}

/* Uploads, and cancels from another thread after a while; how long the call went on after that. */
static int64_t cancelled(linq_client *client, int after_ms) {
  linq_source source = from_memory(g_bytes, SIZE);
  linq_upload_options options = named("a.txt", "text/plain");
  canceller c = {linq_cancel_token_new(), after_ms, 0};
  options.cancel = c.token;
  pthread_t thread;
  CHECK(c.token != NULL && pthread_create(&thread, NULL, cancels, &c) == 0);
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(linq_upload(client, &source, &options, &attachment, &error), LINQ_CANCELLED, error);
  int64_t returned = now_ms();
  CHECK(attachment == NULL && error->status == LINQ_CANCELLED);
  pthread_join(thread, NULL);
  linq_free(error);
  linq_free(c.token);
  calm();
  return returned - c.cancelled_at;
}

/* Such a machine is late now and then, a library that is late each time. */
static void ends_at_once(linq_client *client, int after_ms, const char *planted) {
  int64_t late = 0;
  for (int i = 0; i < 20; i++) {
    calm();
    if (planted != NULL) fault(planted);
    late = cancelled(client, after_ms);
    if (late <= bound()) return;
  }
  CHECK(late <= bound());
}

static void while_waiting_for_linq(void) {
  ends_at_once(g_client, 100, "{\"side\":\"api\",\"times\":1,\"fault\":{\"no_answer\":true}}");
}

static void while_the_server_says_nothing_on_connecting(void) {
  linq_client *client = client_of(api_tls(), key());
  ends_at_once(client, 100,
               "{\"side\":\"api\",\"on\":\"connect\",\"times\":1,\"fault\":{\"connect\":\"silent\"}}");
  linq_free(client);
}

static void while_connecting_into_a_black_hole(void) {
  char url[128];
  snprintf(url, sizeof url, "%s/api/partner", getenv("LINQ_TEST_BLACK_HOLE"));
  linq_client *client = client_of(url, key());
  ends_at_once(client, 100, NULL);
  linq_free(client);
}

static void while_sending(void) {
  ends_at_once(g_client, 200, "{\"side\":\"storage\",\"times\":1,\"fault\":{\"slow_read\":{\"bytes_per_s\":500000}}}");
}

static void while_sending_over_tls(void) {
  ends_at_once(g_tls, 200, "{\"side\":\"storage\",\"times\":1,\"fault\":{\"slow_read\":{\"bytes_per_s\":500000}}}");
}

static void while_the_storage_reads_no_more(void) {
  ends_at_once(g_client, 200, "{\"side\":\"storage\",\"times\":1,\"fault\":{\"stall_after\":100000}}");
}

static void while_waiting_for_the_storages_answer(void) {
  ends_at_once(g_client, 400 * slow(), "{\"side\":\"storage\",\"times\":1,\"fault\":{\"no_answer\":true}}");
}

static void while_waiting_to_try_again(void) {
  ends_at_once(g_client, 100,
               "{\"side\":\"api\",\"times\":0,\"fault\":{\"respond\":{\"status\":503,\"headers\":"
               "[[\"Retry-After\",\"30\"]]}}}");
}

static void before_the_call_nothing_is_sent(void) {
  linq_file file = linq_file_default();
  file.filename = "a.txt";
  file.size_bytes = 5;
  linq_presigned *place = NULL;
  CHECK(linq_presign(g_client, &file, NULL, &place, NULL) == LINQ_OK);
  const char *path = file_of("a.txt", 5);
  calm();
  linq_cancel_token *token = linq_cancel_token_new();
  linq_cancel_token_cancel(token);
  linq_call_options call = linq_call_options_default();
  call.cancel = token;
  linq_upload_options options = named("a.txt", NULL);
  options.cancel = token;
  linq_source source = from_memory("hello", 5);
  const char *to[] = {"+15550002222"};
  linq_message message = linq_message_default();
  message.from = from_number();
  message.to = to;
  message.to_count = 1;
  message.text = "hi";
  static const char *const id = "550e8400-e29b-41d4-a716-446655440000";
  linq_attachment *attachment = NULL;
  linq_presigned *presigned = NULL;
  linq_attachment_info *info = NULL;
  linq_receipt *receipt = NULL;
  for (int again = 0; again < 2; again++) { /* final: one token, many calls */
    CHECK(linq_upload(g_client, &source, &options, &attachment, NULL) == LINQ_CANCELLED);
    CHECK(linq_upload_file(g_client, path, &options, &attachment, NULL) == LINQ_CANCELLED);
    CHECK(linq_upload_presigned(g_client, place, &source, &options, &attachment, NULL) ==
          LINQ_CANCELLED);
    CHECK(linq_presign(g_client, &file, &call, &presigned, NULL) == LINQ_CANCELLED);
    CHECK(linq_attachment_get(g_client, id, &call, &info, NULL) == LINQ_CANCELLED);
    CHECK(linq_attachment_delete(g_client, id, &call, NULL) == LINQ_CANCELLED);
    CHECK(linq_send_message(g_client, &message, &call, &receipt, NULL) == LINQ_CANCELLED);
    linq_cancel_token_cancel(token);
  }
  linq_free(token);
  linq_free(place);
  char *all = requests();
  CHECK_TEXT(request(all, "", "", 0), NULL);
  free(all);
}

static void *waits_for_linq(void *token) {
  linq_upload_options options = named("a.txt", NULL);
  options.cancel = token;
  linq_source source = from_memory("hello", 5);
  linq_attachment *attachment = NULL;
  CHECK(linq_upload(g_client, &source, &options, &attachment, NULL) == LINQ_CANCELLED);
  return NULL;
}

static void one_token_ends_many_calls_at_once(void) {
  calm();
  fault("{\"side\":\"api\",\"times\":0,\"fault\":{\"no_answer\":true}}");
  linq_cancel_token *token = linq_cancel_token_new();
  pthread_t threads[8];
  for (int i = 0; i < 8; i++)
    CHECK(pthread_create(&threads[i], NULL, waits_for_linq, token) == 0);
  sleep_ms(200);
  int64_t start = now_ms();
  linq_cancel_token_cancel(token);
  for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
  CHECK(now_ms() - start <= 1000 * slow()); /* and not the stall timeout of 30 s */
  linq_free(token);
  calm();
}

static linq_cancel_token *g_token;
static volatile sig_atomic_t g_handled;

static void on_alarm(int signal) {
  (void)signal;
  errno = 77;
  linq_cancel_token_cancel(g_token);
  linq_cancel_token_cancel(g_token);
  g_handled = errno == 77 ? 1 : 2;
}

static void from_a_signal_handler_and_errno_is_kept(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"stall_after\":100000}}");
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_alarm;
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  g_token = linq_cancel_token_new();
  struct itimerval timer = {{0, 0}, {0, 200000}};
  CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
  linq_source source = from_memory(g_bytes, SIZE);
  linq_upload_options options = named("a.txt", "text/plain");
  options.cancel = g_token;
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_CANCELLED, error);
  CHECK(g_handled == 1);
  linq_free(error);
  linq_free(g_token);
  calm();
}

/* A signal that arrives while a call waits is not the end of the call. */
static void other_signals_disturb_nothing(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"delay_ms\":500}}");
  g_token = NULL; /* cancel(NULL) is nothing */
  g_handled = 0;
  struct itimerval timer = {{0, 20000}, {0, 20000}}, off = {{0, 0}, {0, 0}};
  CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
  linq_source source = from_memory(g_bytes, SIZE);
  linq_upload_options options = named("a.txt", "text/plain");
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  linq_status status = linq_upload(g_client, &source, &options, &attachment, &error);
  CHECK(setitimer(ITIMER_REAL, &off, NULL) == 0);
  CHECK_STATUS(status, LINQ_OK, error);
  CHECK(g_handled == 1 && attachment->attempts == 1);
  linq_free(attachment);
}

static void a_token_that_is_not_cancelled_does_nothing(void) {
  linq_cancel_token *token = linq_cancel_token_new();
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  options.cancel = token;
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_OK, error);
  linq_free(attachment);
  linq_free(token);
}

/* What a cancelled call leaves in the pool is of use to the next. */
static void the_client_goes_on_as_if_nothing_was(void) {
  linq_source source = from_memory(g_bytes, SIZE);
  linq_upload_options options = named("a.txt", "text/plain");
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_OK, error);
  CHECK(attachment->attempts == 1);
  linq_free(attachment);
}

int main(void) {
  g_client = client_of(api(), key());
  g_tls = client_of(api_tls(), key());
  g_bytes = bytes_of(SIZE);
  RUN(while_waiting_for_linq);
  RUN(while_the_server_says_nothing_on_connecting);
  RUN(while_connecting_into_a_black_hole);
  RUN(while_sending);
  RUN(while_sending_over_tls);
  RUN(while_the_storage_reads_no_more);
  RUN(while_waiting_for_the_storages_answer);
  RUN(while_waiting_to_try_again);
  RUN(before_the_call_nothing_is_sent);
  RUN(one_token_ends_many_calls_at_once);
  RUN(from_a_signal_handler_and_errno_is_kept);
  RUN(other_signals_disturb_nothing);
  RUN(a_token_that_is_not_cancelled_does_nothing);
  RUN(the_client_goes_on_as_if_nothing_was);
  free(g_bytes);
  linq_free(g_client);
  linq_free(g_tls);
  return done("cancel");
}
