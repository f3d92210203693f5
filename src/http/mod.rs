//! HTTP as this library needs it: one request, one bounded answer, one error that says what happened.
//!
//! The only user of ureq, which does HTTP/1.1 and the pool. Connections, TLS, waiting and early answers are ours.
//!
//! `Expect: 100-continue` is never sent of our own accord. It would cost every upload a round trip: over one of 50 ms,
//! 10 kB took 112 ms instead of 61. What it would save is what leaves before a refusal arrives, and since early
//! answers are heard while sending, that is what the link holds: 1 MB of 50, on that same link (`benches/expect`).
//! A storage that requires the header gets it, and is waited for as ureq does: for a second.

mod call;
mod connect;
mod connector;
mod exchange;
mod head;
mod link;
mod proxy;
mod resolve;
#[cfg(not(any(target_os = "android", target_vendor = "apple")))]
mod roots;
mod tls;
mod wire;

use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::rc::Rc;
use std::time::Duration;

use ureq::http::{HeaderMap, Method, Request, Response, Uri};
use ureq::{Agent, Body, SendBody};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::log::{self, Level};
use crate::process::PerProcess;
pub(crate) use call::Call;
pub use call::Progress;
use connector::{LinqConnector, Unasked};
use exchange::{Exchange, network};
pub(crate) use proxy::{Proxies, is_loopback};
pub(crate) use tls::{Trust, certificates, random};
pub(crate) use ureq::http;

/// More of an answer than this is never read.
const MAX_ANSWER: u64 = 1024 * 1024;
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

/// A pool of connections.
pub(crate) struct Http {
    settings: Settings,
    agent: PerProcess<Agent>,
}

/// What to send.
pub(crate) struct Outgoing<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a Uri,
    pub(crate) headers: Vec<(&'a str, &'a str)>,
    pub(crate) body: Content<'a>,
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
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Http {
    pub(crate) fn new(settings: Settings) -> Self {
        Http { settings, agent: PerProcess::new() }
    }

    /// Sends a request and reads its answer. A pooled connection that turns out dead is replaced once, at once.
    pub(crate) fn send(&self, call: &Rc<Call>, mut outgoing: Outgoing<'_>) -> Result<Answer, Error> {
        let once = matches!(&outgoing.body, Content::Stream(stream) if !stream.can_rewind());
        let (result, exchange) = self.exchange(call, &mut outgoing, once);
        match result {
            Err(error) if was_stale(&exchange, &error) && rewind(&mut outgoing)? => {
                log::line(Level::Debug, || format!("a pooled connection was dead: {error}; using a new one"));
                self.exchange(call, &mut outgoing, true).0
            }
            result => result,
        }
    }

    fn exchange(
        &self,
        call: &Rc<Call>,
        outgoing: &mut Outgoing<'_>,
        fresh: bool,
    ) -> (Result<Answer, Error>, Rc<Exchange>) {
        let exchange = Rc::new(Exchange {
            call: call.clone(),
            stall_timeout: self.settings.stall_timeout,
            connect_timeout: self.settings.connect_timeout,
            fresh,
            total: match &outgoing.body {
                Content::Stream(stream) => Some(stream.length()),
                _ => None,
            },
            given: Cell::new(0),
            connected: Cell::new(false),
            started: Cell::new(false),
            heard: Cell::new(false),
            interim: Cell::new(0),
            answered: Cell::new(None),
            sink: Cell::new(false),
            failure: RefCell::new(None),
        });
        let host = outgoing.url.host().unwrap_or_default().to_owned();
        log::line(Level::Debug, || format!("{} to {host}", outgoing.method));
        let result = call.check().and_then(|()| {
            call.asks();
            let _running = exchange.enter();
            self.run(&exchange, outgoing).map_err(|e| explain(&exchange, &host, e))
        });
        match &result {
            Ok(answer) => log::line(Level::Debug, || format!("{host} answered {}", answer.status)),
            Err(error) => log::line(Level::Debug, || error.to_string()),
        }
        (result, exchange)
    }

    fn run(&self, exchange: &Rc<Exchange>, outgoing: &mut Outgoing<'_>) -> Result<Answer, ureq::Error> {
        let agent = self.agent.get(|| agent(&self.settings));
        let mut request = Request::builder().method(outgoing.method.clone()).uri(outgoing.url.clone());
        if !outgoing.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
            request = request.header("user-agent", &self.settings.user_agent);
        }
        for (name, value) in &outgoing.headers {
            request = request.header(*name, *value);
        }
        let response = match &mut outgoing.body {
            Content::Nothing => agent.run(request.body(())?)?,
            Content::Bytes(bytes) => agent.run(request.body(*bytes)?)?,
            Content::Stream(stream) => {
                exchange.call.restart_progress(stream.length()).map_err(|e| exchange.fail(e))?;
                let left = stream.length();
                request = request.header("content-length", left);
                let mut reader = StreamReader { stream: *stream, left, exchange };
                agent.run(request.body(SendBody::from_reader(&mut reader))?)?
            }
        };
        let answer = read(response, exchange)?;
        if exchange.sink.get() && answer.is_success() {
            // Whoever says so has lost bytes: to believe it would be to lose them too.
            let message = "the server called it a success before it had the whole body".to_owned();
            let mut error = Error::new(ErrorKind::Protocol, message);
            error.details.retryable = true;
            return Err(exchange.fail(error));
        }
        if let (Some(total), true) = (exchange.total, answer.is_success()) {
            // It is done: whoever stops now stops too late to undo it.
            let _ = exchange.call.tell(total, total);
        }
        Ok(answer)
    }
}

