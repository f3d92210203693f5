/* Where every field of every public struct lies, on 32 and on 64 bits. What is written here is compiled into callers: a
 * line may be added, and never changed. scripts/abi compares it with the library, and compiles it for 32 bits as well. */
#include "support/check.h"

#define WIDE (sizeof(void *) == 8)
#define SIZE(type, small, large) _Static_assert(sizeof(type) == (WIDE ? large : small), #type)
#define AT(type, field, small, large) \
  _Static_assert(offsetof(type, field) == (WIDE ? large : small), #type "." #field)

SIZE(linq_client_options, 44, 72);
AT(linq_client_options, struct_size, 0, 0);
AT(linq_client_options, api_key, 4, 8);
AT(linq_client_options, base_url, 8, 16);
AT(linq_client_options, user_agent, 12, 24);
AT(linq_client_options, ca_file, 16, 32);
AT(linq_client_options, ca_pem, 20, 40);
AT(linq_client_options, proxy, 24, 48);
AT(linq_client_options, flags, 28, 56);
AT(linq_client_options, connect_timeout_ms, 32, 60);
AT(linq_client_options, stall_timeout_ms, 36, 64);
AT(linq_client_options, max_attempts, 40, 68);

SIZE(linq_file, 24, 40);
AT(linq_file, struct_size, 0, 0);
AT(linq_file, filename, 4, 8);
AT(linq_file, content_type, 8, 16);
AT(linq_file, reserved, 12, 24);
AT(linq_file, size_bytes, 16, 32);

SIZE(linq_source, 48, 72);
AT(linq_source, struct_size, 0, 0);
AT(linq_source, path, 4, 8);
AT(linq_source, bytes, 8, 16);
AT(linq_source, read, 12, 24);
AT(linq_source, rewind, 16, 32);
AT(linq_source, user_data, 20, 40);
AT(linq_source, offset, 24, 48);
AT(linq_source, length, 32, 56);
AT(linq_source, kind, 40, 64);
AT(linq_source, descriptor, 44, 68);

SIZE(linq_upload_options, 48, 88);
AT(linq_upload_options, struct_size, 0, 0);
AT(linq_upload_options, filename, 4, 8);
AT(linq_upload_options, content_type, 8, 16);
AT(linq_upload_options, progress, 12, 24);
AT(linq_upload_options, user_data, 16, 32);
AT(linq_upload_options, cancel, 20, 40);
AT(linq_upload_options, timeout_ms, 24, 48);
AT(linq_upload_options, reserved, 28, 52);
AT(linq_upload_options, renew, 32, 56);
AT(linq_upload_options, renew_user_data, 36, 64);
AT(linq_upload_options, attempt, 40, 72);
AT(linq_upload_options, attempt_user_data, 44, 80);

SIZE(linq_call_options, 24, 40);
AT(linq_call_options, struct_size, 0, 0);
AT(linq_call_options, cancel, 4, 8);
AT(linq_call_options, timeout_ms, 8, 16);
AT(linq_call_options, reserved, 12, 20);
AT(linq_call_options, attempt, 16, 24);
AT(linq_call_options, attempt_user_data, 20, 32);

SIZE(linq_message, 32, 64);
AT(linq_message, struct_size, 0, 0);
AT(linq_message, from, 4, 8);
AT(linq_message, to, 8, 16);
AT(linq_message, to_count, 12, 24);
AT(linq_message, text, 16, 32);
AT(linq_message, attachment_ids, 20, 40);
AT(linq_message, attachment_count, 24, 48);
AT(linq_message, idempotency_key, 28, 56);

SIZE(linq_presigned, 64, 112);
AT(linq_presigned, struct_size, 0, 0);
AT(linq_presigned, attachment_id, 4, 8);
AT(linq_presigned, upload_url, 8, 16);
AT(linq_presigned, download_url, 12, 24);
AT(linq_presigned, http_method, 16, 32);
AT(linq_presigned, expires_at, 20, 40);
AT(linq_presigned, headers, 24, 48);
AT(linq_presigned, header_count, 28, 56);
AT(linq_presigned, json, 32, 64);
AT(linq_presigned, filename, 36, 72);
AT(linq_presigned, content_type, 40, 80);
AT(linq_presigned, reserved, 44, 88);
AT(linq_presigned, expires_at_ms, 48, 96);
AT(linq_presigned, size_bytes, 56, 104);

SIZE(linq_attachment, 40, 64);
AT(linq_attachment, struct_size, 0, 0);
AT(linq_attachment, attachment_id, 4, 8);
AT(linq_attachment, download_url, 8, 16);
AT(linq_attachment, filename, 12, 24);
AT(linq_attachment, content_type, 16, 32);
AT(linq_attachment, reserved, 20, 40);
AT(linq_attachment, size_bytes, 24, 48);
AT(linq_attachment, attempts, 32, 56);
AT(linq_attachment, reserved_2, 36, 60);

SIZE(linq_attachment_info, 48, 80);
AT(linq_attachment_info, struct_size, 0, 0);
AT(linq_attachment_info, attachment_id, 4, 8);
AT(linq_attachment_info, filename, 8, 16);
AT(linq_attachment_info, content_type, 12, 24);
AT(linq_attachment_info, created_at, 16, 32);
AT(linq_attachment_info, download_url, 20, 40);
AT(linq_attachment_info, status, 24, 48);
AT(linq_attachment_info, reserved, 28, 56);
AT(linq_attachment_info, size_bytes, 32, 64);
AT(linq_attachment_info, created_at_ms, 40, 72);

SIZE(linq_receipt, 16, 32);
AT(linq_receipt, struct_size, 0, 0);
AT(linq_receipt, chat_id, 4, 8);
AT(linq_receipt, message_id, 8, 16);
AT(linq_receipt, idempotency_key, 12, 24);

SIZE(linq_request, 28, 48);
AT(linq_request, struct_size, 0, 0);
AT(linq_request, method, 4, 8);
AT(linq_request, path, 8, 16);
AT(linq_request, json, 12, 24);
AT(linq_request, idempotency_key, 16, 32);
AT(linq_request, flags, 20, 40);
AT(linq_request, reserved, 24, 44);

SIZE(linq_response, 20, 32);
AT(linq_response, struct_size, 0, 0);
AT(linq_response, json, 4, 8);
AT(linq_response, trace_id, 8, 16);
AT(linq_response, http_status, 12, 24);
AT(linq_response, reserved, 16, 28);

SIZE(linq_error, 68, 104);
AT(linq_error, struct_size, 0, 0);
AT(linq_error, message, 4, 8);
AT(linq_error, storage_code, 8, 16);
AT(linq_error, storage_request_id, 12, 24);
AT(linq_error, storage_id_2, 16, 32);
AT(linq_error, doc_url, 20, 40);
AT(linq_error, trace_id, 24, 48);
AT(linq_error, attachment_id, 28, 56);
AT(linq_error, status, 32, 64);
AT(linq_error, http_status, 36, 68);
AT(linq_error, api_code, 40, 72);
AT(linq_error, retry_after_ms, 44, 76);
AT(linq_error, attempts, 48, 80);
AT(linq_error, retryable, 52, 84);
AT(linq_error, idempotency_key, 56, 88);
AT(linq_error, system_error, 60, 96);
AT(linq_error, reserved, 64, 100);

SIZE(linq_queue_options, 12, 16);
AT(linq_queue_options, struct_size, 0, 0);
AT(linq_queue_options, max_in_flight, 4, 8);
AT(linq_queue_options, reserved, 8, 12);

SIZE(linq_event, 72, 88);
AT(linq_event, struct_size, 0, 0);
AT(linq_event, attachment, 4, 8);
AT(linq_event, error, 8, 16);
AT(linq_event, reserved, 12, 24);
AT(linq_event, tag, 16, 32);
AT(linq_event, sent, 24, 40);
AT(linq_event, total, 32, 48);
AT(linq_event, remaining, 40, 56);
AT(linq_event, kind, 48, 64);
AT(linq_event, reserved_2, 52, 68);
AT(linq_event, attempt, 56, 72);
AT(linq_event, max_attempts, 60, 76);
AT(linq_event, step, 64, 80);
AT(linq_event, again_in_ms, 68, 84);
SIZE(linq_attempt, 120, 136);
AT(linq_attempt, struct_size, 0, 0);
AT(linq_attempt, host, 4, 8);
AT(linq_attempt, request_id, 8, 16);
AT(linq_attempt, reason, 12, 24);
AT(linq_attempt, bytes_sent, 16, 32);
AT(linq_attempt, bytes_received, 24, 40);
AT(linq_attempt, lookup_us, 32, 48);
AT(linq_attempt, connect_us, 40, 56);
AT(linq_attempt, proxy_us, 48, 64);
AT(linq_attempt, tls_us, 56, 72);
AT(linq_attempt, send_us, 64, 80);
AT(linq_attempt, wait_us, 72, 88);
AT(linq_attempt, receive_us, 80, 96);
AT(linq_attempt, total_us, 88, 104);
AT(linq_attempt, step, 96, 112);
AT(linq_attempt, number, 100, 116);
AT(linq_attempt, http_status, 104, 120);
AT(linq_attempt, status, 108, 124);
AT(linq_attempt, reused, 112, 128);
AT(linq_attempt, again_in_ms, 116, 132);

SIZE(linq_header, 8, 16);
AT(linq_header, name, 0, 0);
AT(linq_header, value, 4, 8);

/* The compiler has said it all. */
int main(void) { return done("layout"); }
