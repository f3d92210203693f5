//! One request and its response, with what a fault changes about them.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::api::{self, Call};
use crate::body::{BodyReader, Stop, hold};
use crate::canned::{adjust, canned, raw, redirection};
use crate::connection::Conn;
use crate::fault::{Fault, Respond, Then};
use crate::head::{Framing, Head};
use crate::response::{Frame, Response, write_dripping, write_response};
use crate::side::{Kind, Side};
use crate::state::State;
use crate::storage;

const ALL: u64 = u64::MAX;

/// How long a response has to arrive before a reset may overtake it.
const GRACE_MS: u64 = 50;

/// What becomes of the connection after an exchange.
pub enum Finish {
    Keep,
    /// Keep it until the next request begins, then close it.
    KeepUntilNext,
    Close {
        notify: bool,
    },
    Reset,
}

/// One exchange and all it needs.
pub struct Exchange<'a> {
    pub state: &'a State,
    pub side: &'a Side,
    pub head: &'a Head,
    pub fault: &'a Fault,
    pub conn: &'a mut Conn,
    pub body: BodyReader<'a>,
}

impl Exchange<'_> {
    pub async fn run(mut self) -> Finish {
        let entry = self.body.entry.clone();
        match self.steps().await {
            Ok(finish) => finish,
            Err(stop) => {
                entry.ended(stop.name());
                Finish::Close { notify: false }
            }
        }
    }

    async fn steps(&mut self) -> Result<Finish, Stop> {
        let fault = self.fault;
        if fault.reads_slowly() {
            self.conn.shrink_receive_buffer();
        }
        if fault.status_417 && self.head.expects_continue() {
            return self.send_real(Response::empty(417)).await;
        }
        if let Some(early) = &fault.early {
            self.body.discard(self.conn, early.after).await?;
            return self.send_canned(early, Then::Close).await;
        }
        if let Some(after) = fault.reset_after {
            self.body.discard(self.conn, u64::try_from(after).unwrap_or(0)).await?;
            return Ok(self.end_without_answer(Then::Reset));
        }
        if let Some(after) = fault.close_after {
            self.body.discard(self.conn, after).await?;
            return Ok(self.end_without_answer(Then::Close));
        }
        if let Some(respond) = &fault.respond {
            self.body.discard(self.conn, ALL).await?;
            return self.send_canned(respond, Then::Keep).await;
        }
        if let Some(redirect) = &fault.redirect {
            self.body.discard(self.conn, ALL).await?;
            let response = redirection(self.state, self.side, self.head, redirect);
            return self.send_real(response).await;
        }
        let response = self.ask_service().await?;
        if let Some(then) = fault.die_before_answer {
            self.body.discard(self.conn, ALL).await?;
            return Ok(self.end_without_answer(then));
        }
        if fault.no_answer {
            self.body.discard(self.conn, ALL).await?;
            self.never_answer().await;
            return Err(Stop::Held);
        }
        self.send_real(response).await
    }

    async fn ask_service(&mut self) -> Result<Response, Stop> {
        let call = Call { state: self.state, side: self.side, head: self.head, fault: self.fault };
        match self.side.kind {
            Kind::Api | Kind::BadTls => api::answer(&call, self.conn, &mut self.body).await,
            Kind::Storage => storage::answer(self.state, self.conn, self.head, &mut self.body).await,
            Kind::Other | Kind::Proxy | Kind::Control => {
                self.body.discard(self.conn, ALL).await?;
                Ok(Response::new(200, "text/plain", "ok"))
            }
        }
    }

    fn end_without_answer(&self, then: Then) -> Finish {
        let reset = then == Then::Reset;
        self.body.entry.ended(if reset { "reset" } else { "closed" });
        if reset { Finish::Reset } else { Finish::Close { notify: !self.fault.no_close_notify } }
    }

    /// Takes all that comes and says nothing, until the peer leaves or the faults are cleared.
    async fn never_answer(&mut self) {
        let listen = async {
            while self.conn.fill(64 * 1024).await.is_ok_and(|n| n > 0) {
                self.conn.buf.clear();
            }
        };
        tokio::select! {
            () = listen => {}
            () = self.state.faults.until_cleared() => {}
            () = sleep(Duration::from_millis(self.fault.for_ms.unwrap_or(u64::MAX / 2))) => {}
        }
    }

    /// Sends the service's own response, as the fault changes it.
    async fn send_real(&mut self, mut response: Response) -> Result<Finish, Stop> {
        let fault = self.fault;
        adjust(fault, &mut response);
        // Nothing can follow a body whose end is not known.
        let endless = matches!(self.head.framing(), Framing::Chunked | Framing::Bad);
        let unread = endless || self.body.left() > 0;
        let close = unread || self.head.wants_close();
        if close {
            response.default("Connection", "close");
        }
        sleep(Duration::from_millis(fault.delay_ms.unwrap_or(0))).await;
        self.body.entry.status(response.status);
        self.body.entry.ended(if unread { "early" } else { "complete" });
        for status in &fault.interim {
            let reason = if *status == 103 { "Early Hints\r\nLink: </a>; rel=preload" } else { "Interim" };
            self.conn.write(format!("HTTP/1.1 {status} {reason}\r\n\r\n").as_bytes()).await?;
        }
        let drip = fault.drip_ms.map(Duration::from_millis);
        write_response(self.conn, response, drip, self.head.method == "HEAD").await?;
        let notify = !fault.no_close_notify;
        if unread {
            self.linger(notify).await;
        }
        if fault.close_idle || fault.rst_idle {
            sleep(Duration::from_millis(fault.after_ms.unwrap_or(if fault.rst_idle { GRACE_MS } else { 0 })))
                .await;
        }
        Ok(if fault.rst_idle {
            Finish::Reset
        } else if fault.close_idle || close {
            Finish::Close { notify }
        } else if fault.close_on_next {
            Finish::KeepUntilNext
        } else {
            Finish::Keep
        })
    }

    /// After an early response: closing at once could destroy it on its way, so what comes is read for a while.
    async fn linger(&mut self, notify: bool) {
        const QUIET: Duration = Duration::from_secs(2);
        self.conn.half_close(notify).await;
        while let Ok(Ok(Some(_))) = timeout(QUIET, self.body.next(self.conn, ALL)).await {}
        while let Ok(Ok(1..)) = timeout(QUIET, self.conn.fill(64 * 1024)).await {
            self.conn.buf.clear();
        }
    }

    async fn send_canned(&mut self, respond: &Respond, usual: Then) -> Result<Finish, Stop> {
        sleep(Duration::from_millis(respond.delay_ms)).await;
        let mut then = respond.then.unwrap_or(usual);
        if respond.framing == Frame::None && then == Then::Keep {
            then = Then::Close;
        }
        let drip = respond.drip_ms.map(Duration::from_millis);
        let early = self.body.left() > 0;
        self.body.entry.ended(if early { "early" } else { "complete" });
        if let Some(raw) = raw(respond) {
            write_dripping(self.conn, &raw, drip).await?;
        } else {
            let mut response = canned(self.side, respond);
            adjust(self.fault, &mut response);
            if matches!(then, Then::Close | Then::Reset | Then::HalfClose) {
                response.default("Connection", "close");
            }
            self.body.entry.status(response.status);
            let write = write_response(self.conn, response, drip, self.head.method == "HEAD");
            tokio::select! {
                result = write => result?,
                () = self.state.faults.until_cleared() => return Err(Stop::Held),
            }
        }
        let notify = !(respond.no_close_notify || self.fault.no_close_notify);
        match then {
            Then::Keep => return Ok(Finish::Keep),
            Then::Close => {}
            Then::Reset => {
                sleep(Duration::from_millis(respond.grace_ms.unwrap_or(GRACE_MS))).await;
                return Ok(Finish::Reset);
            }
            Then::HalfClose => {
                self.conn.half_close(notify).await;
                hold(self.conn, &self.state.faults, self.fault.for_ms).await;
            }
            Then::KeepOpen => hold(self.conn, &self.state.faults, self.fault.for_ms).await,
            Then::Drain => {
                self.body.discard(self.conn, ALL).await?;
                return Ok(Finish::Keep);
            }
        }
        Ok(Finish::Close { notify })
    }
}
