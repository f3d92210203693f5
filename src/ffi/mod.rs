//! The C interface: the exported functions, in the header's order. All decisions are the core's.
//!
//! Each function takes its arguments in C's order - client, input, result, error - and does three things: it converts
//! the arguments, calls the core and returns one block. The comments become linq.h; that is why this file is long.

// A "# Safety" section per function would end up in linq.h, which states the rules once, at its top.
#![allow(unsafe_code, non_camel_case_types, clippy::missing_safety_doc)]

mod alloc;
mod block;
mod boundary;
mod callback;
mod failure;
mod free;
mod handle;
mod input;
mod layout;
mod options;
mod place;
mod registry;
mod statics;
mod status;
mod types;
mod versioned;

use std::ffi::{c_char, c_void};

use crate::{Client, Presigned, Queue, Source};
use boundary::catch_panic;
use types::*;

/// Uploads a file on disk, so that messages can use it.
///
/// client      NULL: the default client
/// path        required: a regular file of 1 to 104 857 600 bytes; symbolic links are followed
/// options     NULL: all defaults
/// attachment  the result; free it with linq_free
///
/// Reserves a place and sends the bytes there, with retries where they help. Memory use does not
/// depend on the size of the file.
///
/// ```c
/// linq_attachment *photo;
/// if (linq_upload_file(NULL, "photo.jpg", NULL, &photo, &error) == LINQ_OK)
///   printf("%s\n", photo->attachment_id);
/// else
///   fprintf(stderr, "%s\n", error->message);
/// ```
///
/// LINQ_FILE          it cannot be opened, is not a regular file, or changed while being sent
/// LINQ_UNSUPPORTED   its type, size or name would be refused; nothing was sent
/// LINQ_UNAUTHORIZED  there is no API key, or Linq does not accept it
///
/// Also LINQ_INVALID_ARGUMENT, LINQ_NETWORK, LINQ_TLS, LINQ_TIMEOUT, LINQ_CANCELLED,
/// LINQ_NOT_FOUND, LINQ_RATE_LIMITED, LINQ_API, LINQ_STORAGE, LINQ_EXPIRED, LINQ_PROTOCOL,
/// LINQ_NO_MEMORY and LINQ_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_upload_file(
    client: *mut linq_client,
    path: *const c_char,
    options: *const linq_upload_options,
    attachment: *mut *mut linq_attachment,
    error: *mut *mut linq_error,
) -> linq_status {
    let body = || {
        let client = input::client(client)?;
        let path = unsafe { input::path(path)? };
        let mut options = unsafe { options::upload(options)? };
        block::attachment(&client.upload(Source::Path(path), options.core())?)
    };
    unsafe { boundary::call(attachment, error, body) }
}

/// Frees whatever this library returned: a result, an error, a client, a cancel token, a queue.
///
/// NULL is allowed. Secrets are overwritten first. A client or token that a call is using is freed
/// when that call returns. A pointer that is not a live object of the library, such as a member
/// string or an object freed before, is ignored and logged.
///
/// ```c
/// linq_free(attachment);
/// linq_free(error);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_free(anything: *mut c_void) {
    catch_panic((), || unsafe { free::free(anything) })
}

/// The name of a status as it is written here, such as "LINQ_TIMEOUT"; a static string, never
/// NULL. "LINQ_INTERNAL" for a number that this library does not know.
///
/// ```c
/// fprintf(stderr, "%s: %s\n", linq_status_name(error->status), error->message);
/// ```
#[unsafe(no_mangle)]
pub extern "C" fn linq_status_name(status: linq_status) -> *const c_char {
    status::name(status).as_ptr()
}

/// The version of the loaded library, such as "0.1.0"; a static string. LINQ_VERSION_STRING is
/// this header's.
///
/// ```c
/// printf("liblinq %s\n", linq_version());
/// ```
#[unsafe(no_mangle)]
pub extern "C" fn linq_version() -> *const c_char {
    status::VERSION.as_ptr()
}

