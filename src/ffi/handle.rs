//! Clients, queues and cancel tokens: blocks that own a Rust value, which a running call may use even after they were
//! freed.

use std::os::fd::AsRawFd;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering, fence};

use super::alloc::{allocate, release};
use super::failure::Failure;
use super::registry::{self, Kind};
use super::types::*;
use crate::{API_KEY_VARIABLE, CancelToken, Client, Config, Level, Queue, log};

/// A block that owns a client; every call that uses the client clones the `Arc`.
pub(super) fn client(client: Client) -> Result<*mut linq_client, Failure> {
    let at: *mut Arc<Client> = allocate(Kind::Client, size_of::<Arc<Client>>())?.cast();
    // SAFETY: allocated for exactly this type, aligned by calloc, and not shared yet.
    unsafe { at.write(Arc::new(client)) };
    Ok(at.cast())
}

/// The client, kept alive by the caller's `Arc`; `None` if it is not a live client.
pub(super) fn acquire_client(at: *mut linq_client) -> Option<Arc<Client>> {
    // SAFETY: the registry says that the block has this type, and it is not removed meanwhile.
    registry::with(at, Kind::Client, || unsafe { (*at.cast::<Arc<Client>>()).clone() })
}

/// # Safety
/// A client's block that was removed from the registry.
pub(super) unsafe fn drop_client(at: *mut u8) {
    // SAFETY: the caller's promise. The block is freed first, because dropping the client may take a while.
    let client = unsafe { at.cast::<Arc<Client>>().read() };
    unsafe { release(at, size_of::<Arc<Client>>()) };
    drop(client);
}

/// A block that owns a queue; every call that uses the queue clones the `Arc`.
pub(super) fn queue(queue: Queue) -> Result<*mut linq_queue, Failure> {
    let at: *mut Arc<Queue> = allocate(Kind::Queue, size_of::<Arc<Queue>>())?.cast();
    // SAFETY: allocated for exactly this type, aligned by calloc, and not shared yet.
    unsafe { at.write(Arc::new(queue)) };
    Ok(at.cast())
}

/// The queue, kept alive by the caller's `Arc`; `None` if it is not a live queue.
pub(super) fn acquire_queue(at: *mut linq_queue) -> Option<Arc<Queue>> {
    // SAFETY: the registry says that the block has this type, and it is not removed meanwhile.
    registry::with(at, Kind::Queue, || unsafe { (*at.cast::<Arc<Queue>>()).clone() })
}

/// The descriptor to wait for; -1 if it is not a live queue of this process.
pub(super) fn descriptor(at: *mut linq_queue) -> i32 {
    let Some(queue) = acquire_queue(at) else { return -1 };
    queue.descriptor().map_or(-1, |descriptor| descriptor.as_raw_fd())
}

pub(super) fn cancel_queued(at: *mut linq_queue, tag: u64) {
    let Some(queue) = acquire_queue(at) else { return };
    if tag == LINQ_QUEUE_ALL { queue.cancel_all() } else { queue.cancel(tag) }
}

/// # Safety
/// A queue's block that was removed from the registry.
pub(super) unsafe fn drop_queue(at: *mut u8) {
    // SAFETY: the caller's promise.
    let queue = unsafe { at.cast::<Arc<Queue>>().read() };
    unsafe { release(at, size_of::<Arc<Queue>>()) };
    queue.close(); // ends the calls that hold another clone
}

/// `linq_network_changed`.
pub(super) fn network_changed(at: *mut linq_client) {
    if at.is_null() {
        let defaults = [&WITH_KEY, &WITHOUT_KEY].into_iter().filter_map(load);
        return defaults.for_each(|client| client.network_changed());
    }
    match acquire_client(at) {
        Some(client) => client.network_changed(),
        None => log::line(Level::Warn, || {
            format!("linq_network_changed was given {at:p}, which is not a live linq_client")
        }),
    }
}

static WITH_KEY: AtomicPtr<Client> = AtomicPtr::new(ptr::null_mut());
static WITHOUT_KEY: AtomicPtr<Client> = AtomicPtr::new(ptr::null_mut());

/// The default client, which NULL stands for: made from the environment at the first success and kept until exit.
///
/// There may be two of them. One that was made without an API key serves only calls that need no key; a call that needs
/// one looks at the environment again. There is no lock that a fork could leave locked.
pub(super) fn default_client(needs_key: bool) -> Result<Arc<Client>, Failure> {
    let known = load(&WITH_KEY).or_else(|| if needs_key { None } else { load(&WITHOUT_KEY) });
    if let Some(client) = known {
        return Ok(client);
    }
    let has_key = std::env::var(API_KEY_VARIABLE).is_ok_and(|key| !key.trim().is_empty());
    let made = Arc::new(Client::new(Config::default())?);
    Ok(keep(if has_key { &WITH_KEY } else { &WITHOUT_KEY }, made))
}

