//! What each request of a call took and came to, for the caller's metrics.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind};

/// Called after each request, on the thread of the call.
pub type Observer = Arc<dyn Fn(&AttemptReport) + Send + Sync>;

/// Which part of a call a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A place is reserved.
    Reserve,
    /// The bytes are put there.
    Put,
    /// Any other request.
    Other,
}

/// What one request took and came to. The parts follow one another and add up to the total. Holds no secret.
#[derive(Debug, Clone)]
pub struct AttemptReport {
    /// Where it was sent.
    pub host: String,
    /// Linq's trace id, or the storage's request id.
    pub request_id: Option<String>,
    /// Why it failed, as the error of a call says it; `None`: it did not.
    pub reason: Option<String>,
    /// What kind of failure it was; `None`: it did not fail.
    pub kind: Option<ErrorKind>,
    /// Bytes that went out on this connection for it: heads, TLS and a proxy's part included.
    pub bytes_sent: u64,
    /// Bytes that came in.
    pub bytes_received: u64,
    /// Looking up the name.
    pub lookup: Duration,
    /// Connecting.
    pub connect: Duration,
    /// Having a proxy open a tunnel.
    pub proxy: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// From the first byte of the request until the kernel took its last.
    pub send: Duration,
    /// From there until the head of the response was there.
    pub wait: Duration,
    /// The rest of the response.
    pub receive: Duration,
    /// All of it.
    pub total: Duration,
    /// Which part of the call it is.
    pub step: Step,
    /// Which attempt of the call, from 1. Of several requests with one number and step, the last took the place of those
    /// before it, whose pooled connection was dead.
    pub number: u32,
    /// The response's status; `None`: there was no response.
    pub http_status: Option<u16>,
    /// Whether it went over a connection that was there already: then nothing was looked up, connected or agreed on.
    pub reused: bool,
    /// How long until the next attempt; `None`: there is none.
    pub again_in: Option<Duration>,
}

/// Where the time of a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Lookup,
    Connect,
    Proxy,
    Tls,
    Send,
    Wait,
    Receive,
}

/// Keeps the report of the request that is running, until it is known what came of it.
pub(crate) struct Recorder {
    observer: Option<Observer>,
    number: Cell<u32>,
    current: RefCell<Option<Current>>,
}

struct Current {
    report: AttemptReport,
    began: Instant,
    /// What is being done, and since when; `None`: the request is over.
    phase: Option<Phase>,
    since: Instant,
}

impl Recorder {
    pub(crate) fn new(observer: Option<Observer>) -> Self {
        Recorder { observer, number: Cell::new(0), current: RefCell::new(None) }
    }

    /// An attempt begins.
    pub(crate) fn number(&self, number: u32) {
        self.number.set(number);
    }

    /// A request begins. The one before it, of the same attempt, has succeeded.
    pub(crate) fn begin(&self, host: &str, step: Step) {
        if self.observer.is_none() {
            return;
        }
        self.tell(None);
        let (now, zero) = (Instant::now(), Duration::ZERO);
        let report = AttemptReport {
            host: host.to_owned(),
            request_id: None,
            reason: None,
            kind: None,
            bytes_sent: 0,
            bytes_received: 0,
            lookup: zero,
            connect: zero,
            proxy: zero,
            tls: zero,
            send: zero,
            wait: zero,
            receive: zero,
            total: zero,
            step,
            number: self.number.get(),
            http_status: None,
            reused: false,
            again_in: None,
        };
        let phase = Some(Phase::Send);
        self.current.replace(Some(Current { report, began: now, phase, since: now }));
    }

    /// From now on the request does this.
    pub(crate) fn phase(&self, phase: Phase) {
        self.with(|current| current.turn(Some(phase)));
    }

    /// So much more went over the wire.
    pub(crate) fn moved(&self, sent: u64, received: u64) {
        self.with(|current| {
            current.report.bytes_sent += sent;
            current.report.bytes_received += received;
        });
    }

    /// Its connection was there already.
    pub(crate) fn reused(&self) {
        self.with(|current| current.report.reused = true);
    }

    /// The id that the server gave it.
    pub(crate) fn request_id(&self, id: Option<String>) {
        self.with(|current| current.report.request_id = id);
    }

    /// The request is over.
    pub(crate) fn end(&self, http_status: Option<u16>) {
        self.with(|current| {
            current.turn(None);
            current.report.http_status = http_status;
        });
    }

