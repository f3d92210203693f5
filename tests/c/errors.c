/* What a failure says: the status, the words, and everything that the servers told about it. */
#include "support/check.h"

static linq_client *g_client;
static const char *const g_id = "550e8400-e29b-41d4-a716-446655440000";

static linq_client *impatient(const char *base_url, const char *api_key) {
  linq_client_options options = options_for(base_url, api_key);
  options.max_attempts = 1;
  return client_with(&options);
}

/* Uploads five bytes, which must fail so; the error. */
static linq_error *failed_upload(linq_client *client, linq_status expected) {
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(linq_upload(client, &source, &options, &attachment, &error), expected, error);
  CHECK(attachment == NULL && error != NULL && error->struct_size == sizeof *error);
  CHECK(error->status == expected && error->message != NULL && error->message[0] != '\0');
  CHECK(error->retryable <= 1);
  CHECK(strstr(error->message, "X-Amz-") == NULL && strstr(error->message, key()) == NULL);
  return error;
}

static void a_wrong_key_is_unauthorized(void) {
  linq_client *client = client_of(api(), "not-the-key");
  linq_error *error = failed_upload(client, LINQ_UNAUTHORIZED);
  CHECK(error->http_status == 401 && error->api_code == 2004 && error->attempts == 1);
  CHECK(error->trace_id != NULL && error->retryable == 0 && error->storage_code == NULL);
  CHECK(error->attachment_id == NULL);
  CHECK(strstr(error->message, "not-the-key") == NULL);
  linq_free(error);
  linq_free(client);
}

typedef struct {
  linq_file file;
  linq_message message;
} good;

/* What every function would take, were the client's key right. */
static good all_good(void) {
  static const char *const to[] = {"+15550002222"};
  good g = {linq_file_default(), linq_message_default()};
  g.file.filename = "a.txt";
  g.file.size_bytes = 5;
  g.message.from = from_number();
  g.message.to = to;
  g.message.to_count = 1;
  g.message.text = "hi";
  return g;
}

static void unauthorized(linq_status status, linq_error **error) {
  CHECK_STATUS(status, LINQ_UNAUTHORIZED, *error);
  CHECK((*error)->http_status == 401 && (*error)->api_code == 2004 && (*error)->attempts == 1);
  linq_free(*error);
}

static void every_call_with_a_wrong_key_is_unauthorized(void) {
  linq_client *client = client_of(api(), "not-the-key");
  good g = all_good();
  linq_presigned *presigned = POISON(linq_presigned);
  linq_attachment_info *info = POISON(linq_attachment_info);
  linq_receipt *receipt = POISON(linq_receipt);
  linq_error *error = NULL;
  unauthorized(linq_presign(client, &g.file, NULL, &presigned, &error), &error);
  unauthorized(linq_attachment_get(client, g_id, NULL, &info, &error), &error);
  unauthorized(linq_attachment_delete(client, g_id, NULL, &error), &error);
  unauthorized(linq_send_message(client, &g.message, NULL, &receipt, &error), &error);
  CHECK(presigned == NULL && info == NULL && receipt == NULL);
  linq_free(client);
}

static void a_file_that_linq_would_refuse_goes_nowhere(void) {
  char name[257];
  memset(name, 'a', 256);
  name[256] = '\0';
  calm();
  good g[4];
  for (int i = 0; i < 4; i++) g[i] = all_good();
  g[0].file.filename = name;
  g[1].file.filename = "a.exe";
  g[2].file.content_type = "application/x-msdownload";
  g[3].file.size_bytes = 0;
  for (int i = 0; i < 4; i++) {
    linq_presigned *presigned = POISON(linq_presigned);
    linq_error *error = NULL;
    CHECK_STATUS(linq_presign(g_client, &g[i].file, NULL, &presigned, &error), LINQ_UNSUPPORTED,
                 error);
    CHECK(presigned == NULL && error->attempts == 0);
    linq_free(error);
  }
  char *all = requests();
  CHECK_TEXT(request(all, "", "", 0), NULL);
  free(all);
}

