//! `linq_free`.

use std::ffi::c_void;

use super::alloc::release;
use super::handle;
use super::registry::{self, Entry, Kind};
use super::statics;
use crate::{Level, log};

/// # Safety
/// None beyond the header's: what is not in the table is not touched.
pub(super) unsafe fn free(anything: *mut c_void) {
    if anything.is_null() || statics::contains(anything) {
        return;
    }
    let at: *mut u8 = anything.cast();
    match registry::take(at) {
        // SAFETY (all three): just taken out, so it is ours alone, and of that kind and size.
        Some(Entry { kind: Kind::Plain, size }) => unsafe { release(at, size) },
        Some(Entry { kind: Kind::Client, .. }) => unsafe { handle::drop_client(at) },
        Some(Entry { kind: Kind::Token, .. }) => unsafe { handle::drop_token(at) },
        None => log::line(Level::Warn, || {
            format!(
                "linq_free was given {anything:p}, which is no live object of this library; it was left alone"
            )
        }),
    }
}

#[cfg(test)]
mod tests;
