//! Every type and constant of linq.h, in the header's order; no code.
//!
//! cbindgen copies the comments into the header, where they are the manual for C. That is why this file is long.
//! `cbindgen.toml` has the rules that hold for everything, and says where each declaration stands.

use std::ffi::{c_char, c_void};

/// The result of a call. LINQ_OK is 0; every other number is a failure and never changes its
/// meaning. Numbers may be added: treat one you do not know as LINQ_INTERNAL.
pub type linq_status = i32;

/// A client: holds the API key, the settings and the pooled connections. Opaque; made by
/// linq_client_new, freed by linq_free. May be used from any thread at the same time; one per
/// process is usually enough.
pub struct linq_client {
    _opaque: (),
}

/// An uploaded file. Returned by the upload functions; free it with linq_free.
#[repr(C)]
pub struct linq_attachment {
    /// Set by the library; see LINQ_HAS.
    pub struct_size: usize,
    /// For any number of messages while it exists: an ephemeral attachment is removed 24 to 48
    /// hours after the upload, a persistent one when it is deleted. After that, calls that use it
    /// return LINQ_NOT_FOUND.
    pub attachment_id: *const c_char,
    /// Where the file can be downloaded. NULL if Linq did not send it.
    pub download_url: *const c_char,
    /// The declared name; "" if the presigned JSON did not have it.
    pub filename: *const c_char,
    /// The declared content type; "" if the presigned JSON did not have it.
    pub content_type: *const c_char,
    /// NULL.
    pub reserved: *const c_void,
    /// The size of the file.
    pub size_bytes: u64,
    /// How many attempts the call made in all.
    pub attempts: u32,
    /// 0.
    pub reserved_2: u32,
}

/// What failed, on what, why, and what to do about it. Contains no secret. Free it with
/// linq_free.
#[repr(C)]
pub struct linq_error {
    /// Set by the library; see LINQ_HAS.
    pub struct_size: usize,
    /// A sentence for people, never NULL. Its wording may change: use the other fields to decide
    /// what to do.
    pub message: *const c_char,
    /// The storage host's own error code, such as "SignatureDoesNotMatch". NULL: none.
    pub storage_code: *const c_char,
    /// The storage host's request id, for its support. NULL: none.
    pub storage_request_id: *const c_char,
    /// The storage host's second id (x-amz-id-2), for its support too. NULL: none.
    pub storage_id_2: *const c_char,
    /// Linq's documentation page for api_code. NULL: none.
    pub doc_url: *const c_char,
    /// Linq's trace id, for its support. NULL: none.
    pub trace_id: *const c_char,
    /// The attachment that had been reserved when the call failed. NULL: none.
    pub attachment_id: *const c_char,
    /// The status that the function returned.
    pub status: linq_status,
    /// The HTTP status of the refusal. 0: none.
    pub http_status: u32,
    /// Linq's own error code, such as 1007. 0: none.
    pub api_code: u32,
    /// How long the server asked to wait before the next attempt, at most 4 294 967 295. 0: it did
    /// not say.
    pub retry_after_ms: u32,
    /// How many attempts were made, including the last. 0: it failed before the first.
    pub attempts: u32,
    /// 1 if the same call may succeed later without a change, else 0.
    pub retryable: u32,
    /// The idempotency key of a message or request that may have been sent although the call failed.
    /// Send again with this key, and it is not sent twice. NULL: there was no key, nothing was sent,
    /// or Linq refused it.
    pub idempotency_key: *const c_char,
    /// The errno of what failed, such as ENOENT or ECONNREFUSED. 0: none.
    pub system_error: i32,
    /// 0.
    pub reserved: u32,
}

