//! One request and its answer, as the connector, the transport and the body see it.
//!
//! ureq is synchronous: whatever it calls while it runs a request, it calls on this thread. So what they all need
//! to know is kept in a thread-local for as long as the request runs. That reaches pooled connections as well as
//! new ones. A callback that starts a request of its own finds its own exchange on top, and ours below afterwards.

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::call::Call;
use crate::error::{Error, ErrorKind};

thread_local! {
    /// Never dropped, so that calls may be made while a thread ends, by the destructors of its other values.
    static CURRENT: RefCell<ManuallyDrop<Vec<Rc<Exchange>>>> =
        const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// More interim answers than this are no sign of life any more.
const MAX_INTERIM: u32 = 20;

pub(crate) struct Exchange {
    pub(crate) call: Rc<Call>,
    pub(crate) stall_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    /// No pooled connection will do: the last one was dead, or the body cannot be sent twice.
    pub(crate) fresh: bool,
    /// How long the body is, where its progress is to be told.
    pub(crate) total: Option<u64>,
    /// Bytes of the body that were handed to the transport.
    pub(crate) given: Cell<u64>,
    /// Whether a connection was made for this exchange, rather than taken from the pool.
    pub(crate) connected: Cell<bool>,
    /// Whether anything was sent.
    pub(crate) started: Cell<bool>,
    /// Whether the peer said anything.
    pub(crate) heard: Cell<bool>,
    /// How many interim answers came.
    pub(crate) interim: Cell<u32>,
    /// When the answer began; interim ones do not count.
    pub(crate) answered: Cell<Option<Instant>>,
    /// The answer came before the body was sent: the rest of the body goes nowhere.
    pub(crate) sink: Cell<bool>,
    /// What failed, where ureq has no room to carry it.
    pub(crate) failure: RefCell<Option<Error>>,
}

/// Takes the exchange away again, also when a panic passes through.
pub(crate) struct Running(());

impl Exchange {
    pub(crate) fn enter(self: &Rc<Self>) -> Running {
        CURRENT.with_borrow_mut(|stack| stack.push(self.clone()));
        Running(())
    }

    /// The exchange that is running on this thread.
    pub(crate) fn current() -> Option<Rc<Exchange>> {
        CURRENT.with_borrow(|stack| stack.last().cloned())
    }

    pub(crate) fn connect_deadline(&self) -> Option<Instant> {
        Instant::now().checked_add(self.connect_timeout)
    }

    /// Bytes arrived, and an answer `has_begun` or, as it turns out, has not.
    pub(crate) fn heard(&self, has_begun: bool) {
        self.heard.set(true);
        self.answered.set(has_begun.then(|| self.answered.get().unwrap_or_else(Instant::now)));
    }

    /// An interim answer came from `host`. Each may put off the stall: without an end they would for ever.
    pub(crate) fn passes_over(&self, host: &str) -> Result<(), Error> {
        self.interim.set(self.interim.get() + 1);
        match self.interim.get() {
            0..=MAX_INTERIM => Ok(()),
            _ => Err(Error::new(ErrorKind::Protocol, format!("{host} sends interim answers without an end"))),
        }
    }

    /// An answer is small: one that takes longer than a stall may last would otherwise hold the call for hours.
    pub(crate) fn answer_is_late_at(&self) -> Option<Instant> {
        self.answered.get()?.checked_add(self.stall_timeout)
    }

    /// Tells how far the body is when `waiting` bytes of it have not reached the other side.
    pub(crate) fn tell(&self, waiting: impl FnOnce() -> u64) -> Result<(), Error> {
        match self.total {
            Some(total) => self.call.tell(self.given.get().saturating_sub(waiting()), total),
            None => Ok(()),
        }
    }

    /// Keeps `error` for the end of the exchange; ureq gets a stand-in that says nothing.
    pub(crate) fn fail(&self, error: Error) -> ureq::Error {
        self.failure.borrow_mut().get_or_insert(error);
        ureq::Error::ConnectionFailed
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|stack| {
            stack.pop();
            if stack.is_empty() {
                **stack = Vec::new();
            }
        });
    }
}

/// A failure of the network that a later try may not meet.
pub(crate) fn network(message: String) -> Error {
    let mut error = Error::new(ErrorKind::Network, message);
    error.details.retryable = true;
    error
}

/// A limit of ours that passed; a later try may be faster.
pub(crate) fn timeout(message: String) -> Error {
    let mut error = Error::new(ErrorKind::Timeout, message);
    error.details.retryable = true;
    error
}
