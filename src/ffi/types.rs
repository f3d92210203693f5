//! Every type and constant of linq.h; no code.
//!
//! The comments here are the manual that C programmers read: cbindgen copies them into the header. That, and no
//! logic, is why this file is long. The rules that hold for everything are at the top of `cbindgen.toml`.

use std::ffi::{c_char, c_void};

/// What a call came to. LINQ_OK is 0; every other number is a failure and never changes its
/// meaning. Numbers may be added: treat one you do not know as LINQ_INTERNAL.
pub type linq_status = i32;

/// It worked.
pub const LINQ_OK: i32 = 0;
/// The caller passed something that cannot be meant: NULL where a value is needed, bad UTF-8, a
/// wrong struct_size, a field that does not belong. linq_error.message names the argument. Found
/// before anything was done.
pub const LINQ_INVALID_ARGUMENT: i32 = 1;
/// The source cannot be opened or read, is not a regular file, changed while it was being sent, or
/// a read callback failed or broke its word about the length.
pub const LINQ_FILE: i32 = 2;
/// A content type, size or name that the API would refuse; found before any network.
pub const LINQ_UNSUPPORTED: i32 = 3;
/// The name was not found, no connection could be made, or it broke.
pub const LINQ_NETWORK: i32 = 4;
/// The TLS handshake failed, or the server's certificate is not trusted.
pub const LINQ_TLS: i32 = 5;
/// Connecting took too long, nothing moved for too long, or timeout_ms is over.
pub const LINQ_TIMEOUT: i32 = 6;
/// Cancelled, by a token or by a progress callback.
pub const LINQ_CANCELLED: i32 = 7;
/// No API key, or one that Linq does not accept.
pub const LINQ_UNAUTHORIZED: i32 = 8;
/// What was asked for does not exist, or belongs to another account. An attachment may have been
/// removed since it was uploaded; upload it again.
pub const LINQ_NOT_FOUND: i32 = 9;
/// Linq asks to slow down; linq_error.retry_after_ms says for how long, where it was told.
pub const LINQ_RATE_LIMITED: i32 = 10;
/// Any other refusal by Linq; see linq_error.http_status and api_code.
pub const LINQ_API: i32 = 11;
/// Any other refusal by the storage host; see linq_error.http_status and storage_code.
pub const LINQ_STORAGE: i32 = 12;
/// The presigned URL expired, where it cannot be renewed. Ask your server for a new one.
pub const LINQ_EXPIRED: i32 = 13;
/// The server broke its contract: a reply that cannot be read, or that asks for something it must
/// not. Also a web page in place of an answer, as captive portals send; then retryable is 1.
pub const LINQ_PROTOCOL: i32 = 14;
/// Memory ran out.
pub const LINQ_NO_MEMORY: i32 = 15;
/// A bug in this library. It caught itself, and the process may go on.
pub const LINQ_INTERNAL: i32 = 16;

/// Changes only if the ABI ever breaks. linq_abi_version() gives the number of the library that is
/// loaded.
pub const LINQ_ABI_VERSION: u32 = 1;

/// linq_client_options.flags: read no environment variable at all, not even the proxies'.
pub const LINQ_CLIENT_NO_ENVIRONMENT: u32 = 1;
/// linq_client_options.flags: let WebP and SVG through. Linq's own documents contradict each other
/// about these two, so the library refuses them unless you say otherwise.
pub const LINQ_CLIENT_ALLOW_WEBP_SVG: u32 = 2;
/// linq_client_options.flags: accept a presigned URL that is plain http, towards loopback only;
/// for tests. It is always accepted where base_url itself is plain http to loopback.
pub const LINQ_CLIENT_ALLOW_HTTP_LOOPBACK: u32 = 4;

/// linq_source.kind: a file on disk. Set path.
pub const LINQ_SOURCE_PATH: u32 = 1;
/// linq_source.kind: part of an open regular file. Set descriptor, and offset and length where it
/// is not the whole.
pub const LINQ_SOURCE_DESCRIPTOR: u32 = 2;
/// linq_source.kind: bytes in memory. Set bytes and length.
pub const LINQ_SOURCE_BYTES: u32 = 3;
/// linq_source.kind: a callback that gives the bytes. Set read and length, and rewind if you can.
pub const LINQ_SOURCE_READER: u32 = 4;

