//! Results for C: each Rust value becomes one block.
//!
//! ```text
//! [ struct ][ headers ][ texts, each NUL-terminated ]
//! ^ the pointer C sees
//! ```

use std::borrow::Cow;
use std::ffi::c_char;
use std::ptr;
use std::time::Duration;

use zeroize::Zeroizing;

use super::alloc::allocate;
use super::failure::Failure;
use super::registry::Kind;
use super::types::*;
use crate::{
    Attachment, AttachmentInfo, Error, ErrorKind, Event, EventKind, Presigned, Receipt, Response, Step,
};

/// A result of an exported function.
pub(super) trait Outcome {
    /// The name of its out parameter, for error messages.
    const OUT: &'static str;
}

macro_rules! outcomes {
    ($($type:ident $out:literal)+) => { $(impl Outcome for $type { const OUT: &'static str = $out; })+ };
}

outcomes! {
    linq_client "client"
    linq_presigned "presigned"
    linq_attachment "attachment"
    linq_attachment_info "info"
    linq_receipt "receipt"
    linq_response "response"
    linq_queue "queue"
    linq_event "event"
}

/// Allocates one block for a struct, its headers and its texts. The number of texts is part of the type, so a missing
/// pointer does not compile.
fn flat<T, const N: usize>(
    texts: [Option<&str>; N],
    headers: &[(String, String)],
    fill: impl FnOnce([*const c_char; N], *const linq_header) -> T,
) -> Result<*mut T, Failure> {
    flat_of(Kind::Plain, texts, headers, fill)
}

fn flat_of<T, const N: usize>(
    kind: Kind,
    texts: [Option<&str>; N],
    headers: &[(String, String)],
    fill: impl FnOnce([*const c_char; N], *const linq_header) -> T,
) -> Result<*mut T, Failure> {
    let pairs = headers.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    let all = || texts.iter().flatten().copied().chain(pairs.clone());
    if all().any(|text| text.contains('\0')) {
        // C would see the text cut short.
        let message = "the server sent a text with a NUL byte in it";
        return Err(Error::new(ErrorKind::Protocol, message).into());
    }
    let table = headers.len() * size_of::<linq_header>();
    let size = all().map(|text| text.len() + 1).sum::<usize>() + size_of::<T>() + table;
    let start = allocate(kind, size)?;
    // SAFETY: every write stays within `size`, the sum of all that is written. calloc aligns the struct; the headers after
    // it are aligned too, because the struct's alignment is at least a pointer's.
    unsafe {
        let slots: *mut linq_header = start.add(size_of::<T>()).cast();
        let mut cursor = Cursor(slots.cast::<u8>().add(table));
        for (index, (name, value)) in headers.iter().enumerate() {
            slots.add(index).write(linq_header { name: cursor.put(name), value: cursor.put(value) });
        }
        let pointers = texts.map(|text| text.map_or(ptr::null(), |text| cursor.put(text)));
        let slots = if headers.is_empty() { ptr::null() } else { slots.cast_const() };
        start.cast::<T>().write(fill(pointers, slots));
    }
    Ok(start.cast())
}

/// The position of the next text.
struct Cursor(*mut u8);

impl Cursor {
    /// # Safety
    /// There is space for the text and its NUL, and it is zero.
    unsafe fn put(&mut self, text: &str) -> *const c_char {
        let at = self.0;
        // SAFETY: the caller's promise; calloc has written the NUL.
        unsafe {
            ptr::copy_nonoverlapping(text.as_ptr(), at, text.len());
            self.0 = at.add(text.len() + 1);
        }
        at.cast_const().cast()
    }
}

pub(super) fn presigned(from: &Presigned) -> Result<*mut linq_presigned, Failure> {
    let json = Zeroizing::new(from.to_json());
    let texts = [
        Some(from.attachment_id.as_str()),
        Some(&from.upload_url),
        from.download_url.as_deref(),
        Some(&from.http_method),
        Some(&from.expires_at),
        Some(&json),
        from.filename.as_deref(),
        from.content_type.as_deref(),
    ];
    flat_of(Kind::Place, texts, &from.headers, |texts, headers| {
        let [attachment_id, upload_url, download_url, http_method, expires_at, json, filename, content_type] =
            texts;
        linq_presigned {
            struct_size: size_of::<linq_presigned>(),
            attachment_id,
            upload_url,
            download_url,
            http_method,
            expires_at,
            headers,
            header_count: from.headers.len(),
            json,
            filename,
            content_type,
            reserved: ptr::null(),
            expires_at_ms: from.expires_at_ms,
            size_bytes: from.size_bytes.unwrap_or(0),
        }
    })
}

pub(super) fn attachment(from: &Attachment) -> Result<*mut linq_attachment, Failure> {
    flat(attachment_texts(from), &[], |texts, _| attachment_of(from, texts))
}

fn attachment_texts(from: &Attachment) -> [Option<&str>; 4] {
    [Some(&from.attachment_id), from.download_url.as_deref(), Some(&from.filename), Some(&from.content_type)]
}

fn attachment_of(from: &Attachment, texts: [*const c_char; 4]) -> linq_attachment {
    let [attachment_id, download_url, filename, content_type] = texts;
    linq_attachment {
        struct_size: size_of::<linq_attachment>(),
        attachment_id,
        download_url,
        filename,
        content_type,
        reserved: ptr::null(),
        size_bytes: from.size_bytes,
        attempts: from.attempts,
        reserved_2: 0,
    }
}

pub(super) fn attachment_info(from: &AttachmentInfo) -> Result<*mut linq_attachment_info, Failure> {
    let texts = [
        Some(from.attachment_id.as_str()),
        Some(&from.filename),
        Some(&from.content_type),
        Some(&from.created_at),
        from.download_url.as_deref(),
        from.status.as_deref(),
    ];
    flat(texts, &[], |[attachment_id, filename, content_type, created_at, download_url, status], _| {
        linq_attachment_info {
            struct_size: size_of::<linq_attachment_info>(),
            attachment_id,
            filename,
            content_type,
            created_at,
            download_url,
            status,
            reserved: ptr::null(),
            size_bytes: from.size_bytes,
            created_at_ms: from.created_at_ms,
        }
    })
}

pub(super) fn receipt(from: &Receipt) -> Result<*mut linq_receipt, Failure> {
    let texts = [Some(from.chat_id.as_str()), from.message_id.as_deref(), Some(&from.idempotency_key)];
    flat(texts, &[], |[chat_id, message_id, idempotency_key], _| linq_receipt {
        struct_size: size_of::<linq_receipt>(),
        chat_id,
        message_id,
        idempotency_key,
    })
}

pub(super) fn response(from: &Response) -> Result<*mut linq_response, Failure> {
    flat([from.json.as_deref(), from.trace_id.as_deref()], &[], |[json, trace_id], _| linq_response {
        struct_size: size_of::<linq_response>(),
        json,
        trace_id,
        http_status: from.http_status.into(),
        reserved: 0,
    })
}

pub(super) fn error(from: &Error) -> Result<*mut linq_error, Failure> {
    let texts = error_texts(from);
    flat(texts.each_ref().map(Option::as_deref), &[], |texts, _| error_of(from, texts))
}

fn error_texts(from: &Error) -> [Option<Cow<'_, str>>; 8] {
    let details = &*from.details;
    [
        Some(&from.message),
        details.storage_code.as_ref(),
        details.storage_request_id.as_ref(),
        details.storage_id_2.as_ref(),
        details.doc_url.as_ref(),
        details.trace_id.as_ref(),
        details.attachment_id.as_ref(),
        details.idempotency_key.as_ref(),
    ]
    .map(|text| text.map(|text| without_nul(text)))
}

fn error_of(from: &Error, texts: [*const c_char; 8]) -> linq_error {
    let details = &*from.details;
    let [
        message,
        storage_code,
        storage_request_id,
        storage_id_2,
        doc_url,
        trace_id,
        attachment_id,
        idempotency_key,
    ] = texts;
    linq_error {
        struct_size: size_of::<linq_error>(),
        message,
        storage_code,
        storage_request_id,
        storage_id_2,
        doc_url,
        trace_id,
        attachment_id,
        status: from.kind as linq_status,
        http_status: details.http_status.unwrap_or(0).into(),
        api_code: details.api_code.unwrap_or(0),
        retry_after_ms: details.retry_after.map_or(0, millis),
        attempts: details.attempts,
        retryable: details.retryable.into(),
        idempotency_key,
        system_error: details.system_error.unwrap_or(0),
        reserved: 0,
    }
}

/// An event, followed in the same block by the attachment or the error that it points to.
pub(super) fn event(from: &Event) -> Result<*mut linq_event, Failure> {
    match &from.kind {
        EventKind::Progress => flat([], &[], |[], _| event_of(from, LINQ_EVENT_PROGRESS)),
        EventKind::Finished(attachment) => {
            let texts = attachment_texts(attachment);
            let fill = |texts| attachment_of(attachment, texts);
            match event_with(event_of(from, LINQ_EVENT_FINISHED), texts, fill) {
                // The server's texts cannot be passed on: the upload failed, and this is its last event.
                Err(Failure::Core(error)) => with_error(from, LINQ_EVENT_FAILED, &error),
                other => other.map(|block| {
                    // SAFETY: just made, and not shared yet.
                    unsafe { (*block).event.attachment = &raw const (*block).member };
                    block.cast()
                }),
            }
        }
        EventKind::Failed(error) => with_error(from, LINQ_EVENT_FAILED, error),
        EventKind::Retry(error, _) => with_error(from, LINQ_EVENT_RETRY, error),
    }
}

fn with_error(from: &Event, kind: u32, error: &Error) -> Result<*mut linq_event, Failure> {
    let texts = error_texts(error);
    let texts = texts.each_ref().map(Option::as_deref);
    let block = event_with(event_of(from, kind), texts, |texts| error_of(error, texts))?;
    // SAFETY: just made, and not shared yet.
    unsafe { (*block).event.error = &raw const (*block).member };
    Ok(block.cast())
}

/// An event and what it points to.
#[repr(C)]
struct EventWith<T> {
    event: linq_event,
    member: T,
}

fn event_with<T, const N: usize>(
    event: linq_event,
    texts: [Option<&str>; N],
    fill: impl FnOnce([*const c_char; N]) -> T,
) -> Result<*mut EventWith<T>, Failure> {
    flat(texts, &[], |texts, _| EventWith { event, member: fill(texts) })
}

fn event_of(from: &Event, kind: u32) -> linq_event {
    linq_event {
        struct_size: size_of::<linq_event>(),
        attachment: ptr::null(),
        error: ptr::null(),
        reserved: ptr::null(),
        tag: from.tag,
        sent: from.sent,
        total: from.total,
        remaining: from.remaining,
        kind,
        reserved_2: 0,
        attempt: from.attempt,
        max_attempts: from.max_attempts,
        step: from.step.map_or(0, step_of),
        again_in_ms: match from.kind {
            EventKind::Retry(_, wait) => millis(wait),
            _ => 0,
        },
    }
}

pub(super) fn step_of(step: Step) -> u32 {
    match step {
        Step::Reserve => LINQ_STEP_RESERVE,
        Step::Put => LINQ_STEP_PUT,
        Step::Other => LINQ_STEP_OTHER,
    }
}

/// Replaces NUL bytes from a server, so that an error reaches the caller whole.
fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

fn millis(duration: Duration) -> u32 {
    duration.as_millis().try_into().unwrap_or(u32::MAX)
}

#[cfg(test)]
pub(super) mod tests;
