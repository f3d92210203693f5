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

use std::io;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use ureq::http::HeaderMap;
use zeroize::Zeroizing;

use super::body::{Decoder, Malformed};
use super::call::Call;
use super::head::{self, Head, Parsed};
use super::link::{Link, Received, Trouble, lost, would_block};
use super::{Content, MAX_ANSWER, MAX_HEAD};
use crate::error::{Error, ErrorKind};
use crate::log::{self, Level};

/// While nothing can be written or read, what the peer acknowledged is looked at this often at first, then less.
const FIRST_SAMPLE: Duration = Duration::from_millis(50);
const MAX_SAMPLE: Duration = Duration::from_secs(1);

/// More interim responses than this are no sign of life any more.
const MAX_INTERIM: u32 = 20;

/// More than this of TLS's own messages without a byte of content is a flood: a server sends a few tickets of some
/// hundred bytes each.
const MAX_RECORDS: usize = 1024 * 1024;

/// How long to wait for a 100 Continue before the body is sent without it.
const CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);

/// Room for the largest head that is accepted, and some more: a full buffer could never be parsed.
const INPUT: usize = MAX_HEAD + 4 * 1024;

/// Each read of the source costs four calls of the kernel, whatever its size; much larger, and its bytes have left the
/// processor's cache by the time they are encrypted and sent. `make bench` has what it comes to.
const OUTPUT: usize = 128 * 1024;

/// What to send.
pub(super) struct Outbound<'a, 'b> {
    /// The request's head, with the empty line that ends it.
    pub(super) head: &'a [u8],
    pub(super) body: &'a mut Content<'b>,
    /// The request is HEAD: its response has no body.
    pub(super) to_head: bool,
    /// The head has `Expect: 100-continue`.
    pub(super) expects_continue: bool,
    /// A response body without a length ends after so long a silence.
    pub(super) silence: Option<Duration>,
}

