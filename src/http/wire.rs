//! A connection, as ureq's `Transport`: one wait watches the socket, the cancel token and the deadline together.
//!
//! ureq sends a whole request before it looks for an answer. Servers do not wait that long: they refuse early and
//! close. So while sending, this looks for an answer too; once one is there, the rest of the body goes nowhere
//! ([`Exchange::sink`]) and ureq arrives at the answer by itself. What a peer says before it closes or resets is
//! still in the socket, and is read.

use std::io;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use ureq::Timeout;
use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport};
use zeroize::{Zeroize, Zeroizing};

use super::MAX_HEAD;
use super::exchange::{Exchange, timeout};
use super::head::{has_begun, interim, is_final, is_whole_final_head};
use super::link::{Link, Trouble, lost, would_block};
use crate::error::{Error, ErrorKind};
use crate::sys;

/// An idle connection older than this is not used again: S3 closes them at five seconds.
const MAX_IDLE: Duration = Duration::from_secs(4);

/// While nothing can be written or read, what the peer acknowledged is looked at this often at first, then less.
const FIRST_SAMPLE: Duration = Duration::from_millis(50);
const MAX_SAMPLE: Duration = Duration::from_secs(1);

/// Room for the largest head that is accepted, and some more: a full buffer could never be parsed.
const INPUT: usize = MAX_HEAD + 4 * 1024;
/// Each one costs four calls of the kernel, whatever its size; much larger, and its bytes have left the processor's cache
/// by the time they are encrypted and sent. `make bench` has what it comes to.
const OUTPUT: usize = 128 * 1024;

pub(crate) struct Wire {
    link: Link,
    buffers: LazyBuffers,
    /// The request's head, kept back to leave together with the first bytes of the body.
    held: Zeroizing<Vec<u8>>,
    /// Whether a next request may use this connection.
    usable: bool,
    /// Bytes that arrived and that ureq was not yet told of.
    untold: bool,
    last_use: Duration,
    moved: Moved,
}

/// When bytes last moved, and what had reached the peer then.
struct Moved {
    at: Instant,
    acknowledged: u64,
}

impl Wire {
    pub(super) fn new(link: Link) -> Self {
        Wire {
            link,
            buffers: LazyBuffers::new(INPUT, OUTPUT),
            held: Zeroizing::new(Vec::new()),
            usable: true,
            untold: false,
            last_use: sys::sleepless_clock(),
            moved: Moved { at: Instant::now(), acknowledged: 0 },
        }
    }

    /// Sends what is held and the first `amount` bytes of the output buffer, all of it, unless an answer comes first.
    fn transmit(&mut self, exchange: &Exchange, amount: usize) -> Result<(), Error> {
        if exchange.sink.get() {
            return Ok(());
        }
        let held = std::mem::take(&mut self.held);
        let mut queue = Queue { held: &held, sent: 0, amount };
        loop {
            self.listen(exchange)?;
            if exchange.sink.get() {
                return Ok(());
            }
            match self.write(&mut queue) {
                Ok(true) => break,
                Ok(false) => self.moved.at = Instant::now(),
                Err(e) if would_block(&e) => self.pause(exchange, PollFlags::IN | PollFlags::OUT, None)?,
                Err(e) => {
                    // The answer may be in the socket although nothing can be written any more.
                    self.usable = false;
                    self.listen_to_the_end(exchange);
                    if exchange.sink.get() {
                        return Ok(());
                    }
                    return Err(lost(&self.link.host, "while sending", &e));
                }
            }
        }
        self.moved.at = Instant::now();
        exchange.tell(|| self.link.waiting())
    }

    /// Writes what is left of `queue`; true once everything is with the kernel.
    fn write(&mut self, queue: &mut Queue<'_>) -> io::Result<bool> {
        let output = &self.buffers.output()[..queue.amount];
        let [head, body] = queue.rest(output);
        self.link.write(head, body, &mut queue.sent)?;
        let [head, body] = queue.rest(output);
        Ok(head.is_empty() && body.is_empty())
    }

