//! Blocks of memory for C: zeroed and registered when allocated, overwritten before they are freed.

use zeroize::Zeroize;

use super::failure::Failure;
use super::registry::{self, Entry, Kind};

/// Allocates a block of `size` zero bytes and registers it, so that `linq_free` accepts it.
pub(super) fn allocate(kind: Kind, size: usize) -> Result<*mut u8, Failure> {
    #[cfg(test)]
    tests::inject_fault()?;
    // SAFETY: calloc takes any size, and returns NULL if it fails.
    let at: *mut u8 = unsafe { libc::calloc(1, size) }.cast();
    if at.is_null() {
        return Err(Failure::NoMemory);
    }
    if !registry::add(at, Entry { kind, size }) {
        // SAFETY: just allocated by calloc, and not shared yet.
        unsafe { libc::free(at.cast()) };
        return Err(Failure::NoMemory);
    }
    Ok(at)
}

/// Overwrites a block and frees it.
///
/// # Safety
/// The caller owns the block alone: it was removed from the registry, and has `size` bytes.
pub(super) unsafe fn release(at: *mut u8, size: usize) {
    // SAFETY: the caller's promise. `zeroize` writes volatile, so this is not optimised away.
    unsafe { std::slice::from_raw_parts_mut(at, size).zeroize() };
    #[cfg(test)]
    tests::record(at, size);
    // SAFETY: allocated by calloc, and no longer used.
    unsafe { libc::free(at.cast()) };
}

#[cfg(test)]
pub(super) mod tests;
