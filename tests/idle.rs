//! What an idle connection costs: no buffers. Printed with `--show-output`.
//!
//! A program of its own, because it counts what is allocated.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use linq::CallOptions;

use server::host::{Host, What, reservation};

#[path = "matrix/hostile/server/mod.rs"]
mod server;

const CONNECTIONS: usize = 16;

struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    /// The servers' threads are not the library's business.
    static COUNTED: Cell<bool> = const { Cell::new(false) };
}

fn count(bytes: isize) {
    if COUNTED.try_with(Cell::get).unwrap_or(false) {
        LIVE.fetch_add(bytes, Ordering::SeqCst);
    }
}

// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many bytes each of the idle connections beyond the first holds.
fn held(what: What, tls: bool) -> isize {
    let body = reservation();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let (together, asked) = (Arc::new(Barrier::new(CONNECTIONS)), AtomicUsize::new(0));
    let host = Host::start(tls, move |connection, _| {
        while connection.read_request().is_some() {
            if asked.fetch_add(1, Ordering::SeqCst) > 0 {
                together.wait(); // so that each request has a connection of its own
            }
            connection.output.say(answer.as_bytes());
        }
    });
    let client = host.client(Duration::from_secs(10));
    let bytes = [b"\xff\xd8\xff\xe0\0\x10JFIF\0".as_slice(), &[1; 989]].concat();
    let call = || host.call(what, &client, &bytes, CallOptions::default()).unwrap();
    let in_threads = |count: usize| {
        thread::scope(|scope| {
            for _ in 0..count {
                scope.spawn(|| {
                    COUNTED.set(true);
                    call();
                    COUNTED.set(false);
                });
            }
        });
        LIVE.load(Ordering::SeqCst)
    };
    let one = in_threads(1);
    let all = in_threads(CONNECTIONS);
    assert_eq!(host.accepted(), CONNECTIONS);
    (all - one) / (CONNECTIONS as isize - 1)
}

#[test]
fn idle_connections_hold_no_buffers() {
    for what in [What::Put, What::Api] {
        for (tls, bound) in [(false, 2 * 1024), (true, 16 * 1024)] {
            let held = held(what, tls);
            println!("figure: an idle connection holds {held} bytes ({what:?}, TLS {tls})");
            assert!(held < bound, "{held} bytes ({what:?}, TLS {tls})");
        }
    }
}
