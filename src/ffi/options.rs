//! Converts the caller's structs to the core's values. Zero means the core's default, which is not known here.

use std::ffi::OsString;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::callback::{self, CReader};
use super::failure::{Failure, invalid};
use super::input::{bytes, cancel, list, millis, optional, optional_path, required};
use super::place;
use super::types::*;
use super::versioned::{versioned, versioned_or_default};
use crate::source::duplicate;
use crate::{
    CallOptions, CancelToken, Config, FileInfo, Message, Observer, Presigned, Progress, QueuedSource,
    QueuedUpload, Renew, Request, Source, UploadOptions,
};

fn must_be_zero(is_zero: bool, name: &str) -> Result<(), Failure> {
    if is_zero { Ok(()) } else { Err(invalid(format!("{name} is reserved and must be zero"))) }
}

// Every function below destructures its struct without `..`, so that a new field does not compile until it is handled.
// # Safety: the struct is as linq.h says.

pub(super) unsafe fn config(at: *const linq_client_options) -> Result<Config, Failure> {
    // SAFETY: the caller's promise, here and below.
    let linq_client_options {
        struct_size: _,
        api_key,
        base_url,
        user_agent,
        ca_file,
        ca_pem,
        proxy,
        flags,
        connect_timeout_ms,
        stall_timeout_ms,
        max_attempts,
    } = unsafe { versioned_or_default(at)? };
    let unknown =
        flags & !(LINQ_CLIENT_NO_ENVIRONMENT | LINQ_CLIENT_ALLOW_WEBP_SVG | LINQ_CLIENT_ALLOW_HTTP_LOOPBACK);
    if unknown != 0 {
        return Err(invalid(format!("linq_client_options.flags has an unknown bit: {unknown:#x}")));
    }
    let text = |at, name| Ok::<_, Failure>(unsafe { optional(at, name)? }.map(str::to_owned));
    let default = Config::default();
    Ok(Config {
        base_url: text(base_url, "linq_client_options.base_url")?,
        user_agent: text(user_agent, "linq_client_options.user_agent")?,
        ca_file: unsafe { optional_path(ca_file) }.map(Path::to_owned),
        ca_pem: text(ca_pem, "linq_client_options.ca_pem")?,
        proxy: text(proxy, "linq_client_options.proxy")?,
        use_environment: flags & LINQ_CLIENT_NO_ENVIRONMENT == 0,
        allow_webp_svg: flags & LINQ_CLIENT_ALLOW_WEBP_SVG != 0,
        allow_http_loopback: flags & LINQ_CLIENT_ALLOW_HTTP_LOOPBACK != 0,
        connect_timeout: millis(connect_timeout_ms).unwrap_or(default.connect_timeout),
        stall_timeout: millis(stall_timeout_ms).unwrap_or(default.stall_timeout),
        max_attempts: if max_attempts == 0 { default.max_attempts } else { max_attempts },
        // Last: nothing after it fails, so no copy of the key is dropped without being overwritten.
        api_key: text(api_key, "linq_client_options.api_key")?,
    })
}

pub(super) unsafe fn file<'a>(at: *const linq_file) -> Result<FileInfo<'a>, Failure> {
    // SAFETY: the caller's promise, here and below.
    let linq_file { struct_size: _, filename, content_type, reserved, size_bytes } =
        unsafe { versioned(at)? };
    must_be_zero(reserved.is_null(), "linq_file.reserved")?;
    Ok(FileInfo {
        filename: unsafe { required(filename, "linq_file.filename")? },
        content_type: unsafe { optional(content_type, "linq_file.content_type")? },
        size_bytes,
    })
}

/// The arguments in `linq_call_options`.
pub(super) struct CallArgs {
    cancel: Option<CancelToken>,
    timeout: Option<Duration>,
    attempt: Option<Observer>,
}

impl CallArgs {
    pub(super) fn core(&self) -> CallOptions<'_> {
        CallOptions { cancel: self.cancel.as_ref(), timeout: self.timeout, attempt: self.attempt.as_ref() }
    }
}

pub(super) unsafe fn call(at: *const linq_call_options) -> Result<CallArgs, Failure> {
    // SAFETY: the caller's promise.
    let linq_call_options { struct_size: _, cancel: token, timeout_ms, reserved, attempt, attempt_user_data } =
        unsafe { versioned_or_default(at)? };
    must_be_zero(reserved == 0, "linq_call_options.reserved")?;
    Ok(CallArgs {
        cancel: cancel(token, "linq_call_options.cancel")?,
        timeout: millis(timeout_ms),
        attempt: callback::attempt(attempt, attempt_user_data),
    })
}

/// The arguments in `linq_upload_options`.
pub(super) struct UploadArgs<'a> {
    filename: Option<&'a str>,
    content_type: Option<&'a str>,
    progress: Option<Progress>,
    renew: Option<Renew>,
    call: CallArgs,
}

impl UploadArgs<'_> {
    pub(super) fn core(&mut self) -> UploadOptions<'_> {
        UploadOptions {
            filename: self.filename,
            content_type: self.content_type,
            progress: self.progress.take(),
            renew: self.renew.take(),
            call: self.call.core(),
        }
    }
}