fn agent(settings: &Settings) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent("")
        .accept("")
        .accept_encoding("")
        .max_response_header_size(MAX_HEAD)
        .max_idle_connections(32)
        .max_idle_connections_per_host(16)
        .max_idle_age(Duration::from_secs(60)) // a connection knows its own age, also across sleep
        .build();
    Agent::with_parts(config, LinqConnector(settings.clone()), Unasked)
}

/// Whether the connection was dead before this exchange began: it came from the pool and never said a word.
fn was_stale(exchange: &Exchange, error: &Error) -> bool {
    error.kind == ErrorKind::Network
        && error.details.retryable
        && !exchange.connected.get()
        && exchange.started.get()
        && !exchange.heard.get()
}

fn rewind(outgoing: &mut Outgoing<'_>) -> Result<bool, Error> {
    match &mut outgoing.body {
        Content::Stream(stream) => stream.rewind(),
        _ => Ok(true),
    }
}

/// Reads at most [`MAX_ANSWER`] bytes. A refusal that breaks off is still a refusal.
fn read(response: Response<Body>, exchange: &Exchange) -> Result<Answer, ureq::Error> {
    let (head, body) = response.into_parts();
    let mut answer =
        Answer { status: head.status.as_u16(), headers: head.headers, body: Zeroizing::new(Vec::new()) };
    if let Err(e) = body.into_reader().take(MAX_ANSWER + 1).read_to_end(&mut answer.body) {
        if answer.is_success() {
            return Err(ureq::Error::Io(e));
        }
        log::line(Level::Debug, || format!("the answer broke off: {}", e.kind()));
        exchange.failure.take();
        exchange.call.check().map_err(|e| exchange.fail(e))?;
    }
    if answer.body.len() as u64 > MAX_ANSWER && answer.is_success() {
        let message = "the server's answer is larger than 1 MiB".to_owned();
        return Err(exchange.fail(Error::new(ErrorKind::Protocol, message)));
    }
    Ok(answer)
}

/// ureq's errors in our words. Its own texts may hold the whole signed URL and go nowhere.
fn explain(exchange: &Exchange, host: &str, error: ureq::Error) -> Error {
    if let Some(error) = exchange.failure.take() {
        return error;
    }
    let protocol = |what: &str| Error::new(ErrorKind::Protocol, format!("{host} {what}"));
    match error {
        ureq::Error::Io(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
            network(format!("{host} closed the connection in the middle of its answer"))
        }
        ureq::Error::Io(e) => network(format!("the connection to {host} broke: {}", e.kind())),
        ureq::Error::LargeResponseHeader(..) => protocol("sent more than 32 KiB of headers"),
        ureq::Error::Protocol(_) | ureq::Error::Http(_) => protocol("did not answer in proper HTTP"),
        ureq::Error::BodyStalled => network(format!("{host} broke off its answer")),
        _ => Error::new(ErrorKind::Internal, format!("the request to {host} could not be made")),
    }
}

/// A [`Stream`] as ureq reads it: exactly its length, or an error; never a short end, on which ureq would spin.
struct StreamReader<'a> {
    stream: &'a mut dyn Stream,
    left: u64,
    exchange: &'a Exchange,
}

impl Read for StreamReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let n = if self.exchange.sink.get() {
            room
        } else {
            let read = self.exchange.call.check().and_then(|()| self.stream.read(&mut buffer[..room]));
            read.map_err(|e| {
                self.exchange.fail(e);
                io::Error::other("the source failed")
            })?
        };
        self.left -= n as u64;
        self.exchange.given.set(self.exchange.given.get() + n as u64);
        Ok(n)
    }
}
