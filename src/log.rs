//! The log. It is off until the host sets a callback, and no line contains a secret.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::process::{self, PerProcess, ProcessId};

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

/// The host's callback, and the process that set it: a forked child has none of the threads that may be inside it.
struct Listener {
    callback: Callback,
    process: ProcessId,
}

// Never locked while a callback runs, so that a slow one does not block other threads. PerProcess, because a fork may
// happen while it is locked.
static LISTENER: PerProcess<Mutex<Option<Arc<Listener>>>> = PerProcess::new();
static LEFT: Condvar = Condvar::new();
static LEVEL: AtomicU32 = AtomicU32::new(0);

/// Receives the lines of a thread that must not run the host's code.
type Sink = Rc<dyn Fn(Level, String)>;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    static SINK: RefCell<Option<Sink>> = const { RefCell::new(None) };
}

/// Runs `body`; its lines on this thread go to `sink` instead of the log callback.
pub(crate) fn hand_over(sink: impl Fn(Level, String) + 'static, body: impl FnOnce()) {
    SINK.set(Some(Rc::new(sink)));
    body();
    SINK.set(None);
}

/// Sets the callback for lines up to `level`; returns once no thread is in the old callback any more. `false`, and
/// nothing changed, when called from inside a callback, where it would wait for itself.
pub fn set_log(level: Level, callback: Option<Callback>) -> bool {
    if INSIDE.get() {
        return false;
    }
    let process = process::id();
    let enabled = if callback.is_some() { level as u32 } else { 0 };
    let new = callback.map(|callback| Arc::new(Listener { callback, process }));
    let mut slot = lock();
    LEVEL.store(enabled, Ordering::Relaxed);
    let old = std::mem::replace(&mut *slot, new);
    if let Some(old) = old.filter(|old| old.process == process) {
        while Arc::strong_count(&old) > 1 {
            slot = LEFT.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
    }
    true
}

/// Logs a line, on the calling thread. Lines from inside a callback are dropped: a callback that calls the library
/// would otherwise recurse without end.
pub(crate) fn line(level: Level, text: impl FnOnce() -> String) {
    if level as u32 > LEVEL.load(Ordering::Relaxed) {
        return;
    }
    if let Ok(Some(sink)) = SINK.try_with(|sink| sink.borrow().clone()) {
        return sink(level, text());
    }
    if INSIDE.replace(true) {
        return;
    }
    let in_use = InUse(lock().clone());
    if let Some(listener) = &in_use.0 {
        // File names may contain line feeds and other control characters.
        (listener.callback)(level, &text().replace(char::is_control, " "));
    }
}

/// A reference to the listener while its callback runs. Dropping it, also during a panic, wakes a waiting `set_log`.
struct InUse(Option<Arc<Listener>>);

impl Drop for InUse {
    fn drop(&mut self) {
        let slot = lock();
        self.0 = None;
        drop(slot);
        LEFT.notify_all();
        INSIDE.set(false);
    }
}

fn lock() -> MutexGuard<'static, Option<Arc<Listener>>> {
    // A forked child keeps its parent's listener, unless that was being changed during the fork.
    let listener = LISTENER.get_after(|parent| {
        Mutex::new(parent.and_then(|parent| parent.try_lock().ok()).and_then(|listener| listener.clone()))
    });
    listener.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// There is one callback, so one test at a time.
    static ALONE: Mutex<()> = Mutex::new(());

    #[test]
    fn setting_waits_for_the_old_callback_and_holds_up_nobody() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        static TRACE: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let note = |text: &str| TRACE.lock().unwrap().push(text.to_owned());
        let slow = move |_: Level, text: &str| {
            if text == "slow" {
                std::thread::sleep(Duration::from_secs(1));
                assert!(!set_log(Level::Debug, None), "refused from inside");
            }
            note(text);
        };
        assert!(set_log(Level::Warn, Some(Box::new(slow))));
        std::thread::scope(|scope| {
            scope.spawn(|| line(Level::Warn, || "slow".to_owned()));
            std::thread::sleep(Duration::from_millis(50));
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(50));
                line(Level::Warn, || "dropped, and not held up".to_owned());
                note("went on");
            });
            assert!(set_log(Level::Warn, None));
            note("set");
        });
        line(Level::Error, || "no callback gets this".to_owned());
        let trace = TRACE.lock().unwrap();
        let mine: Vec<_> = trace.iter().filter(|t| ["slow", "went on", "set"].contains(&&***t)).collect();
        assert_eq!(mine, ["went on", "slow", "set"]);
    }

    #[test]
    fn lines_for_a_sink_do_not_reach_the_callback() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = Arc::new(Mutex::new(Vec::new()));
        let logged = Arc::new(Mutex::new(Vec::new()));
        let (sink, listener) = (taken.clone(), logged.clone());
        let listen = move |_: Level, text: &str| listener.lock().unwrap().push(text.to_owned());
        assert!(set_log(Level::Warn, Some(Box::new(listen))));
        hand_over(
            move |level, text| sink.lock().unwrap().push((level, text)),
            || {
                line(Level::Warn, || "handed over".to_owned());
                line(Level::Info, || "above the level".to_owned());
            },
        );
        line(Level::Warn, || "logged".to_owned());
        set_log(Level::Error, None);
        assert_eq!(*taken.lock().unwrap(), [(Level::Warn, "handed over".to_owned())]);
        let logged = logged.lock().unwrap();
        assert!(logged.contains(&"logged".to_owned()) && !logged.contains(&"handed over".to_owned()));
    }
}