/// Success.
pub const LINQ_OK: i32 = 0;
/// An argument has an invalid value: NULL where a value is required, invalid UTF-8, a wrong
/// struct_size, a field that does not belong. linq_error.message names the argument. Found before
/// anything was done.
pub const LINQ_INVALID_ARGUMENT: i32 = 1;
/// The source cannot be opened or read, is not a regular file, or changed while it was being sent;
/// or a read callback failed or did not give as many bytes as declared.
pub const LINQ_FILE: i32 = 2;
/// A content type, size or name that the API would refuse; found before anything was sent.
pub const LINQ_UNSUPPORTED: i32 = 3;
/// The host name was not found, or the connection could not be made or was lost.
pub const LINQ_NETWORK: i32 = 4;
/// The TLS handshake failed, or the server's certificate is not trusted.
pub const LINQ_TLS: i32 = 5;
/// Connecting took too long, the transfer stalled for too long, or timeout_ms has passed.
pub const LINQ_TIMEOUT: i32 = 6;
/// Cancelled, by a token or by a progress callback.
pub const LINQ_CANCELLED: i32 = 7;
/// There is no API key, or Linq does not accept it.
pub const LINQ_UNAUTHORIZED: i32 = 8;
/// The object does not exist, or belongs to another account. An attachment may have been removed
/// since it was uploaded; upload it again.
pub const LINQ_NOT_FOUND: i32 = 9;
/// Linq asks to slow down; linq_error.retry_after_ms says for how long, if Linq said.
pub const LINQ_RATE_LIMITED: i32 = 10;
/// Any other refusal by Linq; see linq_error.http_status and api_code.
pub const LINQ_API: i32 = 11;
/// Any other refusal by the storage host; see linq_error.http_status and storage_code.
pub const LINQ_STORAGE: i32 = 12;
/// The presigned URL has expired and cannot be renewed. Ask your server for a new one.
pub const LINQ_EXPIRED: i32 = 13;
/// The server broke its contract: its reply cannot be read, or asks for something that is not
/// allowed. Also a web page instead of an answer, as captive portals send; then retryable is 1.
pub const LINQ_PROTOCOL: i32 = 14;
/// Out of memory.
pub const LINQ_NO_MEMORY: i32 = 15;
/// A bug in this library. It was caught, and the process may go on.
pub const LINQ_INTERNAL: i32 = 16;

/// Changes only if the ABI ever breaks. linq_abi_version() is the number of the loaded library.
pub const LINQ_ABI_VERSION: u32 = 1;

/// Cancels calls from anywhere. Opaque; made by linq_cancel_token_new, freed by linq_free. May be
/// given to any number of calls, from any thread at the same time; once cancelled it stays so.
pub struct linq_cancel_token {
    _opaque: (),
}

/// linq_attempt.step: reserving a place.
pub const LINQ_STEP_RESERVE: u32 = 1;
/// linq_attempt.step: uploading the bytes.
pub const LINQ_STEP_PUT: u32 = 2;
/// linq_attempt.step: any other request.
pub const LINQ_STEP_OTHER: u32 = 3;

/// What one request took and how it ended. Passed to linq_attempt_fn, and valid until that returns;
/// not for linq_free. Holds no secret.
///
/// The times are consecutive parts, in microseconds, which add up to total_us; each is rounded down.
/// A part that did not take place is 0: all from lookup_us to tls_us if the connection was open
/// already.
#[repr(C)]
pub struct linq_attempt {
    /// Set by the library; see LINQ_HAS.
    pub struct_size: usize,
    /// The host that it was sent to.
    pub host: *const c_char,
    /// Linq's trace id, or the storage host's request id. NULL: none.
    pub request_id: *const c_char,
    /// Why it failed, as a sentence for people. NULL: it succeeded.
    pub reason: *const c_char,
    /// How many bytes were sent for it on the wire, including heads, TLS and a proxy's part.
    pub bytes_sent: u64,
    /// How many bytes were received.
    pub bytes_received: u64,
    /// Looking up the name.
    pub lookup_us: u64,
    /// Connecting.
    pub connect_us: u64,
    /// Asking a proxy for a tunnel.
    pub proxy_us: u64,
    /// The TLS handshake.
    pub tls_us: u64,
    /// From the first byte of the request until the system took its last.
    pub send_us: u64,
    /// From there until the head of the response had arrived.
    pub wait_us: u64,
    /// The rest of the response.
    pub receive_us: u64,
    /// All of it.
    pub total_us: u64,
    /// LINQ_STEP_...
    pub step: u32,
    /// The number of the attempt within the call, from 1. A request whose pooled connection turns out
    /// to be dead is sent again at once, under the same number.
    pub number: u32,
    /// The HTTP status. 0: there was no response.
    pub http_status: u32,
    /// LINQ_OK, or how it failed.
    pub status: linq_status,
    /// 1 if the connection was open already, else 0.
    pub reused: u32,
    /// How long until the next attempt. 0: there is none, or it is made at once.
    pub again_in_ms: u32,
}