    /// It failed, or its attempt did because of it.
    pub(crate) fn fail(&self, error: &Error) {
        self.with(|Current { report, .. }| {
            let id = error.details.trace_id.as_ref().or(error.details.storage_request_id.as_ref());
            report.request_id = id.cloned().or(report.request_id.take());
            report.reason = Some(error.message.clone());
            report.kind = Some(error.kind);
        });
    }

    /// Calls the observer, now that it is known how the request ended.
    pub(crate) fn tell(&self, again_in: Option<Duration>) {
        let Some(observer) = &self.observer else { return };
        let Some(Current { mut report, .. }) = self.current.take() else { return };
        report.again_in = again_in;
        observer(&report);
    }

    fn with(&self, change: impl FnOnce(&mut Current)) {
        if let Some(current) = &mut *self.current.borrow_mut() {
            change(current);
        }
    }
}

impl Current {
    fn turn(&mut self, next: Option<Phase>) {
        let now = Instant::now();
        let report = &mut self.report;
        let part = match self.phase {
            None => return,
            Some(Phase::Lookup) => &mut report.lookup,
            Some(Phase::Connect) => &mut report.connect,
            Some(Phase::Proxy) => &mut report.proxy,
            Some(Phase::Tls) => &mut report.tls,
            Some(Phase::Send) => &mut report.send,
            Some(Phase::Wait) => &mut report.wait,
            Some(Phase::Receive) => &mut report.receive,
        };
        *part += now - self.since;
        report.total = now - self.began;
        self.since = now;
        self.phase = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::thread::sleep;

    fn recorder() -> (Recorder, Arc<Mutex<Vec<AttemptReport>>>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = told.clone();
        let observer: Observer = Arc::new(move |report| sink.lock().unwrap().push(report.clone()));
        (Recorder::new(Some(observer)), told)
    }

    #[test]
    fn the_parts_add_up_to_the_total() {
        let (recorder, told) = recorder();
        recorder.number(3);
        recorder.begin("h", Step::Put);
        for phase in [
            Phase::Tls,
            Phase::Lookup,
            Phase::Connect,
            Phase::Proxy,
            Phase::Tls,
            Phase::Send,
            Phase::Wait,
            Phase::Receive,
        ] {
            recorder.phase(phase);
            sleep(Duration::from_millis(2));
        }
        recorder.moved(5, 6);
        recorder.moved(1, 1);
        recorder.end(Some(200));
        recorder.phase(Phase::Wait); // it is over
        sleep(Duration::from_millis(5));
        recorder.tell(None);
        recorder.tell(None);
        let told = told.lock().unwrap();
        let [report] = &told[..] else { panic!("{told:?}") };
        let parts = [
            report.lookup,
            report.connect,
            report.proxy,
            report.tls,
            report.send,
            report.wait,
            report.receive,
        ];
        assert!(parts.iter().all(|part| *part >= Duration::from_millis(2)), "{report:?}");
        assert!(report.tls >= Duration::from_millis(4), "{report:?}");
        assert_eq!(parts.iter().sum::<Duration>(), report.total);
        assert_eq!((report.bytes_sent, report.bytes_received, report.number), (6, 7, 3));
        assert_eq!((report.http_status, report.step, report.reused), (Some(200), Step::Put, false));
    }

    #[test]
    fn the_request_before_another_has_succeeded() {
        let (recorder, told) = recorder();
        recorder.begin("a", Step::Reserve);
        recorder.end(Some(201));
        recorder.begin("b", Step::Put);
        recorder.reused();
        recorder.end(None);
        assert_eq!(told.lock().unwrap().len(), 1);
        let mut error = Error::new(ErrorKind::Network, "it broke");
        error.details.trace_id = Some("t".to_owned());
        recorder.fail(&error);
        recorder.tell(Some(Duration::from_secs(1)));
        let told = told.lock().unwrap();
        assert_eq!((&*told[0].host, &told[0].reason, told[0].kind), ("a", &None, None));
        assert_eq!((&*told[1].host, told[1].reason.as_deref()), ("b", Some("it broke")));
        assert_eq!((told[1].kind, told[1].reused), (Some(ErrorKind::Network), true));
        assert_eq!(
            (told[1].request_id.as_deref(), told[1].again_in),
            (Some("t"), Some(Duration::from_secs(1)))
        );
    }

    #[test]
    fn without_an_observer_nothing_is_kept() {
        let recorder = Recorder::new(None);
        recorder.begin("a", Step::Other);
        assert!(recorder.current.borrow().is_none());
    }
}
