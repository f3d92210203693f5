//! The faults that tests have asked for over the control endpoint, and the choice of the one to inject.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::fault::Fault;
use crate::head::Head;
use crate::side::Side;

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

    /// Whether the fault for this request resets during its head. Nothing is counted.
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

    /// Forgets all faults and releases every connection that one of them holds.
    pub fn clear(&self) {
        self.table().armed.clear();
        self.cleared.send_modify(|n| *n += 1);
    }

    /// Resolves at the next [`Faults::clear`].
    pub async fn until_cleared(&self) {
        let _ = self.cleared.subscribe().changed().await;
    }
}