/// The ABI of the loaded library. It works with this header if it equals LINQ_ABI_VERSION.
///
/// ```c
/// if (linq_abi_version() != LINQ_ABI_VERSION) abort();
/// ```
#[unsafe(no_mangle)]
pub extern "C" fn linq_abi_version() -> u32 {
    LINQ_ABI_VERSION
}

/// Makes a cancel token; free it with linq_free. NULL if memory or descriptors ran out.
///
/// ```c
/// linq_upload_options options = linq_upload_options_default();
/// options.cancel = linq_cancel_token_new();
/// linq_status status = linq_upload_file(client, path, &options, &attachment, &error);
/// linq_free(options.cancel);
/// ```
#[unsafe(no_mangle)]
pub extern "C" fn linq_cancel_token_new() -> *mut linq_cancel_token {
    catch_panic(std::ptr::null_mut(), handle::token)
}

/// Cancels every call that was given this token, now and later: each returns LINQ_CANCELLED within
/// about 10 ms.
///
/// Cannot be undone. Never blocks. May be called from any thread and from a signal handler; errno
/// is preserved. NULL does nothing.
///
/// ```c
/// linq_cancel_token_cancel(token);  // the upload that has it returns LINQ_CANCELLED
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_cancel_token_cancel(token: *mut linq_cancel_token) {
    unsafe { handle::cancel(token) }
}

/// Uploads from any source: a path, an open file or a part of it, bytes in memory, or a read
/// callback.
///
/// client      NULL: the default client
/// source      required
/// options     NULL: all defaults; a source without a path needs options->filename
/// attachment  the result; free it with linq_free
///
/// ```c
/// linq_source source = linq_source_default();
/// source.kind = LINQ_SOURCE_BYTES;
/// source.bytes = "hello";
/// source.length = 5;
/// linq_upload_options options = linq_upload_options_default();
/// options.filename = "note.txt";
/// linq_status status = linq_upload(client, &source, &options, &attachment, &error);
/// ```
///
/// LINQ_FILE          it cannot be opened, is not a regular file, or changed while being sent
/// LINQ_UNSUPPORTED   its type, size or name would be refused; nothing was sent
/// LINQ_UNAUTHORIZED  there is no API key, or Linq does not accept it
///
/// Also LINQ_INVALID_ARGUMENT, LINQ_NETWORK, LINQ_TLS, LINQ_TIMEOUT, LINQ_CANCELLED,
/// LINQ_NOT_FOUND, LINQ_RATE_LIMITED, LINQ_API, LINQ_STORAGE, LINQ_EXPIRED, LINQ_PROTOCOL,
/// LINQ_NO_MEMORY and LINQ_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_upload(
    client: *mut linq_client,
    source: *const linq_source,
    options: *const linq_upload_options,
    attachment: *mut *mut linq_attachment,
    error: *mut *mut linq_error,
) -> linq_status {
    let body = || {
        let client = input::client(client)?;
        let mut source = unsafe { options::source(source)? };
        let mut options = unsafe { options::upload(options)? };
        block::attachment(&client.upload(source.core(), options.core())?)
    };
    unsafe { boundary::call(attachment, error, body) }
}

/// Makes a client.
///
/// options  NULL: everything from the environment
/// client   the result; free it with linq_free
///
/// The environment is read now and at no other time. Nothing is sent. Without any API key the
/// client can still upload presigned.
///
/// ```c
/// linq_client_options options = linq_client_options_default();
/// options.user_agent = "MyApp/2.1";
/// options.stall_timeout_ms = 10000;
/// linq_status status = linq_client_new(&options, &client, &error);
/// ```
///
/// LINQ_INVALID_ARGUMENT  a setting has an invalid value, such as a base_url that is not a URL
/// LINQ_FILE              ca_file cannot be read
/// LINQ_TLS               ca_file or ca_pem has no certificate, or one that cannot be read
///
/// Also LINQ_NO_MEMORY and LINQ_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_client_new(
    options: *const linq_client_options,
    client: *mut *mut linq_client,
    error: *mut *mut linq_error,
) -> linq_status {
    let body = || handle::client(Client::new(unsafe { options::config(options)? })?);
    unsafe { boundary::call(client, error, body) }
}

