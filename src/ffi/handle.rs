//! Clients and cancel tokens: blocks that own something, and that a call may go on using after they were freed.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering, fence};

use super::alloc::{allocate, release};
use super::failure::Failure;
use super::registry::{self, Kind};
use super::types::*;
use crate::{API_KEY_VARIABLE, CancelToken, Client, Config};

/// A block that owns `client`; every call that uses it holds a share.
pub(super) fn client(client: Client) -> Result<*mut linq_client, Failure> {
    let at: *mut Arc<Client> = allocate(Kind::Client, size_of::<Arc<Client>>())?.cast();
    // SAFETY: room for exactly this, aligned as calloc aligns, and nobody else has seen it.
    unsafe { at.write(Arc::new(client)) };
    Ok(at.cast())
}

/// A share of the client, for as long as a call runs; `None` where it is not a live one.
pub(super) fn acquire_client(at: *mut linq_client) -> Option<Arc<Client>> {
    // SAFETY: the table says that the block holds this, and it stays in the table while we look.
    registry::with(at, Kind::Client, || unsafe { (*at.cast::<Arc<Client>>()).clone() })
}

/// # Safety
/// A client's block, taken out of the table.
pub(super) unsafe fn drop_client(at: *mut u8) {
    // SAFETY: the caller's promise; the block is given back before the client, whose end may take a while, goes.
    let client = unsafe { at.cast::<Arc<Client>>().read() };
    unsafe { release(at, size_of::<Arc<Client>>()) };
    drop(client);
}

/// The clients that NULL stands for, made from the environment at the first success and kept until exit.
///
/// One that was made while there was no API key serves the uploads that need none. It must not stand in the way of a key
/// that comes later, so whoever needs one looks again. No lock, so a fork cannot leave one behind.
pub(super) fn default_client(needs_key: bool) -> Result<Arc<Client>, Failure> {
    static WITH_KEY: AtomicPtr<Client> = AtomicPtr::new(ptr::null_mut());
    static WITHOUT_KEY: AtomicPtr<Client> = AtomicPtr::new(ptr::null_mut());
    let known = load(&WITH_KEY).or_else(|| if needs_key { None } else { load(&WITHOUT_KEY) });
    if let Some(client) = known {
        return Ok(client);
    }
    let has_key = std::env::var(API_KEY_VARIABLE).is_ok_and(|key| !key.trim().is_empty());
    let made = Arc::new(Client::new(Config::default())?);
    Ok(keep(if has_key { &WITH_KEY } else { &WITHOUT_KEY }, made))
}

/// Keeps a client until exit, or gives the one that another thread has kept first.
fn keep(slot: &AtomicPtr<Client>, made: Arc<Client>) -> Arc<Client> {
    let kept = Arc::into_raw(made.clone()).cast_mut();
    if slot.compare_exchange(ptr::null_mut(), kept, Ordering::AcqRel, Ordering::Acquire).is_ok() {
        return made;
    }
    // SAFETY: the share that found no place.
    drop(unsafe { Arc::from_raw(kept) });
    load(slot).unwrap_or(made)
}

fn load(slot: &AtomicPtr<Client>) -> Option<Arc<Client>> {
    let at = slot.load(Ordering::Acquire).cast_const();
    if at.is_null() {
        return None;
    }
    // SAFETY: what is in a slot came from `Arc::into_raw` and stays until exit.
    unsafe {
        Arc::increment_strong_count(at);
        Some(Arc::from_raw(at))
    }
}

/// A cancel token as C holds it. Calls take a clone of `cancel` and need no more of it.
struct Token {
    cancel: CancelToken,
    /// 1 for the handle, and 1 for each thread or signal handler that is cancelling.
    users: AtomicUsize,
    /// Links what waits to be let go.
    next: AtomicPtr<Token>,
}

/// Tokens whose last user was a canceller. That may have been a signal handler, which must not free anything, so
/// the next ordinary call does.
static DEFERRED: AtomicPtr<Token> = AtomicPtr::new(ptr::null_mut());

/// A new token; NULL where memory or descriptors ran out.
pub(super) fn token() -> *mut linq_cancel_token {
    free_deferred();
    let Ok(cancel) = CancelToken::new() else { return ptr::null_mut() };
    let Ok(at) = allocate(Kind::Token, size_of::<Token>()) else { return ptr::null_mut() };
    let token = Token { cancel, users: AtomicUsize::new(1), next: AtomicPtr::new(ptr::null_mut()) };
    // SAFETY: room for exactly this, aligned as calloc aligns, and nobody else has seen it.
    unsafe { at.cast::<Token>().write(token) };
    at.cast()
}

/// The token itself, for as long as a call runs; `None` where it is not a live one.
pub(super) fn acquire_token(at: *mut linq_cancel_token) -> Option<CancelToken> {
    // SAFETY: the table says that the block holds this, and it stays in the table while we look.
    registry::with(at, Kind::Token, || unsafe { (*at.cast::<Token>()).cancel.clone() })
}

/// `linq_cancel_token_cancel`. Runs in signal handlers: no lock, no table, no allocation, no thread-local of ours, and
/// `errno` as it was. The token may be freed meanwhile by a thread that the cancelling has woken.
///
/// # Safety
/// NULL or a token that is not freed before this begins.
pub(super) unsafe fn cancel(at: *mut linq_cancel_token) {
    let at: *mut Token = at.cast();
    if at.is_null() {
        return;
    }
    // SAFETY: alive at this moment by the caller's promise, and from here on by our count.
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
/// A token's block, taken out of the table.
pub(super) unsafe fn drop_token(at: *mut u8) {
    free_deferred();
    let at: *mut Token = at.cast();
    // SAFETY: alive by the handle's own count, which ends here.
    if unsafe { (*at).users.fetch_sub(1, Ordering::Release) } == 1 {
        // SAFETY: nobody else is left.
        unsafe { destroy(at) };
    }
}

/// Leaves a token, whose last user is the caller, for `free_deferred`.
fn defer_free(at: *mut Token) {
    let mut first = DEFERRED.load(Ordering::Relaxed);
    loop {
        // SAFETY: nobody else has the token any more.
        unsafe { (*at).next.store(first, Ordering::Relaxed) };
        match DEFERRED.compare_exchange_weak(first, at, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => first = now,
        }
    }
}

/// Lets go of what was left behind.
fn free_deferred() {
    let mut at = DEFERRED.swap(ptr::null_mut(), Ordering::Acquire);
    while !at.is_null() {
        // SAFETY: the swap took the whole list; each token in it has no user left.
        unsafe {
            let next = (*at).next.load(Ordering::Relaxed);
            destroy(at);
            at = next;
        }
    }
}

/// # Safety
/// The token has no user left.
unsafe fn destroy(at: *mut Token) {
    fence(Ordering::Acquire); // what every other user did comes before
    // SAFETY: the caller's promise.
    unsafe {
        ptr::drop_in_place(at);
        release(at.cast(), size_of::<Token>());
    }
}

/// Where this thread's `errno` is.
fn errno() -> *mut libc::c_int {
    // SAFETY: these functions only give an address.
    #[cfg(target_os = "linux")]
    return unsafe { libc::__errno_location() };
    #[cfg(target_os = "android")]
    return unsafe { libc::__errno() };
    #[cfg(target_vendor = "apple")]
    return unsafe { libc::__error() };
}

#[cfg(test)]
mod tests;
