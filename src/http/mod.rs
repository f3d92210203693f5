//! HTTP as this library needs it: one request, one bounded answer, one error that says what happened.
//!
//! Every request goes through the one loop in `exchange`, over a `link`. The PUT is handed to it directly; the API's
//! calls come through ureq (`agent`), the only place that names ureq's machinery.
//!
//! `Expect: 100-continue` is never sent of our own accord. It would cost every upload a round trip: over one of 50 ms,
//! 10 kB took 112 ms instead of 61. What it would save is what leaves before a refusal arrives, and since early
//! answers are heard while sending, that is what the link holds: 1 MB of 50, on that same link (`benches/expect`).
//! A storage that requires the header gets it, and is waited for, for a second.

mod agent;
mod body;
mod call;
mod connect;
mod dial;
mod exchange;
mod head;
mod link;
mod pool;
mod proxy;
mod put;
mod resolve;
#[cfg(not(any(target_os = "android", target_vendor = "apple")))]
mod roots;
mod stall;
mod tls;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ureq::Agent;
use ureq::http::{HeaderMap, Method, Request, Uri};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::log::{self, Level};
use crate::process::PerProcess;
use agent::{PLACEHOLDER, Running};
pub(crate) use call::Call;
pub use call::Progress;
use pool::Pool;
pub(crate) use proxy::{Proxies, is_loopback};
pub(crate) use tls::{Trust, certificates, random};
pub(crate) use ureq::http;

/// More of an answer than this is never read.
const MAX_ANSWER: usize = 1024 * 1024;
const MAX_HEAD: usize = 32 * 1024;

/// How to reach servers.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) user_agent: String,
    pub(crate) trust: std::sync::Arc<Trust>,
    pub(crate) proxies: Proxies,
    pub(crate) connect_timeout: Duration,
    pub(crate) stall_timeout: Duration,
}

/// Requests, and the connections that are kept between them.
pub(crate) struct Http {
    settings: Settings,
    /// For the API.
    agent: PerProcess<Agent>,
    /// For the storage.
    pool: PerProcess<Pool>,
}

/// What to send.
pub(crate) struct Outgoing<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a Uri,
    pub(crate) headers: Vec<(&'a str, &'a str)>,
    pub(crate) body: Content<'a>,
    /// Whether it may be done twice. If not, it gets a new connection, and is not sent again on another.
    pub(crate) repeatable: bool,
}

/// The body of a request.
pub(crate) enum Content<'a> {
    Nothing,
    Bytes(&'a [u8]),
    Stream(&'a mut dyn Stream),
}

/// A body of a known length, read as it is sent.
pub(crate) trait Stream {
    /// How many bytes there are.
    fn length(&self) -> u64;
    /// The next bytes; never none before `length` of them were given. Checks what it can about the source before it
    /// gives the last.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error>;
    /// Begins again at the first byte; `false` where that cannot be done.
    fn rewind(&mut self) -> Result<bool, Error>;
    /// Whether `rewind` will work after all of it was read.
    fn can_rewind(&self) -> bool;
}

/// What came back, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Zeroizing<Vec<u8>>,
    /// A pooled connection died, and the request was sent again on a new one: it may have been done before.
    pub(crate) replayed: bool,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Which connection a request may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    /// One from the pool, where there is one.
    Any,
    /// A new one; those in the pool stay there.
    New,
    /// A new one, in place of one from the pool that was dead.
    Replacement,
}

/// Why a request has no answer.
struct Broken {
    error: Error,
    /// It was sent on a pooled connection, which broke without a byte from the peer: that connection was dead before.
    stale: bool,
}

impl Broken {
    fn new(error: Error, pooled: bool, saw_bytes: bool) -> Self {
        let broke = error.kind == ErrorKind::Network && error.details.retryable;
        Broken { error, stale: pooled && broke && !saw_bytes }
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Broken { error, stale: false }
    }
}

impl Http {
    pub(crate) fn new(settings: Settings) -> Self {
        Http { settings, agent: PerProcess::new(), pool: PerProcess::new() }
    }

