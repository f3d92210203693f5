/* struct_size: callers of every age, for every struct that is passed in. Each is put into memory of exactly the size that
 * it claims, so that a sanitizer sees a look beyond it. */
#include "support/check.h"

static linq_client *g_client;
static const char *g_path;
static linq_presigned *g_presigned;

/* Calls the function that takes the struct. */
typedef linq_status (*taker)(const void *given, linq_error **error);

static linq_status take_client_options(const void *given, linq_error **error) {
  linq_client *client = POISON(linq_client);
  linq_status status = linq_client_new(given, &client, error);
  CHECK((client != NULL) == (status == LINQ_OK));
  linq_free(client);
  return status;
}

static linq_status take_file(const void *given, linq_error **error) {
  linq_presigned *presigned = POISON(linq_presigned);
  linq_status status = linq_presign(g_client, given, NULL, &presigned, error);
  CHECK((presigned != NULL) == (status == LINQ_OK));
  linq_free(presigned);
  return status;
}

static linq_status take_source(const void *given, linq_error **error) {
  linq_attachment *attachment = POISON(linq_attachment);
  linq_status status = linq_upload(g_client, given, NULL, &attachment, error);
  CHECK((attachment != NULL) == (status == LINQ_OK));
  linq_free(attachment);
  return status;
}

static linq_status take_upload_options(const void *given, linq_error **error) {
  linq_attachment *attachment = POISON(linq_attachment);
  linq_status status = linq_upload_file(g_client, g_path, given, &attachment, error);
  CHECK((attachment != NULL) == (status == LINQ_OK));
  linq_free(attachment);
  return status;
}

static linq_status take_call_options(const void *given, linq_error **error) {
  linq_file file = linq_file_default();
  file.filename = "a.txt";
  file.size_bytes = 1;
  linq_presigned *presigned = POISON(linq_presigned);
  linq_status status = linq_presign(g_client, &file, given, &presigned, error);
  CHECK((presigned != NULL) == (status == LINQ_OK));
  linq_free(presigned);
  return status;
}

static linq_status take_message(const void *given, linq_error **error) {
  linq_receipt *receipt = POISON(linq_receipt);
  linq_status status = linq_send_message(g_client, given, NULL, &receipt, error);
  CHECK((receipt != NULL) == (status == LINQ_OK));
  linq_free(receipt);
  return status;
}

static linq_status take_request(const void *given, linq_error **error) {
  linq_response *response = POISON(linq_response);
  linq_status status = linq_send_request(g_client, given, NULL, &response, error);
  CHECK((response != NULL) == (status == LINQ_OK));
  linq_free(response);
  return status;
}

static linq_status take_queue_options(const void *given, linq_error **error) {
  linq_queue *queue = POISON(linq_queue);
  linq_status status = linq_queue_new(g_client, given, &queue, error);
  CHECK((queue != NULL) == (status == LINQ_OK));
  linq_free(queue);
  return status;
}

static linq_status take_presigned(const void *given, linq_error **error) {
  linq_source source = from_memory("hello", 5);
  linq_attachment *attachment = POISON(linq_attachment);
  linq_status status = linq_upload_presigned(g_client, given, &source, NULL, &attachment, error);
  CHECK((attachment != NULL) == (status == LINQ_OK));
  linq_free(attachment);
  return status;
}

/* Memory of exactly `size` bytes, with as much of the struct as fits and zeros behind it. */
static void *resized(const void *good, size_t ours, size_t size) {
  size_t room = size > sizeof(size_t) ? size : sizeof(size_t);
  unsigned char *memory = malloc(room);
  CHECK(memory != NULL);
  memset(memory, 0, room);
  memcpy(memory, good, ours < room ? ours : room);
  memcpy(memory, &size, sizeof size);
  return memory;
}

static void refuses(taker take, const void *given, const char *name, const char *why) {
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(take(given, &error), LINQ_INVALID_ARGUMENT, error);
  CHECK(strncmp(error->message, name, strlen(name)) == 0);
  CHECK_HAS(error->message, why);
  linq_free(error);
}

static void accepts(taker take, const void *given) {
  linq_error *error = POISON(linq_error);
  CHECK_STATUS(take(given, &error), LINQ_OK, error);
  CHECK(error == NULL);
}

/* `oldest` is where a struct may end that still means the same; all that is behind it is zero in `good`. */
static void every_age(const char *name, const void *good, size_t ours, size_t oldest, taker take) {
  accepts(take, good);
  for (size_t size = oldest; size < ours; size += sizeof(uint32_t)) {
    void *older = resized(good, ours, size);
    linq_error *error = NULL;
    linq_status status = take(older, &error);
    /* In the middle of a field no version ever ended. What has 8 bytes lies at a multiple of 8, with 32 bits too. */
    CHECK(status == LINQ_OK || (status == LINQ_INVALID_ARGUMENT && size % sizeof(uint64_t) != 0));
    linq_free(error);
    free(older);
  }
  void *oldest_of_all = resized(good, ours, oldest);
  accepts(take, oldest_of_all);
  free(oldest_of_all);

  const size_t wrong[] = {0, 1, sizeof(size_t) - 1, sizeof(void *), 4097, SIZE_MAX};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    unsigned char bytes[sizeof(size_t)];
    memcpy(bytes, &wrong[i], sizeof bytes);
    void *lie = malloc(sizeof bytes);
    CHECK(lie != NULL);
    memcpy(lie, bytes, sizeof bytes);
    refuses(take, lie, name, "struct_size is ");
    free(lie);
  }
  const size_t larger[] = {ours + 1, ours + sizeof(void *), 4096};
  for (size_t i = 0; i < sizeof larger / sizeof *larger; i++) {
    unsigned char *newer = resized(good, ours, larger[i]);
    accepts(take, newer);
    for (size_t at = ours; at < larger[i]; at++) {
      if (at > ours + 64 && at < larger[i] - 64 && at % 61 != 0) continue; /* all of 4096 take too long */
      newer[at] = 1;
      refuses(take, newer, name, " sets a field that this version of the library does not know");
      newer[at] = 0;
    }
    free(newer);
  }
}

