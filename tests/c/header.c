/* The header by itself: sizes without a gap, versions, names, the _default() functions. */
#include "support/check.h"

#include <linq.h> /* a second time */
#include <stddef.h>

#define WIDE (sizeof(void *) == 8)
#define SIZE(type, small, large) \
  _Static_assert(sizeof(type) == (WIDE ? (large) : (small)), #type)
/* Each field begins where the one before it ends: no implicit padding. */
#define NEXT(type, field, next) \
  _Static_assert(offsetof(type, field) + sizeof(((type *)0)->field) == offsetof(type, next), #type)
#define LAST(type, field) \
  _Static_assert(offsetof(type, field) + sizeof(((type *)0)->field) == sizeof(type), #type)

SIZE(linq_client_options, 44, 72);
NEXT(linq_client_options, struct_size, api_key);
NEXT(linq_client_options, api_key, base_url);
NEXT(linq_client_options, base_url, user_agent);
NEXT(linq_client_options, user_agent, ca_file);
NEXT(linq_client_options, ca_file, ca_pem);
NEXT(linq_client_options, ca_pem, proxy);
NEXT(linq_client_options, proxy, flags);
NEXT(linq_client_options, flags, connect_timeout_ms);
NEXT(linq_client_options, connect_timeout_ms, stall_timeout_ms);
NEXT(linq_client_options, stall_timeout_ms, max_attempts);
LAST(linq_client_options, max_attempts);

SIZE(linq_file, 24, 40);
NEXT(linq_file, struct_size, filename);
NEXT(linq_file, filename, content_type);
NEXT(linq_file, content_type, reserved);
NEXT(linq_file, reserved, size_bytes);
LAST(linq_file, size_bytes);

SIZE(linq_source, 48, 72);
NEXT(linq_source, struct_size, path);
NEXT(linq_source, path, bytes);
NEXT(linq_source, bytes, read);
NEXT(linq_source, read, rewind);
NEXT(linq_source, rewind, user_data);
NEXT(linq_source, user_data, offset);
NEXT(linq_source, offset, length);
NEXT(linq_source, length, kind);
NEXT(linq_source, kind, descriptor);
LAST(linq_source, descriptor);

SIZE(linq_upload_options, 48, 88);
NEXT(linq_upload_options, struct_size, filename);
NEXT(linq_upload_options, filename, content_type);
NEXT(linq_upload_options, content_type, progress);
NEXT(linq_upload_options, progress, user_data);
NEXT(linq_upload_options, user_data, cancel);
NEXT(linq_upload_options, cancel, timeout_ms);
NEXT(linq_upload_options, timeout_ms, reserved);
NEXT(linq_upload_options, reserved, renew);
NEXT(linq_upload_options, renew, renew_user_data);
NEXT(linq_upload_options, renew_user_data, attempt);
NEXT(linq_upload_options, attempt, attempt_user_data);
LAST(linq_upload_options, attempt_user_data);

SIZE(linq_call_options, 24, 40);
NEXT(linq_call_options, struct_size, cancel);
NEXT(linq_call_options, cancel, timeout_ms);
NEXT(linq_call_options, timeout_ms, reserved);
NEXT(linq_call_options, reserved, attempt);
NEXT(linq_call_options, attempt, attempt_user_data);
LAST(linq_call_options, attempt_user_data);

SIZE(linq_message, 32, 64);
NEXT(linq_message, struct_size, from);
NEXT(linq_message, from, to);
NEXT(linq_message, to, to_count);
NEXT(linq_message, to_count, text);
NEXT(linq_message, text, attachment_ids);
NEXT(linq_message, attachment_ids, attachment_count);
NEXT(linq_message, attachment_count, idempotency_key);
LAST(linq_message, idempotency_key);

SIZE(linq_header, 8, 16);
NEXT(linq_header, name, value);
LAST(linq_header, value);

SIZE(linq_presigned, 64, 112);
NEXT(linq_presigned, struct_size, attachment_id);
NEXT(linq_presigned, attachment_id, upload_url);
NEXT(linq_presigned, upload_url, download_url);
NEXT(linq_presigned, download_url, http_method);
NEXT(linq_presigned, http_method, expires_at);
NEXT(linq_presigned, expires_at, headers);
NEXT(linq_presigned, headers, header_count);
NEXT(linq_presigned, header_count, json);
NEXT(linq_presigned, json, filename);
NEXT(linq_presigned, filename, content_type);
NEXT(linq_presigned, content_type, reserved);
NEXT(linq_presigned, reserved, expires_at_ms);
NEXT(linq_presigned, expires_at_ms, size_bytes);
LAST(linq_presigned, size_bytes);

SIZE(linq_attachment, 40, 64);
NEXT(linq_attachment, struct_size, attachment_id);
NEXT(linq_attachment, attachment_id, download_url);
NEXT(linq_attachment, download_url, filename);
NEXT(linq_attachment, filename, content_type);
NEXT(linq_attachment, content_type, reserved);
NEXT(linq_attachment, reserved, size_bytes);
NEXT(linq_attachment, size_bytes, attempts);
NEXT(linq_attachment, attempts, reserved_2);
LAST(linq_attachment, reserved_2);

SIZE(linq_attachment_info, 48, 80);
NEXT(linq_attachment_info, struct_size, attachment_id);
NEXT(linq_attachment_info, attachment_id, filename);
NEXT(linq_attachment_info, filename, content_type);
NEXT(linq_attachment_info, content_type, created_at);
NEXT(linq_attachment_info, created_at, download_url);
NEXT(linq_attachment_info, download_url, status);
NEXT(linq_attachment_info, status, reserved);
NEXT(linq_attachment_info, reserved, size_bytes);
NEXT(linq_attachment_info, size_bytes, created_at_ms);
LAST(linq_attachment_info, created_at_ms);

SIZE(linq_receipt, 16, 32);
NEXT(linq_receipt, struct_size, chat_id);
NEXT(linq_receipt, chat_id, message_id);
NEXT(linq_receipt, message_id, idempotency_key);
LAST(linq_receipt, idempotency_key);

SIZE(linq_request, 28, 48);
NEXT(linq_request, struct_size, method);
NEXT(linq_request, method, path);
NEXT(linq_request, path, json);
NEXT(linq_request, json, idempotency_key);
NEXT(linq_request, idempotency_key, flags);
NEXT(linq_request, flags, reserved);
LAST(linq_request, reserved);

SIZE(linq_response, 20, 32);
NEXT(linq_response, struct_size, json);
NEXT(linq_response, json, trace_id);
NEXT(linq_response, trace_id, http_status);
NEXT(linq_response, http_status, reserved);
LAST(linq_response, reserved);

SIZE(linq_error, 68, 104);
NEXT(linq_error, struct_size, message);
NEXT(linq_error, message, storage_code);
NEXT(linq_error, storage_code, storage_request_id);
NEXT(linq_error, storage_request_id, storage_id_2);
NEXT(linq_error, storage_id_2, doc_url);
NEXT(linq_error, doc_url, trace_id);
NEXT(linq_error, trace_id, attachment_id);
NEXT(linq_error, attachment_id, status);
NEXT(linq_error, status, http_status);
NEXT(linq_error, http_status, api_code);
NEXT(linq_error, api_code, retry_after_ms);
NEXT(linq_error, retry_after_ms, attempts);
NEXT(linq_error, attempts, retryable);
NEXT(linq_error, retryable, idempotency_key);
NEXT(linq_error, idempotency_key, system_error);
NEXT(linq_error, system_error, reserved);
LAST(linq_error, reserved);

SIZE(linq_queue_options, 12, 16);
NEXT(linq_queue_options, struct_size, max_in_flight);
NEXT(linq_queue_options, max_in_flight, reserved);
LAST(linq_queue_options, reserved);

SIZE(linq_event, 72, 88);
NEXT(linq_event, struct_size, attachment);
NEXT(linq_event, attachment, error);
NEXT(linq_event, error, reserved);
NEXT(linq_event, reserved, tag);
NEXT(linq_event, tag, sent);
NEXT(linq_event, sent, total);
NEXT(linq_event, total, remaining);
NEXT(linq_event, remaining, kind);
NEXT(linq_event, kind, reserved_2);
NEXT(linq_event, reserved_2, attempt);
NEXT(linq_event, attempt, max_attempts);
NEXT(linq_event, max_attempts, step);
NEXT(linq_event, step, again_in_ms);
LAST(linq_event, again_in_ms);

_Static_assert(LINQ_QUEUE_ALL == UINT64_MAX && sizeof LINQ_QUEUE_ALL == 8, "UINT64_MAX");
SIZE(linq_attempt, 120, 136);
NEXT(linq_attempt, struct_size, host);
NEXT(linq_attempt, host, request_id);
NEXT(linq_attempt, request_id, reason);
NEXT(linq_attempt, reason, bytes_sent);
NEXT(linq_attempt, bytes_sent, bytes_received);
NEXT(linq_attempt, bytes_received, lookup_us);
NEXT(linq_attempt, lookup_us, connect_us);
NEXT(linq_attempt, connect_us, proxy_us);
NEXT(linq_attempt, proxy_us, tls_us);
NEXT(linq_attempt, tls_us, send_us);
NEXT(linq_attempt, send_us, wait_us);
NEXT(linq_attempt, wait_us, receive_us);
NEXT(linq_attempt, receive_us, total_us);
NEXT(linq_attempt, total_us, step);
NEXT(linq_attempt, step, number);
NEXT(linq_attempt, number, http_status);
NEXT(linq_attempt, http_status, status);
NEXT(linq_attempt, status, reused);
NEXT(linq_attempt, reused, again_in_ms);
LAST(linq_attempt, again_in_ms);

_Static_assert(sizeof(linq_status) == 4 && (linq_status)-1 < 0, "int32_t");

static void versions_agree(void) {
  char text[32];
  snprintf(text, sizeof text, "%d.%d.%d", LINQ_VERSION_MAJOR, LINQ_VERSION_MINOR,
           LINQ_VERSION_PATCH);
  CHECK_TEXT(LINQ_VERSION_STRING, text);
  CHECK_TEXT(linq_version(), LINQ_VERSION_STRING);
  CHECK(linq_version() == linq_version());
  CHECK(linq_abi_version() == LINQ_ABI_VERSION);
  CHECK_TEXT(linq_version(), getenv("LINQ_TEST_CARGO_VERSION"));
}

static void every_status_has_a_name(void) {
  static const struct {
    linq_status status;
    const char *name;
  } all[] = {
      {0, "LINQ_OK"},
      {1, "LINQ_INVALID_ARGUMENT"},
      {2, "LINQ_FILE"},
      {3, "LINQ_UNSUPPORTED"},
      {4, "LINQ_NETWORK"},
      {5, "LINQ_TLS"},
      {6, "LINQ_TIMEOUT"},
      {7, "LINQ_CANCELLED"},
      {8, "LINQ_UNAUTHORIZED"},
      {9, "LINQ_NOT_FOUND"},
      {10, "LINQ_RATE_LIMITED"},
      {11, "LINQ_API"},
      {12, "LINQ_STORAGE"},
      {13, "LINQ_EXPIRED"},
      {14, "LINQ_PROTOCOL"},
      {15, "LINQ_NO_MEMORY"},
      {16, "LINQ_INTERNAL"},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    CHECK_TEXT(linq_status_name(all[i].status), all[i].name);
  CHECK(LINQ_OK == 0 && LINQ_INVALID_ARGUMENT == 1 && LINQ_FILE == 2 && LINQ_UNSUPPORTED == 3);
  CHECK(LINQ_NETWORK == 4 && LINQ_TLS == 5 && LINQ_TIMEOUT == 6 && LINQ_CANCELLED == 7);
  CHECK(LINQ_UNAUTHORIZED == 8 && LINQ_NOT_FOUND == 9 && LINQ_RATE_LIMITED == 10);
  CHECK(LINQ_API == 11 && LINQ_STORAGE == 12 && LINQ_EXPIRED == 13 && LINQ_PROTOCOL == 14);
  CHECK(LINQ_NO_MEMORY == 15 && LINQ_INTERNAL == 16);
}

static void an_unknown_status_is_internal(void) {
  CHECK_TEXT(linq_status_name(17), "LINQ_INTERNAL");
  CHECK_TEXT(linq_status_name(-1), "LINQ_INTERNAL");
  CHECK_TEXT(linq_status_name(INT32_MAX), "LINQ_INTERNAL");
  CHECK_TEXT(linq_status_name(INT32_MIN), "LINQ_INTERNAL");
}

/* All zero but for the size, which is the caller's. */
static int fresh(const void *options, size_t size) {
  const unsigned char *bytes = options;
  size_t found;
  memcpy(&found, bytes, sizeof found);
  for (size_t i = sizeof found; i < size; i++)
    if (bytes[i] != 0) return 0;
  return found == size;
}

static void defaults_are_the_callers_size_and_zeros(void) {
  linq_client_options client = linq_client_options_default();
  linq_file file = linq_file_default();
  linq_source source = linq_source_default();
  linq_upload_options upload = linq_upload_options_default();
  linq_call_options call = linq_call_options_default();
  linq_message message = linq_message_default();
  CHECK(fresh(&client, sizeof client) && fresh(&file, sizeof file));
  CHECK(fresh(&source, sizeof source) && fresh(&upload, sizeof upload));
  CHECK(fresh(&call, sizeof call) && fresh(&message, sizeof message));
  linq_queue_options queue = linq_queue_options_default();
  CHECK(fresh(&queue, sizeof queue));
}

static void has_tells_whether_a_field_is_there(void) {
  linq_attachment attachment;
  memset(&attachment, 0, sizeof attachment);
  attachment.struct_size = sizeof attachment;
  CHECK(LINQ_HAS(&attachment, attachment_id) && LINQ_HAS(&attachment, attempts));
  CHECK(LINQ_HAS(&attachment, reserved_2));
  attachment.struct_size = offsetof(linq_attachment, attempts); /* an older library made it */
  CHECK(LINQ_HAS(&attachment, size_bytes) && !LINQ_HAS(&attachment, attempts));
  attachment.struct_size += 2; /* not wholly there */
  CHECK(!LINQ_HAS(&attachment, attempts));
}

int main(void) {
  RUN(versions_agree);
  RUN(every_status_has_a_name);
  RUN(an_unknown_status_is_internal);
  RUN(defaults_are_the_callers_size_and_zeros);
  RUN(has_tells_whether_a_field_is_there);
  return done("header");
}
