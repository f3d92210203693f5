/* A call holds its client and token from entry to return: freeing either meanwhile is allowed and takes effect then. */
#include "support/check.h"

#include <dirent.h>

static unsigned char *g_bytes;
#define SIZE (2u << 20)

typedef struct {
  linq_client *client;
  linq_cancel_token *token;
  linq_presigned *presigned;
  linq_attachment *other;
  int cancel_too;
} belongings;

/* Frees everything that can be freed, in the middle of the call that uses it. */
static int32_t frees_it_all(void *user_data, uint64_t sent, uint64_t total) {
  belongings *b = user_data;
  (void)total;
  if (sent > 0 && b->cancel_too && b->token != NULL) linq_cancel_token_cancel(b->token);
  linq_free(b->client);
  linq_free(b->token);
  linq_free(b->presigned);
  linq_free(b->other);
  memset(b, 0, sizeof *b);
  return 0;
}

static linq_client *a_client(const char *base_url) {
  linq_client_options options = options_for(base_url, key());
  return client_with(&options);
}

static void a_callback_may_free_what_its_call_uses(const char *base_url) {
  belongings b = {a_client(base_url), linq_cancel_token_new(), NULL, NULL, 0};
  linq_client *client = b.client;
  linq_source source = from_memory(g_bytes, SIZE);
  linq_upload_options options = named("a.txt", "text/plain");
  options.progress = frees_it_all;
  options.user_data = &b;
  options.cancel = b.token;
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload(client, &source, &options, &attachment, &error), LINQ_OK, error);
  CHECK(attachment->size_bytes == SIZE && b.client == NULL);
  linq_free(attachment);
  /* After the call they are gone. */
  CHECK_STATUS(linq_upload(client, &source, NULL, &attachment, &error), LINQ_INVALID_ARGUMENT,
               error);
  linq_free(error);
}

static void plain(void) { a_callback_may_free_what_its_call_uses(api()); }
static void tls(void) { a_callback_may_free_what_its_call_uses(api_tls()); }

static void a_callback_may_free_the_place_it_uploads_to(void) {
  linq_client *client = a_client(api());
  linq_file file = linq_file_default();
  file.filename = "a.txt";
  file.size_bytes = SIZE;
  belongings b = {client, NULL, NULL, NULL, 0};
  CHECK(linq_presign(client, &file, NULL, &b.presigned, NULL) == LINQ_OK);
  linq_source source = from_memory(g_bytes, SIZE);
  linq_upload_options options = linq_upload_options_default();
  options.progress = frees_it_all;
  options.user_data = &b;
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload_presigned(client, b.presigned, &source, &options, &attachment, &error),
               LINQ_OK, error);
  CHECK_TEXT(attachment->filename, "a.txt");
  CHECK(b.presigned == NULL); /* the callback was called */
  linq_free(attachment);
}

/* Each function that takes a client, with a client and a token that are freed while it runs. */
static const char *const g_nobody = "550e8400-e29b-41d4-a716-446655440000";

static linq_call_options with(linq_cancel_token *token) {
  linq_call_options options = linq_call_options_default();
  options.cancel = token;
  return options;
}

static linq_status presigns(belongings *b, linq_error **error) {
  linq_call_options options = with(b->token);
  linq_file file = linq_file_default();
  file.filename = "a.txt";
  file.size_bytes = 5;
  linq_presigned *presigned = NULL;
  linq_status status = linq_presign(b->client, &file, &options, &presigned, error);
  linq_free(presigned);
  return status;
}

static linq_status uploads_a_file(belongings *b, linq_error **error) {
  linq_upload_options options = named(NULL, NULL);
  options.cancel = b->token;
  linq_attachment *attachment = NULL;
  linq_status status =
      linq_upload_file(b->client, file_of("freed.txt", 99), &options, &attachment, error);
  linq_free(attachment);
  return status;
}