/// Opens a connection now and keeps it, so that the next call need not wait for one: for example, when
/// a user opens the file picker.
///
/// client  NULL: the default client
/// place   NULL: to Linq, kept for 60 s; else to the storage of this place, kept for 4 s
/// call    NULL: no cancelling, no time limit
///
/// Waits for the DNS lookup, the connection and the TLS handshake. No request is sent, and no API key
/// is needed. If a connection is open already, it does nothing. While the library asks Linq for a
/// place, it connects to the storage of the last upload by itself.
///
/// ```c
/// (void)linq_client_connect(client, NULL, NULL, NULL);  // while the user chooses a file
/// ```
///
/// LINQ_NETWORK  it cannot connect
/// LINQ_TLS      the server's certificate is not trusted
///
/// Also LINQ_INVALID_ARGUMENT, LINQ_TIMEOUT, LINQ_CANCELLED, LINQ_PROTOCOL, LINQ_NO_MEMORY and
/// LINQ_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_client_connect(
    client: *mut linq_client,
    place: *const linq_presigned,
    call: *const linq_call_options,
    error: *mut *mut linq_error,
) -> linq_status {
    let body = || {
        let place = unsafe { place::optional(place)? };
        // The next call to Linq will need a key, and so the default client that has one.
        let client = if place.is_some() { input::keyless_client(client)? } else { input::client(client)? };
        let options = unsafe { options::call(call)? };
        Ok(client.connect(place.as_ref(), options.core())?)
    };
    unsafe { boundary::call_without_result(error, body) }
}

/// Reserves a place for a file that somebody else will upload (step 1 of 2).
///
/// client     NULL: the default client
/// file       required: name, type and size; checked before anything is sent
/// call       NULL: no cancelling, no time limit
/// presigned  the result; free it with linq_free; send presigned->json to the app that uploads
///
/// A place is open for about 15 minutes. One that is never used costs nothing and cannot be listed.
///
/// ```c
/// linq_file file = linq_file_default();
/// file.filename = "photo.jpg";
/// file.size_bytes = 123456;
/// linq_status status = linq_presign(client, &file, NULL, &place, &error);
/// if (status == LINQ_OK) send_to_app(place->json);
/// ```
///
/// LINQ_UNSUPPORTED   the type, size or name would be refused; nothing was sent
/// LINQ_UNAUTHORIZED  there is no API key, or Linq does not accept it
///
/// Also LINQ_INVALID_ARGUMENT, LINQ_NETWORK, LINQ_TLS, LINQ_TIMEOUT, LINQ_CANCELLED,
/// LINQ_NOT_FOUND, LINQ_RATE_LIMITED, LINQ_API, LINQ_PROTOCOL, LINQ_NO_MEMORY and LINQ_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_presign(
    client: *mut linq_client,
    file: *const linq_file,
    call: *const linq_call_options,
    presigned: *mut *mut linq_presigned,
    error: *mut *mut linq_error,
) -> linq_status {
    let body = || {
        let client = input::client(client)?;
        let file = unsafe { options::file(file)? };
        let options = unsafe { options::call(call)? };
        block::presigned(&client.presign(file, options.core())?)
    };
    unsafe { boundary::call(presigned, error, body) }
}

/// Parses the JSON that a server handed over: Linq's own reply to POST /v3/attachments, or
/// linq_presigned.json.
///
/// json       required: length bytes of UTF-8, at most 1 MiB; no NUL at the end is needed
/// presigned  the result; free it with linq_free
///
/// Unknown fields are ignored. Nothing is sent.
///
/// ```c
/// linq_status status = linq_presigned_parse(json, strlen(json), &place, &error);
/// ```
///
/// LINQ_INVALID_ARGUMENT  it is not such JSON, or asks for something that an upload must not do
///
/// Also LINQ_NO_MEMORY and LINQ_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_presigned_parse(
    json: *const c_char,
    length: usize,
    presigned: *mut *mut linq_presigned,
    error: *mut *mut linq_error,
) -> linq_status {
    let body = || block::presigned(&Presigned::parse(unsafe { input::json(json, length)? })?);
    unsafe { boundary::call(presigned, error, body) }
}

