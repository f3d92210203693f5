//! Converts C pointers to checked Rust values: texts, paths, lists, handles. Every refusal names the argument as C has
//! it.

use std::ffi::{CStr, OsStr, c_char, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::failure::{Failure, invalid};
use super::handle;
use super::types::*;
use crate::{CancelToken, Client, Queue};

/// The core reads no longer reply from a server either.
const JSON_LIMIT: usize = 1 << 20;

/// More recipients or attachments than any message has; the core knows Linq's own limits.
const LIST_LIMIT: usize = 1 << 16;

/// A required text.
///
/// # Safety
/// `at` is NULL or NUL-terminated, and does not change during `'a`. The same holds for every function below.
pub(super) unsafe fn required<'a>(at: *const c_char, name: &str) -> Result<&'a str, Failure> {
    // SAFETY: the caller's promise.
    unsafe { optional(at, name)? }.ok_or_else(|| invalid(format!("{name} is NULL")))
}

/// An optional text.
pub(super) unsafe fn optional<'a>(at: *const c_char, name: &str) -> Result<Option<&'a str>, Failure> {
    // SAFETY: the caller's promise.
    let Some(text) = (unsafe { bytes_of(at) }) else { return Ok(None) };
    std::str::from_utf8(text).map(Some).map_err(|_| invalid(format!("{name} is not UTF-8")))
}

/// The required argument `path`.
pub(super) unsafe fn path<'a>(at: *const c_char) -> Result<&'a Path, Failure> {
    // SAFETY: the caller's promise.
    unsafe { optional_path(at) }.ok_or_else(|| invalid("path is NULL"))
}

/// An optional path; its bytes are passed on unchanged.
pub(super) unsafe fn optional_path<'a>(at: *const c_char) -> Option<&'a Path> {
    // SAFETY: the caller's promise.
    unsafe { bytes_of(at) }.map(|path| Path::new(OsStr::from_bytes(path)))
}

unsafe fn bytes_of<'a>(at: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: not NULL, so NUL-terminated by the caller's promise.
    (!at.is_null()).then(|| unsafe { CStr::from_ptr(at) }.to_bytes())
}

/// A list of required texts.
///
/// # Safety
/// `at` is NULL or has `count` pointers, each NULL or NUL-terminated, which do not change during `'a`.
pub(super) unsafe fn list<'a>(
    at: *const *const c_char,
    count: usize,
    name: &str,
    count_name: &str,
) -> Result<Vec<&'a str>, Failure> {
    if count > LIST_LIMIT {
        return Err(invalid(format!("{count_name} is {count}; at most {LIST_LIMIT} are possible")));
    }
    if at.is_null() && count > 0 {
        return Err(invalid(format!("{name} is NULL, but {count_name} is {count}")));
    }
    let mut texts = Vec::new();
    texts.try_reserve_exact(count).map_err(|_| Failure::NoMemory)?;
    for index in 0..count {
        // SAFETY: below `count`, which is 0 for NULL.
        texts.push(unsafe { required(at.add(index).read_unaligned(), &format!("{name}[{index}]"))? });
    }
    Ok(texts)
}

/// Bytes in memory.
///
/// # Safety
/// `at` is NULL or has `length` bytes, which do not change during `'a`.
pub(super) unsafe fn bytes<'a>(
    at: *const c_void,
    length: u64,
    name: &str,
    length_name: &str,
) -> Result<&'a [u8], Failure> {
    if at.is_null() {
        return match length {
            0 => Ok(&[]),
            _ => Err(invalid(format!("{name} is NULL, but {length_name} is {length}"))),
        };
    }
    let fits = usize::try_from(length)
        .ok()
        .filter(|&length| isize::try_from(length).is_ok() && at.addr().checked_add(length).is_some());
    let Some(length) = fits else {
        return Err(invalid(format!("{length_name} is {length}, which is more than memory can hold")));
    };
    // SAFETY: not NULL, and neither the length nor the end is out of range; the rest is the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(at.cast(), length) })
}

/// The JSON of a presigned place.
///
/// # Safety
/// `at` is NULL or has `length` bytes.
pub(super) unsafe fn json<'a>(at: *const c_char, length: usize) -> Result<&'a [u8], Failure> {
    if at.is_null() {
        return Err(invalid("json is NULL"));
    }
    if length > JSON_LIMIT {
        return Err(invalid(format!("length is {length}; the limit for this JSON is {JSON_LIMIT} bytes")));
    }
    // SAFETY: the caller's promise.
    unsafe { bytes(at.cast(), length as u64, "json", "length") }
}

pub(super) unsafe fn attachment_id<'a>(at: *const c_char) -> Result<&'a str, Failure> {
    // SAFETY: the caller's promise.
    unsafe { required(at, "attachment_id") }
}

/// The client of a call, kept alive until the call returns. NULL is the default client.
pub(super) fn client(at: *mut linq_client) -> Result<Arc<Client>, Failure> {
    client_or_default(at, true)
}

/// The same for calls that need no API key.
pub(super) fn keyless_client(at: *mut linq_client) -> Result<Arc<Client>, Failure> {
    client_or_default(at, false)
}

fn client_or_default(at: *mut linq_client, needs_key: bool) -> Result<Arc<Client>, Failure> {
    if at.is_null() {
        return handle::default_client(needs_key);
    }
    handle::acquire_client(at)
        .ok_or_else(|| invalid("client is not a live linq_client: it was freed, or is something else"))
}

/// The queue of a call, kept alive until the call returns.
pub(super) fn queue(at: *mut linq_queue) -> Result<Arc<Queue>, Failure> {
    if at.is_null() {
        return Err(invalid("queue is NULL"));
    }
    handle::acquire_queue(at)
        .ok_or_else(|| invalid("queue is not a live linq_queue: it was freed, or is something else"))
}

/// How long to wait for an event; `None`: without limit.
pub(super) fn event_timeout(timeout_ms: u32) -> Option<Duration> {
    (timeout_ms != u32::MAX).then(|| Duration::from_millis(timeout_ms.into()))
}

/// The token of a call, kept alive until the call returns.
pub(super) fn cancel(at: *mut linq_cancel_token, name: &str) -> Result<Option<CancelToken>, Failure> {
    if at.is_null() {
        return Ok(None);
    }
    match handle::acquire_token(at) {
        Some(token) => Ok(Some(token)),
        None => Err(invalid(format!(
            "{name} is not a live linq_cancel_token: it was freed, or is something else"
        ))),
    }
}

/// Zero means the default.
pub(super) fn millis(value: u32) -> Option<Duration> {
    (value != 0).then(|| Duration::from_millis(value.into()))
}

/// `linq_content_type`; NULL for invalid arguments too.
///
/// # Safety
/// `name` is NULL or NUL-terminated; `at` is NULL or has `length` bytes.
pub(super) unsafe fn content_type(name: *const c_char, at: *const c_void, length: usize) -> *const c_char {
    // SAFETY: the caller's promise.
    let (name, bytes) = unsafe { (bytes_of(name), bytes(at, length as u64, "bytes", "length")) };
    // Only the extension counts, and every known extension is ASCII.
    let name = name.map(String::from_utf8_lossy);
    let found = bytes.ok().and_then(|bytes| crate::content_type::of(name.as_deref(), bytes));
    found.map_or(std::ptr::null(), |known| known.c_name().as_ptr())
}

#[cfg(test)]
mod tests;
