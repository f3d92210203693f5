//! Idle connections.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::dial::Origin;
use super::link::Link;
use crate::sys;

/// For so long an idle connection to a storage is used: S3 closes them at five seconds.
pub(super) const STORAGE_IDLE: Duration = Duration::from_secs(4);

/// The same for the API.
pub(super) const API_IDLE: Duration = Duration::from_secs(60);

const MAX_PER_ORIGIN: usize = 16;
const MAX_ALL: usize = 32;

pub(super) struct Pool {
    /// A connection that was idle for longer is not used again.
    max_idle: Duration,
    idle: Mutex<Connections>,
}

#[derive(Default)]
struct Connections {
    idle: Vec<Idle>,
    /// How often the network has changed. Connections from before the last change are not kept.
    generation: u64,
}

/// A connection without buffers, which waits for its next request.
struct Idle {
    origin: Origin,
    link: Link,
    /// By [`sys::boottime`], which goes on while the device sleeps.
    since: Duration,
}

impl Pool {
    pub(super) fn new(max_idle: Duration) -> Self {
        Pool { max_idle, idle: Mutex::default() }
    }

    /// The connection to `origin` that was used last, if it is still open. Closes those that were idle too long.
    pub(super) fn take(&self, origin: &Origin) -> Option<Link> {
        self.find(origin).map(|idle| idle.link)
    }

    /// Whether `take` would find one.
    pub(super) fn has(&self, origin: &Origin) -> bool {
        let found = self.find(origin);
        let has = found.is_some();
        self.lock().idle.extend(found);
        has
    }

    fn find(&self, origin: &Origin) -> Option<Idle> {
        self.expire();
        loop {
            let mut idle = {
                let all = &mut self.lock().idle;
                let at = all.iter().rposition(|idle| idle.origin == *origin)?;
                all.remove(at)
            };
            // Checked without the lock, so that other threads do not wait.
            if idle.link.is_open() {
                return Some(idle);
            }
        }
    }

    /// To be passed to `put` with a connection that is made or taken after this.
    pub(super) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Keeps a connection that had no request yet, or whose last response was read to its end.
    pub(super) fn put(&self, origin: Origin, mut link: Link, generation: u64) {
        link.flush();
        let mut connections = self.lock();
        if connections.generation != generation {
            drop(connections);
            return link.close();
        }
        let all = &mut connections.idle;
        all.push(Idle { origin, link, since: sys::boottime() });
        let origin = &all[all.len() - 1].origin;
        let oldest = all.iter().position(|idle| idle.origin == *origin);
        let crowded = all.iter().filter(|idle| idle.origin == *origin).count() > MAX_PER_ORIGIN;
        let evicted = match oldest {
            Some(at) if crowded => Some(all.remove(at)),
            _ if all.len() > MAX_ALL => Some(all.remove(0)),
            _ => None,
        };
        drop(connections);
        close(evicted);
    }

    /// For a change of the network: closes all, and keeps none that is in use now.
    pub(super) fn clear(&self) {
        let all = {
            let mut connections = self.lock();
            connections.generation += 1;
            std::mem::take(&mut connections.idle)
        };
        close(all);
    }

    fn expire(&self) {
        let now = sys::boottime();
        let is_old = |idle: &mut Idle| now.saturating_sub(idle.since) >= self.max_idle;
        let expired: Vec<_> = self.lock().idle.extract_if(.., is_old).collect();
        close(expired);
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        close(self.idle.get_mut().unwrap_or_else(PoisonError::into_inner).idle.drain(..));
    }
}

fn close(idle: impl IntoIterator<Item = Idle>) {
    idle.into_iter().for_each(|mut idle| idle.link.close());
}
