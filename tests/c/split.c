/* The split use: a server reserves, a phone without any key uploads, and only JSON goes between them. */
#include "support/check.h"

static linq_client *g_server;
static linq_client *g_phone;

static linq_presigned *reserve(const char *filename, const char *type, uint64_t size) {
  linq_file file = linq_file_default();
  file.filename = filename;
  file.content_type = type;
  file.size_bytes = size;
  linq_presigned *presigned = POISON(linq_presigned);
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(linq_presign(g_server, &file, NULL, &presigned, &error), LINQ_OK, error);
  CHECK(error == NULL);
  return presigned;
}

static void same(const linq_presigned *one, const linq_presigned *other) {
  CHECK_TEXT(one->attachment_id, other->attachment_id);
  CHECK_TEXT(one->upload_url, other->upload_url);
  CHECK_TEXT(one->download_url, other->download_url);
  CHECK_TEXT(one->http_method, other->http_method);
  CHECK_TEXT(one->expires_at, other->expires_at);
  CHECK(one->expires_at_ms == other->expires_at_ms);
  CHECK(one->header_count == other->header_count);
  for (size_t i = 0; i < one->header_count; i++) {
    CHECK_TEXT(one->headers[i].name, other->headers[i].name);
    CHECK_TEXT(one->headers[i].value, other->headers[i].value);
  }
}

static void a_place_is_reserved_with_all_that_is_known(void) {
  linq_presigned *place = reserve("photo.jpg", NULL, 12345);
  CHECK(place->struct_size == sizeof *place && place->reserved == NULL);
  CHECK(strlen(place->attachment_id) == 36);
  CHECK(strncmp(place->upload_url, "http://", 7) == 0);
  CHECK_TEXT(place->http_method, "PUT");
  CHECK_TEXT(place->filename, "photo.jpg");
  CHECK_TEXT(place->content_type, "image/jpeg");
  CHECK(place->size_bytes == 12345);
  int64_t left = place->expires_at_ms - (int64_t)time(NULL) * 1000;
  CHECK(left > 10 * 60 * 1000 && left < 20 * 60 * 1000);
  CHECK(place->header_count >= 2 && place->headers != NULL);
  CHECK(place->json[0] == '{' && place->json[strlen(place->json) - 1] == '}');
  linq_free(place);
  place = reserve("a.bin", "image/jpeg", 5); /* the caller's word, not the name's */
  CHECK_TEXT(place->content_type, "image/jpeg");
  CHECK_HAS(place->json, "\"Content-Type\":\"image/jpeg\"");
  linq_free(place);
}

static void our_own_json_means_the_same(void) {
  linq_presigned *place = reserve("photo.jpg", NULL, 12345);
  linq_presigned *parsed = POISON(linq_presigned);
  linq_error *error = POISON(linq_error);
  size_t length = strlen(place->json);
  char *exact = malloc(length); /* a NUL at the end is not needed */
  CHECK(exact != NULL);
  memcpy(exact, place->json, length);
  CHECK_STATUS(linq_presigned_parse(exact, length, &parsed, &error), LINQ_OK, error);
  CHECK(error == NULL);
  same(place, parsed);
  CHECK_TEXT(parsed->filename, "photo.jpg");
  CHECK_TEXT(parsed->content_type, "image/jpeg");
  CHECK(parsed->size_bytes == 12345);
  CHECK_TEXT(parsed->json, place->json);
  free(exact);
  linq_free(parsed);
  linq_free(place);
}

/* Linq's own reply, as a server in any language may hand it on. */
static const char g_reply[] =
    "{\"attachment_id\":\"550e8400-e29b-41d4-a716-446655440000\","
    "\"upload_url\":\"https://uploads.linqapp.com/attachments/x?X-Amz-Signature=s\","
    "\"expires_at\":\"2024-01-15T10:45:00Z\",\"http_method\":\"PUT\","
    "\"required_headers\":{\"Content-Type\":\"image/jpeg\",\"Content-Length\":\"1024000\"},"
    "\"download_url\":\"https://cdn.linqapp.com/a/photo.jpg\",\"new_field\":[1,{\"a\":null}]}";

