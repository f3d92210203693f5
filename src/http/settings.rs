//! How to reach servers.

use std::sync::Arc;
use std::time::Duration;

use super::proxy::Proxies;
use super::tls::Trust;

/// How to reach servers.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) user_agent: String,
    pub(crate) trust: Arc<Trust>,
    pub(crate) proxies: Proxies,
    pub(crate) connect_timeout: Duration,
    pub(crate) stall_timeout: Duration,
}