/// Uploads to a place that was reserved elsewhere (step 2 of 2). Needs no API key, and sends none.
///
/// client      NULL: the default client
/// presigned   required: from linq_presigned_parse or linq_presign; only its json is used
/// source      required
/// options     NULL: all defaults; filename and content_type are not needed
/// attachment  the result; free it with linq_free
///
/// A source whose size or type is not what was signed is refused before anything is sent.
///
/// ```c
/// linq_source source = linq_source_default();
/// source.kind = LINQ_SOURCE_PATH;
/// source.path = "photo.jpg";
/// linq_status status = linq_upload_presigned(client, place, &source, NULL, &attachment, &error);
/// ```
///
/// LINQ_EXPIRED  the place is no longer open; ask your server for a new one, or set options->renew
/// LINQ_STORAGE  the storage host refused; see error->storage_code
///
/// Also LINQ_INVALID_ARGUMENT, LINQ_FILE, LINQ_UNSUPPORTED, LINQ_NETWORK, LINQ_TLS, LINQ_TIMEOUT,
/// LINQ_CANCELLED, LINQ_PROTOCOL, LINQ_NO_MEMORY and LINQ_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_upload_presigned(
    client: *mut linq_client,
    presigned: *const linq_presigned,
    source: *const linq_source,
    options: *const linq_upload_options,
    attachment: *mut *mut linq_attachment,
    error: *mut *mut linq_error,
) -> linq_status {
    let body = || {
        let client = input::keyless_client(client)?;
        let presigned = unsafe { place::presigned(presigned)? };
        let mut source = unsafe { options::source(source)? };
        let mut options = unsafe { options::upload(options)? };
        block::attachment(&client.upload_presigned(&presigned, source.core(), options.core())?)
    };
    unsafe { boundary::call(attachment, error, body) }
}

/// Checks the response to a PUT that you sent yourself, such as by a background URLSession of iOS:
/// whether the file is there now.
///
/// presigned    required: the place that it was sent to; only its json is used
/// http_status  the status of the response
/// body         the body of the response; NULL if length is 0
/// length       how many bytes it has; only the first MiB counts
///
/// A 2xx means that the file is there, unless its body is an error of the storage after all, or a web
/// page, such as a captive portal sends. The error is the one that an upload reports for this
/// response. If it is retryable, the same PUT may succeed later. Nothing is sent.
///
/// ```c
/// if (linq_presigned_check(place, 403, body, length, &error) == LINQ_EXPIRED)
///   fprintf(stderr, "%s\n", error->message);
/// ```
///
/// LINQ_EXPIRED           the place is no longer open; reserve another one
/// LINQ_STORAGE           the storage host refused; see error->storage_code
/// LINQ_PROTOCOL          it is a web page, or a redirect
/// LINQ_INVALID_ARGUMENT  http_status is not 100 to 999, or the place is invalid
///
/// Also LINQ_NO_MEMORY and LINQ_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_presigned_check(
    presigned: *const linq_presigned,
    http_status: u32,
    body: *const c_void,
    length: usize,
    error: *mut *mut linq_error,
) -> linq_status {
    let body = || {
        let presigned = unsafe { place::presigned(presigned)? };
        let response = unsafe { input::bytes(body, length as u64, "body", "length")? };
        Ok(presigned.check(http_status, response)?)
    };
    unsafe { boundary::call_without_result(error, body) }
}

