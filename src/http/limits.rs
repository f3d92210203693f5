//! The limits of what a server may send.

/// More of an answer than this is never read.
pub(super) const MAX_ANSWER: usize = 1024 * 1024;
/// A longer head of a response is refused.
pub(super) const MAX_HEAD: usize = 32 * 1024;
