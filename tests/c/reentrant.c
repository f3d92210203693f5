/* Callbacks may call any linq function, uploads included, with the client of the call they are in. */
#include "support/check.h"

#define SIZE (1u << 20)

static linq_client *g_client;
static unsigned char *g_bytes;
static int g_inner, g_lines;

/* Every function of the header, from inside a callback. */
static void everything(linq_client *client) {
  linq_error *error = NULL;
  linq_source source = from_memory("inner", 5);
  linq_upload_options options = named("inner.txt", NULL);
  linq_attachment *attachment = NULL;
  CHECK_STATUS(linq_upload(client, &source, &options, &attachment, &error), LINQ_OK, error);
  linq_attachment_info *info = NULL;
  CHECK_STATUS(linq_attachment_get(client, attachment->attachment_id, NULL, &info, &error), LINQ_OK,
               error);
  const char *to[] = {"+15550002222"}, *ids[] = {attachment->attachment_id};
  linq_message message = linq_message_default();
  message.from = from_number();
  message.to = to;
  message.to_count = 1;
  message.attachment_ids = ids;
  message.attachment_count = 1;
  linq_receipt *receipt = NULL;
  CHECK_STATUS(linq_send_message(client, &message, NULL, &receipt, &error), LINQ_OK, error);
  CHECK_STATUS(linq_attachment_delete(client, attachment->attachment_id, NULL, &error), LINQ_OK,
               error);
  linq_file file = linq_file_default();
  file.filename = "a.txt";
  file.size_bytes = 5;
  linq_presigned *place = NULL, *parsed = NULL;
  CHECK_STATUS(linq_presign(client, &file, NULL, &place, &error), LINQ_OK, error);
  CHECK_STATUS(linq_presigned_parse(place->json, strlen(place->json), &parsed, &error), LINQ_OK,
               error);
  linq_attachment *split = NULL;
  CHECK_STATUS(linq_upload_presigned(client, parsed, &source, NULL, &split, &error), LINQ_OK,
               error);
  CHECK_TEXT(linq_content_type("a.png", NULL, 0), "image/png");
  linq_cancel_token *token = linq_cancel_token_new();
  linq_cancel_token_cancel(token);
  linq_client *other = client_of(api(), key());
  linq_free(attachment);
  CHECK(linq_upload_file(client, NULL, NULL, &attachment, &error) == LINQ_INVALID_ARGUMENT);
  linq_free(error);
  void *all[] = {info, receipt, place, parsed, split, token, other};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) linq_free(all[i]);
  g_inner++;
}

static int32_t calls_everything(void *user_data, uint64_t sent, uint64_t total) {
  (void)user_data, (void)total;
  if (sent == 0 || sent == SIZE) everything(g_client);
  return 0;
}

static void from_progress(void) {
  linq_source source = from_memory(g_bytes, SIZE);
  linq_upload_options options = named("outer.txt", "text/plain");
  options.progress = calls_everything;
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  g_inner = 0;
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_OK, error);
  CHECK(g_inner == 2 && attachment->size_bytes == SIZE);
  CHECK_TEXT(attachment->filename, "outer.txt");
  linq_free(attachment);
}

static int64_t reads_and_uploads(void *user_data, void *buffer, size_t capacity) {
  size_t *at = user_data;
  size_t give = SIZE - *at < capacity ? SIZE - *at : capacity;
  if (*at == 0) everything(g_client);
  memcpy(buffer, g_bytes + *at, give);
  *at += give;
  return (int64_t)give;
}

static void from_a_read_callback(void) {
  size_t at = 0;
  linq_source source = linq_source_default();
  source.kind = LINQ_SOURCE_READER;
  source.read = reads_and_uploads;
  source.user_data = &at;
  source.length = SIZE;
  linq_upload_options options = named("outer.txt", "text/plain");
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  g_inner = 0;
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_OK, error);
  CHECK(g_inner >= 1 && attachment->size_bytes == SIZE);
  linq_free(attachment);
}

static void logs_and_uploads(void *user_data, uint32_t level, const char *line) {
  (void)user_data, (void)level;
  CHECK(line != NULL);
  g_lines++;
  everything(g_client);
  /* It would wait for itself. */
  CHECK(linq_set_log(NULL, NULL, 0) == LINQ_INVALID_ARGUMENT);
  CHECK(linq_set_log(logs_and_uploads, NULL, LINQ_LOG_DEBUG) == LINQ_INVALID_ARGUMENT);
}

static void from_a_log_callback(void) {
  g_inner = 0;
  CHECK(linq_set_log(logs_and_uploads, NULL, LINQ_LOG_DEBUG) == LINQ_OK);
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_OK, error);
  CHECK(linq_set_log(NULL, NULL, 0) == LINQ_OK);
  CHECK(g_lines >= 1 && g_inner == g_lines);
  linq_free(attachment);
}

/* The line about a stray pointer comes when linq_free holds nothing any more: waiting for itself, it would wait for ever. */
static void from_the_line_about_a_stray_pointer(void) {
  g_lines = g_inner = 0;
  CHECK(linq_set_log(logs_and_uploads, NULL, LINQ_LOG_WARN) == LINQ_OK);
  alarm((unsigned)(30 * slow()));
  int stray = 7;
  linq_free(&stray);
  alarm(0);
  CHECK(linq_set_log(NULL, NULL, 0) == LINQ_OK);
  CHECK(g_lines == 1 && g_inner == 1 && stray == 7);
}

/* Five uploads, each inside the progress of the one before. */
static int32_t one_deeper(void *user_data, uint64_t sent, uint64_t total) {
  int *depth = user_data;
  if (sent != 0 || *depth == 5) return 0;
  ++*depth;
  linq_source source = from_memory(g_bytes, SIZE);
  linq_upload_options options = named("deeper.txt", "text/plain");
  options.progress = one_deeper;
  options.user_data = depth;
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_OK, error);
  CHECK(total == SIZE);
  linq_free(attachment);
  return 0;
}

static void five_deep(void) {
  int depth = 0;
  CHECK(one_deeper(&depth, 0, SIZE) == 0);
  CHECK(depth == 5);
}

static int32_t cancels_the_outer(void *token, uint64_t sent, uint64_t total) {
  (void)sent, (void)total;
  linq_cancel_token_cancel(token);
  return 0;
}

static void a_callback_may_cancel_its_own_call(void) {
  linq_cancel_token *token = linq_cancel_token_new();
  linq_source source = from_memory(g_bytes, SIZE);
  linq_upload_options options = named("a.txt", "text/plain");
  options.progress = cancels_the_outer;
  options.user_data = token;
  options.cancel = token;
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_CANCELLED, error);
  linq_free(error);
  linq_free(token);
}

int main(void) {
  g_client = client_of(api(), key());
  g_bytes = bytes_of(SIZE);
  RUN(from_progress);
  RUN(from_a_read_callback);
  RUN(from_a_log_callback);
  RUN(from_the_line_about_a_stray_pointer);
  RUN(five_deep);
  RUN(a_callback_may_cancel_its_own_call);
  free(g_bytes);
  linq_free(g_client);
  return done("reentrant");
}
