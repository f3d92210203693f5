//! The API's calls through ureq: it writes the request, keeps the pool, and reads the response.
//!
//! ureq gets every response in one canonical form, a status and a body with its length, because its own parser and
//! buffers accept less than HTTP allows and panic on some of it; the headers bypass it. Requests have a placeholder for
//! the key, because ureq logs them.
//!
//! ureq is synchronous: whatever it calls while it runs a request, it calls on this thread. So the running request is
//! in a thread-local stack, where pooled connections find it as well as new ones. A callback that starts a request of
//! its own pushes that on top.

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::http::{HeaderMap, Uri};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers as UreqBuffers, ConnectionDetails, Connector, NextTimeout, Transport as UreqTransport,
};
use zeroize::Zeroizing;

use super::dial::{Origin, dial};
use super::exchange::{self, Outbound, Outcome};
use super::link::Link;
use super::pool::{API_IDLE, Pool};
use super::settings::Settings;
use crate::call::Call;
use crate::error::{Error, ErrorKind};
use crate::sys;
use crate::zeroizing::ZeroizingBytes;

/// What ureq is given in place of the key, and may log.
pub(super) const PLACEHOLDER: &str = "Bearer (the API key)";

/// How much of a request ureq writes at a time, where no line of its head is longer.
pub(super) const OUTPUT: usize = 4 * 1024;

thread_local! {
    /// Never dropped, so that calls may be made while a thread ends, by the destructors of its other values.
    static CURRENT: RefCell<ManuallyDrop<Vec<Rc<Running>>>> =
        const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// The request that ureq is running on this thread.
pub(super) struct Running {
    pub(super) call: Rc<Call>,
    pub(super) stall_timeout: Duration,
    pub(super) to_head: bool,
    pub(super) repeatable: bool,
    /// What `PLACEHOLDER` stands for.
    pub(super) authorization: Zeroizing<String>,
    /// How much ureq may write at a time; it writes no part of a line.
    pub(super) room: usize,
    /// The last connection to this host was dead, so the other idle ones are not tried but closed.
    pub(super) replaces_dead: bool,
    /// Whether an idle connection may be used.
    pub(super) may_reuse: bool,
    /// Whether a connection was made for it, rather than an idle one used.
    pub(super) connected: Cell<bool>,
    /// Whether the peer sent anything.
    pub(super) saw_bytes: Cell<bool>,
    /// The response's headers.
    pub(super) headers: RefCell<HeaderMap>,
    /// The error, which ureq's own type cannot carry.
    pub(super) failure: RefCell<Option<Error>>,
}

/// Takes the request off the stack when dropped, also during a panic.
pub(super) struct Entered(());

impl Running {
    pub(super) fn enter(self: &Rc<Self>) -> Entered {
        CURRENT.with_borrow_mut(|stack| stack.push(self.clone()));
        Entered(())
    }

    fn current() -> Result<Rc<Running>, ureq::Error> {
        CURRENT.with_borrow(|stack| stack.last().cloned()).ok_or(ureq::Error::ConnectionFailed)
    }

    /// Keeps `error` for the end of the request; ureq gets a stand-in without details.
    fn fail(&self, error: Error) -> ureq::Error {
        self.failure.borrow_mut().get_or_insert(error);
        ureq::Error::ConnectionFailed
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|stack| {
            stack.pop();
            if stack.is_empty() {
                **stack = Vec::new();
            }
        });
    }
}

/// `ready`: connections that were made before there was a request for them.
pub(super) fn agent(settings: &Settings, ready: Arc<Pool>) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent("")
        .accept("")
        .accept_encoding("")
        .max_idle_connections(32)
        .max_idle_connections_per_host(16)
        .max_idle_age(API_IDLE) // a connection knows its own age, also across sleep
        .build();
    Agent::with_parts(config, LinqConnector { settings: settings.clone(), ready }, NoResolver)
}

/// ureq resolves a name before it looks into its pool. Here the connector resolves it, if it has to connect.
#[derive(Debug)]
struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(
        &self,
        _: &Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}

struct LinqConnector {
    settings: Settings,
    ready: Arc<Pool>,
}

impl std::fmt::Debug for LinqConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinqConnector")
    }
}

impl Connector for LinqConnector {
    type Out = Transport;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Transport>, ureq::Error> {
        let running = Running::current()?;
        let origin = Origin::of(details.uri);
        if running.may_reuse
            && let Some(link) = self.ready.take(&origin)
        {
            return Ok(Some(Transport::new(link)));
        }
        running.connected.set(true);
        let link = dial(&self.settings, &running.call, &origin).map_err(|e| running.fail(e))?;
        Ok(Some(Transport::new(link)))
    }
}