/// Makes a queue: many uploads, of which up to max_in_flight run at the same time, on threads of the
/// library. Of its functions, only linq_queue_next and linq_free wait.
///
/// client   NULL: the default client; the queue keeps it alive until it is freed
/// options  NULL: all defaults
/// queue    the result; free it with linq_free
///
/// Nothing is sent, and no thread is made before the first linq_queue_add. Memory use is limited by
/// the buffers of the uploads that run, and by one waiting event for each upload.
///
/// linq_free cancels every upload and returns when the threads have ended: from then on nothing of
/// yours is read any more. That takes only moments, unless a read from a disk hangs. A linq_queue_next
/// that runs meanwhile returns LINQ_CANCELLED. A child made by fork cannot use a queue that it
/// inherited: it can only pass it to linq_free, which then leaves its memory and descriptors as they
/// are.
///
/// ```c
/// linq_status status = linq_queue_new(client, NULL, &queue, &error);
/// ```
///
/// LINQ_INVALID_ARGUMENT  max_in_flight is more than 256
/// LINQ_NO_MEMORY         there is no memory or no descriptor left
///
/// Also LINQ_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_queue_new(
    client: *mut linq_client,
    options: *const linq_queue_options,
    queue: *mut *mut linq_queue,
    error: *mut *mut linq_error,
) -> linq_status {
    let body = || {
        let client = input::client(client)?;
        handle::queue(Queue::new(client, unsafe { options::queue(options)? })?)
    };
    unsafe { boundary::call(queue, error, body) }
}

/// Adds an upload to a queue. It starts as soon as fewer than max_in_flight uploads run.
///
/// queue    required
/// place    NULL: reserves one, as linq_upload does; else the place to upload to, as for
///          linq_upload_presigned
/// source   required: a path, a descriptor or bytes
/// options  NULL: all defaults; timeout_ms begins when the upload starts
/// tag      yours: its events have it. Several uploads may have the same tag; they are then cancelled
///          together
///
/// Strings and the place are copied. A path is opened only when the upload starts, so 10 000 may be
/// added at once; if it cannot be opened, the upload's last event says so. A descriptor is duplicated,
/// which uses one more until the last event. Bytes stay yours: do not change or free them before you
/// have the upload's last event or have freed the queue. A cancel token ends a running upload at once,
/// and a waiting one when it would start.
///
/// ```c
/// for (uint64_t i = 0; i < count; i++) {
///   linq_source source = linq_source_default();
///   source.kind = LINQ_SOURCE_PATH;
///   source.path = paths[i];
///   if (linq_queue_add(queue, NULL, &source, NULL, i, &error) != LINQ_OK) break;
/// }
/// ```
///
/// LINQ_INVALID_ARGUMENT  the source is a READER, or options->progress, renew or attempt is set: these
///                        would be called on a thread of the library; or tag is LINQ_QUEUE_ALL
/// LINQ_FILE              the descriptor cannot be duplicated
/// LINQ_CANCELLED         the queue was freed meanwhile
/// LINQ_NO_MEMORY         there is no memory for it, or no thread can be made
///
/// Also LINQ_INTERNAL. What the upload itself may return is in its last event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_queue_add(
    queue: *mut linq_queue,
    place: *const linq_presigned,
    source: *const linq_source,
    options: *const linq_upload_options,
    tag: u64,
    error: *mut *mut linq_error,
) -> linq_status {
    let body = || {
        let queue = input::queue(queue)?;
        let place = unsafe { place::optional(place)? };
        let source = unsafe { options::source(source)? };
        let options = unsafe { options::upload(options)? };
        Ok(queue.add(options::queued(place, source, options, tag)?)?)
    };
    unsafe { boundary::call_without_result(error, body) }
}