static void linqs_reply_verbatim_is_understood(void) {
  linq_presigned *parsed = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_presigned_parse(g_reply, strlen(g_reply), &parsed, &error), LINQ_OK, error);
  CHECK_TEXT(parsed->attachment_id, "550e8400-e29b-41d4-a716-446655440000");
  CHECK_TEXT(parsed->upload_url,
             "https://uploads.linqapp.com/attachments/x?X-Amz-Signature=s");
  CHECK_TEXT(parsed->download_url, "https://cdn.linqapp.com/a/photo.jpg");
  CHECK_TEXT(parsed->http_method, "PUT");
  CHECK_TEXT(parsed->expires_at, "2024-01-15T10:45:00Z");
  CHECK(parsed->expires_at_ms == 1705315500000);
  CHECK(parsed->header_count == 2);
  CHECK_TEXT(parsed->headers[0].name, "Content-Type");
  CHECK_TEXT(parsed->headers[0].value, "image/jpeg");
  CHECK_TEXT(parsed->filename, NULL);
  CHECK_TEXT(parsed->content_type, "image/jpeg"); /* the headers say */
  CHECK(parsed->size_bytes == 1024000);
  linq_free(parsed);
}

static void what_is_no_such_json_is_refused(void) {
  static const char *const wrong[] = {
      "", "x", "null", "[]", "{}", "{\"attachment_id\":\"a\"}", "\"text\"", "{\"attachment_id\":5}",
      "{\"attachment_id\":\"a\",\"upload_url\":\"http://example.com/x\",\"expires_at\":"
      "\"2024-01-15T10:45:00Z\",\"http_method\":\"PUT\",\"required_headers\":{},"
      "\"download_url\":\"d\"}", /* plain http, and not to loopback */
      "{\"attachment_id\":\"a\\u0000b\",\"upload_url\":\"https://example.com/x\",\"expires_at\":"
      "\"2024-01-15T10:45:00Z\",\"http_method\":\"PUT\",\"required_headers\":{},"
      "\"download_url\":\"d\"}", /* C would see it cut short */
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    linq_presigned *parsed = POISON(linq_presigned);
    linq_error *error = POISON(linq_error);
    CHECK_STATUS(linq_presigned_parse(wrong[i], strlen(wrong[i]), &parsed, &error),
                 LINQ_INVALID_ARGUMENT, error);
    CHECK(parsed == NULL && strlen(error->message) > 10);
    linq_free(error);
  }
}

static void json_has_up_to_one_mebibyte(void) {
  size_t limit = (size_t)1 << 20;
  char *json = malloc(limit + 1);
  CHECK(json != NULL);
  memset(json, ' ', limit + 1);
  memcpy(json, g_reply, strlen(g_reply));
  linq_presigned *parsed = POISON(linq_presigned);
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(linq_presigned_parse(json, limit, &parsed, &error), LINQ_OK, error);
  CHECK(error == NULL && parsed->size_bytes == 1024000);
  linq_free(parsed);
  CHECK_STATUS(linq_presigned_parse(json, limit + 1, &parsed, &error), LINQ_INVALID_ARGUMENT,
               error);
  CHECK(parsed == NULL);
  CHECK_HAS(error->message, "length is 1048577");
  linq_free(error);
  free(json);
}

static void a_phone_without_a_key_uploads(void) {
  calm();
  linq_presigned *place = reserve("a.txt", NULL, 5);
  char *json = strdup(place->json);
  char id[64];
  snprintf(id, sizeof id, "%s", place->attachment_id);
  linq_free(place);

  linq_presigned *parsed = NULL;
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(linq_presigned_parse(json, strlen(json), &parsed, &error), LINQ_OK, error);
  linq_source source = from_memory("hello", 5);
  CHECK_STATUS(linq_upload_presigned(g_phone, parsed, &source, NULL, &attachment, &error), LINQ_OK,
               error);
  CHECK(error == NULL);
  CHECK_TEXT(attachment->attachment_id, id);
  CHECK_TEXT(attachment->filename, "a.txt");
  CHECK_TEXT(attachment->content_type, "text/plain");
  CHECK(attachment->size_bytes == 5 && attachment->attempts == 1);
  linq_free(attachment);
  linq_free(parsed);
  free(json);
  char *all = requests();
  char *put = request(all, "\"method\":\"PUT\"", "\"side\":\"storage\"", 0);
  CHECK(put != NULL && strstr(put, key()) == NULL && strcasestr(put, "\"authorization\"") == NULL);
  free(put);
  free(all);
}

