use std::sync::Mutex;
use std::thread;

use super::*;
use crate::ffi::free;

/// The list of deferred tokens is global.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn free<T>(at: *mut T) {
    // SAFETY: linq_free takes anything.
    unsafe { free::free(at.cast()) }
}

/// Plain http, so that no certificates are loaded: Miri has no files.
fn a_client() -> Client {
    let base_url = Some("http://127.0.0.1:1".to_owned());
    Client::new(Config { use_environment: false, base_url, ..Config::default() }).unwrap()
}

#[test]
fn a_call_keeps_its_token_when_it_is_freed_meanwhile() {
    let token = token();
    let held = acquire_token(token).unwrap();
    free(token);
    assert!(acquire_token(token).is_none(), "a freed token is not taken for a live one");
    held.cancel();
    assert!(held.is_cancelled());
}

#[test]
fn a_call_keeps_its_client_when_it_is_freed_meanwhile() {
    let client = client(a_client()).unwrap();
    let held = acquire_client(client).unwrap();
    free(client);
    assert!(acquire_client(client).is_none());
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn a_token_is_not_taken_for_a_client() {
    let token = token();
    assert!(acquire_client(token.cast()).is_none());
    assert!(acquire_token(ptr::null_mut()).is_none());
    free(token);
}

#[test]
fn cancelling_reaches_every_clone_and_keeps_errno() {
    let token = token();
    let held = acquire_token(token).unwrap();
    // SAFETY: this thread's errno; the token is alive.
    unsafe {
        *errno() = 77;
        cancel(token);
        cancel(token);
        cancel(ptr::null_mut());
        assert_eq!(*errno(), 77);
    }
    assert!(held.is_cancelled());
    free(token);
}

#[test]
fn a_token_freed_while_it_is_being_cancelled_is_deferred() {
    let _alone = ONE_AT_A_TIME.lock();
    let token: *mut Token = token().cast();
    // SAFETY: alive. This is what `cancel` does before it cancels.
    unsafe { (*token).users.fetch_add(1, Ordering::Relaxed) };
    free(token);
    // SAFETY: kept alive by the reference count.
    unsafe {
        (*token).cancel.cancel();
        assert_eq!((*token).users.fetch_sub(1, Ordering::Release), 1);
    }
    defer_free(token);
    assert_eq!(DEFERRED.load(Ordering::Relaxed), token);
    free_deferred();
    assert!(DEFERRED.load(Ordering::Relaxed).is_null());
}

#[test]
fn cancelling_and_freeing_at_once_leaves_nothing_behind() {
    let _alone = ONE_AT_A_TIME.lock();
    for _ in 0..if cfg!(miri) { 10 } else { 500 } {
        let at = token();
        let held = acquire_token(at).unwrap();
        let address = at.expose_provenance();
        let canceller = thread::spawn(move || {
            // SAFETY: alive: it is freed only after the cancelling has begun.
            unsafe { cancel(ptr::with_exposed_provenance_mut(address)) }
        });
        while !held.is_cancelled() {
            thread::yield_now();
        }
        free(at); // the other thread may still be in `cancel`
        canceller.join().unwrap();
    }
    free_deferred();
    assert!(DEFERRED.load(Ordering::Relaxed).is_null());
}