/// linq_request.flags: a POST or PATCH may be done twice, so it may be tried again after any failure
/// that may pass. The other methods always may.
pub const LINQ_REQUEST_REPEATABLE: u32 = 1;

/// linq_set_log: a call failed.
pub const LINQ_LOG_ERROR: u32 = 1;
/// linq_set_log: something went wrong and was got over, such as an attempt that is made again.
pub const LINQ_LOG_WARN: u32 = 2;
/// linq_set_log: what the library did.
pub const LINQ_LOG_INFO: u32 = 3;
/// linq_set_log: each request and connection.
pub const LINQ_LOG_DEBUG: u32 = 4;

/// A client: holds the API key, the settings and the pooled connections. Opaque. Made by
/// linq_client_new. May be used from any thread at the same time; one per process is usually
/// enough.
pub struct linq_client {
    _opaque: (),
}

/// Ends calls from anywhere. Opaque. Made by linq_cancel_token_new. May be given to any number of
/// calls, from any thread at the same time; once cancelled it stays so.
pub struct linq_cancel_token {
    _opaque: (),
}

/// Told how far an upload is: bytes sent so far in this attempt, and the total. Return 0 to go on;
/// anything else cancels the upload, which then returns LINQ_CANCELLED.
///
/// Called at the start (0), at the end (total), and at most about 20 times a second between. The
/// count never falls within an attempt; it begins at 0 again when an attempt is made anew.
pub type linq_progress_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, sent: u64, total: u64) -> i32>;

/// Gives the next bytes of a source: writes up to `capacity` of them to `buffer` and returns how
/// many. 0 means the end, a negative number an error. Both an error and a count above `capacity`
/// end the call with LINQ_FILE.
pub type linq_read_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, buffer: *mut c_void, capacity: usize) -> i64>;

/// Begins a source again at its first byte. Returns 0 when that is done, anything else where it
/// cannot be done.
pub type linq_rewind_fn = Option<unsafe extern "C" fn(user_data: *mut c_void) -> i32>;

/// Hears a log line: its level (LINQ_LOG_...) and its text, without a line feed. The text is gone
/// after the call.
pub type linq_log_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, level: u32, line: *const c_char)>;

/// How a client is to behave. Start with linq_client_options_default().
#[repr(C)]
pub struct linq_client_options {
    /// sizeof(linq_client_options) of the caller; the _default() function sets it.
    pub struct_size: usize,
    /// The partner's API key. NULL: from LINQ_API_V3_API_KEY. A client without any key can still
    /// upload presigned; everything else then gives LINQ_UNAUTHORIZED before any network. Do not
    /// ship it inside an app.
    pub api_key: *const c_char,
    /// Where the API is. NULL: from LINQ_API_V3_BASE_URL, else
    /// "https://api.linqapp.com/api/partner". A trailing "/" or "/v3" is understood. The key is
    /// never sent over plain http, except to loopback.
    pub base_url: *const c_char,
    /// Added to the library's own User-Agent, such as "MyApp/2.1". NULL: nothing added.
    pub user_agent: *const c_char,
    /// A file of PEM certificates to trust besides the platform's. Bytes, as the system takes them.
    /// NULL: none.
    pub ca_file: *const c_char,
    /// The same as text: PEM certificates to trust besides the platform's. NULL: none.
    pub ca_pem: *const c_char,
    /// "http://[user:password@]host:port". NULL: from the environment; "": none. Loopback is never
    /// proxied.
    pub proxy: *const c_char,
    /// LINQ_CLIENT_... added together. An unknown bit is refused.
    pub flags: u32,
    /// How long the name, the connection and the TLS handshake may take together. 0: 10 000.
    pub connect_timeout_ms: u32,
    /// How long nothing may move, either way, while a connection is up. A slow upload that moves is
    /// no stall. 0: 30 000.
    pub stall_timeout_ms: u32,
    /// How often to try in all. 1: never again. 0: 4.
    pub max_attempts: u32,
}