static linq_status uploads(belongings *b, linq_error **error) {
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  options.cancel = b->token;
  linq_attachment *attachment = NULL;
  linq_status status = linq_upload(b->client, &source, &options, &attachment, error);
  linq_free(attachment);
  return status;
}

static linq_status uploads_presigned(belongings *b, linq_error **error) {
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = linq_upload_options_default();
  options.cancel = b->token;
  linq_attachment *attachment = NULL;
  linq_status status =
      linq_upload_presigned(b->client, b->presigned, &source, &options, &attachment, error);
  linq_free(attachment);
  return status;
}

static linq_status gets(belongings *b, linq_error **error) {
  linq_call_options options = with(b->token);
  linq_attachment_info *info = NULL;
  return linq_attachment_get(b->client, g_nobody, &options, &info, error);
}

static linq_status deletes(belongings *b, linq_error **error) {
  linq_call_options options = with(b->token);
  return linq_attachment_delete(b->client, g_nobody, &options, error);
}

static linq_status sends(belongings *b, linq_error **error) {
  linq_call_options options = with(b->token);
  const char *to[] = {"+15550002222"};
  linq_message message = linq_message_default();
  message.from = from_number();
  message.to = to;
  message.to_count = 1;
  message.text = "hi";
  linq_receipt *receipt = NULL;
  linq_status status = linq_send_message(b->client, &message, &options, &receipt, error);
  linq_free(receipt);
  return status;
}

static void frees_at_the_first_line(void *user_data, uint32_t level, const char *line) {
  (void)level, (void)line;
  frees_it_all(user_data, 0, 0);
}

/* What is gone too early is used after it was freed, which the C library, a sanitizer or valgrind notices. */
static void a_log_line_may_free_what_its_call_uses(const char *base_url) {
  static const struct {
    linq_status (*call)(belongings *, linq_error **);
    linq_status expected;
  } all[] = {{presigns, LINQ_OK},          {uploads_a_file, LINQ_OK},
             {uploads, LINQ_OK},           {uploads_presigned, LINQ_OK},
             {gets, LINQ_NOT_FOUND},       {deletes, LINQ_NOT_FOUND},
             {sends, LINQ_OK}};
  linq_client *server = a_client(base_url);
  linq_file file = linq_file_default();
  file.filename = "a.txt";
  file.size_bytes = 5;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    belongings b = {a_client(base_url), linq_cancel_token_new(), NULL, NULL, 0};
    CHECK(linq_presign(server, &file, NULL, &b.presigned, NULL) == LINQ_OK);
    linq_error *error = NULL;
    CHECK(linq_set_log(frees_at_the_first_line, &b, LINQ_LOG_DEBUG) == LINQ_OK);
    linq_status status = all[i].call(&b, &error);
    CHECK(linq_set_log(NULL, NULL, 0) == LINQ_OK);
    CHECK_STATUS(status, all[i].expected, error);
    CHECK(b.client == NULL && b.token == NULL);
    linq_free(error);
  }
  linq_free(server);
}

static void from_a_log_line(void) { a_log_line_may_free_what_its_call_uses(api()); }
static void from_a_log_line_over_tls(void) { a_log_line_may_free_what_its_call_uses(api_tls()); }

/* The call fails after everything was freed; its error is whole all the same, and so is the retry before it. */
static void a_call_that_fails_afterwards_is_whole(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":0,\"fault\":{\"respond\":{\"status\":503,\"headers\":"
        "[[\"retry-after-ms\",\"1\"]]}}}");
  belongings b = {a_client(api()), linq_cancel_token_new(), NULL, NULL, 0};
  linq_source source = from_memory(g_bytes, SIZE);
  linq_upload_options options = named("a.txt", "text/plain");
  options.progress = frees_it_all;
  options.user_data = &b;
  options.cancel = b.token;
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload(b.client, &source, &options, &attachment, &error), LINQ_STORAGE, error);
  CHECK(error->http_status == 503 && error->attempts == 4);
  linq_free(error);
  calm();
}

