//! The state of an exchange, and how it waits.

use std::io;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use ureq::http::HeaderMap;

use crate::call::Call;
use crate::error::{Error, ErrorKind, timeout};
use crate::http::limits::MAX_HEAD;
use crate::http::link::{Link, ReadError, Received, lost};
use crate::http::stall::Stall;
use crate::report::Phase;
use crate::source::Stream;
use crate::zeroizing::ZeroizingBytes;

/// How often the acknowledged bytes are sampled during a wait: at first, and at least.
const FIRST_SAMPLE: Duration = Duration::from_millis(50);
const MAX_SAMPLE: Duration = Duration::from_secs(1);

/// Larger than the largest head that is accepted, so the input buffer never fills up with a partial head.
const INPUT: usize = MAX_HEAD + 4 * 1024;

/// What to send.
pub(in crate::http) struct Outbound<'a> {
    /// The request's head, with the empty line that ends it.
    pub(in crate::http) head: &'a [u8],
    pub(in crate::http) body: Option<&'a mut dyn Stream>,
    /// The request is HEAD: its response has no body.
    pub(in crate::http) to_head: bool,
    /// It may be sent again, so it is given up if the network changes and the connection is lost.
    pub(in crate::http) repeatable: bool,
    /// The head has `Expect: 100-continue`.
    pub(in crate::http) expects_continue: bool,
    /// A response body without a length ends after so long a silence.
    pub(in crate::http) silence: Option<Duration>,
}

/// What came back.
pub(in crate::http) struct Outcome {
    pub(in crate::http) status: u16,
    pub(in crate::http) headers: HeaderMap,
    pub(in crate::http) body: ZeroizingBytes,
    /// It began before the whole request was sent.
    pub(in crate::http) early: bool,
    /// Why the body could not be read to its end.
    pub(in crate::http) cut: Option<Error>,
    /// It is longer than what is accepted.
    pub(in crate::http) too_long: bool,
    /// Whether the connection may carry another request.
    pub(in crate::http) reusable: bool,
}

impl Outcome {
    pub(in crate::http) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Fails where a success lacks part of its body. A refusal that breaks off is still a refusal.
    pub(in crate::http) fn unless_cut(mut self) -> Result<Self, Error> {
        match self.cut.take() {
            Some(cut) if self.is_success() => Err(cut),
            _ => Ok(self),
        }
    }
}

/// Why there is no response.
pub(in crate::http) struct Failed {
    pub(in crate::http) error: Error,
    /// Whether the peer sent anything at all.
    pub(in crate::http) saw_bytes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The request is being sent.
    Sending,
    /// The final response began before everything was sent.
    AnsweredEarly,
    /// Everything was sent; the final response has not begun.
    Waiting,
    /// The final response has begun, after everything was sent.
    Answering,
}

pub(super) struct Exchange<'a> {
    pub(super) link: &'a mut Link,
    pub(super) call: &'a Call,
    pub(super) state: State,
    pub(super) to_head: bool,
    /// Received and not yet consumed.
    pub(super) input: ZeroizingBytes,
    pub(super) saw_bytes: bool,
    /// What the link may have received by the end.
    pub(super) max_received: u64,
    pub(super) interim: u32,
    /// A 100 Continue came.
    pub(super) continued: bool,
    pub(super) stall: Stall,
    /// How long the body is, where its progress is reported.
    pub(super) total: Option<u64>,
    /// Bytes of the body that were handed to the link.
    pub(super) given: u64,
}

impl Exchange<'_> {
    /// Reads what is available into the input, without waiting. The callers parse it, so it never stays full.
    pub(super) fn receive(&mut self) -> Result<Received, Error> {
        let fresh = self.input.is_empty();
        let received = self.link.read_into(&mut self.input, INPUT).map_err(|error| match error {
            ReadError::Io(e) => lost(&self.link.host, self.when(), &e),
            ReadError::Fatal(error) => error,
        })?;
        if self.link.received > self.max_received {
            return Err(self.protocol("sends bytes without an end"));
        }
        match received {
            Received::Bytes => {
                self.saw_bytes = true;
                // More of an unfinished head or line does not put off a stall.
                if fresh {
                    self.stall.moved(Instant::now());
                }
            }
            Received::Records => self.stall.records(Instant::now()),
            Received::Blocked | Received::End => {}
        }
        Ok(received)
    }

    pub(super) fn enter(&mut self, state: State) {
        self.state = state;
        self.call.recorder.phase(match state {
            State::Sending => Phase::Send,
            State::Waiting => Phase::Wait,
            State::AnsweredEarly | State::Answering => Phase::Receive,
        });
    }

    pub(super) fn when(&self) -> &'static str {
        match self.state {
            State::Sending => "while sending",
            State::AnsweredEarly | State::Waiting | State::Answering => "while waiting for its answer",
        }
    }

    /// Waits until the socket is ready for one of `flags`, or until `limit`. Fails when nothing has moved for the
    /// stall timeout.
    pub(super) fn pause(&mut self, flags: PollFlags, limit: Option<Instant>) -> Result<(), Error> {
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

    /// Samples how much the peer has acknowledged; the last sample was taken `ago`.
    pub(super) fn sample(&mut self, ago: Duration) {
        self.stall.acknowledged(self.link.acknowledged(), ago, Instant::now());
    }

    /// Reports how much of the body has reached the other side.
    pub(super) fn report_progress(&mut self) -> Result<(), Error> {
        let Some(total) = self.total else { return Ok(()) };
        let unacknowledged = self.link.sent.saturating_sub(self.link.acknowledged());
        let arrived = self.given.saturating_sub(unacknowledged);
        let call = self.call;
        self.outside(|| call.tell(arrived, total))
    }

    /// Runs the host's own code, whose time does not count as a stall.
    pub(super) fn outside<T>(&mut self, run: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = run();
        self.stall.exclude(start.elapsed());
        result
    }

    /// The error where the peer closed the connection. `when` is part of the message if no byte of an answer had come.
    pub(super) fn ended(&self, when: &str) -> Error {
        let answering = matches!(self.state, State::Answering | State::AnsweredEarly);
        let when = if answering || !self.input.is_empty() { "in the middle of its answer" } else { when };
        lost(&self.link.host, when, &io::ErrorKind::UnexpectedEof.into())
    }

    pub(super) fn protocol(&self, what: &str) -> Error {
        Error::new(ErrorKind::Protocol, format!("{} {what}", self.link.host))
    }
}
