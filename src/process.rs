//! Values that a forked child does not share with its parent.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The number of forks between the first process and this one, counted by the fork handler.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Identifies a process. The pid is not enough: in a new pid namespace a child can have its parent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessId {
    pid: u32,
    forks: u32,
}

/// This process.
pub(crate) fn id() -> ProcessId {
    ProcessId { pid: std::process::id(), forks: FORKS.load(Ordering::Relaxed) }
}

/// Counts a fork; called by the fork handler, in the child.
#[cfg(feature = "capi")]
pub(crate) fn forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// A value that each process makes for itself, on first use.
///
/// After a fork the parent's value must not be touched: its locks may be held by threads the child does not have, and
/// its sockets belong to the parent. It stays in memory, and the child appends its own.
#[derive(Debug)]
pub(crate) struct PerProcess<T>(OnceLock<Box<Generation<T>>>);

#[derive(Debug)]
struct Generation<T> {
    process: ProcessId,
    value: T,
    child: PerProcess<T>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        PerProcess(OnceLock::new())
    }

    pub(crate) fn get(&self, make: impl FnOnce() -> T) -> &T {
        self.get_after(|_| make())
    }

    /// The same, but `make` gets the parent's value. It must not wait for a lock in there.
    pub(crate) fn get_after(&self, make: impl FnOnce(Option<&T>) -> T) -> &T {
        let (slot, newest) = self.newest();
        let process = id();
        match newest {
            Some(generation) if generation.process == process => &generation.value,
            _ => {
                // Made before `get_or_init`: if a fork happened inside it, the child would wait for ever.
                let value = make(newest.map(|generation| &generation.value));
                let made = Box::new(Generation { process, value, child: Self::new() });
                &slot.get_or_init(|| made).value
            }
        }
    }

    /// The value, if this process has made one. Safe in a signal handler.
    pub(crate) fn existing(&self) -> Option<&T> {
        let process = id();
        self.newest().1.filter(|generation| generation.process == process).map(|generation| &generation.value)
    }

    /// The newest generation, and the slot for the next one.
    fn newest(&self) -> (&OnceLock<Box<Generation<T>>>, Option<&Generation<T>>) {
        let (mut slot, mut newest) = (&self.0, None);
        while let Some(generation) = slot.get() {
            newest = Some(&**generation);
            slot = &generation.child.0;
        }
        (slot, newest)
    }
}
