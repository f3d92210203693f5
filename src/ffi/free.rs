//! `linq_free`.

use std::ffi::c_void;

use super::alloc::release;
use super::handle;
use super::registry::{self, Entry, Kind};
use super::statics;
use crate::{Level, log};

/// # Safety
/// None beyond the header's: a pointer that is not in the registry is not dereferenced.
pub(super) unsafe fn free(anything: *mut c_void) {
    if anything.is_null() || statics::contains(anything) {
        return;
    }
    let at: *mut u8 = anything.cast();
    match registry::take(at) {
        // SAFETY (all four): just removed from the registry, so we own it alone; kind and size are as registered.
        Some(Entry { kind: Kind::Plain | Kind::Place, size }) => unsafe { release(at, size) },
        Some(Entry { kind: Kind::Client, .. }) => unsafe { handle::drop_client(at) },
        Some(Entry { kind: Kind::Token, .. }) => unsafe { handle::drop_token(at) },
        Some(Entry { kind: Kind::Queue, .. }) => unsafe { handle::drop_queue(at) },
        None => log::line(Level::Warn, || {
            format!(
                "linq_free was given {anything:p}, which is not a live object of this library; it was ignored"
            )
        }),
    }
}

#[cfg(test)]
mod tests;
