//! How to reach servers, and the limits of what they may send.

use std::sync::Arc;
use std::time::Duration;

use super::proxy::Proxies;
use super::tls::Trust;

/// More of an answer than this is never read.
pub(super) const MAX_ANSWER: usize = 1024 * 1024;
/// A longer head of a response is refused.
pub(super) const MAX_HEAD: usize = 32 * 1024;

/// How to reach servers.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) user_agent: String,
    pub(crate) trust: Arc<Trust>,
    pub(crate) proxies: Proxies,
    pub(crate) connect_timeout: Duration,
    pub(crate) stall_timeout: Duration,
}