    /// Sends a request and reads its answer. A pooled connection that turns out dead is replaced once, at once.
    pub(crate) fn send(&self, call: &Rc<Call>, mut outgoing: Outgoing<'_>) -> Result<Answer, Error> {
        let once =
            !outgoing.repeatable || matches!(&outgoing.body, Content::Stream(stream) if !stream.can_rewind());
        match self.attempt(call, &mut outgoing, if once { Connection::New } else { Connection::Any }) {
            Err(broken) if broken.stale && rewind(&mut outgoing)? => {
                let error = &broken.error;
                log::line(Level::Debug, || format!("a pooled connection was dead: {error}; using a new one"));
                let again =
                    self.attempt(call, &mut outgoing, Connection::Replacement).map_err(|broken| broken.error);
                again.map(|answer| Answer { replayed: true, ..answer })
            }
            result => result.map_err(|broken| broken.error),
        }
    }

    fn attempt(
        &self,
        call: &Rc<Call>,
        outgoing: &mut Outgoing<'_>,
        connection: Connection,
    ) -> Result<Answer, Broken> {
        let host = outgoing.url.host().unwrap_or_default();
        log::line(Level::Debug, || format!("{} to {host}", outgoing.method));
        call.check()?;
        call.asks();
        let result = match outgoing.body {
            Content::Stream(_) => self.put(call, outgoing, connection),
            _ => self.ask(call, outgoing, connection),
        };
        match &result {
            Ok(answer) => log::line(Level::Debug, || format!("{host} answered {}", answer.status)),
            Err(broken) => log::line(Level::Debug, || broken.error.to_string()),
        }
        result
    }

    /// A call of the API, through ureq.
    fn ask(
        &self,
        call: &Rc<Call>,
        outgoing: &Outgoing<'_>,
        connection: Connection,
    ) -> Result<Answer, Broken> {
        let host = outgoing.url.host().unwrap_or_default();
        let authorization = outgoing.headers.iter().find(|(name, _)| *name == "authorization");
        let running = Rc::new(Running {
            call: call.clone(),
            stall_timeout: self.settings.stall_timeout,
            to_head: outgoing.method == Method::HEAD,
            authorization: Zeroizing::new(authorization.map_or("", |(_, value)| value).to_owned()),
            replaces_dead: connection == Connection::Replacement,
            connected: Cell::new(false),
            saw_bytes: Cell::new(false),
            failure: RefCell::new(None),
        });
        let _entered = running.enter();
        self.through_ureq(outgoing, connection == Connection::New).map_err(|e| {
            let error = running.failure.take().unwrap_or_else(|| explain(host, &e));
            Broken::new(error, !running.connected.get(), running.saw_bytes.get())
        })
    }

    fn through_ureq(&self, outgoing: &Outgoing<'_>, unpooled: bool) -> Result<Answer, ureq::Error> {
        let agent = self.agent.get(|| agent::agent(&self.settings));
        let mut request = Request::builder().method(outgoing.method.clone()).uri(outgoing.url.clone());
        request = request.header("user-agent", &self.settings.user_agent);
        for (name, value) in &outgoing.headers {
            request = request.header(*name, if *name == "authorization" { PLACEHOLDER } else { value });
        }
        let bytes: &[u8] = match outgoing.body {
            Content::Bytes(bytes) => bytes,
            _ => &[],
        };
        // A request with a setting unlike the agent's neither takes a connection from ureq's pool nor puts one there.
        let response = match (bytes, unpooled) {
            ([], false) => agent.run(request.body(())?)?,
            ([], true) => agent.run(agent.configure_request(request.body(())?).no_delay(false).build())?,
            (_, false) => agent.run(request.body(bytes)?)?,
            (_, true) => agent.run(agent.configure_request(request.body(bytes)?).no_delay(false).build())?,
        };
        let (head, mut body) = response.into_parts();
        // The exchange has bounded it.
        let body = body.with_config().limit(u64::MAX).read_to_vec()?;
        Ok(Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: Zeroizing::new(body),
            replayed: false,
        })
    }
}

fn rewind(outgoing: &mut Outgoing<'_>) -> Result<bool, Error> {
    match &mut outgoing.body {
        Content::Stream(stream) => stream.rewind(),
        _ => Ok(true),
    }
}

/// ureq's errors in our words. Its own texts go nowhere.
fn explain(host: &str, error: &ureq::Error) -> Error {
    match error {
        ureq::Error::Protocol(_) | ureq::Error::Http(_) => {
            Error::new(ErrorKind::Protocol, format!("{host} did not answer in proper HTTP"))
        }
        _ => Error::new(ErrorKind::Internal, format!("the request to {host} could not be made")),
    }
}
