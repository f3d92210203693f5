//! One request and its response over one connection.
//!
//! Servers do not wait for the end of a body: they refuse early and close. So the connection is read while the body is
//! being sent, and what a peer says before it closes or resets is still in the socket and is read.
//!
//! ```text
//!   Sending ──── all sent ────▶ Waiting ──── final head begins ────▶ Answering
//!      └─────────── final head begins ───────▶ AnsweredEarly
//! ```
//!
//! 1xx heads change no state. From `AnsweredEarly` nothing more is sent.

mod receive;
mod send;

use std::io;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use ureq::http::HeaderMap;
use zeroize::Zeroizing;

use super::link::{Link, ReadError, Received, lost};
use super::request::Body;
use super::settings::MAX_HEAD;
use super::stall::Stall;
use crate::call::Call;
use crate::error::{Error, ErrorKind, timeout};

/// While nothing can be written or read, what the peer acknowledged is looked at this often at first, then less.
const FIRST_SAMPLE: Duration = Duration::from_millis(50);
const MAX_SAMPLE: Duration = Duration::from_secs(1);

/// More than this of TLS's own messages without a byte of content is a flood: a server sends a few tickets of some
/// hundred bytes each.
const MAX_RECORDS: usize = 1024 * 1024;

/// Room for the largest head that is accepted, and some more: a full buffer could never be parsed.
const INPUT: usize = MAX_HEAD + 4 * 1024;

/// What to send.
pub(super) struct Outbound<'a, 'b> {
    /// The request's head, with the empty line that ends it.
    pub(super) head: &'a [u8],
    pub(super) body: &'a mut Body<'b>,
    /// The request is HEAD: its response has no body.
    pub(super) to_head: bool,
    /// The head has `Expect: 100-continue`.
    pub(super) expects_continue: bool,
    /// A response body without a length ends after so long a silence.
    pub(super) silence: Option<Duration>,
}

/// What came back.
pub(super) struct Outcome {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Zeroizing<Vec<u8>>,
    /// It began before the whole request was sent.
    pub(super) early: bool,
    /// What kept the body from being read to its end.
    pub(super) cut: Option<Error>,
    /// Whether the connection may carry another request.
    pub(super) reusable: bool,
}

impl Outcome {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Fails where a success lacks part of its body. A refusal that breaks off is still a refusal.
    pub(super) fn unless_cut(mut self) -> Result<Self, Error> {
        match self.cut.take() {
            Some(cut) if self.is_success() => Err(cut),
            _ => Ok(self),
        }
    }
}

/// Why there is no response.
pub(super) struct Failed {
    pub(super) error: Error,
    /// Whether the peer sent anything at all.
    pub(super) saw_bytes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The request is being sent.
    Sending,
    /// The final response began before everything was sent.
    AnsweredEarly,
    /// Everything was sent; the final response has not begun.
    Waiting,
    /// The final response has begun, after everything was sent.
    Answering,
}

struct Exchange<'a> {
    link: &'a mut Link,
    call: &'a Call,
    state: State,
    to_head: bool,
    /// Received and not yet consumed.
    input: Zeroizing<Vec<u8>>,
    saw_bytes: bool,
    interim: u32,
    /// A 100 Continue came.
    continued: bool,
    stall: Stall,
    /// How long the body is, where its progress is reported.
    total: Option<u64>,
    /// Bytes of the body that were handed to the link.
    given: u64,
}

/// Sends a request and reads its response.
pub(super) fn run(
    link: &mut Link,
    call: &Call,
    stall_timeout: Duration,
    outbound: Outbound<'_, '_>,
) -> Result<Outcome, Failed> {
    let stall = Stall::new(stall_timeout, link.acknowledged(), Instant::now());
    let mut exchange = Exchange {
        link,
        call,
        state: State::Sending,
        to_head: outbound.to_head,
        input: Zeroizing::new(Vec::new()),
        saw_bytes: false,
        interim: 0,
        continued: false,
        stall,
        total: match &outbound.body {
            Body::Stream(stream) => Some(stream.length()),
            _ => None,
        },
        given: 0,
    };
    let sent_before = exchange.link.sent;
    let result = exchange.run(outbound);
    result.map_err(|mut error| {
        error.details.sent = exchange.link.sent > sent_before;
        Failed { error, saw_bytes: exchange.saw_bytes }
    })
}