    /// Takes what has arrived. While a body is being sent, an answer turns the rest of it away.
    fn listen(&mut self, exchange: &Exchange) -> Result<(), Error> {
        match self.fill() {
            Ok(0) => {
                self.usable = false;
                Err(lost(&self.link.host, "while sending", &io::ErrorKind::UnexpectedEof.into()))
            }
            Ok(_) => self.note_early_answer(exchange).inspect_err(|_| self.usable = false),
            Err(Trouble::Io(e)) if would_block(&e) => Ok(()),
            Err(Trouble::Io(e)) => {
                self.usable = false;
                Err(lost(&self.link.host, "while sending", &e))
            }
            Err(Trouble::Fatal(e)) => Err(e),
        }
    }

    /// Takes everything that is still to be had of a connection that cannot be written to any more.
    fn listen_to_the_end(&mut self, exchange: &Exchange) {
        while let Ok(1..) = self.fill()
            && self.note_early_answer(exchange).is_ok()
        {}
    }

    fn note_early_answer(&mut self, exchange: &Exchange) -> Result<(), Error> {
        while let Some(length) = interim(self.buffers.input()) {
            self.buffers.input_consume(length); // 100 Continue and its kind answer nothing
            self.untold = !self.buffers.input().is_empty();
            exchange.passes_over(&self.link.host)?;
        }
        if is_final(self.buffers.input()) {
            exchange.heard(true);
            exchange.sink.set(true);
            self.usable = false; // the server expects the rest of a body that will not come
        }
        Ok(())
    }

    /// Reads what is there into the input buffer, without waiting; 0 when the peer will send nothing more.
    fn fill(&mut self) -> Result<usize, Trouble> {
        let buffer = self.buffers.input_append_buf();
        if buffer.is_empty() {
            let message = format!("{} sent more headers than are accepted", self.link.host);
            return Err(Trouble::Fatal(Error::new(ErrorKind::Protocol, message)));
        }
        let n = self.link.read(buffer)?;
        if n > 0 {
            self.buffers.input_appended(n);
            self.untold = true;
            self.moved.at = Instant::now();
        }
        Ok(n)
    }

    /// Waits until the socket is ready for one of `flags`, or until `limit`. Fails when nothing has moved for the
    /// stall timeout.
    fn pause(&mut self, exchange: &Exchange, flags: PollFlags, limit: Option<Instant>) -> Result<(), Error> {
        let mut sample = FIRST_SAMPLE;
        self.look(Duration::ZERO);
        loop {
            let stalled = self.moved.at.checked_add(exchange.stall_timeout);
            let next = [stalled, Instant::now().checked_add(sample), limit].into_iter().flatten().min();
            if !exchange.call.wait(&[(self.link.as_fd(), flags)], next)?[0].is_empty() {
                return Ok(());
            }
            if limit.is_some_and(|limit| limit <= Instant::now()) {
                return Ok(());
            }
            self.look(sample);
            exchange.tell(|| self.link.waiting())?;
            if self.moved.at.elapsed() >= exchange.stall_timeout {
                self.usable = false;
                let seconds = exchange.stall_timeout.as_secs_f64();
                let what = format!("nothing moved between here and {} for {seconds} s", self.link.host);
                return Err(timeout(what));
            }
            sample = (sample * 2).min(MAX_SAMPLE);
        }
    }

    /// Whether the peer acknowledged more since the last look, which was `ago`.
    fn look(&mut self, ago: Duration) {
        let acknowledged = self.link.written.saturating_sub(self.link.waiting());
        if acknowledged > self.moved.acknowledged {
            self.moved.acknowledged = acknowledged;
            // It moved at some moment since the last look; the middle is never far off.
            self.moved.at =
                self.moved.at.max(Instant::now().checked_sub(ago / 2).unwrap_or_else(Instant::now));
        }
    }

