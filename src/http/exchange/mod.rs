//! One request and its response over one connection.
//!
//! Servers do not wait for the end of a body: they refuse early and close. So the connection is read while the body is
//! being sent, and after a failed write, since the response may be in the socket.
//!
//! ```text
//!   Sending ──── all sent ────▶ Waiting ──── final head begins ────▶ Answering
//!      └─────────── final head begins ───────▶ AnsweredEarly
//! ```
//!
//! 1xx heads change no state. From `AnsweredEarly` nothing more is sent.

mod receive;
mod send;
mod state;

use std::time::{Duration, Instant};

use super::limits::MAX_RECEIVED;
use super::link::Link;
use super::stall::Stall;
use crate::call::Call;
use crate::error::{Error, ErrorKind};
use crate::report::Phase;
use crate::zeroizing::ZeroizingBytes;
use state::{Exchange, State};
pub(super) use state::{Failed, Outbound, Outcome};

/// Sends a request and reads its response.
pub(super) fn run(
    link: &mut Link,
    call: &Call,
    stall_timeout: Duration,
    outbound: Outbound<'_>,
) -> Result<Outcome, Failed> {
    let stall = Stall::new(stall_timeout, link.sent, Instant::now());
    let (sent_before, received_before) = (link.sent, link.received);
    let mut exchange = Exchange {
        link,
        call,
        state: State::Sending,
        to_head: outbound.to_head,
        input: ZeroizingBytes::default(),
        saw_bytes: false,
        max_received: received_before + MAX_RECEIVED,
        interim: 0,
        continued: false,
        stall,
        total: outbound.body.as_ref().filter(|_| call.reports_progress()).map(|stream| stream.length()),
        given: 0,
    };
    call.recorder.phase(Phase::Send);
    call.network.leave_alone(!outbound.repeatable);
    let result = exchange.run(outbound);
    call.network.leave_alone(false);
    let link = &*exchange.link;
    call.recorder.moved(link.sent - sent_before, link.received - received_before);
    result.map_err(|mut error| {
        error.details.sent = exchange.link.sent > sent_before;
        Failed { error, saw_bytes: exchange.saw_bytes }
    })
}

impl Exchange<'_> {
    fn run(&mut self, outbound: Outbound<'_>) -> Result<Outcome, Error> {
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
}
