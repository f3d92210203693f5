//! What happened: every request in order. Tests read it over the control endpoint.

use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::head::Head;

/// The log keeps this many requests; older ones are forgotten, so that long runs stay small.
const KEPT: usize = 20_000;

/// One request, written to while it happens.
pub struct Entry {
    seq: u64,
    side: &'static str,
    tls: bool,
    connection: u64,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    pub body_bytes: AtomicU64,
    later: Mutex<Later>,
}

#[derive(Default)]
struct Later {
    body_sha256: Option<String>,
    body: Option<String>,
    status: Option<u16>,
    fault: Option<u64>,
    ended: Option<&'static str>,
}

impl Entry {
    fn later(&self) -> std::sync::MutexGuard<'_, Later> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn sha256(&self, hex: String) {
        self.later().body_sha256 = Some(hex);
    }

    pub fn hash_so_far(&self) -> Option<String> {
        self.later().body_sha256.clone()
    }

    pub fn body(&self, text: String) {
        self.later().body = Some(text);
    }

    pub fn status(&self, status: u16) {
        self.later().status = Some(status);
    }

    pub fn fault(&self, id: u64) {
        self.later().fault = Some(id);
    }

    /// Set before the response goes out, so that a client that has the response finds it here; corrected where writing fails.
    pub fn ended(&self, how: &'static str) {
        self.later().ended = Some(how);
    }

    fn json(&self) -> Value {
        let later = self.later();
        json!({
            "seq": self.seq, "side": self.side, "tls": self.tls, "connection": self.connection,
            "method": self.method, "path": self.path, "headers": self.headers,
            "body_bytes": self.body_bytes.load(Relaxed), "body_sha256": later.body_sha256, "body": later.body,
            "status": later.status, "fault": later.fault, "ended": later.ended,
        })
    }
}

#[derive(Default)]
pub struct Log {
    entries: Mutex<VecDeque<Arc<Entry>>>,
    next: AtomicU64,
}

impl Log {
    pub fn start(&self, side: &'static str, tls: bool, connection: u64, head: &Head) -> Arc<Entry> {
        let entry = Arc::new(Entry {
            seq: self.next.fetch_add(1, Relaxed) + 1,
            side,
            tls,
            connection,
            method: head.method.clone(),
            path: head.target.clone(),
            headers: head.headers.clone(),
            body_bytes: AtomicU64::new(0),
            later: Mutex::default(),
        });
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() == KEPT {
            entries.pop_front();
        }
        entries.push_back(entry.clone());
        entry
    }

    pub fn json(&self) -> Value {
        let entries: Vec<_> =
            self.entries.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        entries.iter().map(|entry| entry.json()).collect()
    }

    pub fn clear(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