    /// Waits for bytes of the answer; for no longer than `limit`, where there is one. `None` when that passed.
    fn receive(&mut self, exchange: &Exchange, limit: Option<Instant>) -> Result<Option<bool>, Error> {
        if !self.held.is_empty() {
            self.transmit(exchange, 0)?;
        }
        if std::mem::take(&mut self.untold) && !self.buffers.input().is_empty() {
            return Ok(Some(true));
        }
        loop {
            if exchange.answer_is_late_at().is_some_and(|late| late <= Instant::now()) {
                self.usable = false;
                return Err(timeout(format!("the answer of {} began but came too slowly", self.link.host)));
            }
            match self.fill() {
                Ok(0) if exchange.answered.get().is_some() => return Ok(Some(false)), // ureq knows whether that was all
                Ok(0) => {
                    self.usable = false;
                    let what = io::ErrorKind::UnexpectedEof.into();
                    return Err(lost(&self.link.host, "before it answered", &what));
                }
                Ok(_) => {
                    let begun = has_begun(self.buffers.input());
                    exchange.heard(begun);
                    if !begun {
                        exchange.passes_over(&self.link.host).inspect_err(|_| self.usable = false)?;
                    }
                    self.untold = false;
                    return Ok(Some(true));
                }
                Err(Trouble::Io(e)) if would_block(&e) => {
                    if limit.is_some_and(|limit| limit <= Instant::now()) {
                        return Ok(None);
                    }
                    let limit = [limit, exchange.answer_is_late_at()].into_iter().flatten().min();
                    self.pause(exchange, PollFlags::IN, limit)?;
                }
                Err(Trouble::Io(e)) => {
                    self.usable = false;
                    return Err(lost(&self.link.host, "while waiting for its answer", &e));
                }
                Err(Trouble::Fatal(e)) => {
                    self.usable = false;
                    return Err(e);
                }
            }
        }
    }
}

impl Transport for Wire {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let exchange = Exchange::current().ok_or(ureq::Error::ConnectionFailed)?;
        if !exchange.started.replace(true) {
            self.moved = Moved { at: Instant::now(), acknowledged: self.link.written };
            self.held.extend_from_slice(&self.buffers.output()[..amount]);
            return Ok(());
        }
        self.transmit(&exchange, amount).map_err(|e| exchange.fail(e))
    }

    fn await_input(&mut self, next: NextTimeout) -> Result<bool, ureq::Error> {
        let exchange = Exchange::current().ok_or(ureq::Error::ConnectionFailed)?;
        // The one limit of ureq's that is in use: for a 100 Continue, should a storage require Expect.
        let limit = match next.reason {
            Timeout::Await100 => Instant::now().checked_add(*next.after),
            _ => None,
        };
        let received = self.receive(&exchange, limit).map_err(|e| exchange.fail(e))?;
        // ureq leaves a refusal it meets while it waits for the 100 where it is, and asks for it again.
        self.untold |= limit.is_some() && is_whole_final_head(self.buffers.input());
        received.ok_or(ureq::Error::Timeout(next.reason))
    }

    /// Asked before a pooled connection is used, and before this one goes into the pool.
    fn is_open(&mut self) -> bool {
        let before_use = Exchange::current().is_some_and(|exchange| !exchange.started.get());
        if before_use {
            let unwanted = Exchange::current().is_some_and(|exchange| exchange.fresh);
            let idle = sys::sleepless_clock().saturating_sub(self.last_use);
            if unwanted || idle >= MAX_IDLE {
                return false;
            }
        }
        self.last_use = sys::sleepless_clock();
        // Anything that arrives between an answer and the next request is a close, or nothing we asked for.
        // TLS tickets are the exception: they leave no plaintext behind.
        self.usable && matches!(self.fill(), Err(Trouble::Io(e)) if would_block(&e))
    }

    fn is_tls(&self) -> bool {
        self.link.is_tls()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.link.written > 0 {
            // They held the key and part of a file.
            self.buffers.output().zeroize();
            self.buffers.input_append_buf().zeroize();
        }
        if self.usable {
            self.link.close();
        }
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("host", &self.link.host).finish_non_exhaustive()
    }
}

/// What is to be sent: the held head, then part of the output buffer.
struct Queue<'a> {
    held: &'a [u8],
    sent: usize,
    amount: usize,
}

impl<'a> Queue<'a> {
    fn rest<'b>(&self, output: &'b [u8]) -> [&'b [u8]; 2]
    where
        'a: 'b,
    {
        let head = &self.held[self.sent.min(self.held.len())..];
        let body = &output[self.sent.saturating_sub(self.held.len())..];
        [head, body]
    }
}
