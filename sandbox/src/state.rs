//! What all listeners share: addresses, the key, attachments and chats, faults, the log.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use s3s::service::S3Service;
use serde_json::Value;

use crate::connection::Counters;
use crate::fault_list::Faults;
use crate::log::Log;
use crate::side::Side;

/// The one line that this account has.
pub const PHONE: &str = "+15550001111";
/// The S3 server's one bucket.
pub const BUCKET: &str = "uploads";

/// A reservation, and the object once it was uploaded.
#[derive(Clone)]
pub struct Attachment {
    /// Counts reservations, for an order.
    pub nth: u64,
    pub filename: String,
    pub content_type: String,
    pub size: u64,
    pub created_at: String,
    pub object: Option<Object>,
}

#[derive(Clone)]
pub struct Object {
    pub size: u64,
    pub sha256: String,
    pub content_type: String,
    pub puts: u64,
}

#[derive(Clone)]
pub struct Chat {
    pub from: String,
    pub to: Vec<String>,
    pub created_at: String,
}

#[derive(Default)]
pub struct Chats {
    /// By sender and sorted recipients.
    pub ids: HashMap<String, String>,
    /// By id.
    pub known: HashMap<String, Chat>,
    /// The response first given, by idempotency key.
    pub answers: HashMap<String, Value>,
}

pub struct State {
    pub key: String,
    pub dir: PathBuf,
    pub ports: HashMap<&'static str, u16>,
    pub counters: HashMap<&'static str, Arc<Counters>>,
    pub storage_idle_ms: u64,
    pub s3: S3Service,
    pub s3_secret: String,
    pub faults: Faults,
    pub log: Log,
    connections: AtomicU64,
    reservations: AtomicU64,
    attachments: Mutex<HashMap<String, Attachment>>,
    chats: Mutex<Chats>,
}

impl State {
    pub fn new(
        dir: PathBuf,
        ports: HashMap<&'static str, u16>,
        storage_idle_ms: u64,
        s3: S3Service,
        s3_secret: String,
    ) -> Self {
        Self {
            key: format!("sandbox-{}", crate::util::random_hex()),
            dir,
            ports,
            counters: Side::ALL.iter().map(|side| (side.name, Arc::default())).collect(),
            storage_idle_ms,
            s3,
            s3_secret,
            faults: Faults::default(),
            log: Log::default(),
            connections: AtomicU64::new(0),
            reservations: AtomicU64::new(0),
            attachments: Mutex::default(),
            chats: Mutex::default(),
        }
    }

    pub fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Relaxed) + 1
    }

    pub fn next_attachment(&self) -> u64 {
        self.reservations.fetch_add(1, Relaxed) + 1
    }

    pub fn attachments(&self) -> MutexGuard<'_, HashMap<String, Attachment>> {
        self.attachments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn chats(&self) -> MutexGuard<'_, Chats> {
        self.chats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The origin of a listener, under the name that suits its certificate unless another is given.
    pub fn origin(&self, side: &str, host: Option<&str>) -> String {
        let tls = Side::ALL.iter().any(|s| s.name == side && s.tls);
        let (scheme, default) = if tls { ("https", "localhost") } else { ("http", "127.0.0.1") };
        let port = self.ports.get(side).copied().unwrap_or_default();
        format!("{scheme}://{}:{port}", host.unwrap_or(default))
    }

    /// Where the S3 server keeps an object.
    pub fn object_path(&self, id: &str) -> PathBuf {
        self.dir.join("s3").join(BUCKET).join("attachments").join(id)
    }
}