static void a_message_that_cannot_be_meant_goes_nowhere(void) {
  static const char *const reasons[] = {"the sender is empty",
                                        "the message has no recipient",
                                        "neither text nor attachments",
                                        "the idempotency key"};
  calm();
  good g[4];
  for (int i = 0; i < 4; i++) g[i] = all_good();
  g[0].message.from = "";
  g[1].message.to_count = 0;
  g[2].message.text = NULL;
  g[3].message.idempotency_key = "";
  for (int i = 0; i < 4; i++) {
    linq_receipt *receipt = POISON(linq_receipt);
    linq_error *error = NULL;
    CHECK_STATUS(linq_send_message(g_client, &g[i].message, NULL, &receipt, &error),
                 LINQ_INVALID_ARGUMENT, error);
    CHECK(receipt == NULL);
    CHECK_HAS(error->message, reasons[i]);
    linq_free(error);
  }
  char *all = requests();
  CHECK_TEXT(request(all, "", "", 0), NULL);
  free(all);
}

static void a_refusal_by_linq_carries_its_envelope(void) {
  calm();
  fault("{\"side\":\"api\",\"times\":1,\"fault\":{\"respond\":{\"status\":422,\"headers\":[[\"X-Trace-"
        "ID\",\"trace-1\"]],\"body\":{\"success\":false,\"error\":{\"status\":422,\"code\":1003,"
        "\"message\":\"no such thing\",\"doc_url\":\"https://docs.example/1003\"},\"trace_id\":"
        "\"trace-2\"}}}}");
  linq_error *error = failed_upload(g_client, LINQ_API);
  CHECK(error->http_status == 422 && error->api_code == 1003 && error->attempts == 1);
  CHECK_TEXT(error->doc_url, "https://docs.example/1003");
  CHECK_TEXT(error->trace_id, "trace-2");
  CHECK_HAS(error->message, "no such thing");
  CHECK_HAS(error->message, "a.txt");
  CHECK(error->retryable == 0 && error->retry_after_ms == 0);
  linq_free(error);
}

static void throttling_carries_how_long_to_wait(void) {
  linq_client *client = impatient(api(), key());
  calm();
  fault("{\"side\":\"api\",\"times\":1,\"fault\":{\"respond\":{\"status\":429,\"headers\":"
        "[[\"Retry-After\",\"7\"]],\"code\":1007}}}");
  linq_error *error = failed_upload(client, LINQ_RATE_LIMITED);
  CHECK(error->http_status == 429 && error->api_code == 1007 && error->retry_after_ms == 7000);
  CHECK(error->retryable == 1 && error->attempts == 1);
  linq_free(error);
  /* Longer than anybody waits: told at once, and never cut to something small. */
  fault("{\"side\":\"api\",\"times\":1,\"fault\":{\"respond\":{\"status\":429,\"headers\":"
        "[[\"Retry-After\",\"99999999999\"]]}}}");
  error = failed_upload(g_client, LINQ_RATE_LIMITED);
  CHECK(error->retry_after_ms > 60000 && error->attempts == 1);
  linq_free(error);
  linq_free(client);
}

static void attempts_are_counted(void) {
  calm();
  fault("{\"side\":\"api\",\"times\":0,\"fault\":{\"respond\":{\"status\":503,\"headers\":"
        "[[\"retry-after-ms\",\"1\"]]}}}");
  linq_client_options options = options_for(api(), key());
  options.max_attempts = 3;
  linq_client *client = client_with(&options);
  linq_error *error = failed_upload(client, LINQ_API);
  CHECK(error->http_status == 503 && error->attempts == 3 && error->retryable == 1);
  linq_free(error);
  linq_free(client);
  calm();
}

static void a_refusal_by_the_storage_carries_its_codes(void) {
  linq_client *client = impatient(api(), key());
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"respond\":{\"status\":403,\"headers\":[],"
        "\"body\":\"<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message><RequestId>REQ1"
        "</RequestId><HostId>ID2</HostId></Error>\"}}}");
  linq_error *error = failed_upload(client, LINQ_STORAGE);
  CHECK(error->http_status == 403 && error->api_code == 0 && error->retryable == 0);
  CHECK_TEXT(error->storage_code, "SignatureDoesNotMatch");
  CHECK_TEXT(error->storage_request_id, "REQ1");
  CHECK_TEXT(error->storage_id_2, "ID2");
  CHECK(error->attachment_id != NULL && strlen(error->attachment_id) == 36);
  CHECK_HAS(error->message, "SignatureDoesNotMatch");
  linq_free(error);
  linq_free(client);
}