/// A file that is to be uploaded by somebody else; see linq_presign. Start with
/// linq_file_default().
#[repr(C)]
pub struct linq_file {
    /// sizeof(linq_file) of the caller; the _default() function sets it.
    pub struct_size: usize,
    /// Required. 1 to 255 characters, without control characters or path separators.
    pub filename: *const c_char,
    /// One of the content types above. NULL: from the extension of filename.
    pub content_type: *const c_char,
    /// NULL.
    pub reserved: *const c_void,
    /// Required. 1 to 104 857 600: exactly how many bytes will be uploaded.
    pub size_bytes: u64,
}

/// Where the bytes of an upload come from. Start with linq_source_default(), set kind and the
/// fields that it names; the others must stay zero. Everything is borrowed for the call. 1 to 104
/// 857 600 bytes.
#[repr(C)]
pub struct linq_source {
    /// sizeof(linq_source) of the caller; the _default() function sets it.
    pub struct_size: usize,
    /// PATH: the file. On Unix a path is bytes, passed on unchanged.
    pub path: *const c_char,
    /// BYTES: the first byte.
    pub bytes: *const c_void,
    /// READER: gives the bytes; called on the calling thread.
    pub read: linq_read_fn,
    /// READER: begins again, so that a failed attempt can be made anew. NULL: the upload is not
    /// tried again once bytes were sent, unless they are so few that the library still holds them
    /// all (4 KiB).
    pub rewind: linq_rewind_fn,
    /// READER: handed to read and rewind.
    pub user_data: *mut c_void,
    /// DESCRIPTOR: the first byte to send. The descriptor's own position is neither used nor moved.
    pub offset: u64,
    /// DESCRIPTOR: how many bytes to send; 0: up to the end of the file. BYTES: how many there are.
    /// READER: exactly how many the callback will give; less or more is LINQ_FILE.
    pub length: u64,
    /// Required. LINQ_SOURCE_PATH, _DESCRIPTOR, _BYTES or _READER.
    pub kind: u32,
    /// DESCRIPTOR: the open file. It stays open; closing it is yours.
    pub descriptor: u32,
}

/// What an upload takes besides its source. Start with linq_upload_options_default().
#[repr(C)]
pub struct linq_upload_options {
    /// sizeof(linq_upload_options) of the caller; the _default() function sets it.
    pub struct_size: usize,
    /// The name to declare: 1 to 255 characters, without control characters or path separators.
    /// NULL: the last part of the path. Required for a source without a path, and for a file whose
    /// own name is not UTF-8; with linq_upload_presigned only where you want it checked against what
    /// was signed.
    pub filename: *const c_char,
    /// The content type to declare. NULL: from the bytes, else from the name. What MIME libraries
    /// write is understood, such as image/jpg or a "; charset=..." behind it.
    pub content_type: *const c_char,
    /// Told how far it is. NULL: nobody is.
    pub progress: linq_progress_fn,
    /// Handed to progress.
    pub user_data: *mut c_void,
    /// Ends the call from anywhere. NULL: nothing does.
    pub cancel: *mut linq_cancel_token,
    /// Bounds the whole call, every attempt and wait included. 0: not bounded; the client's own
    /// timeouts still hold.
    pub timeout_ms: u32,
    /// 0.
    pub reserved: u32,
}

/// What the other calls take. Start with linq_call_options_default().
#[repr(C)]
pub struct linq_call_options {
    /// sizeof(linq_call_options) of the caller; the _default() function sets it.
    pub struct_size: usize,
    /// Ends the call from anywhere. NULL: nothing does.
    pub cancel: *mut linq_cancel_token,
    /// Bounds the whole call, every attempt and wait included. 0: not bounded; the client's own
    /// timeouts still hold.
    pub timeout_ms: u32,
    /// 0.
    pub reserved: u32,
}

