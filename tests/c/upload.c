/* The whole way: a file becomes an attachment and goes into a message. What the server saw is asserted. */
#include "support/check.h"

#include <fcntl.h>

static linq_client *g_client;
static linq_client *g_tls;

/* Whether the sandbox's S3 holds this attachment with this size. */
static void stored(const linq_attachment *attachment, size_t size) {
  char *objects = control("GET", "/objects", "");
  char *at = strstr(objects, attachment->attachment_id);
  CHECK(at != NULL);
  char wanted[64];
  snprintf(wanted, sizeof wanted, "\"size\":%zu}", size);
  CHECK_HAS(at, wanted);
  free(objects);
}

static void good(const linq_attachment *attachment, const char *filename, const char *type,
                 size_t size) {
  CHECK(attachment != NULL && attachment->struct_size == sizeof *attachment);
  CHECK_TEXT(attachment->filename, filename);
  CHECK_TEXT(attachment->content_type, type);
  CHECK(attachment->size_bytes == size && attachment->attempts == 1);
  CHECK(strlen(attachment->attachment_id) == 36);
  CHECK(strncmp(attachment->download_url, "http", 4) == 0);
  CHECK(attachment->reserved == NULL && attachment->reserved_2 == 0);
  stored(attachment, size);
}

static void a_file_is_uploaded(linq_client *client) {
  const char *path = file_of("photo notes.txt", 300000);
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(linq_upload_file(client, path, NULL, &attachment, &error), LINQ_OK, error);
  CHECK(error == NULL);
  good(attachment, "photo notes.txt", "text/plain", 300000);
  linq_free(attachment);
}

static void a_file_is_uploaded_plain(void) { a_file_is_uploaded(g_client); }
static void a_file_is_uploaded_over_tls(void) { a_file_is_uploaded(g_tls); }

static int64_t read_file(void *user_data, void *buffer, size_t capacity) {
  return (int64_t)fread(buffer, 1, capacity, user_data);
}

static void every_kind_of_source_is_uploaded(void) {
  const char *path = file_of("source.txt", 1000);
  unsigned char *bytes = bytes_of(1000);
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  linq_upload_options options = named("given.txt", "text/plain; charset=utf-8");

  linq_source source = linq_source_default();
  source.kind = LINQ_SOURCE_PATH;
  source.path = path;
  CHECK_STATUS(linq_upload(g_client, &source, NULL, &attachment, &error), LINQ_OK, error);
  good(attachment, "source.txt", "text/plain", 1000);
  linq_free(attachment);

  source = from_memory(bytes, 1000);
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_OK, error);
  good(attachment, "given.txt", "text/plain", 1000);
  linq_free(attachment);

  source = linq_source_default();
  source.kind = LINQ_SOURCE_DESCRIPTOR;
  int descriptor = open(path, O_RDONLY);
  CHECK(descriptor >= 0 && lseek(descriptor, 17, SEEK_SET) == 17);
  source.descriptor = (uint32_t)descriptor;
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_OK, error);
  good(attachment, "given.txt", "text/plain", 1000);
  linq_free(attachment);
  source.offset = 20;
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_OK, error);
  good(attachment, "given.txt", "text/plain", 980);
  linq_free(attachment);
  source.length = 100;
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_OK, error);
  good(attachment, "given.txt", "text/plain", 100);
  char url[128];
  snprintf(url, sizeof url, "/objects/%s", attachment->attachment_id);
  char *body = control("GET", url, "");
  CHECK(memcmp(body, bytes + 20, 100) == 0 && body[100] == '\0');
  free(body);
  linq_free(attachment);
  /* It stays open, and its position where it was. */
  CHECK(lseek(descriptor, 0, SEEK_CUR) == 17);
  close(descriptor);

  source = linq_source_default();
  source.kind = LINQ_SOURCE_READER;
  source.read = read_file;
  source.user_data = fopen(path, "rb");
  source.length = 1000;
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_OK, error);
  good(attachment, "given.txt", "text/plain", 1000);
  linq_free(attachment);
  fclose(source.user_data);
  free(bytes);
}

