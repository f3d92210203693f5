//! Limits of what a server may send.

/// The largest response body that is accepted.
pub(crate) const MAX_ANSWER: usize = 1024 * 1024;
/// The largest head of a response that is accepted.
pub(super) const MAX_HEAD: usize = 32 * 1024;
/// All that a server may send for one response: a body and a head of those sizes, and what is around them, as interim
/// heads, chunk extensions, and TLS records without content.
pub(super) const MAX_RECEIVED: u64 = 2 * MAX_ANSWER as u64;
