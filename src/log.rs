//! The library's log lines. Nobody hears them until somebody asks; no secret is in any of them.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock};

/// How much a line matters. The numbers are those of linq.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Level {
    /// A call failed.
    Error = 1,
    /// Something went wrong and was got over, such as an attempt that is made again.
    Warn = 2,
    /// What the library did.
    Info = 3,
    /// Each request and connection.
    Debug = 4,
}

type Callback = Box<dyn Fn(Level, &str) + Send + Sync>;

static CALLBACK: RwLock<Option<Callback>> = RwLock::new(None);
static LEVEL: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Sets who hears the lines up to `level`; returns once no thread is in the old callback any more.
/// `false`, and nothing changed, when called from inside a callback: it would wait for itself.
pub fn set_log(level: Level, callback: Option<Callback>) -> bool {
    if INSIDE.get() {
        return false;
    }
    let wanted = if callback.is_some() { level as u32 } else { 0 };
    let mut slot = CALLBACK.write().unwrap_or_else(PoisonError::into_inner);
    LEVEL.store(wanted, Ordering::Relaxed);
    let old = std::mem::replace(&mut *slot, callback);
    drop(slot);
    drop(old);
    true
}

/// Says a line on the calling thread. Silent while a callback is running on it: a callback that calls the
/// library would otherwise hear itself for ever.
pub(crate) fn line(level: Level, text: impl FnOnce() -> String) {
    if level as u32 > LEVEL.load(Ordering::Relaxed) || INSIDE.replace(true) {
        return;
    }
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            INSIDE.set(false);
        }
    }
    let _leave = Leave;
    if let Some(callback) = &*CALLBACK.read().unwrap_or_else(PoisonError::into_inner) {
        callback(level, &text());
    }
}
