//! The boundary of every call from C: sets both out parameters on every path, returns a status, and catches panics.

use std::cell::Cell;
use std::mem;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::block::{self, Outcome};
use super::failure::Failure;
use super::statics;
use super::types::*;
use crate::{Error, ErrorKind};

/// Runs an exported function that has a result.
///
/// # Safety
/// `out` and `error` are each NULL or may be written to.
pub(super) unsafe fn call<T: Outcome>(
    out: *mut *mut T,
    error: *mut *mut linq_error,
    body: impl FnOnce() -> Result<*mut T, Failure>,
) -> linq_status {
    // SAFETY: the caller's promise.
    unsafe { store(out, ptr::null_mut()) };
    let checked = || match out.is_null() {
        true => Err(Failure::Argument(format!("{} is NULL: there is nowhere to put the result", T::OUT))),
        // SAFETY: not NULL, so it may be written to.
        false => body().map(|block| unsafe { store(out, block) }),
    };
    // SAFETY: the caller's promise.
    unsafe { call_without_result(error, checked) }
}

/// Runs an exported function that has no result.
///
/// # Safety
/// `error` is NULL or may be written to.
pub(super) unsafe fn call_without_result(
    error: *mut *mut linq_error,
    body: impl FnOnce() -> Result<(), Failure>,
) -> linq_status {
    // SAFETY: the caller's promise.
    unsafe { store(error, ptr::null_mut()) };
    let Err(failure) = catch_panic(Err(Failure::Panic), body) else { return LINQ_OK };
    catch_panic((), || failure.log());
    if error.is_null() {
        // Dropping the failure may panic too, and must not unwind into C.
        return catch_panic(LINQ_INTERNAL, move || failure.status());
    }
    let block = catch_panic(statics::internal(), move || error_block(failure));
    // SAFETY: `error` may be written to; the block has the final status, which a lack of memory or a panic may change.
    unsafe {
        store(error, block);
        (*block).status
    }
}

/// The error for C; a static one if there is no memory for a block.
fn error_block(failure: Failure) -> *mut linq_error {
    let error = match failure {
        Failure::Argument(message) => Error::new(ErrorKind::InvalidArgument, message),
        Failure::Core(error) => error,
        Failure::NoMemory => return statics::no_memory(),
        Failure::Panic => return statics::internal(),
    };
    block::error(&error).unwrap_or_else(|_| statics::no_memory())
}

/// Runs `body`, and returns `fallback` if it panics. Every exported function goes through here, except
/// `linq_cancel_token_cancel`, which must work in a signal handler, and those that only return something static.
pub(super) fn catch_panic<R>(fallback: R, body: impl FnOnce() -> R) -> R {
    let _scope = Scope::enter(true);
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(payload) => {
            // Dropping the payload may panic too; what that panic carries is leaked, not dropped.
            if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                mem::forget(again);
            }
            fallback
        }
    }
}

/// Calls a callback of the host, with our silent panic hook off: the host's panics are reported as usual.
pub(super) fn call_host<R>(callback: impl FnOnce() -> R) -> R {
    let _scope = Scope::enter(false);
    callback()
}

/// Writes an out parameter, unless it is NULL. It need not be aligned: C callers may pass a packed field.
unsafe fn store<T>(at: *mut *mut T, value: *mut T) {
    if !at.is_null() {
        // SAFETY: not NULL, and the caller promised that it may be written to.
        unsafe { at.write_unaligned(value) };
    }
}

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Marks this thread as running library code, or the host's code again, until dropped.
struct Scope(bool);

impl Scope {
    fn enter(inside: bool) -> Self {
        install_hook();
        Scope(INSIDE.replace(inside))
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        INSIDE.set(self.0);
    }
}

/// Keeps our panics off stderr: the first call installs a hook that is silent for panics of library code and of helper
/// threads, and chains to the previous hook for all others.
fn install_hook() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    // A panicking thread must not set a hook; a later call will.
    if INSTALLED.load(Ordering::Relaxed) || thread::panicking() || INSTALLED.swap(true, Ordering::Relaxed) {
        return;
    }
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !INSIDE.get() && !thread::current().name().is_some_and(|name| name.starts_with("linq")) {
            previous(info);
        }
    }));
}

#[cfg(test)]
mod tests;