static void the_key_goes_to_linq_and_never_to_the_storage(void) {
  calm();
  a_file_is_uploaded(g_client);
  a_file_is_uploaded(g_tls);
  char *all = requests();
  for (int i = 0; i < 2; i++) {
    char *reserve = request(all, "\"method\":\"POST\"", "/v3/attachments", i);
    char *put = request(all, "\"method\":\"PUT\"", "\"side\":\"storage\"", i);
    CHECK(reserve != NULL && put != NULL);
    CHECK_HAS(reserve, key());
    CHECK(strstr(put, key()) == NULL);
    CHECK(strcasestr(put, "\"authorization\"") == NULL);
    CHECK(strcasestr(put, "\"cookie\"") == NULL);
    free(reserve);
    free(put);
  }
  free(all);
}

static int count_name(const char *text, const char *name) {
  int found = 0;
  for (const char *at = text; (at = strcasestr(at, name)) != NULL; at++) found++;
  return found;
}

static void required_headers_are_sent_exactly_once(void) {
  calm();
  fault("{\"side\":\"api\",\"method\":\"POST\",\"times\":1,\"fault\":{\"merge\":"
        "{\"required_headers\":{\"X-Extra\":\"as is; =\\\"quoted\\\"\"}}}}");
  a_file_is_uploaded(g_client);
  char *all = requests();
  char *put = request(all, "\"method\":\"PUT\"", "\"status\":200", 0);
  CHECK(put != NULL);
  CHECK(count_name(put, "[\"content-type\",") == 1);
  CHECK(count_name(put, "[\"content-length\",\"300000\"]") == 1);
  CHECK(count_name(put, "[\"content-length\",") == 1);
  CHECK(count_name(put, "[\"host\",") == 1);
  CHECK(count_name(put, "[\"x-extra\",\"as is; =\\\"quoted\\\"\"]") == 1);
  CHECK(count_name(put, "transfer-encoding") == 0);
  CHECK(count_name(put, "[\"x-amz-") == 0);
  free(put);
  free(all);
}

static void an_attachment_is_looked_at_and_deleted(void) {
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("h\xc3\xa4h.txt", NULL);
  linq_attachment *attachment = NULL;
  linq_attachment_info *info = POISON(linq_attachment_info);
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_OK, error);
  CHECK_STATUS(linq_attachment_get(g_client, attachment->attachment_id, NULL, &info, &error),
               LINQ_OK, error);
  CHECK(error == NULL && info->struct_size == sizeof *info);
  CHECK_TEXT(info->attachment_id, attachment->attachment_id);
  CHECK_TEXT(info->filename, "h\xc3\xa4h.txt");
  CHECK_TEXT(info->content_type, "text/plain");
  CHECK(info->size_bytes == 5 && info->reserved == NULL);
  CHECK(info->created_at != NULL && info->download_url != NULL);
  int64_t age = (int64_t)time(NULL) * 1000 - info->created_at_ms;
  CHECK(age > -60000 && age < 600000);
  linq_free(info);

  error = POISON(linq_error);
  CHECK_STATUS(linq_attachment_delete(g_client, attachment->attachment_id, NULL, &error), LINQ_OK,
               error);
  CHECK(error == NULL);
  info = POISON(linq_attachment_info);
  CHECK_STATUS(linq_attachment_get(g_client, attachment->attachment_id, NULL, &info, &error),
               LINQ_NOT_FOUND, error);
  CHECK(info == NULL && error->http_status == 404);
  linq_free(error);
  CHECK_STATUS(linq_attachment_delete(g_client, attachment->attachment_id, NULL, &error),
               LINQ_NOT_FOUND, error);
  linq_free(error);
  linq_free(attachment);
}