/// A message to send. Start with linq_message_default().
#[repr(C)]
pub struct linq_message {
    /// sizeof(linq_message) of the caller; the _default() function sets it.
    pub struct_size: usize,
    /// Required. One of your own numbers, such as "+15551234567".
    pub from: *const c_char,
    /// Required. Whom to send to: to_count numbers or e-mail addresses.
    pub to: *const *const c_char,
    /// How many there are.
    pub to_count: usize,
    /// Text that goes before the attachments. NULL: none.
    pub text: *const c_char,
    /// The attachments, in order: attachment_count ids. May be NULL where there is a text.
    pub attachment_ids: *const *const c_char,
    /// How many there are.
    pub attachment_count: usize,
    /// Linq never sends twice with the same key. Up to 255 characters. NULL: a fresh one;
    /// linq_receipt tells it.
    pub idempotency_key: *const c_char,
}

/// A call of the API that has no function of its own here; see linq_send_request. Start with
/// linq_request_default().
#[repr(C)]
pub struct linq_request {
    /// sizeof(linq_request) of the caller; the _default() function sets it.
    pub struct_size: usize,
    /// Required. "GET", "HEAD", "PUT", "DELETE", "POST" or "PATCH".
    pub method: *const c_char,
    /// Required. What follows the base URL, such as "/v3/chats/{id}/messages" with an id in it; a
    /// query is allowed. It must not name a scheme or a host, nor hold "..", empty segments or
    /// characters that a URL cannot have.
    pub path: *const c_char,
    /// What to send: JSON of at most 1 MiB. NULL: no body. GET and HEAD take none.
    pub json: *const c_char,
    /// Sent as the header Idempotency-Key: 1 to 255 printable ASCII characters. Only some paths
    /// honour it; others take a key inside their JSON. NULL: none.
    pub idempotency_key: *const c_char,
    /// LINQ_REQUEST_... added together. An unknown bit is refused.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
}

/// One HTTP header. Frozen: this struct never grows.
#[repr(C)]
pub struct linq_header {
    /// Its name, as the server wrote it.
    pub name: *const c_char,
    /// Its value, to be sent exactly so.
    pub value: *const c_char,
}

/// A reserved place: where the bytes go, and the headers that the URL was signed with. From
/// linq_presign and linq_presigned_parse; give it to linq_free.
#[repr(C)]
pub struct linq_presigned {
    /// Set by the library; see LINQ_HAS.
    pub struct_size: usize,
    /// The id to use in messages once the bytes are there.
    pub attachment_id: *const c_char,
    /// Where to PUT the bytes. A secret until it expires: whoever has it may upload.
    pub upload_url: *const c_char,
    /// Where the file will be found. NULL where Linq does not send it.
    pub download_url: *const c_char,
    /// Always "PUT".
    pub http_method: *const c_char,
    /// When upload_url expires, as the server wrote it.
    pub expires_at: *const c_char,
    /// The headers to send with the PUT, header_count of them.
    pub headers: *const linq_header,
    /// How many there are.
    pub header_count: usize,
    /// All of this as JSON, for whoever uploads; see linq_presigned_parse. A secret as long as
    /// upload_url is one.
    pub json: *const c_char,
    /// The name it was reserved under. NULL where the parsed JSON did not say.
    pub filename: *const c_char,
    /// The content type it was reserved for. NULL where the parsed JSON did not say.
    pub content_type: *const c_char,
    /// NULL.
    pub reserved: *const c_void,
    /// expires_at in Unix milliseconds, by the server's clock.
    pub expires_at_ms: i64,
    /// The size it was reserved for. 0 where the parsed JSON did not say.
    pub size_bytes: u64,
}

