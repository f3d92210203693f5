//! A request and its response, as the callers of this module see them.

use ureq::http::{HeaderMap, Method, Uri};

use super::ahead::Ahead;
use crate::error::{Error, ErrorKind};
use crate::report::Step;
use crate::source::Stream;
use crate::zeroizing::ZeroizingBytes;

/// What to send.
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a Uri,
    pub(crate) headers: Vec<(&'a str, &'a str)>,
    pub(crate) body: Body<'a>,
    /// Whether it may be executed twice. If not, it gets a new connection, and is not sent again on another.
    pub(crate) repeatable: bool,
    /// The connection that was begun for it.
    pub(crate) ahead: Option<&'a Ahead>,
    pub(crate) step: Step,
}

/// The body of a request.
pub(crate) enum Body<'a> {
    Nothing,
    Bytes(&'a [u8]),
    Stream(&'a mut dyn Stream),
}

/// A response, whatever its status.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: ZeroizingBytes,
    /// A pooled connection died, and the request was sent again on a new one: it may have been executed before.
    pub(crate) replayed: bool,
}

impl Response {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Which connection a request may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    /// One from the pool, where there is one.
    Any,
    /// A new one; those in the pool stay there.
    New,
    /// A new one, in place of one from the pool that was dead.
    Replacement,
}

/// Why there is no response.
pub(super) struct Broken {
    pub(super) error: Error,
    /// It was sent on a pooled connection, which broke without a byte from the peer, so the connection was dead before.
    pub(super) stale: bool,
}

impl Broken {
    pub(super) fn new(error: Error, pooled: bool, saw_bytes: bool) -> Self {
        let broke = error.kind == ErrorKind::Network && error.details.retryable;
        Broken { error, stale: pooled && broke && !saw_bytes }
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Broken { error, stale: false }
    }
}