/// A connection as ureq sees it: a request is collected, sent as a whole when ureq asks for the response, and the
/// response is given as a whole.
struct Transport {
    link: Link,
    request: ZeroizingBytes,
    buffers: Buffers,
    reusable: bool,
    idle_since: Duration,
}

impl Transport {
    fn new(link: Link) -> Self {
        Transport {
            link,
            request: ZeroizingBytes::default(),
            buffers: Buffers::default(),
            reusable: true,
            idle_since: sys::boottime(),
        }
    }

    fn exchange(&mut self, running: &Running) -> Result<(), Error> {
        let request = std::mem::take(&mut self.request);
        let request = with_key(&request, &running.authorization)?;
        self.reusable = false;
        let outbound = Outbound {
            head: &request,
            body: None,
            to_head: running.to_head,
            repeatable: running.repeatable,
            expects_continue: false,
            silence: None,
        };
        let outcome = exchange::run(&mut self.link, &running.call, running.stall_timeout, outbound);
        let outcome = outcome.map_err(|failed| {
            running.saw_bytes.set(failed.saw_bytes);
            failed.error
        })?;
        self.reusable = outcome.reusable;
        self.idle_since = sys::boottime();
        let mut outcome = outcome.unless_cut()?;
        running.headers.replace(std::mem::take(&mut outcome.headers));
        self.buffers.input = canonical(&outcome, running.to_head);
        Ok(())
    }
}

/// The request with the key in place of what ureq was given.
fn with_key(request: &[u8], key: &str) -> Result<ZeroizingBytes, Error> {
    let header = format!("\r\nauthorization: {PLACEHOLDER}\r\n");
    let at = request.windows(header.len()).position(|window| window == header.as_bytes());
    let at = at.ok_or_else(|| Error::new(ErrorKind::Internal, "the request has no place for the key"))?;
    let (before, after) = (&request[..at], &request[at + header.len()..]);
    Ok(ZeroizingBytes::new([before, b"\r\nauthorization: ", key.as_bytes(), b"\r\n", after].concat()))
}

/// The response as ureq's parser takes it.
fn canonical(outcome: &Outcome, to_head: bool) -> ZeroizingBytes {
    let mut head = format!("HTTP/1.1 {} \r\n", outcome.status).into_bytes();
    if !outcome.reusable {
        head.extend_from_slice(b"connection: close\r\n");
    }
    if !to_head && !matches!(outcome.status, 204 | 304) {
        head.extend_from_slice(format!("content-length: {}\r\n", outcome.body.len()).as_bytes());
    }
    ZeroizingBytes::new([&head, &b"\r\n"[..], &outcome.body].concat())
}

impl UreqTransport for Transport {
    fn buffers(&mut self) -> &mut dyn UreqBuffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        self.request.extend_from_slice(&self.buffers.output[..amount]);
        Ok(())
    }

    fn await_input(&mut self, next: NextTimeout) -> Result<bool, ureq::Error> {
        if self.request.is_empty() {
            return Err(ureq::Error::Timeout(next.reason)); // the whole response was given
        }
        let running = Running::current()?;
        self.exchange(&running).map_err(|e| running.fail(e))?;
        Ok(true)
    }

    /// Asked before a pooled connection is used, and before this one goes into the pool.
    fn is_open(&mut self) -> bool {
        self.buffers = Buffers::default(); // an idle connection keeps none
        let unwanted = |running: &Running| running.replaces_dead && !running.connected.get();
        let idle = sys::boottime().saturating_sub(self.idle_since);
        self.reusable
            && !Running::current().is_ok_and(|running| unwanted(&running))
            && idle < API_IDLE
            && self.link.is_open()
    }

    fn is_tls(&self) -> bool {
        self.link.is_tls()
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        if self.reusable && !std::thread::panicking() {
            self.link.close();
        }
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport").field("host", &self.link.host).finish_non_exhaustive()
    }
}

/// What ureq writes into, and a response that it reads.
#[derive(Default)]
struct Buffers {
    output: ZeroizingBytes,
    input: ZeroizingBytes,
    consumed: usize,
    progress: bool,
}

impl UreqBuffers for Buffers {
    fn output(&mut self) -> &mut [u8] {
        let room = Running::current().map_or(OUTPUT, |running| running.room);
        self.output.resize(room, 0);
        &mut self.output
    }

    fn input(&self) -> &[u8] {
        &self.input[self.consumed..]
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        &mut []
    }

    fn input_appended(&mut self, _: usize) {}

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        self.consumed = (self.consumed + amount).min(self.input.len());
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        (&mut [], self.output())
    }

    fn can_use_input(&self) -> bool {
        self.progress && !self.input().is_empty()
    }
}
