/* NULL everywhere, for every function: no crash, both outs set, the argument named. */
#include "support/check.h"

static linq_client *g_client;
static linq_error *g_error;

/* Expects a refusal that names the argument and leaves no result. */
static void refused(linq_status status, const void *out, const char *message) {
  CHECK_STATUS(status, LINQ_INVALID_ARGUMENT, g_error);
  CHECK(out == NULL);
  CHECK(g_error != NULL && g_error != POISON(linq_error));
  CHECK(g_error->struct_size == sizeof(linq_error) && g_error->status == LINQ_INVALID_ARGUMENT);
  CHECK_TEXT(g_error->message, message);
  CHECK(g_error->http_status == 0 && g_error->attempts == 0 && g_error->retryable == 0);
  linq_free(g_error);
  g_error = POISON(linq_error);
}

/* The call comes first, then a look at what it wrote. */
#define REFUSED(call, out, message) \
  do {                              \
    linq_status status = (call);    \
    refused(status, out, message);  \
  } while (0)

static void every_function_refuses_a_missing_argument(void) {
  linq_presigned *presigned = POISON(linq_presigned);
  linq_attachment *attachment = POISON(linq_attachment);
  linq_attachment_info *info = POISON(linq_attachment_info);
  linq_receipt *receipt = POISON(linq_receipt);
  linq_message message = linq_message_default();
  linq_source source = linq_source_default();
  linq_file file = linq_file_default();
  g_error = POISON(linq_error);

  REFUSED(linq_presign(g_client, NULL, NULL, &presigned, &g_error), presigned, "linq_file is NULL");
  presigned = POISON(linq_presigned);
  REFUSED(linq_presign(g_client, &file, NULL, &presigned, &g_error), presigned,
          "linq_file.filename is NULL");
  REFUSED(linq_upload_file(g_client, NULL, NULL, &attachment, &g_error), attachment,
          "path is NULL");
  attachment = POISON(linq_attachment);
  REFUSED(linq_upload(g_client, NULL, NULL, &attachment, &g_error), attachment,
          "linq_source is NULL");
  attachment = POISON(linq_attachment);
  source.kind = LINQ_SOURCE_PATH;
  REFUSED(linq_upload(g_client, &source, NULL, &attachment, &g_error), attachment,
          "linq_source.path is NULL");
  attachment = POISON(linq_attachment);
  source.kind = LINQ_SOURCE_READER;
  source.length = 1;
  REFUSED(linq_upload(g_client, &source, NULL, &attachment, &g_error), attachment,
          "linq_source.read is NULL");
  attachment = POISON(linq_attachment);
  source.kind = LINQ_SOURCE_BYTES;
  REFUSED(linq_upload(g_client, &source, NULL, &attachment, &g_error), attachment,
          "linq_source.bytes is NULL, but linq_source.length is 1");
  attachment = POISON(linq_attachment);
  REFUSED(linq_upload_presigned(g_client, NULL, &source, NULL, &attachment, &g_error), attachment,
          "linq_presigned is NULL");
  presigned = POISON(linq_presigned);
  REFUSED(linq_presigned_parse(NULL, 0, &presigned, &g_error), presigned, "json is NULL");
  presigned = POISON(linq_presigned);
  REFUSED(linq_presigned_parse(NULL, 9, &presigned, &g_error), presigned, "json is NULL");
  REFUSED(linq_presigned_check(NULL, 200, NULL, 0, &g_error), NULL, "linq_presigned is NULL");
  REFUSED(linq_attachment_get(g_client, NULL, NULL, &info, &g_error), info,
          "attachment_id is NULL");
  REFUSED(linq_attachment_delete(g_client, NULL, NULL, &g_error), NULL, "attachment_id is NULL");
  REFUSED(linq_send_message(g_client, NULL, NULL, &receipt, &g_error), receipt,
          "linq_message is NULL");
  receipt = POISON(linq_receipt);
  REFUSED(linq_send_message(g_client, &message, NULL, &receipt, &g_error), receipt,
          "linq_message.from is NULL");
  receipt = POISON(linq_receipt);
  message.from = from_number();
  message.to_count = 1;
  REFUSED(linq_send_message(g_client, &message, NULL, &receipt, &g_error), receipt,
          "linq_message.to is NULL, but linq_message.to_count is 1");
  receipt = POISON(linq_receipt);
  const char *to[] = {"+15550002222", NULL};
  message.to = to;
  message.to_count = 2;
  REFUSED(linq_send_message(g_client, &message, NULL, &receipt, &g_error), receipt,
          "linq_message.to[1] is NULL");
  receipt = POISON(linq_receipt);
  message.to_count = 1;
  message.attachment_count = 1;
  REFUSED(
      linq_send_message(g_client, &message, NULL, &receipt, &g_error), receipt,
      "linq_message.attachment_ids is NULL, but linq_message.attachment_count is 1");
  linq_response *response = POISON(linq_response);
  REFUSED(linq_send_request(g_client, NULL, NULL, &response, &g_error), response,
          "linq_request is NULL");
  linq_event *event = POISON(linq_event);
  REFUSED(linq_queue_next(NULL, 0, &event, &g_error), event, "queue is NULL");
  REFUSED(linq_queue_add(NULL, NULL, &source, NULL, 1, &g_error), NULL, "queue is NULL");
  linq_queue *queue = NULL;
  CHECK(linq_queue_new(g_client, NULL, &queue, NULL) == LINQ_OK);
  REFUSED(linq_queue_add(queue, NULL, NULL, NULL, 1, &g_error), NULL, "linq_source is NULL");
  REFUSED(linq_queue_next(queue, 0, NULL, &g_error), NULL,
          "event is NULL: there is nowhere to put the result");
  linq_free(queue);
}

