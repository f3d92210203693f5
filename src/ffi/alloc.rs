//! Memory for what is handed out: zeroed, registered, and overwritten before it is released.

use zeroize::Zeroize;

use super::failure::Failure;
use super::registry::{self, Entry, Kind};

/// Room for `size` zero bytes that `linq_free` knows.
pub(super) fn allocate(kind: Kind, size: usize) -> Result<*mut u8, Failure> {
    #[cfg(test)]
    tests::inject_fault()?;
    // SAFETY: calloc takes any size, and gives NULL where it cannot be had.
    let at: *mut u8 = unsafe { libc::calloc(1, size) }.cast();
    if at.is_null() {
        return Err(Failure::NoMemory);
    }
    if !registry::add(at, Entry { kind, size }) {
        // SAFETY: fresh from calloc, and nobody else has seen it.
        unsafe { libc::free(at.cast()) };
        return Err(Failure::NoMemory);
    }
    Ok(at)
}

/// Overwrites a block and gives it back.
///
/// # Safety
/// The block is the caller's alone: taken out of the table, with `size` bytes.
pub(super) unsafe fn release(at: *mut u8, size: usize) {
    // SAFETY: the caller's promise. Volatile inside, so it is not optimised away.
    unsafe { std::slice::from_raw_parts_mut(at, size).zeroize() };
    #[cfg(test)]
    tests::record(at, size);
    // SAFETY: from calloc, and nobody uses it any more.
    unsafe { libc::free(at.cast()) };
}

#[cfg(test)]
pub(super) mod tests;
