//! A connection to the storage, made on a thread of its own while Linq reserves a place.

use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::PollFlags;

use super::dial::{Origin, dial};
use super::link::Link;
use super::pool::{Pool, STORAGE_IDLE};
use super::settings::Settings;
use crate::call::Call;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind};
use crate::log;
use crate::network::Network;
use crate::process::{self, ProcessId};
use crate::report::Phase;
use crate::sys;

/// After a failure, no connection is made ahead for so long.
const PAUSE: Duration = Duration::from_secs(30);

/// Idle connections to storage hosts, and the host where the next place is likely to be.
pub(super) struct Storage {
    pub(super) pool: Pool,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Where the last place was.
    origin: Option<Origin>,
    /// A thread is connecting; a client has at most one.
    busy: bool,
    /// By the clock that also counts while the device sleeps.
    not_before: Duration,
}

impl Storage {
    pub(super) fn new() -> Self {
        Storage { pool: Pool::new(STORAGE_IDLE), known: Mutex::default() }
    }

    /// `origin` has answered a request, so the next place is likely to be there too.
    pub(super) fn learn(&self, origin: &Origin) {
        let mut known = lock(&self.known);
        if known.origin.as_ref() != Some(origin) {
            (known.origin, known.not_before) = (Some(origin.clone()), Duration::ZERO);
        }
    }

    /// Closes all idle connections. A host that could not be reached may now be reachable.
    pub(super) fn network_changed(&self) {
        lock(&self.known).not_before = Duration::ZERO;
        self.pool.clear();
    }

    /// Where to connect to, if that is useful.
    fn begin(&self) -> Option<Origin> {
        let origin = {
            let mut known = lock(&self.known);
            let origin =
                known.origin.clone().filter(|_| !known.busy && sys::boottime() >= known.not_before)?;
            known.busy = true;
            origin
        };
        if self.pool.has(&origin) {
            self.end(false);
            return None;
        }
        Some(origin)
    }

    fn end(&self, refused: bool) {
        let mut known = lock(&self.known);
        known.busy = false;
        if refused {
            known.not_before = sys::boottime() + PAUSE;
        }
    }
}

/// A connection that is being made, or was made. Dropping this cancels it and waits for its thread.
pub(crate) struct Ahead {
    origin: Origin,
    work: Arc<Work>,
    token: CancelToken,
    thread: Option<JoinHandle<()>>,
    process: ProcessId,
}

struct Work {
    storage: Arc<Storage>,
    /// A request waits for the connection.
    wanted: AtomicBool,
    outcome: Mutex<Outcome>,
    /// Readable once there is an outcome.
    done: (PipeReader, PipeWriter),
}

struct Made {
    link: Link,
    since: Duration,
    /// The pool's, when it was begun.
    generation: u64,
}

enum Outcome {
    None,
    Made(Made),
    Failed(Error),
}

impl Ahead {
    /// Begins to connect to where the last place was. `None` if that is not known, a connection is idle, another thread is
    /// connecting, or it failed lately.
    pub(super) fn start(
        storage: &Arc<Storage>,
        settings: &Settings,
        network: &Arc<Network>,
    ) -> Option<Ahead> {
        let origin = storage.begin()?;
        let started = Self::spawn(storage, settings, network, &origin);
        if started.is_err() {
            storage.end(false); // the upload connects by itself then
        }
        started.ok()
    }

    fn spawn(
        storage: &Arc<Storage>,
        settings: &Settings,
        network: &Arc<Network>,
        origin: &Origin,
    ) -> io::Result<Ahead> {
        let token = CancelToken::new()?;
        let work = Arc::new(Work {
            storage: storage.clone(),
            wanted: AtomicBool::new(false),
            outcome: Mutex::new(Outcome::None),
            done: io::pipe()?,
        });
        let thread = {
            let (work, token, settings) = (work.clone(), token.clone(), settings.clone());
            let (network, origin) = (network.clone(), origin.clone());
            let run = move || log::hand_over(|_, _| (), || work.run(&settings, &token, &network, &origin));
            let thread = thread::Builder::new().name("linq-ahead".to_owned());
            sys::without_signals(|| thread.spawn(run))?
        };
        Ok(Ahead { origin: origin.clone(), work, token, thread: Some(thread), process: process::id() })
    }

    /// Waits for the connection, if it is one to `origin`; `None` if it is not open. A failure while waiting is returned: the
    /// caller's own connection would have failed too.
    pub(super) fn take(&self, call: &Call, origin: &Origin) -> Result<Option<Link>, Error> {
        if self.origin != *origin {
            return Ok(None);
        }
        let was_there = !matches!(*lock(&self.work.outcome), Outcome::None);
        if !was_there {
            call.recorder.phase(Phase::Connect);
            call.network.leave_alone(true); // the thread notices a change of the network
            self.work.wanted.store(true, Ordering::Relaxed);
            let waited = call.wait(&[(self.work.done.0.as_fd(), PollFlags::IN)], None);
            call.network.leave_alone(false);
            waited?;
        }
        match self.work.take() {
            Outcome::Failed(error) if !was_there => Err(error),
            Outcome::Made(made) => {
                let fresh = made.is_fresh(&self.work.storage.pool);
                let mut link = made.link;
                if !fresh || !link.is_open() {
                    return Ok(None);
                }
                match was_there {
                    true => call.recorder.reused(),
                    false => call.recorder.moved(link.sent, link.received),
                }
                Ok(Some(link))
            }
            _ => Ok(None),
        }
    }
}

impl Made {
    fn is_fresh(&self, pool: &Pool) -> bool {
        sys::boottime().saturating_sub(self.since) < STORAGE_IDLE && self.generation == pool.generation()
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // In a forked child the thread does not exist.
        if let Some(thread) = self.thread.take().filter(|_| self.process == process::id()) {
            self.token.cancel();
            let _ = thread.join();
            // If it was not used, another call may use it.
            let pool = &self.work.storage.pool;
            if let Outcome::Made(made) = self.work.take()
                && made.is_fresh(pool)
            {
                pool.put(self.origin.clone(), made.link, made.generation);
            }
        }
    }
}

impl Work {
    fn run(&self, settings: &Settings, token: &CancelToken, network: &Arc<Network>, origin: &Origin) {
        let bug = Error::new(ErrorKind::Internal, "the connection could not be made");
        let mut end = End { work: self, outcome: Outcome::Failed(bug) };
        let generation = self.storage.pool.generation();
        let call = Call::observed(Some(token), None, None, None, network);
        end.outcome = match dial(settings, &call, origin) {
            Ok(mut link) => {
                if !self.wanted.load(Ordering::Relaxed) {
                    link.flush();
                }
                Outcome::Made(Made { link, since: sys::boottime(), generation })
            }
            Err(error) => Outcome::Failed(error),
        };
    }

    fn take(&self) -> Outcome {
        std::mem::replace(&mut *lock(&self.outcome), Outcome::None)
    }
}

/// Stores the outcome, also after a panic.
struct End<'a> {
    work: &'a Work,
    outcome: Outcome,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        let outcome = std::mem::replace(&mut self.outcome, Outcome::None);
        let refused = matches!(&outcome, Outcome::Failed(error)
            if error.kind != ErrorKind::Cancelled && !error.details.network_changed);
        self.work.storage.end(refused);
        *lock(&self.work.outcome) = outcome;
        let _ = (&self.work.done.1).write(&[1]); // never read
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
