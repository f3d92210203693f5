//! Sending: writes the head and the body, and meanwhile reads what the peer sends.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::state::{Exchange, State};
use crate::error::{Error, ErrorKind};
use crate::http::link::{Received, lost, no_memory, would_block};
use crate::process::PerProcess;
use crate::source::Stream;
use crate::zeroizing::ZeroizingBytes;

/// How long to wait for a 100 Continue before the body is sent without it.
const CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);

/// How much of the source is read at a time. Each read costs four system calls, whatever its size; the bytes of a much
/// larger one have left the processor's cache by the time they are encrypted and sent. `make bench` measures it.
const OUTPUT: usize = 128 * 1024;

/// The buffers of all uploads that send at the same time have no more than this together: the more there are, the less
/// each gets.
const OUTPUT_OF_ALL: usize = 1024 * 1024;
const LEAST_OUTPUT: usize = 16 * 1024;

/// How many bodies are being sent from a buffer that may be larger than the least.
static SENDING: PerProcess<AtomicUsize> = PerProcess::new();

/// Counts one of them until it is dropped.
struct Sending(&'static AtomicUsize);

impl Sending {
    /// Returns the size of the buffer for a body of this length as well.
    fn begin(length: u64) -> (Option<Self>, usize) {
        if length <= LEAST_OUTPUT as u64 {
            return (None, length as usize);
        }
        let all = SENDING.get(|| AtomicUsize::new(0));
        let count = all.fetch_add(1, Ordering::Relaxed) + 1;
        let share = (OUTPUT_OF_ALL / count).clamp(LEAST_OUTPUT, OUTPUT);
        (Some(Sending(all)), length.min(share as u64) as usize)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Exchange<'_> {
    /// Sends the head and the body, unless the final response begins first.
    pub(super) fn send(&mut self, head: &[u8], body: Option<&mut dyn Stream>) -> Result<(), Error> {
        match body {
            Some(stream) if stream.length() > 0 => self.send_stream(head, stream)?,
            _ => self.send_bytes(head, &[])?,
        }
        if self.state == State::Sending {
            self.enter(State::Waiting);
        }
        Ok(())
    }

    fn send_stream(&mut self, mut head: &[u8], stream: &mut dyn Stream) -> Result<(), Error> {
        let mut left = stream.length();
        let (_sending, room) = Sending::begin(left);
        let mut buffer = ZeroizingBytes::default();
        allocate(&mut buffer, room)?;
        while left > 0 && self.state == State::Sending {
            self.call.check()?;
            let room = left.min(room as u64) as usize;
            let n = self.outside(|| stream.read(&mut buffer[..room]))?;
            if n == 0 {
                return Err(Error::new(ErrorKind::Internal, "the source was not rewound"));
            }
            left -= n as u64;
            self.send_bytes(std::mem::take(&mut head), &buffer[..n])?;
        }
        Ok(())
    }

    /// Hands `head` and `chunk`, a piece of the body, to the kernel; all of it, unless the final response begins first.
    pub(super) fn send_bytes(&mut self, head: &[u8], chunk: &[u8]) -> Result<(), Error> {
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
                Ok(()) => self.stall.moved(Instant::now()),
                Err(e) if would_block(&e) => self.pause(PollFlags::IN | PollFlags::OUT, None)?,
                Err(e) => return self.after_broken_write(&e),
            }
        }
        self.stall.moved(Instant::now());
        self.given += chunk.len() as u64;
        self.report_progress()
    }

    /// Takes what has arrived, without waiting. A final response ends the sending.
    fn listen(&mut self) -> Result<(), Error> {
        // Reads all content, because the rest of a TLS record would not make the socket readable.
        while self.state == State::Sending {
            self.call.check()?;
            match self.receive()? {
                Received::Blocked | Received::Records => break,
                Received::End => return Err(self.ended("while sending")),
                Received::Bytes => self.look_for_answer()?,
            }
        }
        Ok(())
    }

    fn look_for_answer(&mut self) -> Result<(), Error> {
        if self.final_head_begins()? {
            self.enter(State::AnsweredEarly);
            self.stall.response(true, Instant::now());
        }
        Ok(())
    }

    /// A write failed, but the response may be in the socket.
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

    /// Waits for the 100 Continue that the head asked for, or the final response, for a second at most.
    pub(super) fn await_continue(&mut self) -> Result<(), Error> {
        // Silence during this wait is not a stall.
        let limit = Instant::now().checked_add(CONTINUE_TIMEOUT.min(self.stall.timeout() / 2));
        while self.state == State::Sending && !self.continued {
            self.call.check()?;
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
}

/// Gives `buffer` that length.
fn allocate(buffer: &mut Vec<u8>, length: usize) -> Result<(), Error> {
    buffer.try_reserve_exact(length).map_err(|_| no_memory())?;
    buffer.resize(length, 0);
    Ok(())
}