/// Called on the thread of the call after each request, once it is known how it ended: enough for
/// metrics. A call that sends no request, such as linq_client_connect, does not call it.
pub type linq_attempt_fn =
    Option<unsafe extern "C" fn(attempt_user_data: *mut c_void, attempt: *const linq_attempt)>;

/// Options for calls other than uploads. Start with linq_call_options_default().
#[repr(C)]
pub struct linq_call_options {
    /// sizeof(linq_call_options) of the caller; the _default() function sets it.
    pub struct_size: usize,
    /// Cancels the call. NULL: none.
    pub cancel: *mut linq_cancel_token,
    /// Limits the whole call, including all attempts and waits. 0: no limit; the client's own
    /// timeouts still apply.
    pub timeout_ms: u32,
    /// 0.
    pub reserved: u32,
    /// Called after each request. NULL: none.
    pub attempt: linq_attempt_fn,
    /// Passed to attempt.
    pub attempt_user_data: *mut c_void,
}

/// Reports the progress of an upload: the bytes sent so far in this attempt, and the total. Return 0
/// to continue; anything else cancels the upload, which then returns LINQ_CANCELLED.
///
/// Called at the start (0), at the end (total), and at most about 20 times a second between. The
/// count never falls within an attempt; a new attempt begins at 0 again.
pub type linq_progress_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, sent: u64, total: u64) -> i32>;

/// Called when the place that was passed to linq_upload_presigned has expired. Ask your server for
/// another place, and return the result of linq_presigned_parse or linq_presign; the library frees
/// it. NULL: there is none, and the call ends with LINQ_EXPIRED. Anything else is
/// LINQ_INVALID_ARGUMENT, and is not freed.
///
/// `expired` is valid until the callback returns: neither free nor return it. The next place must be
/// for the same name, size and type. The callback's time counts towards timeout_ms, and each renewal
/// is an attempt. A place that is refused as expired right after its renewal ends the call. Not
/// called by linq_upload, which reserves places itself, nor after a read from a reader that cannot
/// rewind.
pub type linq_renew_fn = Option<
    unsafe extern "C" fn(renew_user_data: *mut c_void, expired: *const linq_presigned) -> *mut linq_presigned,
>;

/// Options for an upload. Start with linq_upload_options_default().
#[repr(C)]
pub struct linq_upload_options {
    /// sizeof(linq_upload_options) of the caller; the _default() function sets it.
    pub struct_size: usize,
    /// The name to declare: 1 to 255 characters, without control characters or path separators.
    /// NULL: the last part of the path. Required for a source without a path, and for a file whose
    /// own name is not UTF-8. linq_upload_presigned does not need it, and only checks it against
    /// what was signed.
    pub filename: *const c_char,
    /// The content type to declare. NULL: from the bytes, else from the name. Common variants are
    /// accepted, such as image/jpg or a "; charset=..." at the end.
    pub content_type: *const c_char,
    /// Reports the progress. NULL: none.
    pub progress: linq_progress_fn,
    /// Passed to progress.
    pub user_data: *mut c_void,
    /// Cancels the call. NULL: none.
    pub cancel: *mut linq_cancel_token,
    /// Limits the whole call, including all attempts and waits. 0: no limit; the client's own
    /// timeouts still apply.
    pub timeout_ms: u32,
    /// 0.
    pub reserved: u32,
    /// Gives another place when the one that was passed has expired. NULL: the call then ends with
    /// LINQ_EXPIRED.
    pub renew: linq_renew_fn,
    /// Passed to renew.
    pub renew_user_data: *mut c_void,
    /// Called after each request. NULL: none.
    pub attempt: linq_attempt_fn,
    /// Passed to attempt.
    pub attempt_user_data: *mut c_void,
}

