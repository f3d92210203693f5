//! Copies the caller's struct, whose version may be older or newer than the library's.

use std::mem::MaybeUninit;
use std::ptr;

use super::failure::{Failure, invalid};
use super::layout::Versioned;

/// Bounds how far the tail is read if struct_size is uninitialised.
const SIZE_LIMIT: usize = 4096;

/// Copies a struct of any version. The fields that an older one lacks become zero; the extra bytes of a newer one must be
/// zero.
///
/// # Safety
/// `at` is NULL or has as many bytes as its struct_size says.
pub(super) unsafe fn versioned<T: Versioned>(at: *const T) -> Result<T, Failure> {
    if at.is_null() {
        return Err(invalid(format!("{} is NULL", T::NAME)));
    }
    let from = at.cast::<u8>();
    // SAFETY: not NULL, and every struct begins with its size. It need not be aligned.
    let theirs = unsafe { from.cast::<usize>().read_unaligned() };
    let ours = size_of::<T>();
    let known = T::ENDS.contains(&theirs) || (ours..=SIZE_LIMIT).contains(&theirs);
    if !known {
        let name = T::NAME;
        return Err(invalid(format!(
            "{name}.struct_size is {theirs}, which is not the size of any version; set it to sizeof({name})"
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
    // SAFETY: both have that many bytes; any bytes are a valid `T`, and so are the zeros after them.
    unsafe {
        ptr::copy_nonoverlapping(from, value.as_mut_ptr().cast(), ours.min(theirs));
        Ok(value.assume_init())
    }
}

/// The same for optional structs; NULL is all zeros.
pub(super) unsafe fn versioned_or_default<T: Versioned>(at: *const T) -> Result<T, Failure> {
    match at.is_null() {
        // SAFETY: zeros are a valid `T`.
        true => Ok(unsafe { MaybeUninit::zeroed().assume_init() }),
        // SAFETY: the caller's promise.
        false => unsafe { versioned(at) },
    }
}

#[cfg(test)]
pub(super) mod tests;