static void without_a_key_nothing_else_goes_on_the_network(void) {
  calm();
  linq_presigned *presigned = POISON(linq_presigned);
  linq_attachment *attachment = POISON(linq_attachment);
  linq_attachment_info *info = POISON(linq_attachment_info);
  linq_receipt *receipt = POISON(linq_receipt);
  linq_error *error = NULL;
  linq_file file = linq_file_default();
  file.filename = "a.txt";
  file.size_bytes = 5;
  const char *to[] = {"+15550002222"};
  linq_message message = linq_message_default();
  message.from = from_number();
  message.to = to;
  message.to_count = 1;
  message.text = "hi";
  static const char *const id = "550e8400-e29b-41d4-a716-446655440000";
  CHECK_STATUS(linq_presign(g_phone, &file, NULL, &presigned, &error), LINQ_UNAUTHORIZED, error);
  CHECK_HAS(error->message, "LINQ_API_V3_API_KEY");
  CHECK(presigned == NULL && error->http_status == 0);
  linq_free(error);
  CHECK_STATUS(linq_upload_file(g_phone, file_of("a.txt", 5), NULL, &attachment, &error),
               LINQ_UNAUTHORIZED, error);
  CHECK(attachment == NULL);
  linq_free(error);
  CHECK_STATUS(linq_attachment_get(g_phone, id, NULL, &info, &error), LINQ_UNAUTHORIZED, error);
  CHECK(info == NULL);
  linq_free(error);
  CHECK_STATUS(linq_attachment_delete(g_phone, id, NULL, &error), LINQ_UNAUTHORIZED, error);
  linq_free(error);
  CHECK_STATUS(linq_send_message(g_phone, &message, NULL, &receipt, &error), LINQ_UNAUTHORIZED,
               error);
  CHECK(receipt == NULL);
  linq_free(error);
  char *all = requests();
  CHECK_TEXT(request(all, "", "", 0), NULL);
  free(all);
}

static void a_source_that_was_not_signed_for_is_refused_before_any_network(void) {
  linq_presigned *place = reserve("a.txt", NULL, 5);
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = NULL;
  calm();
  linq_source source = from_memory("hello!", 6);
  CHECK_STATUS(linq_upload_presigned(g_phone, place, &source, NULL, &attachment, &error),
               LINQ_UNSUPPORTED, error);
  CHECK(attachment == NULL && error->attempts == 0);
  CHECK_HAS(error->message, "5");
  CHECK_HAS(error->message, "6");
  linq_free(error);
  source = from_memory("hello", 5);
  linq_upload_options options = named(NULL, "image/png");
  CHECK_STATUS(linq_upload_presigned(g_phone, place, &source, &options, &attachment, &error),
               LINQ_UNSUPPORTED, error);
  CHECK(attachment == NULL);
  CHECK_HAS(error->message, "image/png");
  linq_free(error);
  char *all = requests();
  CHECK_TEXT(request(all, "", "", 0), NULL);
  free(all);
  linq_free(place);
}

static void a_place_that_expired_is_told_as_such(void) {
  calm();
  fault("{\"side\":\"api\",\"method\":\"POST\",\"times\":1,\"fault\":{\"expired\":true}}");
  linq_presigned *place = reserve("a.txt", NULL, 5);
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = NULL;
  linq_source source = from_memory("hello", 5);
  CHECK_STATUS(linq_upload_presigned(g_phone, place, &source, NULL, &attachment, &error),
               LINQ_EXPIRED, error);
  CHECK(attachment == NULL && error->http_status == 403);
  CHECK_TEXT(error->storage_code, "AccessDenied");
  CHECK_TEXT(error->attachment_id, place->attachment_id);
  CHECK(error->attempts == 1);
  CHECK(strstr(error->message, "X-Amz-Signature") == NULL);
  linq_free(error);
  linq_free(place);
}