/// Reads the next bytes of a source: writes up to `capacity` of them to `buffer` and returns how
/// many. 0 means the end, a negative number an error. An error, or a count above `capacity`, ends
/// the call with LINQ_FILE.
pub type linq_read_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, buffer: *mut c_void, capacity: usize) -> i64>;

/// Rewinds a source to its first byte. Returns 0 on success, anything else if it cannot.
pub type linq_rewind_fn = Option<unsafe extern "C" fn(user_data: *mut c_void) -> i32>;

/// linq_source.kind: a file on disk. Set path.
pub const LINQ_SOURCE_PATH: u32 = 1;
/// linq_source.kind: an open regular file, or a part of it. Set descriptor; for a part, also offset
/// and length.
pub const LINQ_SOURCE_DESCRIPTOR: u32 = 2;
/// linq_source.kind: bytes in memory. Set bytes and length.
pub const LINQ_SOURCE_BYTES: u32 = 3;
/// linq_source.kind: a callback that reads the bytes. Set read and length; rewind too if you can.
pub const LINQ_SOURCE_READER: u32 = 4;

/// Where the bytes of an upload come from: 1 to 104 857 600 of them. Start with
/// linq_source_default(), then set kind and the fields that it names; the others must stay zero.
/// Everything is borrowed until the call returns; the bytes of a queue for longer, see linq_queue_add.
#[repr(C)]
pub struct linq_source {
    /// sizeof(linq_source) of the caller; the _default() function sets it.
    pub struct_size: usize,
    /// PATH: the file. A path is bytes, passed on unchanged.
    pub path: *const c_char,
    /// BYTES: the first byte.
    pub bytes: *const c_void,
    /// READER: reads the bytes; called on the calling thread.
    pub read: linq_read_fn,
    /// READER: rewinds, so that a failed attempt can be repeated. NULL: the upload is not retried
    /// once bytes were sent, unless there are so few that the library still holds them all (4 KiB).
    pub rewind: linq_rewind_fn,
    /// READER: passed to read and rewind.
    pub user_data: *mut c_void,
    /// DESCRIPTOR: the offset of the first byte to send. The file position of the descriptor is
    /// neither used nor changed.
    pub offset: u64,
    /// DESCRIPTOR: how many bytes to send; 0: up to the end of the file. BYTES: how many there are.
    /// READER: exactly how many the callback will read; less or more is LINQ_FILE.
    pub length: u64,
    /// Required. LINQ_SOURCE_PATH, _DESCRIPTOR, _BYTES or _READER.
    pub kind: u32,
    /// DESCRIPTOR: the open file. The library does not close it.
    pub descriptor: u32,
}

/// linq_client_options.flags: read no environment variables at all, not even the proxy's.
pub const LINQ_CLIENT_NO_ENVIRONMENT: u32 = 1;
/// linq_client_options.flags: allow WebP and SVG. Linq's own documents contradict each other about
/// these two, so the library refuses them by default.
pub const LINQ_CLIENT_ALLOW_WEBP_SVG: u32 = 2;
/// linq_client_options.flags: accept presigned URLs of plain http if their host is loopback; for
/// tests. They are always accepted if base_url itself is plain http to loopback.
pub const LINQ_CLIENT_ALLOW_HTTP_LOOPBACK: u32 = 4;