impl Exchange<'_> {
    fn run(&mut self, outbound: Outbound<'_, '_>) -> Result<Outcome, Error> {
        let mut head = outbound.head;
        if outbound.expects_continue {
            self.send_bytes(std::mem::take(&mut head), &[])?;
            self.await_continue()?;
        }
        self.send(head, outbound.body)?;
        let head = self.receive_head()?;
        if self.state == State::AnsweredEarly && (200..300).contains(&head.status) {
            let message = "the server called it a success before it had the whole body";
            let mut error = Error::new(ErrorKind::Protocol, message);
            error.details.retryable = true;
            return Err(error);
        }
        self.receive_body(head, outbound.silence)
    }

    /// Reads what is there into the input, without waiting. Whoever parses it never leaves it full.
    fn receive(&mut self) -> Result<Received, Error> {
        let fresh = self.input.is_empty();
        let received = self.link.read_into(&mut self.input, INPUT).map_err(|trouble| match trouble {
            ReadError::Io(e) => lost(&self.link.host, self.when(), &e),
            ReadError::Fatal(error) => error,
        })?;
        match received {
            Received::Bytes => {
                self.saw_bytes = true;
                // More of a head, or of a line, that does not end is no movement.
                if fresh {
                    self.stall.moved(Instant::now());
                }
            }
            Received::Records if self.link.records > MAX_RECORDS => {
                return Err(self.protocol("sends TLS messages without an end"));
            }
            Received::Records => self.stall.records(Instant::now()),
            Received::Blocked | Received::End => {}
        }
        Ok(received)
    }

    fn when(&self) -> &'static str {
        match self.state {
            State::Sending => "while sending",
            State::AnsweredEarly | State::Waiting | State::Answering => "while waiting for its answer",
        }
    }

    /// Waits until the socket is ready for one of `flags`, or until `limit`. Fails when nothing has moved for the
    /// stall timeout.
    fn pause(&mut self, flags: PollFlags, limit: Option<Instant>) -> Result<(), Error> {
        let mut sample = FIRST_SAMPLE;
        self.sample(Duration::ZERO);
        loop {
            let next = [self.stall.stalls_at(), Instant::now().checked_add(sample), limit]
                .into_iter()
                .flatten()
                .min();
            if !self.call.wait(&[(self.link.as_fd(), flags)], next)?[0].is_empty() {
                return Ok(());
            }
            if limit.is_some_and(|limit| limit <= Instant::now()) {
                return Ok(());
            }
            self.sample(sample);
            self.report_progress()?;
            if self.stall.stalls_at().is_some_and(|at| at <= Instant::now()) {
                let seconds = self.stall.timeout().as_secs_f64();
                let what = format!("nothing moved between here and {} for {seconds} s", self.link.host);
                return Err(timeout(what));
            }
            sample = (sample * 2).min(MAX_SAMPLE);
        }
    }

    /// Looks whether the peer acknowledged more since the last look, which was `ago`.
    fn sample(&mut self, ago: Duration) {
        self.stall.acknowledged(self.link.acknowledged(), ago, Instant::now());
    }

    /// Tells the caller how much of the body has reached the other side.
    fn report_progress(&mut self) -> Result<(), Error> {
        let Some(total) = self.total else { return Ok(()) };
        let unacknowledged = self.link.sent.saturating_sub(self.link.acknowledged());
        let arrived = self.given.saturating_sub(unacknowledged);
        let call = self.call;
        self.outside(|| call.tell(arrived, total))
    }

    /// Runs code of the host's, whose time is no stall of the network.
    fn outside<T>(&mut self, run: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = run();
        self.stall.exclude(start.elapsed());
        result
    }

    /// The peer closed the connection; `when`, if nothing of an answer had come.
    fn ended(&self, when: &str) -> Error {
        let answering = matches!(self.state, State::Answering | State::AnsweredEarly);
        let when = if answering || !self.input.is_empty() { "in the middle of its answer" } else { when };
        lost(&self.link.host, when, &io::ErrorKind::UnexpectedEof.into())
    }

    fn protocol(&self, what: &str) -> Error {
        Error::new(ErrorKind::Protocol, format!("{} {what}", self.link.host))
    }
}

fn no_memory() -> Error {
    Error::new(ErrorKind::NoMemory, "there is no memory for the connection's buffers")
}