static void what_does_not_exist_is_not_found(void) {
  linq_attachment_info *info = POISON(linq_attachment_info);
  linq_error *error = NULL;
  CHECK_STATUS(linq_attachment_get(g_client, g_id, NULL, &info, &error), LINQ_NOT_FOUND, error);
  CHECK(info == NULL && error->http_status == 404 && error->api_code == 2003);
  CHECK_HAS(error->message, g_id);
  linq_free(error);
  CHECK_STATUS(linq_attachment_delete(g_client, g_id, NULL, &error), LINQ_NOT_FOUND, error);
  linq_free(error);
}

static void an_id_that_could_be_a_path_goes_nowhere(void) {
  static const char *const ids[] = {"", "..", "a/b", "a?b=c", "a b", "\n", "../messages"};
  calm();
  for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
    linq_attachment_info *info = POISON(linq_attachment_info);
    linq_error *error = NULL;
    CHECK_STATUS(linq_attachment_get(g_client, ids[i], NULL, &info, &error), LINQ_INVALID_ARGUMENT,
                 error);
    linq_free(error);
    CHECK_STATUS(linq_attachment_delete(g_client, ids[i], NULL, &error), LINQ_INVALID_ARGUMENT,
                 error);
    linq_free(error);
  }
  char *all = requests();
  CHECK_TEXT(request(all, "", "", 0), NULL);
  free(all);
}

static void nobody_there_is_a_network_error(void) {
  linq_client *client = impatient("http://127.0.0.1:1/api", key());
  linq_error *error = failed_upload(client, LINQ_NETWORK);
  CHECK(error->http_status == 0 && error->retryable == 1 && error->attempts == 1);
  CHECK_HAS(error->message, "127.0.0.1");
  linq_free(error);
  linq_free(client);
}

static void a_certificate_that_is_not_trusted_is_a_tls_error(void) {
  linq_client *client = impatient(getenv("LINQ_TEST_BAD_TLS"), key());
  linq_error *error = failed_upload(client, LINQ_TLS);
  CHECK(error->http_status == 0);
  linq_free(error);
  linq_free(client);
  /* Nor is the sandbox's own CA trusted by somebody who was not told of it. */
  linq_client_options options = options_for(api_tls(), key());
  options.ca_file = NULL;
  client = client_with(&options);
  error = failed_upload(client, LINQ_TLS);
  linq_free(error);
  linq_free(client);
}

static void a_reply_that_breaks_the_contract_is_a_protocol_error(void) {
  static const char *const lies[] = {
      "{\"attachment_id\":null}",
      "{\"upload_url\":\"http://example.com/x\"}",
      "{\"upload_url\":\"https://user:word@example.com/x\"}",
      "{\"http_method\":\"POST\"}",
      "{\"required_headers\":{\"Content-Length\":\"6\"}}",
      "{\"required_headers\":{\"Authorization\":\"x\"}}",
      "{\"required_headers\":{\"Transfer-Encoding\":\"chunked\"}}",
      "{\"required_headers\":{\"X-A\":\"b\\r\\nX-C: d\"}}",
      "{\"attachment_id\":\"a\\u0000b\"}",
  };
  linq_client *client = impatient(api(), key());
  for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
    calm();
    char lie[512];
    snprintf(lie, sizeof lie,
             "{\"side\":\"api\",\"times\":1,\"method\":\"POST\",\"fault\":{\"merge\":%s}}", lies[i]);
    fault(lie);
    linq_error *error = failed_upload(client, LINQ_PROTOCOL);
    linq_free(error);
    char *all = requests();
    CHECK_TEXT(request(all, "\"method\":\"PUT\"", "", 0), NULL);
    free(all);
  }
  linq_free(client);
}

