//! The two static errors, for when no error block can be allocated or built.

use std::ffi::{CStr, c_void};
use std::ptr;

use super::types::*;

/// Shared by all threads, and never written to.
struct Static(linq_error);

// SAFETY: read only; its pointers are string literals.
unsafe impl Sync for Static {}

static NO_MEMORY: Static = error(LINQ_NO_MEMORY, c"out of memory");
static INTERNAL: Static = error(
    LINQ_INTERNAL,
    c"a bug in liblinq was caught, and the call was abandoned; the process may go on. Please report it",
);

const fn error(status: linq_status, message: &'static CStr) -> Static {
    Static(linq_error {
        struct_size: size_of::<linq_error>(),
        message: message.as_ptr(),
        storage_code: ptr::null(),
        storage_request_id: ptr::null(),
        storage_id_2: ptr::null(),
        doc_url: ptr::null(),
        trace_id: ptr::null(),
        attachment_id: ptr::null(),
        status,
        http_status: 0,
        api_code: 0,
        retry_after_ms: 0,
        attempts: 0,
        retryable: 0,
        idempotency_key: ptr::null(),
        system_error: 0,
        reserved: 0,
    })
}

pub(super) fn no_memory() -> *mut linq_error {
    (&raw const NO_MEMORY.0).cast_mut()
}

pub(super) fn internal() -> *mut linq_error {
    (&raw const INTERNAL.0).cast_mut()
}

/// Whether a pointer is one of these; `linq_free` ignores them.
pub(super) fn contains(at: *const c_void) -> bool {
    at == no_memory().cast() || at == internal().cast()
}
