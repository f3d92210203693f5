//! Rows 8 to 12: connections that cannot be made.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use linq::{CallOptions, CancelToken, Client, Config, Error, ErrorKind};

use crate::child::{become_nobody, descriptors, here, limit, ran_alone, shimmed};
use crate::common::{Sandbox, assert_took, in_time, jpeg, takes, upload, upload_with};
use crate::support::{CANCEL_PROMISE, assert_is, assert_stored_after, both, cancelled_after, failed, port};

/// A client for this port of 127.0.0.1.
fn at_port(sandbox: &Sandbox, tls: bool, port: u16) -> Config {
    let scheme = if tls { "https" } else { "http" };
    Config { base_url: Some(format!("{scheme}://127.0.0.1:{port}/api/partner")), ..sandbox.config(tls) }
}

fn tried(sandbox: &Sandbox, config: Config, max_attempts: u32) -> Error {
    let client = Client::new(Config { max_attempts, ..config }).unwrap();
    failed(sandbox, upload(&client, &jpeg(1000)))
}

#[test]
fn row_08_refused() {
    both(|tls| {
        let sandbox = Sandbox::start();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let error = takes(0..200, || tried(&sandbox, at_port(&sandbox, tls, closed), 1));
        assert_is(&error, ErrorKind::Network, None, 1, true);
        assert!(
            error.message.starts_with(
                "reserving a place for photo.jpg: cannot connect to 127.0.0.1: Connection refused"
            ),
            "{error}"
        );
        let error = tried(&sandbox, at_port(&sandbox, tls, closed), 3);
        assert_is(&error, ErrorKind::Network, None, 3, true);
        assert!(error.message.ends_with("(after 3 attempts)"), "the same cause is not told twice: {error}");
    });
}

#[test]
fn row_09_black_hole_ends_at_the_connect_timeout() {
    both(|tls| {
        let sandbox = Sandbox::start();
        let config = Config {
            connect_timeout: Duration::from_millis(700),
            ..at_port(&sandbox, tls, port(&sandbox.get("black_hole")))
        };
        let error = takes(700..900, || tried(&sandbox, config.clone(), 1));
        assert_is(&error, ErrorKind::Timeout, None, 1, true);
        assert_eq!(
            error.message,
            "reserving a place for photo.jpg: connecting to 127.0.0.1 took longer than the connect timeout"
        );
    });
}

#[test]
fn row_10_cancelled_while_connecting() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let sandbox = Sandbox::start();
    for tls in [false, true] {
        let hole = port(&sandbox.get("black_hole"));
        let client = Client::new(at_port(&sandbox, tls, hole)).unwrap();
        in_time(CANCEL_PROMISE, || {
            let token = CancelToken::new().unwrap();
            let open = descriptors();
            let call = CallOptions { cancel: Some(&token), ..CallOptions::default() };
            let (late, result) = cancelled_after(&token, Duration::from_millis(50), || {
                upload_with(&client, &jpeg(1000), call)
            });
            assert_is(&failed(&sandbox, result), ErrorKind::Cancelled, None, 1, false);
            assert_eq!(descriptors(), open, "the socket is closed");
            (late, ())
        });
    }
}

#[test]
fn row_11_no_descriptors_left() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
    for tls in [false, true] {
        let client = Client::new(Config { max_attempts: 2, ..sandbox.config(tls) }).unwrap();
        upload(&client, &bytes).unwrap(); // the trust store is read, the sandbox is asked
        thread::sleep(Duration::from_millis(20));
        let client = Client::new(Config { max_attempts: 2, ..sandbox.config(tls) }).unwrap();
        let open = descriptors();
        if !tls {
            become_nobody();
        }
        limit(libc::RLIMIT_NOFILE, 64);
        let hoard: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).take(100).collect();
        let denied = std::fs::File::open("/dev/null").unwrap_err();
        assert_eq!(denied.raw_os_error(), Some(libc::EMFILE), "the limit takes effect");
        let error = failed(&sandbox, upload(&client, &bytes));
        drop(hoard);
        assert_is(&error, ErrorKind::Network, None, 2, true);
        assert!(error.message.contains("Too many open files"), "{error}");
        assert_eq!(descriptors(), open, "nothing leaks");
        let attachment = upload(&client, &bytes).unwrap();
        sandbox.assert_stored(&attachment, &bytes);
    }
}

/// The kernel has no memory for a connection, twice; the third attempt succeeds.
#[test]
fn row_11_no_buffers() {
    if ran_alone(here!(), &[("SHIM_CONNECT", &format!("{}:4", libc::ENOBUFS))]) {
        return;
    }
    let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
    let error = tried(&sandbox, sandbox.config(false), 1);
    assert_is(&error, ErrorKind::Network, None, 1, true);
    assert!(error.message.ends_with("No buffer space available"), "{error}");
    assert_eq!(error.details.system_error, Some(libc::ENOBUFS));
    // localhost has two addresses: both fail.
    let error = tried(&sandbox, Config { max_attempts: 1, ..sandbox.config(true) }, 1);
    assert_is(&error, ErrorKind::Network, None, 1, true);
    let attachment = upload(&sandbox.client(false), &bytes).unwrap();
    assert_stored_after(&sandbox, 2, &attachment, &bytes);
    assert_eq!(shimmed("connect No buffer space available"), 4);
}

#[test]
fn row_12_the_network_is_not_permitted() {
    if ran_alone(here!(), &[("SHIM_CONNECT", &format!("{}:100", libc::EACCES))]) {
        return;
    }
    let sandbox = Sandbox::start();
    let began = Instant::now();
    let error = tried(&sandbox, sandbox.config(false), 1);
    assert_took(began, 0..5000);
    assert_eq!(shimmed("connect Permission denied"), 1);
    assert_eq!(error.kind, ErrorKind::Network);
    assert!(error.message.contains("cannot connect to 127.0.0.1: Permission denied"), "{error}");
    assert_eq!(sandbox.accepted("api"), 0);
}

#[test]
fn row_12_not_permitted_is_final() {
    if ran_alone(here!(), &[("SHIM_CONNECT", &format!("{}:100", libc::EPERM))]) {
        return;
    }
    let sandbox = Sandbox::start();
    let error = tried(&sandbox, sandbox.config(false), 4);
    assert_eq!(shimmed("connect Operation not permitted"), 1);
    assert_is(&error, ErrorKind::Network, None, 1, false);
}