/// Waits for the next event of a queue. At most one event of each upload waits: a newer one replaces it.
/// Uploads go on whether events are fetched or not.
///
/// queue       required
/// timeout_ms  how long to wait for an event; 0: not at all; UINT32_MAX: without limit, even if
///             nothing was added yet
/// event       the event; free it with linq_free. NULL with LINQ_OK if there was none in time
///
/// Several threads may call it; each event goes to one of them. Log lines of the queue's threads are
/// passed to the log callback here, on the calling thread; at most 256 wait, then the oldest are
/// dropped.
///
/// ```c
/// linq_event *event;
/// for (uint64_t left = count; left > 0; linq_free(event)) {
///   if (linq_queue_next(queue, UINT32_MAX, &event, &error) != LINQ_OK) break;
///   if (event->kind == LINQ_EVENT_FINISHED) printf("%s\n", event->attachment->attachment_id);
///   if (event->kind == LINQ_EVENT_FAILED) fprintf(stderr, "%s\n", event->error->message);
///   left = event->remaining;
/// }
/// ```
///
/// LINQ_CANCELLED  the queue was freed meanwhile
/// LINQ_NO_MEMORY  there is no memory for the event; it stays in the queue, so call again
///
/// Also LINQ_INVALID_ARGUMENT and LINQ_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_queue_next(
    queue: *mut linq_queue,
    timeout_ms: u32,
    event: *mut *mut linq_event,
    error: *mut *mut linq_error,
) -> linq_status {
    let body = || {
        let queue = input::queue(queue)?;
        let found = queue.next_with(input::event_timeout(timeout_ms), block::event)?;
        Ok(found.unwrap_or(std::ptr::null_mut()))
    };
    unsafe { boundary::call(event, error, body) }
}

/// A descriptor that is readable, level-triggered, while an event waits: for poll, epoll, kqueue, libuv,
/// GLib or QSocketNotifier. Once it is readable, call linq_queue_next with a timeout of 0 until there
/// is no event.
///
/// It belongs to the queue: neither read from it nor close it, and deregister it before linq_free.
/// Waiting log lines do not make it readable. -1 if queue is not a live queue of this process.
///
/// ```c
/// struct pollfd waits = {.fd = linq_queue_descriptor(queue), .events = POLLIN};
/// poll(&waits, 1, -1);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_queue_descriptor(queue: *mut linq_queue) -> i32 {
    catch_panic(-1, || handle::descriptor(queue))
}

/// Cancels the uploads of a queue that have this tag, or all of them with LINQ_QUEUE_ALL. The last
/// event of each is LINQ_EVENT_FAILED with LINQ_CANCELLED, unless it had ended before.
///
/// Never blocks. A tag that no upload has is ignored, and so is NULL as queue.
///
/// ```c
/// linq_queue_cancel(queue, LINQ_QUEUE_ALL);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_queue_cancel(queue: *mut linq_queue, tag: u64) {
    catch_panic((), || handle::cancel_queued(queue, tag))
}

/// Asks what Linq knows of an attachment (GET /v3/attachments/{id}).
///
/// client         NULL: the default client
/// attachment_id  required
/// call           NULL: no cancelling, no time limit
/// info           the result; free it with linq_free
///
/// ```c
/// linq_attachment_info *info;
/// if (linq_attachment_get(client, id, NULL, &info, &error) == LINQ_OK) printf("%s\n", info->filename);
/// ```
///
/// LINQ_NOT_FOUND         it does not exist, or belongs to another account
/// LINQ_UNAUTHORIZED      there is no API key, or Linq does not accept it
/// LINQ_INVALID_ARGUMENT  it is not an id that an upload returns; nothing was sent
///
/// Also LINQ_NETWORK, LINQ_TLS, LINQ_TIMEOUT, LINQ_CANCELLED, LINQ_RATE_LIMITED, LINQ_API,
/// LINQ_PROTOCOL, LINQ_NO_MEMORY and LINQ_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_attachment_get(
    client: *mut linq_client,
    attachment_id: *const c_char,
    call: *const linq_call_options,
    info: *mut *mut linq_attachment_info,
    error: *mut *mut linq_error,
) -> linq_status {
    let body = || {
        let client = input::client(client)?;
        let id = unsafe { input::attachment_id(attachment_id)? };
        let options = unsafe { options::call(call)? };
        block::attachment_info(&client.attachment(id, options.core())?)
    };
    unsafe { boundary::call(info, error, body) }
}

