/* linq_send_request: any other call of the API; and what an error tells of what may have been done. */
#include "support/check.h"

static linq_client *g_client;
static const char MESSAGE[] =
    "{\"to\":[\"+15550002222\"],\"message\":{\"parts\":[{\"type\":\"text\",\"value\":\"hi\"}]}}";

static linq_request post(const char *path, const char *json) {
  linq_request request = linq_request_default();
  request.method = "POST";
  request.path = path;
  request.json = json;
  return request;
}

static linq_error *refused(const linq_request *what, linq_status status) {
  linq_response *response = POISON(linq_response);
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(linq_send_request(g_client, what, NULL, &response, &error), status, error);
  CHECK(response == NULL && error != NULL);
  return error;
}

static int sent(const char *path) {
  char *all = requests();
  int times = count(all, path);
  free(all);
  return times;
}

static void an_answer_is_a_result_like_any_other(void) {
  calm();
  linq_request what = post("/v3/messages?a=b", MESSAGE);
  what.idempotency_key = "order-7";
  linq_response *response = POISON(linq_response);
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(linq_send_request(g_client, &what, NULL, &response, &error), LINQ_OK, error);
  CHECK(error == NULL);
  CHECK(response->struct_size == sizeof *response && LINQ_HAS(response, reserved));
  CHECK(response->http_status == 202 && response->reserved == 0 && response->trace_id != NULL);
  CHECK_HAS(response->json, "\"chat_id\":\"");
  linq_free(response);

  char *all = requests();
  char *one = request(all, "/api/partner/v3/messages?a=b", "", 0);
  CHECK_HAS(one, "order-7");
  CHECK_HAS(one, "\\\"to\\\":[\\\"+15550002222\\\"]");
  CHECK_HAS(one, key());
  free(one);
  free(all);
}

static void an_answer_without_a_body_has_none(void) {
  calm();
  fault("{\"side\":\"api\",\"fault\":{\"respond\":{\"status\":204}}}");
  linq_request what = linq_request_default();
  what.method = "DELETE";
  what.path = "chats/1";
  linq_response *response = POISON(linq_response);
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(linq_send_request(g_client, &what, NULL, &response, &error), LINQ_OK, error);
  CHECK(response->json == NULL && response->http_status == 204);
  linq_free(response);
}

static void what_cannot_be_meant_goes_nowhere(void) {
  calm();
  linq_request bad[9];
  for (size_t i = 0; i < 9; i++) bad[i] = post("/v3/messages", MESSAGE);
  bad[0].method = NULL;
  bad[1].path = NULL;
  bad[2].path = BAD_TEXT;
  bad[3].flags = 2;
  bad[4].reserved = 1;
  bad[5].method = "get";
  bad[6].path = "https://evil.example/";
  bad[7].path = "/v3/../chats";
  bad[8].json = "{";
  static const char *const why[] = {
      "linq_request.method is NULL",        "linq_request.path is NULL",
      "linq_request.path is not UTF-8",     "linq_request.flags has an unknown bit: 0x2",
      "linq_request.reserved",              "the request's method must be",
      "the request's path must not name a", "the request's path holds a . or .. segment",
      "the request's JSON is not JSON"};
  for (size_t i = 0; i < 9; i++) {
    linq_error *error = refused(&bad[i], LINQ_INVALID_ARGUMENT);
    CHECK_HAS(error->message, why[i]);
    CHECK(error->attempts == 0 && error->idempotency_key == NULL);
    linq_free(error);
  }
  CHECK(sent("/v3/") == 0);
}

static void a_refusal_carries_what_linq_said(void) {
  calm();
  linq_request what = post("/v3/messages", "{\"to\":[]}");
  linq_error *error = refused(&what, LINQ_API);
  CHECK(error->http_status == 400 && error->api_code == 1001 && error->attempts == 1);
  CHECK_HAS(error->message, "POST /v3/messages: Linq refused with status 400, code 1001: ");
  CHECK(error->trace_id != NULL && error->idempotency_key == NULL && error->retryable == 0);
  linq_free(error);
}

