//! Random bytes.

use crate::crypto::provider;

/// Unpredictable bytes.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // The system's generator does not fail in practice; zeros would only make waits and keys less random.
    let _ = provider().secure_random.fill(&mut bytes);
    bytes
}
