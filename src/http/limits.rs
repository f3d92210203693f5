//! Limits of what a server may send.

/// The largest response body that is accepted.
pub(crate) const MAX_ANSWER: usize = 1024 * 1024;
/// The largest head of a response that is accepted.
pub(super) const MAX_HEAD: usize = 32 * 1024;