/* The service did it, and the answer was lost. */
static void what_must_not_be_repeated_is_sent_once(void) {
  const char *const lost =
      "{\"side\":\"api\",\"path_contains\":\"/v3/messages\",\"times\":1,\"fault\":{\"die_before_answer\":\"close\"}}";
  linq_request what = post("/v3/messages", MESSAGE);
  what.idempotency_key = "order-8";
  calm();
  fault(lost);
  linq_error *error = refused(&what, LINQ_NETWORK);
  CHECK(error->attempts == 1 && error->retryable == 0);
  CHECK_TEXT(error->idempotency_key, "order-8");
  CHECK_HAS(error->message, "it may have been done all the same");
  linq_free(error);
  CHECK(sent("/v3/messages") == 1);

  what.flags = LINQ_REQUEST_REPEATABLE;
  calm();
  fault(lost);
  linq_response *response = POISON(linq_response);
  CHECK_STATUS(linq_send_request(g_client, &what, NULL, &response, &error), LINQ_OK, error);
  CHECK(response->http_status == 202 && sent("/v3/messages") == 2);
  linq_free(response);
}

static void cancelled_and_timed_out_as_every_call(void) {
  calm();
  fault("{\"side\":\"api\",\"times\":0,\"fault\":{\"no_answer\":true}}");
  linq_request what = post("/v3/messages", MESSAGE);
  linq_call_options call = linq_call_options_default();
  call.timeout_ms = 100;
  linq_response *response = POISON(linq_response);
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(linq_send_request(g_client, &what, &call, &response, &error), LINQ_TIMEOUT, error);
  CHECK(response == NULL && error->retryable == 0 && error->idempotency_key == NULL);
  linq_free(error);
  call.cancel = linq_cancel_token_new();
  linq_cancel_token_cancel(call.cancel);
  CHECK_STATUS(linq_send_request(g_client, &what, &call, &response, &error), LINQ_CANCELLED, error);
  CHECK(error->attempts == 0);
  linq_free(error);
  linq_free(call.cancel);
  calm();
}

/* A message of which nobody knows whether it arrived is sent again with the key that the library made up. */
static void a_message_that_may_have_arrived_tells_its_key(void) {
  calm();
  fault("{\"side\":\"api\",\"times\":0,\"fault\":{\"no_answer\":true}}");
  const char *to[] = {"+15550002222"};
  linq_message message = linq_message_default();
  message.from = from_number();
  message.to = to;
  message.to_count = 1;
  message.text = "hi";
  linq_call_options call = linq_call_options_default();
  call.timeout_ms = 200;
  linq_receipt *receipt = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_send_message(g_client, &message, &call, &receipt, &error), LINQ_TIMEOUT, error);
  CHECK(error->retryable == 1 && error->idempotency_key != NULL && LINQ_HAS(error, reserved));
  CHECK(strlen(error->idempotency_key) == 36);
  char *all = requests();
  CHECK_HAS(all, error->idempotency_key);
  free(all);
  calm();

  message.idempotency_key = error->idempotency_key;
  linq_receipt *again = NULL;
  linq_error *none = NULL;
  CHECK_STATUS(linq_send_message(g_client, &message, NULL, &receipt, &none), LINQ_OK, none);
  CHECK_STATUS(linq_send_message(g_client, &message, NULL, &again, &none), LINQ_OK, none);
  CHECK_TEXT(receipt->message_id, again->message_id);
  CHECK_TEXT(receipt->idempotency_key, error->idempotency_key);
  linq_free(receipt);
  linq_free(again);
  linq_free(error);
}

static void the_system_says_why(void) {
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload_file(g_client, "/nowhere/x.txt", NULL, &attachment, &error), LINQ_FILE, error);
  CHECK(error->system_error == ENOENT && error->reserved == 0);
  CHECK(strstr(error->message, "os error") == NULL);
  linq_free(error);
  linq_client *nobody = client_of("http://127.0.0.1:1", "key");
  linq_call_options call = linq_call_options_default();
  linq_attachment_info *info = NULL;
  call.timeout_ms = 2000;
  CHECK_STATUS(linq_attachment_get(nobody, "id", &call, &info, &error), LINQ_NETWORK, error);
  CHECK(error->system_error == ECONNREFUSED);
  linq_free(error);
  linq_free(nobody);
  linq_request what = post("/v3/messages", "{}");
  error = refused(&what, LINQ_API);
  CHECK(error->system_error == 0);
  linq_free(error);
}

int main(void) {
  g_client = client_of(api(), key());
  RUN(an_answer_is_a_result_like_any_other);
  RUN(an_answer_without_a_body_has_none);
  RUN(what_cannot_be_meant_goes_nowhere);
  RUN(a_refusal_carries_what_linq_said);
  RUN(what_must_not_be_repeated_is_sent_once);
  RUN(cancelled_and_timed_out_as_every_call);
  RUN(a_message_that_may_have_arrived_tells_its_key);
  RUN(the_system_says_why);
  linq_free(g_client);
  return done("request");
}