/// Keeps a client until exit, or returns the one that another thread kept first.
fn keep(slot: &AtomicPtr<Client>, made: Arc<Client>) -> Arc<Client> {
    let kept = Arc::into_raw(made.clone()).cast_mut();
    if slot.compare_exchange(ptr::null_mut(), kept, Ordering::AcqRel, Ordering::Acquire).is_ok() {
        return made;
    }
    // SAFETY: the reference from `into_raw` above, which was not stored.
    drop(unsafe { Arc::from_raw(kept) });
    load(slot).unwrap_or(made)
}

fn load(slot: &AtomicPtr<Client>) -> Option<Arc<Client>> {
    let at = slot.load(Ordering::Acquire).cast_const();
    if at.is_null() {
        return None;
    }
    // SAFETY: a pointer in a slot came from `Arc::into_raw` and stays valid until exit.
    unsafe {
        Arc::increment_strong_count(at);
        Some(Arc::from_raw(at))
    }
}

/// The block of a cancel token. A call clones `cancel` and does not need the rest.
struct Token {
    cancel: CancelToken,
    /// A reference count: 1 for C's handle, and 1 for each thread or signal handler that is in `cancel`.
    users: AtomicUsize,
    /// The next token in `DEFERRED`.
    next: AtomicPtr<Token>,
}

/// Tokens whose last reference was dropped by `cancel`. That may have run in a signal handler, which must not free
/// memory, so the next ordinary call frees them.
static DEFERRED: AtomicPtr<Token> = AtomicPtr::new(ptr::null_mut());

/// A new token; NULL if memory or descriptors ran out.
pub(super) fn token() -> *mut linq_cancel_token {
    free_deferred();
    let Ok(cancel) = CancelToken::new() else { return ptr::null_mut() };
    let Ok(at) = allocate(Kind::Token, size_of::<Token>()) else { return ptr::null_mut() };
    let token = Token { cancel, users: AtomicUsize::new(1), next: AtomicPtr::new(ptr::null_mut()) };
    // SAFETY: allocated for exactly this type, aligned by calloc, and not shared yet.
    unsafe { at.cast::<Token>().write(token) };
    at.cast()
}

/// A clone of the token; `None` if it is not a live token.
pub(super) fn acquire_token(at: *mut linq_cancel_token) -> Option<CancelToken> {
    // SAFETY: the registry says that the block has this type, and it is not removed meanwhile.
    registry::with(at, Kind::Token, || unsafe { (*at.cast::<Token>()).cancel.clone() })
}

/// `linq_cancel_token_cancel`. Runs in signal handlers: no locks, no registry, no allocation, no thread-locals, and
/// `errno` is restored. A thread that the cancelling woke may free the token meanwhile.
///
/// # Safety
/// NULL, or a token that was not freed before this call began.
pub(super) unsafe fn cancel(at: *mut linq_cancel_token) {
    let at: *mut Token = at.cast();
    if at.is_null() {
        return;
    }
    // SAFETY: alive now by the caller's promise, and from here on by our reference.
    let token = unsafe { &*at };
    token.users.fetch_add(1, Ordering::Relaxed);
    let errno = errno();
    // SAFETY: this thread's own errno.
    let before = unsafe { *errno };
    token.cancel.cancel();
    // SAFETY: as above.
    unsafe { *errno = before };
    if token.users.fetch_sub(1, Ordering::Release) == 1 {
        defer_free(at);
    }
}

/// # Safety
/// A token's block that was removed from the registry.
pub(super) unsafe fn drop_token(at: *mut u8) {
    free_deferred();
    let at: *mut Token = at.cast();
    // SAFETY: kept alive by the handle's reference, which is dropped here.
    if unsafe { (*at).users.fetch_sub(1, Ordering::Release) } == 1 {
        // SAFETY: it was the last reference.
        unsafe { destroy(at) };
    }
}

/// Leaves a token, whose last reference was the caller's, for `free_deferred`.
fn defer_free(at: *mut Token) {
    let mut first = DEFERRED.load(Ordering::Relaxed);
    loop {
        // SAFETY: there is no other reference.
        unsafe { (*at).next.store(first, Ordering::Relaxed) };
        match DEFERRED.compare_exchange_weak(first, at, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => first = now,
        }
    }
}

/// Frees the tokens in `DEFERRED`.
fn free_deferred() {
    let mut at = DEFERRED.swap(ptr::null_mut(), Ordering::Acquire);
    while !at.is_null() {
        // SAFETY: the swap took the whole list; no token in it has a reference.
        unsafe {
            let next = (*at).next.load(Ordering::Relaxed);
            destroy(at);
            at = next;
        }
    }
}

/// # Safety
/// There is no reference to the token.
unsafe fn destroy(at: *mut Token) {
    fence(Ordering::Acquire); // everything that other users did happens before
    // SAFETY: the caller's promise.
    unsafe {
        ptr::drop_in_place(at);
        release(at.cast(), size_of::<Token>());
    }
}

/// The address of this thread's `errno`.
fn errno() -> *mut libc::c_int {
    // SAFETY: these functions only return an address.
    #[cfg(target_os = "linux")]
    return unsafe { libc::__errno_location() };
    #[cfg(target_os = "android")]
    return unsafe { libc::__errno() };
    #[cfg(target_vendor = "apple")]
    return unsafe { libc::__error() };
}

#[cfg(test)]
mod tests;