static void a_deadline_is_kept(void) {
  calm();
  fault("{\"side\":\"api\",\"times\":1,\"fault\":{\"no_answer\":true}}");
  linq_call_options options = linq_call_options_default();
  options.timeout_ms = 300;
  linq_attachment_info *info = POISON(linq_attachment_info);
  linq_error *error = NULL;
  int64_t start = now_ms();
  CHECK_STATUS(linq_attachment_get(g_client, g_id, &options, &info, &error), LINQ_TIMEOUT, error);
  int64_t took = now_ms() - start;
  CHECK(took >= 295 && took < 15000);
  CHECK(info == NULL);
  linq_free(error);
  calm();
}

/* Without it each would go on until the stall timeout, and come to LINQ_OK then. */
static void a_deadline_of_an_upload_is_kept(void) {
  linq_file file = linq_file_default();
  file.filename = "a.txt";
  file.size_bytes = 5;
  linq_presigned *place = NULL;
  CHECK(linq_presign(g_client, &file, NULL, &place, NULL) == LINQ_OK);
  const char *path = file_of("a.txt", 5);
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  options.timeout_ms = 300;
  for (int i = 0; i < 3; i++) {
    calm();
    fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"no_answer\":true}}");
    linq_attachment *attachment = POISON(linq_attachment);
    linq_error *error = NULL;
    int64_t start = now_ms();
    linq_status status =
        i == 0   ? linq_upload_file(g_client, path, &options, &attachment, &error)
        : i == 1 ? linq_upload(g_client, &source, &options, &attachment, &error)
                 : linq_upload_presigned(g_client, place, &source, &options, &attachment, &error);
    int64_t took = now_ms() - start;
    CHECK_STATUS(status, LINQ_TIMEOUT, error);
    CHECK(attachment == NULL && took >= 295 && took < 15000);
    linq_free(error);
  }
  linq_free(place);
  calm();
}

static void a_stall_is_a_timeout(void) {
  calm();
  fault("{\"side\":\"api\",\"times\":1,\"fault\":{\"no_answer\":true}}");
  linq_client_options options = options_for(api(), key());
  options.stall_timeout_ms = 400;
  options.max_attempts = 1;
  linq_client *client = client_with(&options);
  linq_error *error = failed_upload(client, LINQ_TIMEOUT);
  CHECK(error->retryable == 1);
  linq_free(error);
  linq_free(client);
  calm();
}

static void a_redirect_names_its_target_and_goes_nowhere(void) {
  calm();
  fault("{\"side\":\"storage\",\"times\":1,\"fault\":{\"redirect\":{\"status\":307,\"location\":"
        "\"http://elsewhere.example/x?X-Amz-Signature=secret\"}}}");
  linq_error *error = failed_upload(g_client, LINQ_PROTOCOL);
  CHECK(error->http_status == 307 && error->retryable == 0);
  CHECK_HAS(error->message, "elsewhere.example");
  CHECK(strstr(error->message, "secret") == NULL);
  linq_free(error);
}

int main(void) {
  g_client = client_of(api(), key());
  RUN(a_wrong_key_is_unauthorized);
  RUN(every_call_with_a_wrong_key_is_unauthorized);
  RUN(a_file_that_linq_would_refuse_goes_nowhere);
  RUN(a_message_that_cannot_be_meant_goes_nowhere);
  RUN(a_refusal_by_linq_carries_its_envelope);
  RUN(throttling_carries_how_long_to_wait);
  RUN(attempts_are_counted);
  RUN(a_refusal_by_the_storage_carries_its_codes);
  RUN(what_does_not_exist_is_not_found);
  RUN(an_id_that_could_be_a_path_goes_nowhere);
  RUN(nobody_there_is_a_network_error);
  RUN(a_certificate_that_is_not_trusted_is_a_tls_error);
  RUN(a_reply_that_breaks_the_contract_is_a_protocol_error);
  RUN(a_deadline_is_kept);
  RUN(a_deadline_of_an_upload_is_kept);
  RUN(a_stall_is_a_timeout);
  RUN(a_redirect_names_its_target_and_goes_nowhere);
  linq_free(g_client);
  return done("errors");
}
