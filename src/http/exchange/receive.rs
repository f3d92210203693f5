//! Receiving: skips interim heads, then reads the head and the body of the final response.

use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::state::{Exchange, Outcome, State};
use crate::error::{Error, ErrorKind, timeout};
use crate::http::body::{Decoder, Malformed};
use crate::http::head::{self, Head, Parsed};
use crate::http::limits::{MAX_ANSWER, MAX_HEAD};
use crate::http::link::{Received, no_memory};
use crate::log::{self, Level};
use crate::zeroizing::ZeroizingBytes;

/// More interim responses than this are an error.
const MAX_INTERIM: u32 = 20;

impl Exchange<'_> {
    /// Waits for the head of the final response, and removes it from the input.
    pub(super) fn receive_head(&mut self) -> Result<Head, Error> {
        loop {
            match self.parse()? {
                Parsed::Final { length, head } => {
                    if self.state == State::Waiting {
                        self.enter(State::Answering);
                    }
                    self.stall.response(true, Instant::now());
                    self.input.drain(..length);
                    return Ok(head);
                }
                Parsed::Interim { length, status } => self.pass_over(length, status)?,
                Parsed::Partial { .. } => {
                    if !self.input.is_empty() {
                        self.stall.response(true, Instant::now());
                    }
                    if !self.wait_for_input(None)? {
                        return Err(self.ended("before it answered"));
                    }
                }
            }
        }
    }

    /// Reads the body, up to [`MAX_ANSWER`] bytes of it. If it is cut off, the caller decides what that means.
    pub(super) fn receive_body(&mut self, head: Head, silence: Option<Duration>) -> Result<Outcome, Error> {
        let mut body = ZeroizingBytes::default();
        let mut decoder = Decoder::new(head.framing);
        let read = self.read_body(&mut decoder, &mut body, silence);
        // A call that was cancelled or whose time is over ends, whatever the answer is.
        self.call.check()?;
        let cut = read.err();
        if let Some(cut) = &cut {
            log::line(Level::Debug, || format!("the answer broke off: {cut}"));
        }
        let complete = cut.is_none() && decoder.is_done() && self.input.is_empty();
        let too_long = body.len() > MAX_ANSWER || self.link.received > self.max_received;
        Ok(Outcome {
            status: head.status,
            headers: head.headers,
            body,
            too_long,
            early: self.state == State::AnsweredEarly,
            reusable: complete && head.keep_alive && self.state == State::Answering,
            cut,
        })
    }

    fn read_body(
        &mut self,
        decoder: &mut Decoder,
        body: &mut ZeroizingBytes,
        silence: Option<Duration>,
    ) -> Result<(), Error> {
        loop {
            let mut at = 0;
            loop {
                let step = decoder.step(&self.input[at..]);
                let (taken, content) = step.map_err(|why| self.malformed(why))?;
                append(body, content)?;
                at += taken;
                if body.len() > MAX_ANSWER {
                    let message = "the server's answer is larger than 1 MiB".to_owned();
                    return Err(Error::new(ErrorKind::Protocol, message));
                }
                if taken == 0 {
                    break;
                }
            }
            self.input.drain(..at);
            if decoder.is_done() {
                return Ok(());
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
            let late_at = self.stall.answer_late_at();
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

    /// Removes complete 1xx heads from the input; returns whether a final head follows.
    pub(super) fn final_head_begins(&mut self) -> Result<bool, Error> {
        loop {
            match self.parse()? {
                Parsed::Interim { length, status } => self.pass_over(length, status)?,
                Parsed::Partial { is_final } => return Ok(is_final),
                Parsed::Final { .. } => return Ok(true),
            }
        }
    }

    /// Skips an interim response. Each puts off a stall, so their number is limited.
    fn pass_over(&mut self, length: usize, status: u16) -> Result<(), Error> {
        self.input.drain(..length);
        self.stall.response(false, Instant::now());
        self.continued |= status == 100;
        self.interim += 1;
        match status {
            101 => Err(self.protocol("switched to another protocol, which nobody asked for")),
            _ if self.interim > MAX_INTERIM => Err(self.protocol("sends interim answers without an end")),
            _ => Ok(()),
        }
    }
}

fn append(body: &mut ZeroizingBytes, content: &[u8]) -> Result<(), Error> {
    if content.len() > body.capacity() - body.len() {
        // Twice as large each time, so that a body in many pieces is not copied for each of them.
        body.try_grow(content.len().max(body.len())).map_err(|_| no_memory())?;
    }
    body.extend_from_slice(content);
    Ok(())
}