/// A file that is there. From the upload functions; give it to linq_free.
#[repr(C)]
pub struct linq_attachment {
    /// Set by the library; see LINQ_HAS.
    pub struct_size: usize,
    /// For any number of messages as long as it lasts: an ephemeral attachment is removed 24 to 48
    /// hours after the upload, a persistent one stays until it is deleted. LINQ_NOT_FOUND then.
    pub attachment_id: *const c_char,
    /// Where the file is. NULL where Linq does not send it.
    pub download_url: *const c_char,
    /// The name it was declared under; "" where a presigned JSON did not say.
    pub filename: *const c_char,
    /// The type it was declared as; "" where a presigned JSON did not say.
    pub content_type: *const c_char,
    /// NULL.
    pub reserved: *const c_void,
    /// Its size.
    pub size_bytes: u64,
    /// How many attempts the call made in all.
    pub attempts: u32,
    /// 0.
    pub reserved_2: u32,
}

/// What Linq knows of an attachment. From linq_attachment_get; give it to linq_free.
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
    /// Where the file is, freshly signed where the account asks for that. NULL where Linq does
    /// not send it.
    pub download_url: *const c_char,
    /// "pending", "complete" or "failed" where the API still sends it (deprecated since May 2026),
    /// else NULL.
    pub status: *const c_char,
    /// NULL.
    pub reserved: *const c_void,
    /// Its size.
    pub size_bytes: u64,
    /// created_at in Unix milliseconds.
    pub created_at_ms: i64,
}

/// What Linq answered to a message. From linq_send_message; give it to linq_free.
#[repr(C)]
pub struct linq_receipt {
    /// Set by the library; see LINQ_HAS.
    pub struct_size: usize,
    /// The chat it went to.
    pub chat_id: *const c_char,
    /// The message. NULL where the reply does not name it.
    pub message_id: *const c_char,
    /// The key it was sent with. To send the same message again, use the same key.
    pub idempotency_key: *const c_char,
}

/// What Linq answered to a request. From linq_send_request; give it to linq_free.
#[repr(C)]
pub struct linq_response {
    /// Set by the library; see LINQ_HAS.
    pub struct_size: usize,
    /// The body. NULL where there is none.
    pub json: *const c_char,
    /// Linq's trace id, which its support asks for. NULL: none.
    pub trace_id: *const c_char,
    /// The status: 200 to 299, or 404 for a DELETE that was made again and found that it was done.
    pub http_status: u32,
    /// 0.
    pub reserved: u32,
}

/// What failed, on what, why, and what to do about it. Holds no secret. Give it to linq_free.
#[repr(C)]
pub struct linq_error {
    /// Set by the library; see LINQ_HAS.
    pub struct_size: usize,
    /// A sentence for people, never NULL. Its wording may change: decide by the other fields.
    pub message: *const c_char,
    /// The storage host's own code, such as "SignatureDoesNotMatch". NULL: none.
    pub storage_code: *const c_char,
    /// The storage host's request id, which its support asks for. NULL: none.
    pub storage_request_id: *const c_char,
    /// The storage host's second id (x-amz-id-2), which its support asks for too. NULL: none.
    pub storage_id_2: *const c_char,
    /// Linq's page about api_code. NULL: none.
    pub doc_url: *const c_char,
    /// Linq's trace id, which its support asks for. NULL: none.
    pub trace_id: *const c_char,
    /// The attachment that had been reserved when it failed. NULL: none.
    pub attachment_id: *const c_char,
    /// The same number that the function returned.
    pub status: linq_status,
    /// The HTTP status of the refusal. 0: none.
    pub http_status: u32,
    /// Linq's own error code, such as 1007. 0: none.
    pub api_code: u32,
    /// How long the server asked to wait before another try, at most 4 294 967 295. 0: it did not
    /// say.
    pub retry_after_ms: u32,
    /// How many attempts were made, the last included. 0: it failed before any network.
    pub attempts: u32,
    /// 1 where the same call may succeed later without a change, else 0.
    pub retryable: u32,
    /// The key of a message, or of a request that has one, which may have been sent although this
    /// failed. Send again with it: then it is not sent twice. NULL: nothing was sent, or Linq
    /// refused it.
    pub idempotency_key: *const c_char,
    /// The system's number for what failed, such as ENOENT or ECONNREFUSED. 0: none.
    pub system_error: i32,
    /// 0.
    pub reserved: u32,
}