/// Options for a client. Start with linq_client_options_default().
#[repr(C)]
pub struct linq_client_options {
    /// sizeof(linq_client_options) of the caller; the _default() function sets it.
    pub struct_size: usize,
    /// The partner's API key. NULL: from LINQ_API_V3_API_KEY. A client without any key can still
    /// upload presigned; everything else then returns LINQ_UNAUTHORIZED before anything is sent. Do
    /// not ship it inside an app.
    pub api_key: *const c_char,
    /// Where the API is. NULL: from LINQ_API_V3_BASE_URL, else
    /// "https://api.linqapp.com/api/partner". A "/" or "/v3" at the end is accepted. The key is never
    /// sent over plain http, except to loopback.
    pub base_url: *const c_char,
    /// Appended to the library's own User-Agent, such as "MyApp/2.1". NULL: nothing.
    pub user_agent: *const c_char,
    /// The path of a file of PEM certificates to trust in addition to the platform's; bytes, passed
    /// on unchanged. NULL: none.
    pub ca_file: *const c_char,
    /// PEM certificates, as text, to trust in addition to the platform's. NULL: none.
    pub ca_pem: *const c_char,
    /// "http://[user:password@]host:port". NULL: from the environment; "": no proxy. Loopback is
    /// never proxied.
    pub proxy: *const c_char,
    /// LINQ_CLIENT_... added together. An unknown bit is refused.
    pub flags: u32,
    /// Limits the DNS lookup, the connection and the TLS handshake together. 0: 10 000.
    pub connect_timeout_ms: u32,
    /// How long a connection may stall, that is, transfer no byte in either direction. A slow
    /// upload that makes progress does not stall. A response must also be complete so long after
    /// its first byte. 0: 30 000.
    pub stall_timeout_ms: u32,
    /// How many attempts to make in all. 1: no retries. 0: 4.
    pub max_attempts: u32,
}

/// A file that somebody else will upload; see linq_presign. Start with linq_file_default().
#[repr(C)]
pub struct linq_file {
    /// sizeof(linq_file) of the caller; the _default() function sets it.
    pub struct_size: usize,
    /// Required. 1 to 255 characters, without control characters or path separators.
    pub filename: *const c_char,
    /// One of the content types at the end of this header. NULL: from the extension of filename.
    pub content_type: *const c_char,
    /// NULL.
    pub reserved: *const c_void,
    /// Required. 1 to 104 857 600: exactly how many bytes will be uploaded.
    pub size_bytes: u64,
}

/// One HTTP header. Frozen: this struct never grows.
#[repr(C)]
pub struct linq_header {
    /// Its name, as the server wrote it.
    pub name: *const c_char,
    /// Its value, to be sent unchanged.
    pub value: *const c_char,
}

/// A reserved place: where to send the bytes, and the headers that the URL was signed with. Returned
/// by linq_presign and linq_presigned_parse; free it with linq_free.
#[repr(C)]
pub struct linq_presigned {
    /// Set by the library; see LINQ_HAS.
    pub struct_size: usize,
    /// The id to use in messages once the file is uploaded.
    pub attachment_id: *const c_char,
    /// Where to PUT the bytes. A secret until it expires: anyone who has it can upload.
    pub upload_url: *const c_char,
    /// Where the file can be downloaded later. NULL if Linq did not send it.
    pub download_url: *const c_char,
    /// Always "PUT".
    pub http_method: *const c_char,
    /// When upload_url expires, as the server wrote it.
    pub expires_at: *const c_char,
    /// The headers to send with the PUT, header_count of them.
    pub headers: *const linq_header,
    /// The number of headers.
    pub header_count: usize,
    /// All of this as JSON, for linq_presigned_parse in the app that uploads. As secret as
    /// upload_url.
    pub json: *const c_char,
    /// The reserved name. NULL if the parsed JSON did not have it.
    pub filename: *const c_char,
    /// The reserved content type. NULL if the parsed JSON did not have it.
    pub content_type: *const c_char,
    /// NULL.
    pub reserved: *const c_void,
    /// expires_at in Unix milliseconds, by the server's clock.
    pub expires_at_ms: i64,
    /// The reserved size. 0 if the parsed JSON did not have it.
    pub size_bytes: u64,
}

