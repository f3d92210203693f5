//! Many uploads, several at a time, none of which blocks the caller: they run on threads of the queue, and whatever
//! happens to them is an [`Event`].
//!
//! One lock protects the state. It is never held while waiting for files, the network or log callbacks.

mod event;
mod shared;
mod signal;
mod state;
mod upload;
mod worker;

use std::fmt;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::error::{Error, ErrorKind, reason};
use crate::log;
use crate::process;
pub use event::{Event, EventKind};
use shared::Shared;
use signal::Signal;
use state::State;
pub use upload::{QueuedSource, QueuedUpload};

/// How many uploads run at the same time by default.
const IN_FLIGHT: usize = 4;

/// The most that run at the same time: each needs a thread and buffers.
const MAX_IN_FLIGHT: usize = 256;

/// Uploads that run on threads of the queue, several at a time.
///
/// May be used from any thread at the same time. Dropping it cancels the uploads and waits until the threads have ended. In
/// a child made by `fork` every method fails, and dropping it frees nothing.
pub struct Queue {
    shared: Arc<Shared>,
}

impl Queue {
    /// Makes a queue, of which at most `max_in_flight` uploads run at the same time: 1 to 256; `None`: 4. No thread is made
    /// before the first upload is added.
    pub fn new(client: Arc<Client>, max_in_flight: Option<usize>) -> Result<Self, Error> {
        let max_in_flight = max_in_flight.unwrap_or(IN_FLIGHT);
        if !(1..=MAX_IN_FLIGHT).contains(&max_in_flight) {
            let range = format!("a queue runs 1 to {MAX_IN_FLIGHT} uploads at a time");
            return Err(Error::invalid(format!("max_in_flight is {max_in_flight}; {range}")));
        }
        let signal = Signal::new().map_err(|e| {
            Error::new(ErrorKind::NoMemory, format!("no descriptors for a queue: {}", reason(&e)))
                .caused_by(&e)
        })?;
        let state = Mutex::new(State::default());
        let process = process::id();
        let shared = Shared { client, max_in_flight, process, signal, state, news: Condvar::new() };
        Ok(Queue { shared: Arc::new(shared) })
    }

    /// Adds an upload.
    pub fn add(&self, upload: QueuedUpload) -> Result<(), Error> {
        let mut state = self.open()?;
        let id = state.add(upload, self.shared.client.max_attempts())?;
        if let Err(e) = worker::start(&self.shared, &mut state) {
            state.withdraw(id);
            let message = format!("no thread for an upload: {}", reason(&e));
            return Err(Error::new(ErrorKind::NoMemory, message).caused_by(&e));
        }
        Ok(())
    }

    /// Waits for the next event; `None` if there was none within `timeout`. A `timeout` of `None` is without limit. Passes the
    /// log lines of the threads to the log callback meanwhile.
    pub fn next(&self, timeout: Option<Duration>) -> Result<Option<Event>, Error> {
        self.next_with(timeout, |event| Ok::<_, Error>(event.clone()))
    }

    /// Passes the next event to `take`, and keeps it if that fails.
    pub(crate) fn next_with<T, E: From<Error>>(
        &self,
        timeout: Option<Duration>,
        take: impl FnOnce(&Event) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.open()?;
        loop {
            let lines = state.take_lines();
            if !lines.is_empty() {
                drop(state); // the log callback may use this queue too
                lines.into_iter().for_each(|(level, text)| log::line(level, || text));
                state = self.open()?;
            }
            if let Some(event) = state.first_event() {
                let taken = take(&event)?;
                state.remove_first_event(&self.shared.signal);
                return Ok(Some(taken));
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(None);
            }
            state = match deadline {
                None => self.shared.news.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let waited = self.shared.news.wait_timeout(state, deadline - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            self.check(&state)?;
        }
    }

    /// Readable while an event waits. For polling only: do not read from it.
    pub fn descriptor(&self) -> Result<BorrowedFd<'_>, Error> {
        self.check_process()?;
        Ok(self.shared.signal.as_fd())
    }

    /// Cancels the uploads with this tag; the last event of each says so.
    pub fn cancel(&self, tag: u64) {
        self.cancel_those(Some(tag));
    }

    /// Cancels every upload.
    pub fn cancel_all(&self) {
        self.cancel_those(None);
    }

    /// Cancels every upload and waits until the threads have ended. A [`next`](Self::next) that runs meanwhile fails as
    /// cancelled.
    pub fn close(&self) {
        if self.check_process().is_err() {
            return;
        }
        let mut state = self.shared.lock();
        let (threads, dropped) = state.close();
        self.shared.news.notify_all();
        drop(state);
        drop(dropped);
        for thread in threads {
            let _ = thread.join();
        }
    }

    fn cancel_those(&self, tag: Option<u64>) {
        let Ok(mut state) = self.open() else { return };
        let dropped = state.cancel(tag, &self.shared.signal);
        self.shared.news.notify_all();
        drop(state);
        drop(dropped);
    }

    /// The state, unless the queue is closed.
    fn open(&self) -> Result<MutexGuard<'_, State>, Error> {
        self.check_process()?;
        let state = self.shared.lock();
        self.check(&state)?;
        Ok(state)
    }

    fn check(&self, state: &State) -> Result<(), Error> {
        let freed = || Error::new(ErrorKind::Cancelled, "the queue was freed");
        if state.closed { Err(freed()) } else { Ok(()) }
    }

    /// In a forked child the lock may be held by a thread that does not exist there.
    fn check_process(&self) -> Result<(), Error> {
        match self.shared.process == process::id() {
            true => Ok(()),
            false => Err(Error::invalid("the queue is the parent process's; make one in the child")),
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.close();
        if self.check_process().is_err() {
            // A thread of the parent may have been changing it at the fork, so it is never dropped.
            std::mem::forget(self.shared.clone());
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("max_in_flight", &self.shared.max_in_flight).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
