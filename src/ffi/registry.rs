//! The registry of live blocks: returned to C and not freed yet. `linq_free` and every call that takes a client or a token
//! look a pointer up here before they dereference it.

use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a block contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Plain bytes: a result or an error.
    Plain,
    /// An `Arc<Client>`.
    Client,
    /// A `handle::Token`.
    Token,
    /// An `Arc<Queue>`.
    Queue,
    /// Plain bytes: a `linq_presigned`, which may be given back to the library.
    Place,
}

/// A live block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) size: usize,
}

/// Keyed by the inverted address, so that leak checkers do not count the table as a reference.
type Table = HashMap<usize, Entry>;

static TABLE: Mutex<Option<Table>> = Mutex::new(None);

/// Adds a block; `false` if the table cannot grow.
pub(super) fn add<T>(at: *const T, entry: Entry) -> bool {
    survive_fork();
    let mut table = lock();
    let table = table.get_or_insert_default();
    if table.try_reserve(1).is_err() {
        return false;
    }
    table.insert(!at.addr(), entry);
    true
}

/// Removes a block, which the caller then owns; `None` if there is no such block.
pub(super) fn take<T>(at: *const T) -> Option<Entry> {
    lock().as_mut()?.remove(&!at.addr())
}

/// The same if it is of this kind; any other stays.
pub(super) fn take_of<T>(at: *const T, kind: Kind) -> Option<Entry> {
    let mut table = lock();
    let table = table.as_mut()?;
    table.get(&!at.addr()).filter(|entry| entry.kind == kind)?;
    table.remove(&!at.addr())
}

/// Calls `act` while a block of this kind cannot be removed; `None` if there is no such block.
pub(super) fn with<T, R>(at: *const T, kind: Kind, act: impl FnOnce() -> R) -> Option<R> {
    let table = lock();
    let entry = table.as_ref()?.get(&!at.addr())?;
    (entry.kind == kind).then(act)
}

fn lock() -> MutexGuard<'static, Option<Table>> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The lock's guard during a fork. The forking thread holds the lock, so that no other thread does, which would not exist
/// in the child: there the table is consistent and the lock can be released.
struct AcrossFork(UnsafeCell<Option<MutexGuard<'static, Option<Table>>>>);

// SAFETY: only the forking thread accesses it, and only while it holds the lock.
unsafe impl Sync for AcrossFork {}

static ACROSS_FORK: AcrossFork = AcrossFork(UnsafeCell::new(None));

/// Registers the fork handlers once. Not with a `Once`: if a fork happened during it, the child would wait for ever.
fn survive_fork() {
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    if cfg!(miri) || REGISTERED.load(Ordering::Relaxed) || REGISTERED.swap(true, Ordering::Relaxed) {
        return;
    }
    extern "C" fn before() {
        let guard = lock();
        // SAFETY: this thread holds the lock.
        unsafe { *ACROSS_FORK.0.get() = Some(guard) };
    }
    extern "C" fn after() {
        // SAFETY: this thread, or its copy in the child, holds the lock since `before`. The guard is moved out before it
        // is dropped, because then another thread may enter `before`.
        let guard = unsafe { (*ACROSS_FORK.0.get()).take() };
        drop(guard);
    }
    extern "C" fn in_child() {
        crate::process::forked();
        after();
    }
    // SAFETY: the handlers exist as long as the library, which is never unloaded.
    // If memory runs out they are not registered: then a child may wait for ever, but nothing else breaks.
    unsafe { libc::pthread_atfork(Some(before), Some(after), Some(in_child)) };
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: Entry = Entry { kind: Kind::Client, size: 24 };

    #[test]
    fn an_added_block_is_taken_once() {
        let block = 7_u64;
        assert_eq!(take(&block), None);
        assert!(add(&block, ENTRY));
        assert_eq!(take(&block), Some(ENTRY));
        assert_eq!(take(&block), None);
    }

    #[test]
    fn an_address_inside_a_block_is_not_the_block() {
        let block = [7_u64, 8];
        assert!(add(&block, ENTRY));
        assert_eq!(take(&block[1]), None);
        assert_eq!(take(&block), Some(ENTRY));
    }

    #[test]
    fn only_the_right_kind_is_acted_on() {
        let block = 7_u64;
        assert!(add(&block, ENTRY));
        assert_eq!(with(&block, Kind::Client, || 1), Some(1));
        assert_eq!(with(&block, Kind::Token, || 1), None);
        take(&block);
        assert_eq!(with(&block, Kind::Client, || 1), None);
    }

    #[test]
    #[cfg(not(miri))] // Miri cannot fork
    fn a_child_forked_while_others_use_the_table_can_use_it_too() {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let block = 7_u64;
                    while !stop.load(Ordering::Relaxed) {
                        assert!(add(&block, ENTRY) && take(&block).is_some());
                    }
                });
            }
            let block = 7_u64;
            for _ in 0..200 {
                // SAFETY: the child uses the table, which is what is tested, and exits at once.
                let child = unsafe { libc::fork() };
                if child == 0 {
                    // SAFETY: this is the child; the alarm ends it if it waits for ever.
                    unsafe {
                        libc::alarm(20);
                        libc::_exit(i32::from(!(add(&block, ENTRY) && take(&block).is_some())));
                    }
                }
                let mut status = -1;
                // SAFETY: our own child.
                assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
                assert_eq!(status, 0);
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}