/// Uploads that run on threads of the library, several at a time. Opaque. Returned by linq_queue_new;
/// free it with linq_free. May be used from any thread at the same time, but neither by a child made
/// by fork nor in a signal handler.
pub struct linq_queue {
    _opaque: (),
}

/// Options for a queue. Start with linq_queue_options_default().
#[repr(C)]
pub struct linq_queue_options {
    /// sizeof(linq_queue_options) of the caller; the _default() function sets it.
    pub struct_size: usize,
    /// How many uploads run at the same time, 1 to 256. 0: 4.
    pub max_in_flight: u32,
    /// 0.
    pub reserved: u32,
}

/// linq_event.kind: the progress of an upload.
pub const LINQ_EVENT_PROGRESS: u32 = 1;
/// linq_event.kind: an upload succeeded; its last event. See linq_event.attachment.
pub const LINQ_EVENT_FINISHED: u32 = 2;
/// linq_event.kind: an upload failed or was cancelled; its last event. See linq_event.error.
pub const LINQ_EVENT_FAILED: u32 = 3;
/// linq_event.kind: an attempt failed, and another will be made. See linq_event.attempt, again_in_ms
/// and error.
pub const LINQ_EVENT_RETRY: u32 = 4;

/// What happened to an upload of a queue. Returned by linq_queue_next; free it with linq_free. The
/// attachment and the error are part of it and are freed with it; do not free them yourself.
#[repr(C)]
pub struct linq_event {
    /// Set by the library; see LINQ_HAS.
    pub struct_size: usize,
    /// FINISHED: the attachment, for messages. Else NULL.
    pub attachment: *const linq_attachment,
    /// FAILED: the error, LINQ_CANCELLED if the upload was cancelled. RETRY: why the attempt failed;
    /// its retry_after_ms is what the server asked for. Else NULL.
    pub error: *const linq_error,
    /// NULL.
    pub reserved: *const c_void,
    /// The tag that was passed to linq_queue_add.
    pub tag: u64,
    /// The bytes sent so far in this attempt. FINISHED: all of them.
    pub sent: u64,
    /// The size of the file, never 0 with PROGRESS. FAILED: 0 if it was not known yet.
    pub total: u64,
    /// How many uploads of the queue will still have a last event after this event. 0: all are done.
    pub remaining: u64,
    /// LINQ_EVENT_PROGRESS, _FINISHED, _FAILED or _RETRY.
    pub kind: u32,
    /// 0.
    pub reserved_2: u32,
    /// The number of the attempt, from 1. RETRY: of the next one. 0: none was made.
    pub attempt: u32,
    /// How many attempts the client makes at most.
    pub max_attempts: u32,
    /// LINQ_STEP_RESERVE or LINQ_STEP_PUT: what runs or, if it failed, what failed. 0: nothing was
    /// begun.
    pub step: u32,
    /// RETRY: how long the upload waits before the next attempt. Else 0.
    pub again_in_ms: u32,
}

/// linq_queue_cancel: every upload of the queue. No upload has this tag.
pub const LINQ_QUEUE_ALL: u64 = 0xFFFFFFFFFFFFFFFF;

/// What Linq knows of an attachment. Returned by linq_attachment_get; free it with linq_free.
#[repr(C)]
pub struct linq_attachment_info {
    /// Set by the library; see LINQ_HAS.
    pub struct_size: usize,
    /// Its id.
    pub attachment_id: *const c_char,
    /// Its name.
    pub filename: *const c_char,
    /// Its content type.
    pub content_type: *const c_char,
    /// When it was reserved, as the server wrote it.
    pub created_at: *const c_char,
    /// Where the file can be downloaded, freshly signed if the account requires that. NULL if Linq
    /// did not send it.
    pub download_url: *const c_char,
    /// "pending", "complete" or "failed" while the API still sends it (deprecated since May 2026),
    /// else NULL.
    pub status: *const c_char,
    /// NULL.
    pub reserved: *const c_void,
    /// Its size.
    pub size_bytes: u64,
    /// created_at in Unix milliseconds.
    pub created_at_ms: i64,
}

