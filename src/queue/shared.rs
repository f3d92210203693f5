//! What a queue and its threads share.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::signal::Signal;
use super::state::State;
use crate::client::Client;
use crate::process::ProcessId;

pub(super) struct Shared {
    pub(super) client: Arc<Client>,
    pub(super) max_in_flight: usize,
    pub(super) process: ProcessId,
    /// Readable while an event waits; changed only under the lock.
    pub(super) signal: Signal,
    pub(super) state: Mutex<State>,
    /// Notified of an event, of a log line, and when the queue is closed.
    pub(super) news: Condvar,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