static void client_options_of_every_age(void) {
  linq_client_options good = linq_client_options_default();
  good.api_key = key();
  good.base_url = api();
  every_age("linq_client_options", &good, sizeof good, offsetof(linq_client_options, user_agent),
            take_client_options);
}

static void files_of_every_age(void) {
  linq_file good = linq_file_default();
  good.filename = "a.txt";
  good.size_bytes = 5;
  every_age("linq_file", &good, sizeof good, sizeof good, take_file);
}

static void sources_of_every_age(void) {
  linq_source good = linq_source_default();
  good.kind = LINQ_SOURCE_PATH;
  good.path = g_path;
  every_age("linq_source", &good, sizeof good, offsetof(linq_source, descriptor), take_source);
}

static void upload_options_of_every_age(void) {
  linq_upload_options good = named("renamed.txt", NULL);
  every_age("linq_upload_options", &good, sizeof good,
            offsetof(linq_upload_options, content_type), take_upload_options);
}

static void call_options_of_every_age(void) {
  linq_call_options good = linq_call_options_default();
  every_age("linq_call_options", &good, sizeof good, offsetof(linq_call_options, timeout_ms),
            take_call_options);
}

static void messages_of_every_age(void) {
  const char *to[] = {"+15550002222"};
  linq_message good = linq_message_default();
  good.from = from_number();
  good.to = to;
  good.to_count = 1;
  good.text = "hi";
  every_age("linq_message", &good, sizeof good, offsetof(linq_message, attachment_ids),
            take_message);
}

static void requests_of_every_age(void) {
  linq_request good = linq_request_default();
  char path[128];
  snprintf(path, sizeof path, "/v3/attachments/%s", g_presigned->attachment_id);
  good.method = "GET";
  good.path = path;
  every_age("linq_request", &good, sizeof good, offsetof(linq_request, json), take_request);
}

static void queue_options_of_every_age(void) {
  linq_queue_options good = linq_queue_options_default();
  good.max_in_flight = 2;
  every_age("linq_queue_options", &good, sizeof good, offsetof(linq_queue_options, reserved),
            take_queue_options);
}

/* A result may be handed back by a caller who was compiled with another version of it. */
static void presigned_of_every_age(void) {
  every_age("linq_presigned", g_presigned, sizeof *g_presigned,
            offsetof(linq_presigned, filename), take_presigned);
}

static void reserved_fields_must_be_zero(void) {
  linq_file file = linq_file_default();
  file.filename = "a.txt";
  file.size_bytes = 1;
  file.reserved = "x";
  refuses(take_file, &file, "linq_file.reserved", "must be zero");
  linq_upload_options upload = linq_upload_options_default();
  upload.reserved = 1;
  refuses(take_upload_options, &upload, "linq_upload_options.reserved", "must be zero");
  linq_call_options call = linq_call_options_default();
  call.reserved = 1;
  refuses(take_call_options, &call, "linq_call_options.reserved", "must be zero");
  linq_queue_options queue = linq_queue_options_default();
  queue.reserved = 1;
  refuses(take_queue_options, &queue, "linq_queue_options.reserved", "must be zero");
}

static void results_carry_their_size(void) {
  linq_attachment *attachment = NULL;
  linq_attachment_info *info = NULL;
  linq_error *error = NULL;
  CHECK_STATUS(linq_upload_file(g_client, g_path, NULL, &attachment, &error), LINQ_OK, error);
  CHECK(attachment->struct_size == sizeof *attachment && attachment->reserved == NULL);
  CHECK(LINQ_HAS(attachment, reserved_2) && attachment->reserved_2 == 0);
  CHECK_STATUS(linq_attachment_get(g_client, attachment->attachment_id, NULL, &info, &error),
               LINQ_OK, error);
  CHECK(info->struct_size == sizeof *info && LINQ_HAS(info, created_at_ms));
  CHECK(g_presigned->struct_size == sizeof *g_presigned && LINQ_HAS(g_presigned, size_bytes));
  linq_free(info);
  linq_free(attachment);
}

int main(void) {
  unsetenv("LINQ_API_V3_API_KEY");
  g_client = client_of(api(), key());
  g_path = file_of("struct.txt", 5);
  linq_file file = linq_file_default();
  file.filename = "a.txt";
  file.size_bytes = 5;
  CHECK(linq_presign(g_client, &file, NULL, &g_presigned, NULL) == LINQ_OK);
  RUN(client_options_of_every_age);
  RUN(files_of_every_age);
  RUN(sources_of_every_age);
  RUN(upload_options_of_every_age);
  RUN(call_options_of_every_age);
  RUN(messages_of_every_age);
  RUN(requests_of_every_age);
  RUN(queue_options_of_every_age);
  RUN(presigned_of_every_age);
  RUN(reserved_fields_must_be_zero);
  RUN(results_carry_their_size);
  linq_free(g_presigned);
  linq_free(g_client);
  return done("structs");
}
