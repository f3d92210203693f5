//! Faults: what a test may ask for over the control endpoint, and the choice of the one that strikes.
//! What each does is told in README.md; `inject` and `serve` carry them out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::http::{Frame, Head};
use crate::state::{Kind, Side};

/// What is asked for: where, when and how often, and what.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    side: String,
    #[serde(default)]
    on: On,
    method: Option<String>,
    path_contains: Option<String>,
    #[serde(default)]
    skip: u64,
    #[serde(default = "once")]
    times: u64,
    fault: Fault,
}

fn once() -> u64 {
    1
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    #[default]
    Request,
    Connect,
}

/// One fault. Each field is a deviation of its own; they combine where that makes sense.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    // While a connection is made (`on: connect`).
    pub connect: Option<Connect>,
    pub alert: Option<u8>,
    // While the request is read.
    pub slow_read: Option<SlowRead>,
    pub pauses: Option<Pauses>,
    pub stall_after: Option<u64>,
    pub for_ms: Option<u64>,
    pub reset_after: Option<i64>,
    pub close_after: Option<u64>,
    pub key_update: Option<u64>,
    pub late_100: Option<u64>,
    pub two_100: bool,
    pub status_417: bool,
    // Instead of the real answer.
    pub early: Option<Respond>,
    pub respond: Option<Respond>,
    pub redirect: Option<Redirect>,
    pub no_answer: bool,
    pub die_before_answer: Option<Then>,
    // Changes to the real answer.
    pub delay_ms: Option<u64>,
    pub drip_ms: Option<u64>,
    pub interim: Vec<u16>,
    pub set_headers: Vec<(String, String)>,
    pub date: Option<Value>,
    pub merge: Option<Value>,
    pub expired: bool,
    pub expires_in: Option<i64>,
    // After the answer.
    pub close_idle: bool,
    pub rst_idle: bool,
    pub after_ms: Option<u64>,
    pub close_on_next: bool,
    pub no_close_notify: bool,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connect {
    Silent,
    Plaintext,
    Reset,
    Close,
    CloseMidHandshake,
    OneByte,
    Alert,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlowRead {
    pub bytes_per_s: u64,
    #[serde(default)]
    pub from: u64,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pauses {
    pub every: u64,
    pub ms: u64,
}

/// An answer made up by the test.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Respond {
    /// Only in `early`: after how many body bytes.
    pub after: u64,
    pub status: Option<u16>,
    pub reason: Option<String>,
    pub headers: Vec<(String, String)>,
    pub body: Option<Value>,
    pub body_base64: Option<String>,
    pub code: Option<Value>,
    pub message: Option<String>,
    pub raw: Option<String>,
    pub raw_base64: Option<String>,
    pub endless: bool,
    pub body_repeat: Option<Repeat>,
    pub framing: Frame,
    pub delay_ms: u64,
    pub drip_ms: Option<u64>,
    pub then: Option<Then>,
    pub grace_ms: Option<u64>,
    pub no_close_notify: bool,
    /// The bytes are read, but not hashed: the cheapest sink there is.
    pub no_hash: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    pub text: String,
    pub count: u64,
}

/// What becomes of the connection.
#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    Keep,
    Close,
    Reset,
    HalfClose,
    KeepOpen,
    Drain,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    pub status: u16,
    pub location: String,
}

impl Fault {
    /// Whether it answers, or ends the exchange, by itself, so that the real service is not asked.
    pub fn replaces_service(&self) -> bool {
        self.early.is_some()
            || self.respond.is_some()
            || self.redirect.is_some()
            || self.reset_after.is_some()
            || self.close_after.is_some()
    }

    fn reads_slowly(&self) -> bool {
        self.slow_read.is_some() || self.stall_after.is_some()
    }
}

struct Armed {
    id: u64,
    spec: Spec,
    /// As it was posted, for the list.
    posted: Value,
    seen: u64,
    injected: u64,
    fault: Arc<Fault>,
}

impl Armed {
    fn live(&self) -> bool {
        self.spec.times == 0 || self.injected < self.spec.times
    }