/* The app sent the PUT itself: what the storage answered means the same as in an upload of ours. */
static void the_response_to_a_put_of_ones_own_is_checked(void) {
  linq_presigned *place = NULL;
  linq_error *error = POISON(linq_error);
  CHECK(linq_presigned_parse(g_reply, strlen(g_reply), &place, NULL) == LINQ_OK);
  CHECK_STATUS(linq_presigned_check(place, 200, NULL, 0, &error), LINQ_OK, error);
  CHECK(error == NULL);
  CHECK_STATUS(linq_presigned_check(place, 204, "", 0, &error), LINQ_OK, error);
  CHECK(linq_presigned_check(place, 500, NULL, 0, NULL) == LINQ_STORAGE);

  static const struct {
    uint32_t http_status;
    const char *body;
    linq_status status;
    const char *storage_code, *part;
    uint32_t retryable;
  } answers[] = {
      {200, "<Error><Code>InternalError</Code></Error>", LINQ_STORAGE, "InternalError", "InternalError", 1},
      {200, "<html><body>Log in", LINQ_PROTOCOL, NULL, "web page", 1},
      {302, "", LINQ_PROTOCOL, NULL, "redirects", 0},
      {403, "<Error><Code>SignatureDoesNotMatch</Code><Message>?X-Amz-Signature=s</Message></Error>", LINQ_STORAGE,
       "SignatureDoesNotMatch", "uploads.linqapp.com refused with status 403", 0},
      {403, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", LINQ_EXPIRED, "AccessDenied",
       "expired", 0},
      {503, "<Error><Code>SlowDown</Code></Error>", LINQ_STORAGE, "SlowDown", "SlowDown", 1},
  };
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    const char *body = answers[i].body;
    error = POISON(linq_error);
    CHECK_STATUS(linq_presigned_check(place, answers[i].http_status, body, strlen(body), &error), answers[i].status, error);
    CHECK_HAS(error->message, answers[i].part);
    CHECK(strstr(error->message, "Signature=s") == NULL);
    CHECK_TEXT(error->storage_code, answers[i].storage_code);
    CHECK_TEXT(error->attachment_id, place->attachment_id);
    CHECK(error->http_status == answers[i].http_status && error->attempts == 1);
    CHECK(error->retryable == answers[i].retryable);
    linq_free(error);
  }

  /* The same body, sent by the storage to an upload of this library. */
  calm();
  linq_presigned *reserved = reserve("a.txt", NULL, 5);
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"respond\":{\"status\":403,\"headers\":[],\"body\":"
        "\"<Error><Code>NoSuchBucket</Code><Message>gone</Message><RequestId>R1</RequestId></Error>\"}}}");
  linq_attachment *attachment = NULL;
  linq_error *uploaded = NULL;
  linq_source source = from_memory("hello", 5);
  CHECK_STATUS(linq_upload_presigned(g_phone, reserved, &source, NULL, &attachment, &uploaded), LINQ_STORAGE, uploaded);
  const char *body = "<Error><Code>NoSuchBucket</Code><Message>gone</Message><RequestId>R1</RequestId></Error>";
  CHECK_STATUS(linq_presigned_check(reserved, 403, body, strlen(body), &error), LINQ_STORAGE, error);
  CHECK_TEXT(error->message, uploaded->message);
  CHECK_TEXT(error->storage_code, uploaded->storage_code);
  CHECK_TEXT(error->storage_request_id, uploaded->storage_request_id);
  CHECK(error->retryable == uploaded->retryable && error->attempts == uploaded->attempts);
  linq_free(error);
  linq_free(uploaded);
  linq_free(reserved);
  linq_free(place);
}

int main(void) {
  g_server = client_of(api(), key());
  linq_client_options options = options_for(NULL, NULL);
  options.flags |= LINQ_CLIENT_ALLOW_HTTP_LOOPBACK;
  g_phone = client_with(&options);
  RUN(a_place_is_reserved_with_all_that_is_known);
  RUN(our_own_json_means_the_same);
  RUN(linqs_reply_verbatim_is_understood);
  RUN(what_is_no_such_json_is_refused);
  RUN(json_has_up_to_one_mebibyte);
  RUN(a_phone_without_a_key_uploads);
  RUN(without_a_key_nothing_else_goes_on_the_network);
  RUN(a_source_that_was_not_signed_for_is_refused_before_any_network);
  RUN(a_place_that_expired_is_told_as_such);
  RUN(the_response_to_a_put_of_ones_own_is_checked);
  linq_free(g_server);
  linq_free(g_phone);
  return done("split");
}
