/* Text is UTF-8, a path is bytes, and every refusal names the argument as it is written in C. */
#include "support/check.h"

static linq_client *g_client;

#define REFUSED(call, words)                            \
  do {                                                  \
    linq_error *error = POISON(linq_error);             \
    linq_status status = (call);                        \
    CHECK_STATUS(status, LINQ_INVALID_ARGUMENT, error); \
    CHECK_TEXT(error->message, words);                  \
    linq_free(error);                                   \
  } while (0)

static void client_options_are_utf8(void) {
  static const struct {
    size_t offset;
    const char *message;
  } fields[] = {
      {offsetof(linq_client_options, api_key), "linq_client_options.api_key is not UTF-8"},
      {offsetof(linq_client_options, base_url), "linq_client_options.base_url is not UTF-8"},
      {offsetof(linq_client_options, user_agent), "linq_client_options.user_agent is not UTF-8"},
      {offsetof(linq_client_options, ca_pem), "linq_client_options.ca_pem is not UTF-8"},
      {offsetof(linq_client_options, proxy), "linq_client_options.proxy is not UTF-8"},
  };
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    linq_client_options options = options_for(api(), key());
    const char *bad = BAD_TEXT;
    memcpy((char *)&options + fields[i].offset, &bad, sizeof bad);
    linq_client *client = POISON(linq_client);
    REFUSED(linq_client_new(&options, &client, &error), fields[i].message);
    CHECK(client == NULL);
  }
}

static void a_file_is_utf8(void) {
  linq_presigned *out = NULL;
  linq_file file = linq_file_default();
  file.size_bytes = 1;
  file.filename = BAD_TEXT;
  REFUSED(linq_presign(g_client, &file, NULL, &out, &error), "linq_file.filename is not UTF-8");
  file.filename = "a.txt";
  file.content_type = BAD_TEXT;
  REFUSED(linq_presign(g_client, &file, NULL, &out, &error),
          "linq_file.content_type is not UTF-8");
}

static void upload_options_are_utf8(void) {
  linq_attachment *out = NULL;
  linq_source source = from_memory("x", 1);
  linq_upload_options options = named(BAD_TEXT, NULL);
  REFUSED(linq_upload(g_client, &source, &options, &out, &error),
          "linq_upload_options.filename is not UTF-8");
  options = named("a.txt", BAD_TEXT);
  REFUSED(linq_upload(g_client, &source, &options, &out, &error),
          "linq_upload_options.content_type is not UTF-8");
}

static void ids_are_utf8(void) {
  linq_attachment_info *info = NULL;
  REFUSED(linq_attachment_get(g_client, BAD_TEXT, NULL, &info, &error),
          "attachment_id is not UTF-8");
  REFUSED(linq_attachment_delete(g_client, BAD_TEXT, NULL, &error), "attachment_id is not UTF-8");
}

static void a_message_is_utf8(void) {
  const char *good[] = {"+15550002222"}, *bad[] = {"+15550002222", BAD_TEXT};
  linq_receipt *out = NULL;
  linq_message message = linq_message_default();
  message.from = BAD_TEXT;
  REFUSED(linq_send_message(g_client, &message, NULL, &out, &error),
          "linq_message.from is not UTF-8");
  message.from = from_number();
  message.to = bad;
  message.to_count = 2;
  REFUSED(linq_send_message(g_client, &message, NULL, &out, &error),
          "linq_message.to[1] is not UTF-8");
  message.to = good;
  message.to_count = 1;
  message.text = BAD_TEXT;
  REFUSED(linq_send_message(g_client, &message, NULL, &out, &error),
          "linq_message.text is not UTF-8");
  message.text = "hi";
  message.attachment_ids = bad;
  message.attachment_count = 2;
  REFUSED(linq_send_message(g_client, &message, NULL, &out, &error),
          "linq_message.attachment_ids[1] is not UTF-8");
  message.attachment_count = 0;
  message.idempotency_key = BAD_TEXT;
  REFUSED(linq_send_message(g_client, &message, NULL, &out, &error),
          "linq_message.idempotency_key is not UTF-8");
}

static void json_that_is_not_utf8_is_refused(void) {
  linq_presigned *out = POISON(linq_presigned);
  linq_error *error = NULL;
  CHECK_STATUS(linq_presigned_parse("{\"a\": \"\xff\"}", 10, &out, &error), LINQ_INVALID_ARGUMENT,
               error);
  CHECK(out == NULL);
  linq_free(error);
}

/* On Unix a path is bytes. What the API gets to know needs a name, which the caller may give. */
static void a_path_that_is_not_utf8_needs_a_name_only(void) {
  const char *path = file_of("caf\xe9.txt", 12);
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload_file(g_client, path, NULL, &attachment, &error), LINQ_UNSUPPORTED, error);
  CHECK(attachment == NULL);
  linq_free(error);
  linq_upload_options options = named("caf\xc3\xa9.txt", NULL);
  CHECK_STATUS(linq_upload_file(g_client, path, &options, &attachment, &error), LINQ_OK, error);
  CHECK_TEXT(attachment->filename, "caf\xc3\xa9.txt");
  CHECK_TEXT(attachment->content_type, "text/plain");
  linq_free(attachment);
}

int main(void) {
  g_client = client_of(api(), key());
  RUN(client_options_are_utf8);
  RUN(a_file_is_utf8);
  RUN(upload_options_are_utf8);
  RUN(ids_are_utf8);
  RUN(a_message_is_utf8);
  RUN(json_that_is_not_utf8_is_refused);
  RUN(a_path_that_is_not_utf8_needs_a_name_only);
  linq_free(g_client);
  return done("text");
}