/// A message to send. Start with linq_message_default().
#[repr(C)]
pub struct linq_message {
    /// sizeof(linq_message) of the caller; the _default() function sets it.
    pub struct_size: usize,
    /// Required. One of your own numbers, such as "+15551234567".
    pub from: *const c_char,
    /// Required. The recipients: to_count numbers or e-mail addresses.
    pub to: *const *const c_char,
    /// The number of recipients.
    pub to_count: usize,
    /// Text before the attachments. NULL: none.
    pub text: *const c_char,
    /// The attachments, in order: attachment_count ids. May be NULL if there is a text.
    pub attachment_ids: *const *const c_char,
    /// The number of attachments.
    pub attachment_count: usize,
    /// Linq never sends twice with the same key. Up to 255 characters. NULL: a new one, which
    /// linq_receipt has, and linq_error if the message may have arrived.
    pub idempotency_key: *const c_char,
}

/// Linq's answer to a message. Returned by linq_send_message; free it with linq_free.
#[repr(C)]
pub struct linq_receipt {
    /// Set by the library; see LINQ_HAS.
    pub struct_size: usize,
    /// The chat that the message was sent to.
    pub chat_id: *const c_char,
    /// The message. NULL if the reply did not name it.
    pub message_id: *const c_char,
    /// The key that the message was sent with. To send the same message again, use the same key.
    pub idempotency_key: *const c_char,
}

/// linq_request.flags: this POST or PATCH may be executed twice, so it may be retried after any
/// temporary failure. The other methods always may.
pub const LINQ_REQUEST_REPEATABLE: u32 = 1;

/// A call of the API that has no function of its own here; see linq_send_request. Start with
/// linq_request_default().
#[repr(C)]
pub struct linq_request {
    /// sizeof(linq_request) of the caller; the _default() function sets it.
    pub struct_size: usize,
    /// Required. "GET", "HEAD", "PUT", "DELETE", "POST" or "PATCH".
    pub method: *const c_char,
    /// Required. What follows the base URL, such as "/v3/chats/{id}/messages" with an id in it; a
    /// query is allowed. It must not contain a scheme or a host, "..", empty segments or characters
    /// that are invalid in a URL.
    pub path: *const c_char,
    /// The body: JSON of at most 1 MiB. NULL: no body. GET and HEAD must not have one.
    pub json: *const c_char,
    /// Sent as the header Idempotency-Key: 1 to 255 printable ASCII characters. Only some paths
    /// honour it; others take a key inside their JSON. NULL: none.
    pub idempotency_key: *const c_char,
    /// LINQ_REQUEST_... added together. An unknown bit is refused.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
}

/// Linq's answer to a request. Returned by linq_send_request; free it with linq_free.
#[repr(C)]
pub struct linq_response {
    /// Set by the library; see LINQ_HAS.
    pub struct_size: usize,
    /// The body. NULL: none.
    pub json: *const c_char,
    /// Linq's trace id, for its support. NULL: none.
    pub trace_id: *const c_char,
    /// 200 to 299, or 404 for a DELETE that was retried and turned out to be done already.
    pub http_status: u32,
    /// 0.
    pub reserved: u32,
}

/// linq_set_log: a call failed.
pub const LINQ_LOG_ERROR: u32 = 1;
/// linq_set_log: a problem that the library handled, such as an attempt that is retried.
pub const LINQ_LOG_WARN: u32 = 2;
/// linq_set_log: what the library did.
pub const LINQ_LOG_INFO: u32 = 3;
/// linq_set_log: each request and connection.
pub const LINQ_LOG_DEBUG: u32 = 4;

/// Receives a log line: its level (LINQ_LOG_...) and its text, without a line feed. The text is
/// valid until the callback returns.
pub type linq_log_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, level: u32, line: *const c_char)>;