static void a_message_is_sent_with_attachments(void) {
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  linq_attachment *attachment = NULL;
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_OK, error);
  const char *to[] = {"+15550002222", "+15550003333"};
  const char *ids[] = {attachment->attachment_id};
  linq_message message = linq_message_default();
  message.from = from_number();
  message.to = to;
  message.to_count = 2;
  message.text = "look: \"this\"";
  message.attachment_ids = ids;
  message.attachment_count = 1;
  linq_receipt *receipt = POISON(linq_receipt), *again = POISON(linq_receipt);
  CHECK_STATUS(linq_send_message(g_client, &message, NULL, &receipt, &error), LINQ_OK, error);
  CHECK(error == NULL && receipt->struct_size == sizeof *receipt);
  CHECK(strlen(receipt->chat_id) > 0 && receipt->message_id != NULL);
  CHECK(strlen(receipt->idempotency_key) >= 16);

  message.idempotency_key = receipt->idempotency_key;
  CHECK_STATUS(linq_send_message(g_client, &message, NULL, &again, &error), LINQ_OK, error);
  CHECK_TEXT(again->message_id, receipt->message_id); /* sent once */
  CHECK_TEXT(again->idempotency_key, receipt->idempotency_key);
  linq_free(again);

  message.idempotency_key = NULL;
  CHECK_STATUS(linq_send_message(g_client, &message, NULL, &again, &error), LINQ_OK, error);
  CHECK(strcmp(again->idempotency_key, receipt->idempotency_key) != 0); /* a fresh one each time */
  linq_free(again);
  linq_free(receipt);
  linq_free(attachment);
}

static void what_cannot_be_uploaded_is_found_before_any_network(void) {
  calm();
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload_file(g_client, "/nowhere/at/all.txt", NULL, &attachment, &error),
               LINQ_FILE, error);
  CHECK_HAS(error->message, "all.txt");
  CHECK(attachment == NULL && error->attempts == 0);
  linq_free(error);
  CHECK_STATUS(linq_upload_file(g_client, "/usr", NULL, &attachment, &error), LINQ_FILE, error);
  linq_free(error);
  CHECK_STATUS(linq_upload_file(g_client, "/dev/null", NULL, &attachment, &error), LINQ_FILE, error);
  linq_free(error);
  CHECK_STATUS(linq_upload_file(g_client, file_of("empty.txt", 0), NULL, &attachment, &error),
               LINQ_UNSUPPORTED, error);
  linq_free(error);
  linq_source source = from_memory("fLaC\0\0\0\x22", 8);
  linq_upload_options options = named("a.wav", NULL);
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_UNSUPPORTED,
               error);
  linq_free(error);
  source = from_memory("hello", 5);
  CHECK_STATUS(linq_upload(g_client, &source, NULL, &attachment, &error), LINQ_INVALID_ARGUMENT,
               error); /* a source without a path needs a name */
  CHECK_HAS(error->message, "set a filename");
  linq_free(error);
  options = named("a/b.txt", NULL);
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_UNSUPPORTED,
               error);
  linq_free(error);
  char *all = requests();
  CHECK_TEXT(request(all, "/v3/", "", 0), NULL);
  free(all);
}

int main(void) {
  g_client = client_of(api(), key());
  g_tls = client_of(api_tls(), key());
  RUN(a_file_is_uploaded_plain);
  RUN(a_file_is_uploaded_over_tls);
  RUN(every_kind_of_source_is_uploaded);
  RUN(the_key_goes_to_linq_and_never_to_the_storage);
  RUN(required_headers_are_sent_exactly_once);
  RUN(an_attachment_is_looked_at_and_deleted);
  RUN(a_message_is_sent_with_attachments);
  RUN(what_cannot_be_uploaded_is_found_before_any_network);
  linq_free(g_client);
  linq_free(g_tls);
  return done("upload");
}