static void *frees_later(void *user_data) {
  belongings *b = user_data;
  sleep_ms(150);
  linq_client *client = b->client;
  linq_cancel_token *token = b->token;
  linq_free(client);
  if (b->cancel_too) linq_cancel_token_cancel(token);
  linq_free(token);
  return NULL;
}

static void another_thread_may_free_what_a_call_uses(int cancel_too) {
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"slow_read\":{\"bytes_per_s\":4000000}}}");
  belongings b = {a_client(api()), linq_cancel_token_new(), NULL, NULL, cancel_too};
  linq_source source = from_memory(g_bytes, SIZE);
  linq_upload_options options = named("a.txt", "text/plain");
  options.cancel = b.token;
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, frees_later, &b) == 0);
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload(b.client, &source, &options, &attachment, &error),
               cancel_too ? LINQ_CANCELLED : LINQ_OK, error);
  pthread_join(thread, NULL);
  linq_free(attachment);
  linq_free(error);
  calm();
}

static void freed_by_another_thread(void) { another_thread_may_free_what_a_call_uses(0); }
static void cancelled_and_freed_by_another_thread(void) {
  another_thread_may_free_what_a_call_uses(1);
}

static void *cancels_once(void *token) {
  linq_cancel_token_cancel(token);
  return NULL;
}

/* The upload returns because it was cancelled, and its thread frees the token: the canceller may still be inside. */
static void a_token_may_be_freed_while_it_is_being_cancelled(void) {
  linq_client *client = a_client(api());
  for (int i = 0; i < 200 / slow(); i++) {
    linq_cancel_token *token = linq_cancel_token_new();
    CHECK(token != NULL);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, cancels_once, token) == 0);
    linq_call_options options = linq_call_options_default();
    options.cancel = token;
    linq_attachment_info *info = NULL;
    linq_status status;
    do {
      status = linq_attachment_get(client, "550e8400-e29b-41d4-a716-446655440000", &options, &info,
                                   NULL);
      CHECK(status == LINQ_CANCELLED || status == LINQ_NOT_FOUND);
    } while (status != LINQ_CANCELLED);
    linq_free(token);
    pthread_join(thread, NULL);
  }
  linq_free(client);
}

static int descriptors(void) {
  DIR *open_now = opendir("/dev/fd");
  CHECK(open_now != NULL);
  int found = 0;
  while (readdir(open_now) != NULL) found++;
  closedir(open_now);
  return found;
}

static void nothing_stays_open_once_all_is_freed(void) {
  linq_client *warm = a_client(api_tls());
  linq_free(warm);
  /* The next token frees those whose canceller was the last to use them. */
  linq_free(linq_cancel_token_new());
  int before = descriptors();
  for (int i = 0; i < 5; i++) {
    linq_client *client = a_client(i % 2 == 0 ? api() : api_tls());
    linq_cancel_token *token = linq_cancel_token_new();
    linq_source source = from_memory(g_bytes, 1000);
    linq_upload_options options = named("a.txt", "text/plain");
    options.cancel = token;
    linq_attachment *attachment = NULL;
    linq_error *error = NULL;
    CHECK_STATUS(linq_upload(client, &source, &options, &attachment, &error), LINQ_OK, error);
    CHECK(descriptors() > before); /* the pool, and the token */
    linq_free(attachment);
    linq_free(token);
    linq_free(client);
  }
  CHECK(descriptors() == before);
}

int main(void) {
  g_bytes = bytes_of(SIZE);
  RUN(plain);
  RUN(tls);
  RUN(a_callback_may_free_the_place_it_uploads_to);
  RUN(from_a_log_line);
  RUN(from_a_log_line_over_tls);
  RUN(a_call_that_fails_afterwards_is_whole);
  RUN(freed_by_another_thread);
  RUN(cancelled_and_freed_by_another_thread);
  RUN(a_token_may_be_freed_while_it_is_being_cancelled);
  RUN(nothing_stays_open_once_all_is_freed);
  free(g_bytes);
  return done("lifetime");
}
