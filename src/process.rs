//! One value per process: a child made by `fork` starts anew.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many forks lie between the first process and this one, as far as the fork handler counted them.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Which process this is. The number alone would not do: in a new pid namespace a child can have its parent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessId {
    number: u32,
    forks: u32,
}

/// This process.
pub(crate) fn id() -> ProcessId {
    ProcessId { number: std::process::id(), forks: FORKS.load(Ordering::Relaxed) }
}

/// For the fork handler, in the child.
#[cfg(feature = "capi")]
pub(crate) fn forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// A value that each process makes for itself, on first use.
///
/// After a fork the parent's value must not be touched: its locks may be held by threads the child does not have,
/// and its sockets belong to the parent. It stays where it is, and the child appends its own.
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

    /// The same, where the new value follows from the parent's: which must not be waited for.
    pub(crate) fn get_after(&self, make: impl FnOnce(Option<&T>) -> T) -> &T {
        let (slot, newest) = self.newest();
        let process = id();
        match newest {
            Some(generation) if generation.process == process => &generation.value,
            _ => {
                // Made beforehand: a thread that a fork cuts off inside the slot would block the child for good.
                let value = make(newest.map(|generation| &generation.value));
                let made = Box::new(Generation { process, value, child: Self::new() });
                &slot.get_or_init(|| made).value
            }
        }
    }

    /// What this process has made, if anything. Safe in a signal handler.
    pub(crate) fn existing(&self) -> Option<&T> {
        let process = id();
        self.newest().1.filter(|generation| generation.process == process).map(|generation| &generation.value)
    }

    /// The last generation there is, and the slot that the next one goes to.
    fn newest(&self) -> (&OnceLock<Box<Generation<T>>>, Option<&Generation<T>>) {
        let (mut slot, mut newest) = (&self.0, None);
        while let Some(generation) = slot.get() {
            newest = Some(&**generation);
            slot = &generation.child.0;
        }
        (slot, newest)
    }
}