/// Deletes an attachment permanently (DELETE /v3/attachments/{id}). Messages stay, but lose it.
///
/// client         NULL: the default client
/// attachment_id  required
/// call           NULL: no cancelling, no time limit
///
/// A retry, after the first answer was lost, that finds the attachment gone counts as success.
///
/// ```c
/// linq_status status = linq_attachment_delete(client, id, NULL, &error);
/// ```
///
/// LINQ_NOT_FOUND         it does not exist, or belongs to another account
/// LINQ_UNAUTHORIZED      there is no API key, or Linq does not accept it
/// LINQ_INVALID_ARGUMENT  it is not an id that an upload returns; nothing was sent
///
/// Also LINQ_NETWORK, LINQ_TLS, LINQ_TIMEOUT, LINQ_CANCELLED, LINQ_RATE_LIMITED, LINQ_API,
/// LINQ_PROTOCOL, LINQ_NO_MEMORY and LINQ_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_attachment_delete(
    client: *mut linq_client,
    attachment_id: *const c_char,
    call: *const linq_call_options,
    error: *mut *mut linq_error,
) -> linq_status {
    let body = || {
        let client = input::client(client)?;
        let id = unsafe { input::attachment_id(attachment_id)? };
        let options = unsafe { options::call(call)? };
        Ok(client.delete_attachment(id, options.core())?)
    };
    unsafe { boundary::call_without_result(error, body) }
}

/// Sends a message with attachments (POST /v3/chats), to the chat that these people already share
/// or to a new one.
///
/// client   NULL: the default client
/// message  required
/// call     NULL: no cancelling, no time limit
/// receipt  the result; free it with linq_free
///
/// Always sent with an idempotency key, so a retry never sends it twice. After an error, send again
/// with error->idempotency_key if there is one: the message may have arrived.
///
/// ```c
/// const char *to[] = {"+15557654321"};
/// linq_message message = linq_message_default();
/// message.from = "+15551234567";
/// message.to = to;
/// message.to_count = 1;
/// message.attachment_ids = &attachment->attachment_id;
/// message.attachment_count = 1;
/// linq_status status = linq_send_message(client, &message, NULL, &receipt, &error);
/// ```
///
/// LINQ_INVALID_ARGUMENT  it has no recipient, or neither text nor attachments; nothing was sent
/// LINQ_NOT_FOUND         an attachment no longer exists, or belongs to another account: upload it
///                        again
/// LINQ_UNAUTHORIZED      there is no API key, or Linq does not accept it
///
/// Also LINQ_NETWORK, LINQ_TLS, LINQ_TIMEOUT, LINQ_CANCELLED, LINQ_RATE_LIMITED, LINQ_API,
/// LINQ_PROTOCOL, LINQ_NO_MEMORY and LINQ_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_send_message(
    client: *mut linq_client,
    message: *const linq_message,
    call: *const linq_call_options,
    receipt: *mut *mut linq_receipt,
    error: *mut *mut linq_error,
) -> linq_status {
    let body = || {
        let client = input::client(client)?;
        let message = unsafe { options::message(message)? };
        let options = unsafe { options::call(call)? };
        block::receipt(&client.send_message(message.core(), options.core())?)
    };
    unsafe { boundary::call(receipt, error, body) }
}