pub(super) unsafe fn upload<'a>(at: *const linq_upload_options) -> Result<UploadArgs<'a>, Failure> {
    // SAFETY: the caller's promise, here and below.
    let linq_upload_options {
        struct_size: _,
        filename,
        content_type,
        progress,
        user_data,
        cancel: token,
        timeout_ms,
        reserved,
        renew,
        renew_user_data,
        attempt,
        attempt_user_data,
    } = unsafe { versioned_or_default(at)? };
    must_be_zero(reserved == 0, "linq_upload_options.reserved")?;
    Ok(UploadArgs {
        filename: unsafe { optional(filename, "linq_upload_options.filename")? },
        content_type: unsafe { optional(content_type, "linq_upload_options.content_type")? },
        progress: callback::progress(progress, user_data),
        renew: place::renew(renew, renew_user_data),
        call: CallArgs {
            cancel: cancel(token, "linq_upload_options.cancel")?,
            timeout: millis(timeout_ms),
            attempt: callback::attempt(attempt, attempt_user_data),
        },
    })
}

/// The arguments in `linq_source`.
pub(super) enum SourceArgs<'a> {
    Path(&'a Path),
    Descriptor(BorrowedFd<'a>, u64, Option<u64>),
    Bytes(&'a [u8]),
    Reader(CReader, u64),
}

impl SourceArgs<'_> {
    pub(super) fn core(&mut self) -> Source<'_> {
        match self {
            SourceArgs::Path(path) => Source::Path(path),
            SourceArgs::Descriptor(fd, offset, length) => {
                Source::Descriptor { fd: *fd, offset: *offset, length: *length }
            }
            SourceArgs::Bytes(bytes) => Source::Bytes(bytes),
            SourceArgs::Reader(reader, size) => Source::Reader { reader, size: *size },
        }
    }
}

pub(super) unsafe fn source<'a>(at: *const linq_source) -> Result<SourceArgs<'a>, Failure> {
    // SAFETY: the caller's promise, here and below.
    let source = unsafe { versioned(at)? };
    reject_unused_fields(&source)?;
    let linq_source {
        struct_size: _,
        path,
        bytes: first,
        read,
        rewind,
        user_data,
        offset,
        length,
        kind,
        descriptor,
    } = source;
    Ok(match kind {
        LINQ_SOURCE_PATH => {
            let path = unsafe { optional_path(path) };
            SourceArgs::Path(path.ok_or_else(|| invalid("linq_source.path is NULL"))?)
        }
        LINQ_SOURCE_DESCRIPTOR => {
            let fd = descriptor.cast_signed();
            if fd < 0 {
                return Err(invalid(format!("linq_source.descriptor is {fd}, which is not a descriptor")));
            }
            // SAFETY: not -1; the system refuses one that is not open.
            let fd = unsafe { BorrowedFd::borrow_raw(fd) };
            SourceArgs::Descriptor(fd, offset, (length != 0).then_some(length))
        }
        LINQ_SOURCE_BYTES => {
            SourceArgs::Bytes(unsafe { bytes(first, length, "linq_source.bytes", "linq_source.length")? })
        }
        _ => {
            let read = read.ok_or_else(|| invalid("linq_source.read is NULL"))?;
            SourceArgs::Reader(CReader { read, rewind, user_data }, length)
        }
    })
}

/// Refuses a field that does not belong to the kind of source: it is a mistake.
fn reject_unused_fields(source: &linq_source) -> Result<(), Failure> {
    let set = [
        ("path", !source.path.is_null()),
        ("bytes", !source.bytes.is_null()),
        ("read", source.read.is_some()),
        ("rewind", source.rewind.is_some()),
        ("user_data", !source.user_data.is_null()),
        ("offset", source.offset != 0),
        ("length", source.length != 0),
        ("descriptor", source.descriptor != 0),
    ];
    let belongs: &[&str] = match source.kind {
        LINQ_SOURCE_PATH => &["path"],
        LINQ_SOURCE_DESCRIPTOR => &["descriptor", "offset", "length"],
        LINQ_SOURCE_BYTES => &["bytes", "length"],
        LINQ_SOURCE_READER => &["read", "rewind", "user_data", "length"],
        kind => return Err(invalid(format!("linq_source.kind is {kind}; set it to one of LINQ_SOURCE_..."))),
    };
    match set.iter().find(|(name, set)| *set && !belongs.contains(name)) {
        Some((name, _)) => Err(invalid(format!("linq_source.{name} does not belong to this kind of source"))),
        None => Ok(()),
    }
}

/// The arguments in `linq_message`, with the lists that the core borrows.
pub(super) struct MessageArgs<'a> {
    from: &'a str,
    to: Vec<&'a str>,
    text: Option<&'a str>,
    attachment_ids: Vec<&'a str>,
    idempotency_key: Option<&'a str>,
}

impl MessageArgs<'_> {
    pub(super) fn core(&self) -> Message<'_> {
        Message {
            from: self.from,
            to: &self.to,
            text: self.text,
            attachment_ids: &self.attachment_ids,
            idempotency_key: self.idempotency_key,
        }
    }
}

