//! Buffers of secrets and of files' contents.

use std::collections::TryReserveError;
use std::ops::{Deref, DerefMut};

use zeroize::Zeroize;

/// Bytes that are zeroed before they are released. `Zeroizing<Vec<u8>>` does that byte by byte, which took longer than
/// encrypting them.
#[derive(Default)]
pub(crate) struct ZeroizingBytes(Vec<u8>);

impl ZeroizingBytes {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        ZeroizingBytes(bytes)
    }

    /// Moves to a buffer with room for so many more bytes.
    pub(crate) fn try_grow(&mut self, more: usize) -> Result<(), TryReserveError> {
        let mut larger = Vec::new();
        larger.try_reserve_exact(self.len() + more)?;
        larger.extend_from_slice(self);
        *self = ZeroizingBytes(larger);
        Ok(())
    }
}

impl std::fmt::Debug for ZeroizingBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({} bytes)", self.len())
    }
}

impl Deref for ZeroizingBytes {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for ZeroizingBytes {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl AsRef<[u8]> for ZeroizingBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for ZeroizingBytes {
    fn drop(&mut self) {
        // Then all of it is spare capacity, which `zeroize` fills at once.
        self.0.clear();
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_grows_by_what_is_asked_for() {
        let mut bytes = ZeroizingBytes::default();
        bytes.try_grow(3).unwrap();
        bytes.extend_from_slice(b"abc");
        bytes.try_grow(5).unwrap();
        assert_eq!((&bytes[..], bytes.capacity()), (&b"abc"[..], 8));
        assert!(bytes.try_grow(isize::MAX as usize).is_err());
        assert_eq!(&bytes[..], b"abc");
    }
}
