//! A struct of the caller's, which may be older or newer than this library.

use std::mem::MaybeUninit;
use std::ptr;

use super::failure::{Failure, invalid};
use super::layout::Versioned;

/// An uninitialised struct_size must not send the look at the tail far out of bounds.
const SIZE_LIMIT: usize = 4096;

/// Copies a caller's struct of any age. An older caller's missing fields are zero; a newer caller's extra bytes must be.
///
/// # Safety
/// `at` is NULL or leads to as many bytes as its struct_size says.
pub(super) unsafe fn versioned<T: Versioned>(at: *const T) -> Result<T, Failure> {
    if at.is_null() {
        return Err(invalid(format!("{} is NULL", T::NAME)));
    }
    let from = at.cast::<u8>();
    // SAFETY: not NULL, and every struct begins with its size. C does not promise alignment.
    let theirs = unsafe { from.cast::<usize>().read_unaligned() };
    let ours = size_of::<T>();
    let known = T::ENDS.contains(&theirs) || (ours..=SIZE_LIMIT).contains(&theirs);
    if !known {
        let name = T::NAME;
        return Err(invalid(format!(
            "{name}.struct_size is {theirs}, which is no version of it; set it to sizeof({name})"
        )));
    }
    for index in ours..theirs {
        // SAFETY: below struct_size.
        if unsafe { from.add(index).read() } != 0 {
            return Err(invalid(format!(
                "{} sets a field that this version of the library does not know",
                T::NAME
            )));
        }
    }
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: as many bytes as both have; any bytes make a valid `T`, the zeros of the rest too.
    unsafe {
        ptr::copy_nonoverlapping(from, value.as_mut_ptr().cast(), ours.min(theirs));
        Ok(value.assume_init())
    }
}

/// The same for options that may be left out.
pub(super) unsafe fn versioned_or_default<T: Versioned>(at: *const T) -> Result<T, Failure> {
    match at.is_null() {
        // SAFETY: all zeros make a valid `T`.
        true => Ok(unsafe { MaybeUninit::zeroed().assume_init() }),
        // SAFETY: the caller's promise.
        false => unsafe { versioned(at) },
    }
}

#[cfg(test)]
pub(super) mod tests;
