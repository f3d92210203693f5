/* NULL as client: made from the environment at the first success, kept until exit, and never looking again. */
#include "support/check.h"

static linq_status upload(linq_client *client, linq_error **error) {
  linq_source source = from_memory("hello", 5);
  linq_upload_options options = named("a.txt", NULL);
  linq_attachment *attachment = POISON(linq_attachment);
  linq_status status = linq_upload(client, &source, &options, &attachment, error);
  CHECK((attachment != NULL) == (status == LINQ_OK));
  linq_free(attachment);
  return status;
}

static void an_environment_that_cannot_be_meant_is_told_and_does_not_stick(void) {
  linq_error *error = NULL;
  setenv("LINQ_API_V3_BASE_URL", "http://example.com", 1);
  CHECK_STATUS(upload(NULL, &error), LINQ_INVALID_ARGUMENT, error);
  CHECK_HAS(error->message, "https");
  linq_free(error);
}

static void without_a_key_nothing_is_sent_and_it_does_not_stick(void) {
  linq_error *error = NULL;
  calm();
  setenv("LINQ_API_V3_BASE_URL", api(), 1);
  unsetenv("LINQ_API_V3_API_KEY");
  CHECK_STATUS(upload(NULL, &error), LINQ_UNAUTHORIZED, error);
  linq_free(error);
  setenv("LINQ_API_V3_API_KEY", "", 1); /* empty counts as unset */
  CHECK_STATUS(upload(NULL, &error), LINQ_UNAUTHORIZED, error);
  linq_free(error);
  char *all = requests();
  CHECK_TEXT(request(all, "", "", 0), NULL);
  free(all);
}

/* How many connections to the API and the storage were made since the counts were forgotten. */
static int connections(void) {
  char *all = control("GET", "/connections", "");
  int made = 0;
  static const char *const listeners[] = {"\"api\":{\"accepted\":", "\"storage\":{\"accepted\":"};
  for (size_t i = 0; i < 2; i++) {
    const char *at = strstr(all, listeners[i]);
    CHECK(at != NULL);
    made += atoi(at + strlen(listeners[i]));
  }
  free(all);
  return made;
}

static void upload_without_a_key(const linq_presigned *place) {
  linq_source source = from_memory("hello", 5);
  linq_attachment *attachment = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload_presigned(NULL, place, &source, NULL, &attachment, &error), LINQ_OK,
               error);
  CHECK_TEXT(attachment->attachment_id, place->attachment_id);
  linq_free(attachment);
}

/* One client, which is kept like the one with a key. */
static void without_a_key_it_uploads_presigned(void) {
  linq_client *server = client_of(api(), key());
  linq_file file = linq_file_default();
  file.filename = "a.txt";
  file.size_bytes = 5;
  linq_presigned *places[2] = {NULL, NULL};
  for (int i = 0; i < 2; i++) CHECK(linq_presign(server, &file, NULL, &places[i], NULL) == LINQ_OK);
  upload_without_a_key(places[0]);
  free(control("DELETE", "/connections", ""));
  setenv("LINQ_API_V3_BASE_URL", "http://example.com", 1); /* nobody looks at it again */
  setenv("https_proxy", "nonsense://", 1);
  upload_without_a_key(places[1]);
  CHECK(connections() == 0);
  unsetenv("https_proxy");
  setenv("LINQ_API_V3_BASE_URL", api(), 1);
  linq_free(places[0]);
  linq_free(places[1]);
  linq_free(server);
}

static void *uploads(void *unused) {
  (void)unused;
  linq_error *error = NULL;
  CHECK_STATUS(upload(NULL, &error), LINQ_OK, error);
  return NULL;
}

static void many_threads_make_it_at_once(void) {
  setenv("LINQ_API_V3_API_KEY", key(), 1);
  pthread_t threads[8];
  for (int i = 0; i < 8; i++) CHECK(pthread_create(&threads[i], NULL, uploads, NULL) == 0);
  for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
}

static void the_environment_is_not_looked_at_again(void) {
  linq_error *error = NULL;
  setenv("LINQ_API_V3_API_KEY", "another-key", 1);
  setenv("LINQ_API_V3_BASE_URL", "http://127.0.0.1:1", 1);
  CHECK_STATUS(upload(NULL, &error), LINQ_OK, error);
  unsetenv("LINQ_API_V3_API_KEY");
  unsetenv("LINQ_API_V3_BASE_URL");
  CHECK_STATUS(upload(NULL, &error), LINQ_OK, error);
}

static void it_is_one_client_with_one_pool(void) {
  linq_error *error = NULL;
  CHECK_STATUS(upload(NULL, &error), LINQ_OK, error);
  free(control("DELETE", "/connections", ""));
  for (int i = 0; i < 10; i++) CHECK_STATUS(upload(NULL, &error), LINQ_OK, error);
  CHECK(connections() == 0); /* none anew */
}

static void every_function_that_takes_a_client_takes_null(void) {
  linq_error *error = NULL;
  linq_attachment *attachment = NULL;
  linq_attachment_info *info = NULL;
  linq_presigned *place = NULL;
  linq_receipt *receipt = NULL;
  CHECK_STATUS(linq_upload_file(NULL, file_of("a.txt", 5), NULL, &attachment, &error), LINQ_OK,
               error);
  CHECK_STATUS(linq_attachment_get(NULL, attachment->attachment_id, NULL, &info, &error), LINQ_OK,
               error);
  const char *to[] = {"+15550002222"}, *ids[] = {attachment->attachment_id};
  linq_message message = linq_message_default();
  message.from = from_number();
  message.to = to;
  message.to_count = 1;
  message.attachment_ids = ids;
  message.attachment_count = 1;
  CHECK_STATUS(linq_send_message(NULL, &message, NULL, &receipt, &error), LINQ_OK, error);
  CHECK_STATUS(linq_attachment_delete(NULL, attachment->attachment_id, NULL, &error), LINQ_OK,
               error);
  linq_free(attachment);
  linq_file file = linq_file_default();
  file.filename = "a.txt";
  file.size_bytes = 5;
  CHECK_STATUS(linq_presign(NULL, &file, NULL, &place, &error), LINQ_OK, error);
  linq_source source = from_memory("hello", 5);
  CHECK_STATUS(linq_upload_presigned(NULL, place, &source, NULL, &attachment, &error), LINQ_OK,
               error);
  linq_free(attachment);
  linq_free(info);
  linq_free(place);
  linq_free(receipt);
}

int main(void) {
  RUN(an_environment_that_cannot_be_meant_is_told_and_does_not_stick);
  RUN(without_a_key_nothing_is_sent_and_it_does_not_stick);
  RUN(without_a_key_it_uploads_presigned);
  RUN(many_threads_make_it_at_once);
  RUN(the_environment_is_not_looked_at_again);
  RUN(it_is_one_client_with_one_pool);
  RUN(every_function_that_takes_a_client_takes_null);
  return done("default_client");
}
