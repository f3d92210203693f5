/* linq_client_connect: the next call has nothing to wait for. */
#include "support/check.h"

/* How many connections a listener of the sandbox has accepted. */
static int accepted(const char *listener) {
  sleep_ms(50); /* a server may see a connection later than its client does */
  char *all = control("GET", "/connections", "");
  char name[64];
  snprintf(name, sizeof name, "\"%s\":{", listener);
  char *at = strstr(all, name);
  CHECK(at != NULL);
  at = strstr(at, "\"accepted\":");
  CHECK(at != NULL);
  int count = atoi(at + strlen("\"accepted\":"));
  free(all);
  return count;
}

static linq_status connect_to(linq_client *client, const linq_presigned *place, linq_error **error) {
  *error = POISON(linq_error);
  return linq_client_connect(client, place, NULL, error);
}

static linq_presigned *place_of(linq_client *client) {
  linq_file file = linq_file_default();
  file.filename = "a.txt";
  file.size_bytes = 5;
  linq_presigned *place = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_presign(client, &file, NULL, &place, &error), LINQ_OK, error);
  return place;
}

static void the_app_with_the_key_connects_to_linq(void) {
  linq_client *client = client_of(api_tls(), key());
  linq_error *error = NULL;
  calm();
  int before = accepted("api_tls");
  CHECK_STATUS(connect_to(client, NULL, &error), LINQ_OK, error);
  CHECK(error == NULL);
  CHECK_STATUS(connect_to(client, NULL, &error), LINQ_OK, error); /* it is there */
  CHECK(accepted("api_tls") == before + 1);
  char *all = requests();
  CHECK(count(all, "\"seq\"") == 0); /* nothing was asked */
  free(all);
  linq_free(place_of(client));
  CHECK(accepted("api_tls") == before + 1);
  linq_free(client);
}

static void the_phone_without_a_key_connects_to_the_storage(void) {
  linq_client *server = client_of(api_tls(), key());
  linq_presigned *place = place_of(server);
  linq_free(server);
  linq_client *phone = client_of(NULL, NULL);
  linq_error *error = NULL;
  int before = accepted("storage_tls");
  CHECK_STATUS(connect_to(phone, place, &error), LINQ_OK, error);
  CHECK(accepted("storage_tls") == before + 1);
  linq_source source = from_memory("hello", 5);
  linq_attachment *attachment = NULL;
  CHECK_STATUS(linq_upload_presigned(phone, place, &source, NULL, &attachment, &error), LINQ_OK, error);
  CHECK(accepted("storage_tls") == before + 1);
  linq_free(attachment);
  linq_free(place);
  linq_free(phone);
}

static void it_fails_as_every_call_does(void) {
  linq_error *error = NULL;
  linq_client_options options = options_for("http://127.0.0.1:1", key());
  options.max_attempts = 1;
  linq_client *client = client_with(&options);
  CHECK_STATUS(connect_to(client, NULL, &error), LINQ_NETWORK, error);
  CHECK(error->system_error == ECONNREFUSED && error->attempts == 1 && error->retryable == 1);
  linq_free(error);
  linq_presigned bad;
  memset(&bad, 0, sizeof bad);
  bad.struct_size = sizeof bad;
  CHECK_STATUS(connect_to(client, &bad, &error), LINQ_INVALID_ARGUMENT, error);
  CHECK_TEXT(error->message, "linq_presigned.json is NULL");
  linq_free(error);
  linq_free(client);
  CHECK_STATUS(connect_to(client, NULL, &error), LINQ_INVALID_ARGUMENT, error);
  CHECK_HAS(error->message, "client is not a live linq_client");
  linq_free(error);
}

static void *cancels(void *token) {
  sleep_ms(200);
  linq_cancel_token_cancel(token);
  return NULL;
}

static void it_is_cancelled_and_has_a_deadline(void) {
  calm();
  fault("{\"side\":\"api\",\"on\":\"connect\",\"times\":0,\"fault\":{\"connect\":\"silent\"}}");
  linq_client *client = client_of(api_tls(), key());
  linq_call_options call = linq_call_options_default();
  linq_error *error = NULL;
  call.timeout_ms = 200;
  CHECK_STATUS(linq_client_connect(client, NULL, &call, &error), LINQ_TIMEOUT, error);
  linq_free(error);
  call.timeout_ms = 0;
  call.cancel = linq_cancel_token_new();
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, cancels, call.cancel) == 0);
  int64_t start = now_ms();
  CHECK_STATUS(linq_client_connect(client, NULL, &call, &error), LINQ_CANCELLED, error);
  CHECK(now_ms() - start < 400 * slow());
  pthread_join(thread, NULL);
  linq_free(error);
  linq_free(call.cancel);
  linq_free(client);
  calm();
}

static void null_is_the_default_client(void) {
  setenv("LINQ_API_V3_API_KEY", key(), 1);
  setenv("LINQ_API_V3_BASE_URL", api(), 1);
  int before = accepted("api");
  linq_error *error = NULL;
  CHECK_STATUS(connect_to(NULL, NULL, &error), LINQ_OK, error);
  CHECK(accepted("api") == before + 1);
  linq_free(place_of(NULL));
  CHECK(accepted("api") == before + 1);
}

int main(void) {
  RUN(the_app_with_the_key_connects_to_linq);
  RUN(the_phone_without_a_key_connects_to_the_storage);
  RUN(it_fails_as_every_call_does);
  RUN(it_is_cancelled_and_has_a_deadline);
  RUN(null_is_the_default_client);
  return done("connect");
}
