//! One request and its answer, with what a fault changes about them.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use tokio::time::{sleep, timeout};

use crate::api::{self, Call};
use crate::body::{BodyReader, Stop, hold};
use crate::envelope::{Refusal, usual_code};
use crate::faults::{Fault, Redirect, Respond, Then};
use crate::http::{Answer, Body, Frame, Head, write_answer, write_dripping};
use crate::state::{Kind, Side, State};
use crate::storage;
use crate::util::{http_date, random_hex};
use crate::wire::Conn;

const ALL: u64 = u64::MAX;

/// How long an answer has to arrive before a reset may overtake it.
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
        if fault.slow_read.is_some() || fault.stall_after.is_some() {
            self.conn.shrink_receive_buffer();
        }
        if fault.status_417 && self.head.expects_continue() {
            return self.send_real(Answer::empty(417)).await;
        }
        if let Some(early) = &fault.early {
            self.body.discard(self.conn, early.after).await?;
            return self.send_made_up(early, Then::Close).await;
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
            return self.send_made_up(respond, Then::Keep).await;
        }
        if let Some(redirect) = &fault.redirect {
            self.body.discard(self.conn, ALL).await?;
            let answer = self.redirection(redirect);
            return self.send_real(answer).await;
        }
        let answer = self.ask_service().await?;
        if let Some(then) = fault.die_before_answer {
            self.body.discard(self.conn, ALL).await?;
            return Ok(self.end_without_answer(then));
        }
        if fault.no_answer {
            self.body.discard(self.conn, ALL).await?;
            self.never_answer().await;
            return Err(Stop::Held);
        }
        self.send_real(answer).await
    }

    async fn ask_service(&mut self) -> Result<Answer, Stop> {
        let call = Call { state: self.state, side: self.side, head: self.head, fault: self.fault };
        match self.side.kind {
            Kind::Api | Kind::BadTls => api::answer(&call, self.conn, &mut self.body).await,
            Kind::Storage => storage::answer(self.state, self.conn, self.head, &mut self.body).await,
            Kind::Other | Kind::Proxy | Kind::Control => {
                self.body.discard(self.conn, ALL).await?;
                Ok(Answer::new(200, "text/plain", "ok"))
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

    /// Sends the service's own answer, as the fault changes it.
    async fn send_real(&mut self, mut answer: Answer) -> Result<Finish, Stop> {
        let fault = self.fault;
        adjust(fault, &mut answer);
        let unread = self.body.left() > 0;
        let close = unread || self.head.wants_close();
        if close {
            answer.default("Connection", "close");
        }
        sleep(Duration::from_millis(fault.delay_ms.unwrap_or(0))).await;
        self.body.entry.status(answer.status);
        self.body.entry.ended(if unread { "early" } else { "complete" });
        for status in &fault.interim {
            let reason = if *status == 103 { "Early Hints\r\nLink: </a>; rel=preload" } else { "Interim" };
            self.conn.write(format!("HTTP/1.1 {status} {reason}\r\n\r\n").as_bytes()).await?;
        }
        let drip = fault.drip_ms.map(Duration::from_millis);
        write_answer(self.conn, answer, drip, self.head.method == "HEAD").await?;
        let notify = !fault.no_close_notify;
        if unread {
            self.linger(notify).await;
        }
        if fault.close_idle || fault.rst_idle {
            sleep(Duration::from_millis(fault.after_ms.unwrap_or(if fault.rst_idle { GRACE_MS } else { 0 })))
                .await;
        }
        Ok(match () {
            () if fault.rst_idle => Finish::Reset,
            () if fault.close_idle || close => Finish::Close { notify },
            () if fault.close_on_next => Finish::KeepUntilNext,
            () => Finish::Keep,
        })
    }

    /// After an early answer: closing at once could destroy it on its way, so the rest is read for a while.
    async fn linger(&mut self, notify: bool) {
        self.conn.half_close(notify).await;
        while let Ok(Ok(Some(_))) = timeout(Duration::from_secs(2), self.body.next(self.conn, ALL)).await {}
    }

    async fn send_made_up(&mut self, respond: &Respond, usual: Then) -> Result<Finish, Stop> {
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
            let mut answer = self.made_up(respond);
            adjust(self.fault, &mut answer);
            if matches!(then, Then::Close | Then::Reset | Then::HalfClose) {
                answer.default("Connection", "close");
            }
            self.body.entry.status(answer.status);
            let write = write_answer(self.conn, answer, drip, self.head.method == "HEAD");
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

    fn made_up(&self, respond: &Respond) -> Answer {
        let status = respond.status.unwrap_or(200);
        let api = matches!(self.side.kind, Kind::Api | Kind::BadTls);
        let message = respond.message.as_deref().unwrap_or("made up by a fault");
        let mut answer = match (&respond.code, &respond.body, &respond.body_base64) {
            (Some(Value::String(code)), ..) => storage::error(status, code, message),
            (Some(code), ..) => {
                let code = code.as_u64().and_then(|n| u16::try_from(n).ok()).unwrap_or(0);
                Refusal(status, code, message.to_owned()).answer()
            }
            (_, Some(Value::String(text)), _) => Answer::new(status, usual_type(api, text), text.clone()),
            (_, Some(json), _) => Answer::json(status, json),
            (.., Some(base64)) => {
                Answer::new(status, "application/octet-stream", STANDARD.decode(base64).unwrap_or_default())
            }
            _ if api && status >= 400 => Refusal(status, usual_code(status), message.to_owned()).answer(),
            _ => Answer::empty(status),
        };
        if let Some(repeat) = &respond.body_repeat {
            answer.body = Body::Repeat(Bytes::from(repeat.text.clone()), repeat.count);
        }
        if respond.endless {
            answer.body = Body::Endless;
        }
        answer.frame = respond.framing;
        answer.reason.clone_from(&respond.reason);
        for (name, _) in &respond.headers {
            answer.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        }
        answer.headers.extend(respond.headers.iter().cloned());
        match self.side.kind {
            Kind::Storage => storage::identify(&mut answer),
            _ if api => answer.default("X-Trace-ID", random_hex()),
            _ => {}
        }
        answer
    }

    fn redirection(&self, redirect: &Redirect) -> Answer {
        let target = &self.head.target;
        let location = match redirect.location.as_str() {
            side @ ("other" | "other_tls") => format!("{}{target}", self.state.origin(side, None)),
            "self" => format!("{}{target}", self.state.origin(self.side.name, None)),
            url => url.to_owned(),
        };
        let mut answer = Answer::empty(redirect.status);
        answer.set("Location", location);
        answer
    }
}

fn raw(respond: &Respond) -> Option<Bytes> {
    if let Some(text) = &respond.raw {
        return Some(Bytes::from(text.clone()));
    }
    respond.raw_base64.as_ref().map(|base64| STANDARD.decode(base64).unwrap_or_default().into())
}

fn usual_type(api: bool, text: &str) -> &'static str {
    match () {
        () if api => "application/json",
        () if text.starts_with('<') => "application/xml",
        () => "text/plain",
    }
}

/// The changes that a fault makes to an answer before it is sent.
fn adjust(fault: &Fault, answer: &mut Answer) {
    if let Some(patch) = &fault.merge
        && (200..300).contains(&answer.status)
        && let Body::Bytes(bytes) = &mut answer.body
        && let Ok(mut value) = serde_json::from_slice::<Value>(bytes)
    {
        merge(&mut value, patch);
        *bytes = value.to_string().into();
    }
    for (name, value) in &fault.set_headers {
        answer.set(name, value);
    }
    match &fault.date {
        Some(Value::String(date)) => answer.set("Date", date),
        Some(offset) => {
            let offset = time::Duration::seconds(offset.as_i64().unwrap_or(0));
            let now = OffsetDateTime::now_utc();
            answer.set("Date", http_date(now.checked_add(offset).unwrap_or(now)));
        }
        None => {}
    }
}

/// A JSON merge patch, RFC 7396.
fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(object) = value else { return };
    for (name, change) in patch {
        if change.is_null() {
            object.remove(name);
        } else {
            merge(object.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}