pub(super) unsafe fn message<'a>(at: *const linq_message) -> Result<MessageArgs<'a>, Failure> {
    // SAFETY: the caller's promise, here and below.
    let linq_message {
        struct_size: _,
        from,
        to,
        to_count,
        text,
        attachment_ids,
        attachment_count,
        idempotency_key,
    } = unsafe { versioned(at)? };
    let (ids, ids_count) = ("linq_message.attachment_ids", "linq_message.attachment_count");
    Ok(MessageArgs {
        from: unsafe { required(from, "linq_message.from")? },
        to: unsafe { list(to, to_count, "linq_message.to", "linq_message.to_count")? },
        text: unsafe { optional(text, "linq_message.text")? },
        attachment_ids: unsafe { list(attachment_ids, attachment_count, ids, ids_count)? },
        idempotency_key: unsafe { optional(idempotency_key, "linq_message.idempotency_key")? },
    })
}

pub(super) unsafe fn request<'a>(at: *const linq_request) -> Result<Request<'a>, Failure> {
    // SAFETY: the caller's promise, here and below.
    let linq_request { struct_size: _, method, path, json, idempotency_key, flags, reserved } =
        unsafe { versioned(at)? };
    must_be_zero(reserved == 0, "linq_request.reserved")?;
    let unknown = flags & !LINQ_REQUEST_REPEATABLE;
    if unknown != 0 {
        return Err(invalid(format!("linq_request.flags has an unknown bit: {unknown:#x}")));
    }
    Ok(Request {
        method: unsafe { required(method, "linq_request.method")? },
        path: unsafe { required(path, "linq_request.path")? },
        json: unsafe { optional(json, "linq_request.json")? },
        idempotency_key: unsafe { optional(idempotency_key, "linq_request.idempotency_key")? },
        repeatable: flags & LINQ_REQUEST_REPEATABLE != 0,
    })
}

pub(super) unsafe fn queue(at: *const linq_queue_options) -> Result<Option<usize>, Failure> {
    // SAFETY: the caller's promise.
    let linq_queue_options { struct_size: _, max_in_flight, reserved } = unsafe { versioned_or_default(at)? };
    must_be_zero(reserved == 0, "linq_queue_options.reserved")?;
    Ok((max_in_flight != 0).then_some(max_in_flight as usize))
}

/// An upload for a queue, with copies of what the call borrows, except the bytes of a source in memory.
pub(super) fn queued(
    place: Option<Presigned>,
    source: SourceArgs<'_>,
    options: UploadArgs<'_>,
    tag: u64,
) -> Result<QueuedUpload, Failure> {
    if tag == LINQ_QUEUE_ALL {
        return Err(invalid("tag is LINQ_QUEUE_ALL, which stands for every upload"));
    }
    let UploadArgs { filename, content_type, progress, renew, call } = options;
    let CallArgs { cancel, timeout, attempt } = call;
    if attempt.is_some() {
        return Err(not_in_a_queue("linq_upload_options.attempt"));
    }
    if progress.is_some() {
        return Err(not_in_a_queue("linq_upload_options.progress"));
    }
    if renew.is_some() {
        return Err(not_in_a_queue("linq_upload_options.renew"));
    }
    let source = match source {
        SourceArgs::Path(path) => {
            QueuedSource::Path(PathBuf::from(OsString::from_vec(copy(path.as_os_str().as_bytes())?)))
        }
        SourceArgs::Descriptor(fd, offset, length) => {
            QueuedSource::Descriptor { fd: duplicate(fd)?, offset, length }
        }
        SourceArgs::Bytes(bytes) => QueuedSource::Bytes(Box::new(HostBytes(bytes.as_ptr(), bytes.len()))),
        SourceArgs::Reader(..) => return Err(not_in_a_queue("linq_source.read")),
    };
    let text = |text: Option<&str>| text.map(copy_text).transpose();
    let (filename, content_type) = (text(filename)?, text(content_type)?);
    Ok(QueuedUpload { source, place, filename, content_type, cancel, timeout, tag })
}

fn not_in_a_queue(name: &str) -> Failure {
    invalid(format!("{name} would be called on a thread of the library, so a queue does not take it"))
}

fn copy(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len()).map_err(|_| Failure::NoMemory)?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

fn copy_text(text: &str) -> Result<String, Failure> {
    let mut copy = String::new();
    copy.try_reserve_exact(text.len()).map_err(|_| Failure::NoMemory)?;
    copy.push_str(text);
    Ok(copy)
}

/// Bytes that the host does not change until it has the last event of their upload, or has freed the queue.
struct HostBytes(*const u8, usize);

// SAFETY: only read, and the header forbids the host to change them meanwhile.
unsafe impl Send for HostBytes {}

impl AsRef<[u8]> for HostBytes {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: made from a slice, which the caller keeps as linq_queue_add demands.
        unsafe { std::slice::from_raw_parts(self.0, self.1) }
    }
}

#[cfg(test)]
mod tests;