/// Makes any other call of the API below /v3/, with the key, the limits and the errors of every
/// other call: a message to an existing chat, a voice memo, a sticker, or what Linq adds later.
///
/// client    NULL: the default client
/// request   required: method and path, and JSON to send
/// call      NULL: no cancelling, no time limit
/// response  the result, at most 1 MiB; free it with linq_free
///
/// GET, HEAD, PUT and DELETE are retried like every call; POST and PATCH only with
/// LINQ_REQUEST_REPEATABLE. Without it the request is sent on a connection of its own, and retried
/// only if no connection could be made, or if Linq says that it did nothing: status 429, codes 2007
/// and 2009, x-should-retry: true. An error whose retryable is 0 may then mean that the request was
/// executed all the same. A refusal is an error, with Linq's message and codes.
///
/// ```c
/// linq_request request = linq_request_default();
/// request.method = "POST";
/// request.path = "/v3/chats/6a3f0c1e-5b1d-4c58-9c37-2f4b8f9a0d11/messages";
/// request.json = "{\"message\":{\"parts\":[{\"type\":\"text\",\"value\":\"hello\"}]}}";
/// linq_status status = linq_send_request(client, &request, NULL, &response, &error);
/// ```
///
/// LINQ_INVALID_ARGUMENT  method, path or JSON is invalid; nothing was sent
/// LINQ_UNAUTHORIZED      there is no API key, or Linq does not accept it
/// LINQ_PROTOCOL          Linq's answer is not JSON
///
/// Also LINQ_NETWORK, LINQ_TLS, LINQ_TIMEOUT, LINQ_CANCELLED, LINQ_NOT_FOUND, LINQ_RATE_LIMITED,
/// LINQ_API, LINQ_NO_MEMORY and LINQ_INTERNAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_send_request(
    client: *mut linq_client,
    request: *const linq_request,
    call: *const linq_call_options,
    response: *mut *mut linq_response,
    error: *mut *mut linq_error,
) -> linq_status {
    let body = || {
        let client = input::client(client)?;
        let request = unsafe { options::request(request)? };
        let options = unsafe { options::call(call)? };
        block::response(&client.send_request(request, options.core())?)
    };
    unsafe { boundary::call(response, error, body) }
}

/// Tells the library that the network changed: from Wi-Fi to mobile, a VPN that came or went, a device
/// that woke up.
///
/// client  NULL: the default client, if there is one
///
/// Closes idle connections. A running attempt whose local address no longer exists is made again at
/// once; one whose address still exists is, after 3 s, if bytes that it sent remain unacknowledged.
/// Waiting for an answer goes on. Waits after LINQ_NETWORK or LINQ_TIMEOUT end now; those that a server
/// asked for do not. What must not be repeated, and a reader that cannot rewind, go on unchanged. The
/// first such new attempt of a call does not count as one. So a false alarm costs idle connections and
/// nothing else. The client's queues are included.
///
/// Returns nothing and never blocks. May be called on any thread, also in a callback; not in a signal
/// handler.
///
/// ```c
/// linq_network_changed(client);
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_network_changed(client: *mut linq_client) {
    catch_panic((), || handle::network_changed(client))
}

/// The content type that the library would declare, as a static string that is never freed; NULL
/// if it finds none that the API accepts.
///
/// path_or_name  only the part after the last "/" is used; NULL: from the bytes alone
/// bytes         the first length bytes of the file, ideally all of it: an upload looks further,
///               and may still refuse the file; NULL with length 0: from the name alone
///
/// Nothing is opened or read.
///
/// ```c
/// const char *type = linq_content_type("photo.jpg", NULL, 0);  // "image/jpeg"
/// ```
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linq_content_type(
    path_or_name: *const c_char,
    bytes: *const c_void,
    length: usize,
) -> *const c_char {
    catch_panic(std::ptr::null(), || unsafe { input::content_type(path_or_name, bytes, length) })
}

/// Sets the callback that receives the library's log lines up to a level (LINQ_LOG_...). None by
/// default. No line contains a secret, at any level.
///
/// callback   NULL: none; level is ignored
/// user_data  passed to callback
/// level      the most detailed level to receive
///
/// There is one callback per process. It is called on the thread whose call the line is about, so
/// several threads may be in it at once. It may call any linq function except this one; the lines
/// of those calls are dropped. Returns once no thread is in the old callback any more.
///
/// ```c
/// (void)linq_set_log(on_log, NULL, LINQ_LOG_INFO);
/// ```
///
/// LINQ_INVALID_ARGUMENT  the level is unknown, or it was called from inside a log callback
///
/// Also LINQ_INTERNAL.
#[unsafe(no_mangle)]
pub extern "C" fn linq_set_log(callback: linq_log_fn, user_data: *mut c_void, level: u32) -> linq_status {
    catch_panic(LINQ_INTERNAL, || callback::set_log(callback, user_data, level))
}