/// What came back.
pub(super) struct Response {
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

impl Response {
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
    stall_timeout: Duration,
    state: State,
    to_head: bool,
    /// Received and not yet consumed.
    input: Zeroizing<Vec<u8>>,
    saw_bytes: bool,
    interim: u32,
    /// A 100 Continue came.
    continued: bool,
    /// When the final response began. It is small: one that takes longer than a stall may last is given up.
    began: Option<Instant>,
    activity: Activity,
    /// Since when TLS messages come without content.
    records_since: Option<Instant>,
    /// How long the body is, where its progress is reported.
    total: Option<u64>,
    /// Bytes of the body that were handed to the link.
    given: u64,
}

/// When bytes last moved, and how many were acknowledged by then.
struct Activity {
    at: Instant,
    acknowledged: u64,
}

/// Sends a request and reads its response.
pub(super) fn run(
    link: &mut Link,
    call: &Call,
    stall_timeout: Duration,
    outbound: Outbound<'_, '_>,
) -> Result<Response, Failed> {
    let activity = Activity { at: Instant::now(), acknowledged: link.acknowledged() };
    let mut exchange = Exchange {
        link,
        call,
        stall_timeout,
        state: State::Sending,
        to_head: outbound.to_head,
        input: Zeroizing::new(Vec::new()),
        saw_bytes: false,
        interim: 0,
        continued: false,
        began: None,
        activity,
        records_since: None,
        total: match &outbound.body {
            Content::Stream(stream) => Some(stream.length()),
            _ => None,
        },
        given: 0,
    };
    let result = exchange.run(outbound);
    result.map_err(|error| Failed { error, saw_bytes: exchange.saw_bytes })
}

impl Exchange<'_> {
    fn run(&mut self, outbound: Outbound<'_, '_>) -> Result<Response, Error> {
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

    /// Sends the head and the body, or as much as the peer lets.
    fn send(&mut self, mut head: &[u8], body: &mut Content<'_>) -> Result<(), Error> {
        let mut left = match body {
            Content::Nothing => 0,
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Stream(stream) => stream.length(),
        };
        let mut buffer = Zeroizing::new(Vec::new());
        if let Content::Stream(_) = body {
            allocate(&mut buffer, left.min(OUTPUT as u64) as usize)?;
        }
        while self.state == State::Sending {
            let chunk = match body {
                Content::Nothing => &[],
                Content::Bytes(bytes) => *bytes,
                Content::Stream(stream) if left > 0 => {
                    self.call.check()?;
                    let room = left.min(buffer.len() as u64) as usize;
                    let n = self.outside(|| stream.read(&mut buffer[..room]))?;
                    &buffer[..n]
                }
                Content::Stream(_) => &[],
            };
            left -= chunk.len() as u64;
            self.send_bytes(std::mem::take(&mut head), chunk)?;
            if left == 0 && self.state == State::Sending {
                self.state = State::Waiting;
            }
        }
        Ok(())
    }

    /// Hands `head` and `chunk`, a piece of the body, to the kernel; all of it, unless the final response begins first.
    fn send_bytes(&mut self, head: &[u8], chunk: &[u8]) -> Result<(), Error> {
        let mut sent = 0;
        loop {
            self.listen()?;
            if self.state == State::AnsweredEarly {
                return Ok(());
            }
            let rest = &head[sent.min(head.len())..];
            let written = self.link.write(rest, &chunk[sent.saturating_sub(head.len())..], &mut sent);
            match written {
                Ok(()) if sent == head.len() + chunk.len() => break,
                Ok(()) => self.activity.at = Instant::now(),
                Err(e) if would_block(&e) => self.pause(PollFlags::IN | PollFlags::OUT, None)?,
                Err(e) => return self.after_broken_write(&e),
            }
        }
        self.activity.at = Instant::now();
        self.given += chunk.len() as u64;
        self.report_progress()
    }

    /// Takes what has arrived, without waiting. A final response ends the sending.
    fn listen(&mut self) -> Result<(), Error> {
        match self.receive()? {
            Received::Blocked | Received::Records => Ok(()),
            Received::End => Err(self.ended("while sending")),
            Received::Bytes => self.look_for_answer(),
        }
    }

    fn look_for_answer(&mut self) -> Result<(), Error> {
        if self.final_head_begins()? {
            self.state = State::AnsweredEarly;
            self.began = Some(Instant::now());
        }
        Ok(())
    }

    /// Nothing can be written any more, but the answer may be in the socket.
    fn after_broken_write(&mut self, e: &io::Error) -> Result<(), Error> {
        loop {
            self.call.check()?;
            match self.receive() {
                Ok(Received::Records) => {}
                Ok(Received::Bytes) => self.look_for_answer()?,
                Ok(Received::Blocked | Received::End) => break,
                Err(error) if error.kind == ErrorKind::Network => break,
                Err(error) => return Err(error),
            }
            if self.state == State::AnsweredEarly {
                return Ok(());
            }
        }
        Err(lost(&self.link.host, "while sending", e))
    }

    /// Waits for the 100 Continue that the head asked for, or the final response, for a second.
    fn await_continue(&mut self) -> Result<(), Error> {
        let limit = Instant::now().checked_add(CONTINUE_TIMEOUT);
        while self.state == State::Sending && !self.continued {
            match self.receive()? {
                Received::Bytes => self.look_for_answer()?,
                Received::End => return Err(self.ended("before it answered")),
                Received::Records => {}
                Received::Blocked if limit.is_some_and(|limit| limit <= Instant::now()) => break,
                Received::Blocked => self.pause(PollFlags::IN, limit)?,
            }
        }
        Ok(())
    }

    /// Waits for the head of the final response, and takes it off the input.
    fn receive_head(&mut self) -> Result<Head, Error> {
        loop {
            match self.parse()? {
                Parsed::Final { length, head } => {
                    if self.state == State::Waiting {
                        self.state = State::Answering;
                    }
                    self.began.get_or_insert_with(Instant::now);
                    self.input.drain(..length);
                    return Ok(head);
                }
                Parsed::Interim { length, status } => self.pass_over(length, status)?,
                Parsed::Partial { .. } => {
                    if !self.input.is_empty() {
                        self.began.get_or_insert_with(Instant::now);
                    }
                    if !self.wait_for_input(None)? {
                        return Err(self.ended("before it answered"));
                    }
                }
            }
        }
    }

    /// Reads the body, up to [`MAX_ANSWER`] bytes of it. What breaks it off is for the caller to judge.
    fn receive_body(&mut self, head: Head, silence: Option<Duration>) -> Result<Response, Error> {
        let mut body = Zeroizing::new(Vec::new());
        let mut decoder = Decoder::new(head.framing);
        let read = self.read_body(&mut decoder, &mut body, silence);
        // A call that was cancelled or whose time is over ends, whatever the answer is.
        self.call.check()?;
        let cut = read.err();
        if let Some(cut) = &cut {
            log::line(Level::Debug, || format!("the answer broke off: {cut}"));
        }
        let complete = cut.is_none() && decoder.is_done() && self.input.is_empty();
        Ok(Response {
            status: head.status,
            headers: head.headers,
            body,
            early: self.state == State::AnsweredEarly,
            reusable: complete && head.keep_alive && self.state == State::Answering,
            cut,
        })
    }

    fn read_body(
        &mut self,
        decoder: &mut Decoder,
        body: &mut Vec<u8>,
        silence: Option<Duration>,
    ) -> Result<(), Error> {
        loop {
            let (taken, content) = decoder.step(&self.input).map_err(|why| self.malformed(why))?;
            append(body, content)?;
            self.input.drain(..taken);
            if body.len() > MAX_ANSWER {
                let message = "the server's answer is larger than 1 MiB".to_owned();
                return Err(Error::new(ErrorKind::Protocol, message));
            }
            if decoder.is_done() {
                return Ok(());
            }
            if taken > 0 {
                continue;
            }
            let until_close = decoder.is_until_close();
            if !self.wait_for_input(silence.filter(|_| until_close))? {
                return if until_close { Ok(()) } else { Err(self.ended("")) };
            }
        }
    }

    fn malformed(&self, why: Malformed) -> Error {
        let what = match why {
            Malformed::Chunk => "sent a chunked body that is malformed",
            Malformed::Trailers => "sent more than 32 KiB of trailers",
        };
        self.protocol(what)
    }

    /// Waits until more input is there, for no longer than `silence` where that is given. `false` at the end of the
    /// connection, or after that silence.
    fn wait_for_input(&mut self, silence: Option<Duration>) -> Result<bool, Error> {
        let silent_at = silence.and_then(|silence| Instant::now().checked_add(silence));
        loop {
            self.call.check()?;
            let late_at = self.began.and_then(|began| began.checked_add(self.stall_timeout));
            if late_at.is_some_and(|late| late <= Instant::now()) {
                let what = format!("the answer of {} began but came too slowly", self.link.host);
                return Err(timeout(what));
            }
            match self.receive()? {
                Received::Bytes => return Ok(true),
                Received::End => return Ok(false),
                Received::Records => {}
                Received::Blocked if silent_at.is_some_and(|at| at <= Instant::now()) => return Ok(false),
                Received::Blocked => {
                    self.pause(PollFlags::IN, [late_at, silent_at].into_iter().flatten().min())?;
                }
            }
        }
    }

    /// Reads what is there into the input, without waiting. Whoever parses it never leaves it full.
    fn receive(&mut self) -> Result<Received, Error> {
        let received = self.link.read_into(&mut self.input, INPUT).map_err(|trouble| match trouble {
            Trouble::Io(e) => lost(&self.link.host, self.when(), &e),
            Trouble::Fatal(error) => error,
        })?;
        match received {
            Received::Bytes => {
                self.saw_bytes = true;
                self.records_since = None;
                self.activity.at = Instant::now();
            }
            Received::Records if self.link.records > MAX_RECORDS => {
                return Err(self.protocol("sends TLS messages without an end"));
            }
            // A record that drips in is movement, but not for ever.
            Received::Records => {
                let since = *self.records_since.get_or_insert_with(Instant::now);
                if since.elapsed() < self.stall_timeout {
                    self.activity.at = Instant::now();
                }
            }
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

    fn parse(&self) -> Result<Parsed, Error> {
        let parsed = head::parse(&self.input, self.to_head);
        let parsed = parsed.map_err(|head::NotHttp| self.protocol("did not answer in proper HTTP"))?;
        let length = match &parsed {
            Parsed::Partial { .. } => self.input.len(),
            Parsed::Interim { length, .. } | Parsed::Final { length, .. } => *length,
        };
        if length > MAX_HEAD {
            return Err(self.protocol("sent more than 32 KiB of headers"));
        }
        Ok(parsed)
    }

    /// Takes complete 1xx heads off the input; whether a final head begins behind them.
    fn final_head_begins(&mut self) -> Result<bool, Error> {
        loop {
            match self.parse()? {
                Parsed::Interim { length, status } => self.pass_over(length, status)?,
                Parsed::Partial { is_final } => return Ok(is_final),
                Parsed::Final { .. } => return Ok(true),
            }
        }
    }

    /// An interim response answers nothing. Each may put off the stall: without an end they would for ever.
    fn pass_over(&mut self, length: usize, status: u16) -> Result<(), Error> {
        self.input.drain(..length);
        self.began = None;
        self.continued |= status == 100;
        self.interim += 1;
        match status {
            101 => Err(self.protocol("switched to another protocol, which nobody asked for")),
            _ if self.interim > MAX_INTERIM => Err(self.protocol("sends interim answers without an end")),
            _ => Ok(()),
        }
    }

    /// Waits until the socket is ready for one of `flags`, or until `limit`. Fails when nothing has moved for the
    /// stall timeout.
    fn pause(&mut self, flags: PollFlags, limit: Option<Instant>) -> Result<(), Error> {
        let mut sample = FIRST_SAMPLE;
        self.sample(Duration::ZERO);
        loop {
            let stalled = self.activity.at.checked_add(self.stall_timeout);
            let next = [stalled, Instant::now().checked_add(sample), limit].into_iter().flatten().min();
            if !self.call.wait(&[(self.link.as_fd(), flags)], next)?[0].is_empty() {
                return Ok(());
            }
            if limit.is_some_and(|limit| limit <= Instant::now()) {
                return Ok(());
            }
            self.sample(sample);
            self.report_progress()?;
            if self.activity.at.elapsed() >= self.stall_timeout {
                let seconds = self.stall_timeout.as_secs_f64();
                let what = format!("nothing moved between here and {} for {seconds} s", self.link.host);
                return Err(timeout(what));
            }
            sample = (sample * 2).min(MAX_SAMPLE);
        }
    }

    /// Looks whether bytes moved since the last look, which was `ago`.
    fn sample(&mut self, ago: Duration) {
        let acknowledged = self.link.acknowledged();
        if acknowledged > self.activity.acknowledged {
            self.activity.acknowledged = acknowledged;
            // It moved at some moment since the last look; the middle is never far off.
            let moved = Instant::now().checked_sub(ago / 2).unwrap_or_else(Instant::now);
            self.activity.at = self.activity.at.max(moved);
        }
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
        let took = start.elapsed();
        self.activity.at += took;
        self.began = self.began.map(|began| began + took);
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

/// Makes `buffer` so long.
fn allocate(buffer: &mut Vec<u8>, length: usize) -> Result<(), Error> {
    buffer.try_reserve_exact(length).map_err(|_| no_memory())?;
    buffer.resize(length, 0);
    Ok(())
}

fn append(body: &mut Vec<u8>, content: &[u8]) -> Result<(), Error> {
    body.try_reserve(content.len()).map_err(|_| no_memory())?;
    body.extend_from_slice(content);
    Ok(())
}

fn no_memory() -> Error {
    Error::new(ErrorKind::NoMemory, "there is no memory for the connection's buffers")
}

/// A failure of the network that a later try may not meet.
pub(crate) fn network(message: String) -> Error {
    let mut error = Error::new(ErrorKind::Network, message);
    error.details.retryable = true;
    error
}

/// A limit of ours that passed; a later try may be faster.
pub(crate) fn timeout(message: String) -> Error {
    let mut error = Error::new(ErrorKind::Timeout, message);
    error.details.retryable = true;
    error
}
