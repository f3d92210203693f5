//! One value per process: a child made by `fork` starts anew.

use std::sync::OnceLock;

/// A value that each process makes for itself, on first use.
///
/// After a fork the parent's value must not be touched: its locks may be held by threads the child does not have,
/// and its sockets belong to the parent. It stays where it is, and the child appends its own.
#[derive(Debug)]
pub(crate) struct PerProcess<T>(OnceLock<Box<Generation<T>>>);

#[derive(Debug)]
struct Generation<T> {
    process: u32,
    value: T,
    child: PerProcess<T>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        PerProcess(OnceLock::new())
    }

    pub(crate) fn get(&self, make: impl FnOnce() -> T) -> &T {
        let process = std::process::id();
        let mut slot = &self.0;
        while let Some(generation) = slot.get() {
            if generation.process == process {
                return &generation.value;
            }
            slot = &generation.child.0;
        }
        &slot.get_or_init(|| Box::new(Generation { process, value: make(), child: Self::new() })).value
    }
}