static void a_missing_place_for_the_result_is_refused(void) {
  linq_file file = linq_file_default();
  unsigned char byte = 'x';
  linq_source source = from_memory(&byte, 1);
  linq_message message = linq_message_default();
  g_error = POISON(linq_error);
  REFUSED(linq_client_new(NULL, NULL, &g_error), NULL,
          "client is NULL: there is nowhere to put the result");
  REFUSED(linq_presign(g_client, &file, NULL, NULL, &g_error), NULL,
          "presigned is NULL: there is nowhere to put the result");
  REFUSED(linq_upload_file(g_client, "x", NULL, NULL, &g_error), NULL,
          "attachment is NULL: there is nowhere to put the result");
  REFUSED(linq_upload(g_client, &source, NULL, NULL, &g_error), NULL,
          "attachment is NULL: there is nowhere to put the result");
  REFUSED(linq_upload_presigned(g_client, NULL, &source, NULL, NULL, &g_error), NULL,
          "attachment is NULL: there is nowhere to put the result");
  REFUSED(linq_presigned_parse("{}", 2, NULL, &g_error), NULL,
          "presigned is NULL: there is nowhere to put the result");
  REFUSED(linq_attachment_get(g_client, "id", NULL, NULL, &g_error), NULL,
          "info is NULL: there is nowhere to put the result");
  REFUSED(linq_send_message(g_client, &message, NULL, NULL, &g_error), NULL,
          "receipt is NULL: there is nowhere to put the result");
  REFUSED(linq_send_request(g_client, NULL, NULL, NULL, &g_error), NULL,
          "response is NULL: there is nowhere to put the result");
  REFUSED(linq_queue_new(g_client, NULL, NULL, &g_error), NULL,
          "queue is NULL: there is nowhere to put the result");
}

static void everything_null_at_once_crashes_nothing(void) {
  CHECK(linq_client_new(NULL, NULL, NULL) == LINQ_INVALID_ARGUMENT);
  CHECK(linq_presign(NULL, NULL, NULL, NULL, NULL) == LINQ_INVALID_ARGUMENT);
  CHECK(linq_upload_file(NULL, NULL, NULL, NULL, NULL) == LINQ_INVALID_ARGUMENT);
  CHECK(linq_upload(NULL, NULL, NULL, NULL, NULL) == LINQ_INVALID_ARGUMENT);
  CHECK(linq_upload_presigned(NULL, NULL, NULL, NULL, NULL, NULL) == LINQ_INVALID_ARGUMENT);
  CHECK(linq_presigned_parse(NULL, 0, NULL, NULL) == LINQ_INVALID_ARGUMENT);
  CHECK(linq_attachment_get(NULL, NULL, NULL, NULL, NULL) == LINQ_INVALID_ARGUMENT);
  CHECK(linq_attachment_delete(NULL, NULL, NULL, NULL) == LINQ_INVALID_ARGUMENT);
  CHECK(linq_send_message(NULL, NULL, NULL, NULL, NULL) == LINQ_INVALID_ARGUMENT);
  CHECK(linq_send_request(NULL, NULL, NULL, NULL, NULL) == LINQ_INVALID_ARGUMENT);
  CHECK(linq_content_type(NULL, NULL, 0) == NULL);
  CHECK(linq_content_type(NULL, NULL, 9) == NULL);
  linq_cancel_token_cancel(NULL);
  CHECK(linq_queue_new(NULL, NULL, NULL, NULL) == LINQ_INVALID_ARGUMENT);
  CHECK(linq_queue_add(NULL, NULL, NULL, NULL, 0, NULL) == LINQ_INVALID_ARGUMENT);
  CHECK(linq_queue_next(NULL, 0, NULL, NULL) == LINQ_INVALID_ARGUMENT);
  CHECK(linq_queue_descriptor(NULL) == -1);
  linq_queue_cancel(NULL, LINQ_QUEUE_ALL);
  CHECK(linq_set_log(NULL, NULL, 0) == LINQ_OK);
  linq_free(NULL);
}

static void the_error_may_be_left_out(void) {
  linq_attachment *attachment = POISON(linq_attachment);
  CHECK(linq_upload_file(g_client, NULL, NULL, &attachment, NULL) == LINQ_INVALID_ARGUMENT);
  CHECK(attachment == NULL);
  CHECK(linq_upload_file(g_client, "/nowhere/x.txt", NULL, &attachment, NULL) == LINQ_FILE);
  CHECK(linq_attachment_delete(g_client, NULL, NULL, NULL) == LINQ_INVALID_ARGUMENT);
}

static void outs_are_overwritten_on_success_too(void) {
  linq_attachment *attachment = POISON(linq_attachment);
  linq_error *error = POISON(linq_error);
  unsigned char *bytes = bytes_of(10);
  linq_source source = from_memory(bytes, 10);
  linq_upload_options options = named("a.txt", NULL);
  CHECK_STATUS(linq_upload(g_client, &source, &options, &attachment, &error), LINQ_OK, error);
  CHECK(attachment != NULL && attachment != POISON(linq_attachment));
  CHECK(error == NULL);
  CHECK_STATUS(linq_attachment_delete(g_client, attachment->attachment_id, NULL, &error), LINQ_OK,
               error);
  CHECK(error == NULL);
  linq_free(attachment);
  free(bytes);
}

int main(void) {
  g_client = client_of(api(), key());
  RUN(every_function_refuses_a_missing_argument);
  RUN(a_missing_place_for_the_result_is_refused);
  RUN(everything_null_at_once_crashes_nothing);
  RUN(the_error_may_be_left_out);
  RUN(outs_are_overwritten_on_success_too);
  linq_free(g_client);
  return done("nulls");
}