    fn fits(&self, side: &Side, on: On, head: Option<(&str, &str)>) -> bool {
        let (method, target) = head.unwrap_or_default();
        self.live()
            && self.spec.on == on
            && side.is(&self.spec.side)
            && self.spec.method.as_deref().is_none_or(|m| m.eq_ignore_ascii_case(method))
            && self.spec.path_contains.as_deref().is_none_or(|p| target.contains(p))
    }
}

#[derive(Default)]
struct Table {
    armed: Vec<Armed>,
    next: u64,
}

/// All faults that were asked for.
pub struct Faults {
    table: Mutex<Table>,
    /// Changes when faults are cleared: connections that a fault holds are let go then.
    cleared: watch::Sender<u64>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { table: Mutex::default(), cleared: watch::channel(0).0 }
    }
}

impl Faults {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn add(&self, posted: &Value) -> Result<u64, String> {
        let mut spec: Spec = serde_json::from_value(posted.clone()).map_err(|e| e.to_string())?;
        if !Side::is_known(&spec.side) {
            return Err(format!("unknown side {:?}", spec.side));
        }
        if spec.fault.connect.is_some() && spec.on != On::Connect {
            return Err("a connect fault needs \"on\":\"connect\"".to_owned());
        }
        let fault = Arc::new(std::mem::take(&mut spec.fault));
        let mut table = self.table();
        table.next += 1;
        let id = table.next;
        table.armed.push(Armed { id, spec, posted: posted.clone(), seen: 0, injected: 0, fault });
        Ok(id)
    }

    /// The first live fault that fits, its skips and times counted.
    pub fn pick(&self, side: &Side, on: On, head: Option<&Head>) -> Option<(u64, Arc<Fault>)> {
        let head = head.map(|h| (h.method.as_str(), h.target.as_str()));
        let mut table = self.table();
        for armed in &mut table.armed {
            if armed.fits(side, on, head) {
                armed.seen += 1;
                if armed.seen > armed.spec.skip {
                    armed.injected += 1;
                    return Some((armed.id, armed.fault.clone()));
                }
            }
        }
        None
    }

    /// Whether the fault that would strike this request resets during its head. Nothing is counted.
    pub fn cuts_head(&self, side: &Side, method: &str, target: &str) -> bool {
        let table = self.table();
        let mut fitting = table.armed.iter().filter(|a| a.fits(side, On::Request, Some((method, target))));
        fitting.find(|a| a.seen >= a.spec.skip).is_some_and(|a| a.fault.reset_after.is_some_and(|n| n < 0))
    }

    /// Whether connections to this side should begin with a small receive buffer.
    pub fn slow_ahead(&self, side: &Side) -> bool {
        self.table().armed.iter().any(|a| a.live() && side.is(&a.spec.side) && a.fault.reads_slowly())
    }

    pub fn json(&self) -> Value {
        let list = self.table();
        list.armed
            .iter()
            .map(|a| json!({"id": a.id, "seen": a.seen, "injected": a.injected, "live": a.live(), "spec": a.posted}))
            .collect()
    }

    /// Forgets one fault.
    pub fn remove(&self, id: u64) -> bool {
        let mut table = self.table();
        let before = table.armed.len();
        table.armed.retain(|a| a.id != id);
        table.armed.len() < before
    }

    /// Forgets all faults and lets go of every connection that one of them holds.
    pub fn clear(&self) {
        self.table().armed.clear();
        self.cleared.send_modify(|n| *n += 1);
    }

    /// Resolves at the next [`Faults::clear`].
    pub async fn until_cleared(&self) {
        let _ = self.cleared.subscribe().changed().await;
    }
}

impl Side {
    /// Whether a fault for `wanted` concerns this listener: its name, its name with `_plain`, or a name for several.
    fn is(&self, wanted: &str) -> bool {
        wanted == self.name
            || wanted.strip_suffix("_plain").is_some_and(|kind| !self.tls && kind == self.kind.name())
            || (wanted == self.kind.name() && self.kind != Kind::Control)
    }

    fn is_known(wanted: &str) -> bool {
        Side::ALL.iter().any(|side| side.kind != Kind::Control && side.is(wanted))
    }
}
