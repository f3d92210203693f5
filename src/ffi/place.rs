//! Converts places, and calls the callback that gives another one.

use std::ffi::c_void;

use super::alloc::release;
use super::block;
use super::boundary::call_host;
use super::failure::{Failure, invalid};
use super::input::required;
use super::registry::{self, Entry, Kind};
use super::types::*;
use super::versioned::versioned;
use crate::{Presigned, Renew};

/// A place that was reserved elsewhere. The core parses and checks its JSON, which has everything; a callback may then
/// free the struct during the call.
///
/// # Safety
/// The struct is as the header demands. The same holds for the function below.
pub(super) unsafe fn presigned(at: *const linq_presigned) -> Result<Presigned, Failure> {
    // SAFETY: the caller's promise, here and below.
    let presigned = unsafe { versioned(at)? };
    Ok(Presigned::parse(unsafe { required(presigned.json, "linq_presigned.json")? }.as_bytes())?)
}

/// The same if it is optional.
pub(super) unsafe fn optional(at: *const linq_presigned) -> Result<Option<Presigned>, Failure> {
    // SAFETY: the caller's promise.
    if at.is_null() { Ok(None) } else { unsafe { presigned(at) }.map(Some) }
}

/// A renew callback with its user data.
pub(super) fn renew(callback: linq_renew_fn, user_data: *mut c_void) -> Option<Renew> {
    let callback = callback?;
    Some(Box::new(move |expired| {
        let view = View::of(expired).map_err(Failure::into_error)?;
        // SAFETY: the header's promise of the caller, who gave both.
        let given = call_host(|| unsafe { callback(user_data, view.at) });
        match given.is_null() {
            true => Ok(None),
            false => take(given).map(Some).map_err(Failure::into_error),
        }
    }))
}

/// A place that C may read during the callback, and that is not in the registry.
struct View {
    at: *mut linq_presigned,
    size: usize,
}

impl View {
    fn of(place: &Presigned) -> Result<Self, Failure> {
        let at = block::presigned(place)?;
        let size = registry::take(at).map_or(0, |entry| entry.size);
        Ok(View { at, size })
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: removed from the registry when it was made; the size is as registered.
        unsafe { release(self.at.cast(), self.size) };
    }
}

/// Takes over a place that the host returned. Anything else is ignored.
fn take(at: *mut linq_presigned) -> Result<Presigned, Failure> {
    let not_a_place = || {
        invalid(
            "renew returned something that is not a live linq_presigned: it was freed, or is something else",
        )
    };
    let Entry { size, .. } = registry::take_of(at, Kind::Place).ok_or_else(not_a_place)?;
    // SAFETY: a block with such a struct, just removed from the registry.
    let place = unsafe { presigned(at) };
    // SAFETY: we own it alone; the size is as registered.
    unsafe { release(at.cast(), size) };
    place
}

#[cfg(test)]
mod tests;
