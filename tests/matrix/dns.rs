//! Rows 1 to 7: names.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use linq::{CallOptions, CancelToken, Client, Config, Error, ErrorKind, FileInfo, Presigned};
use socket2::{Domain, Socket, Type};

use crate::child::{become_nobody, descriptors, here, limit, ran_alone, shimmed, threads};
use crate::common::{Sandbox, assert_took, in_time, jpeg, takes, upload};
use crate::support::{CANCEL_PROMISE, assert_is, assert_stored_after, cancelled_after, failed, port};

/// A client for a name whose first label is the shim's script.
pub fn named(sandbox: &Sandbox, label: &str) -> Config {
    let port = port(&sandbox.get("api_tls"));
    let base_url = Some(format!("https://{label}.linq.test:{port}/api/partner"));
    Config { base_url, connect_timeout: Duration::from_millis(500), ..sandbox.config(true) }
}

pub fn once(config: Config) -> Client {
    Client::new(Config { max_attempts: 1, ..config }).unwrap()
}

pub fn presign(client: &Client, call: CallOptions<'_>) -> Result<Presigned, Error> {
    client.presign(FileInfo { filename: "photo.jpg", content_type: None, size_bytes: 1000 }, call)
}

/// How many threads look up names.
pub fn resolvers() -> usize {
    threads().iter().filter(|name| name.starts_with("linq-dns")).count()
}

#[test]
fn row_01_no_such_name() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let sandbox = Sandbox::start();
    let client = Client::new(named(&sandbox, "nxdomain")).unwrap();
    let error = failed(&sandbox, presign(&client, CallOptions::default()));
    assert_eq!(shimmed("lookup nxdomain.linq.test"), 1, "asked once");
    assert_is(&error, ErrorKind::Network, None, 1, false);
}

#[test]
fn row_01_no_such_name_is_told_at_once() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let sandbox = Sandbox::start();
    let client = once(named(&sandbox, "nxdomain"));
    let error = takes(0..200, || failed(&sandbox, presign(&client, CallOptions::default())));
    assert!(shimmed("lookup nxdomain.linq.test") >= 1);
    assert_eq!(error.kind, ErrorKind::Network);
    assert_eq!(
        error.message,
        "reserving a place for photo.jpg: cannot look up nxdomain.linq.test: Name or service not known; check the \
         name and the connection"
    );
}

#[test]
fn row_02_temporary_failure_is_tried_again() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
    let client = once(named(&sandbox, "again"));
    let error = failed(&sandbox, upload(&client, &bytes));
    assert_is(&error, ErrorKind::Network, None, 1, true);
    assert!(error.message.contains("Temporary failure in name resolution"), "{error}");

    let attachment = upload(&Client::new(named(&sandbox, "flaky")).unwrap(), &bytes).unwrap();
    assert_stored_after(&sandbox, 2, &attachment, &bytes);
    assert_eq!(shimmed("lookup flaky.linq.test"), 3, "failed, API, storage");
}

#[test]
fn row_03_no_answer_ends_at_the_connect_timeout() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let sandbox = Sandbox::start();
    let client = once(named(&sandbox, "hang"));
    let error = takes(500..700, || failed(&sandbox, presign(&client, CallOptions::default())));
    assert!(shimmed("lookup hang.linq.test") >= 1);
    assert_is(&error, ErrorKind::Timeout, None, 1, true);
    assert_eq!(
        error.message,
        "reserving a place for photo.jpg: looking up hang.linq.test took longer than the connect timeout; check \
         the DNS settings"
    );
}

#[test]
fn row_03_a_thousand_calls_leave_no_threads_behind() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let sandbox = Sandbox::start();
    let client = once(named(&sandbox, "hang"));
    let before = threads().len();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..125 {
                    let call =
                        CallOptions { timeout: Some(Duration::from_millis(10)), ..CallOptions::default() };
                    assert_eq!(failed(&sandbox, presign(&client, call)).kind, ErrorKind::Timeout);
                }
            });
        }
    });
    let began = Instant::now();
    while threads().len() > before + resolvers() && began.elapsed() < Duration::from_secs(2) {
        thread::sleep(Duration::from_millis(5)); // the threads of this test are on their way out
    }
    assert!((1..=4).contains(&resolvers()), "{:?}", threads());
    assert!(threads().len() <= before + resolvers(), "{:?}", threads());
    assert!(descriptors() < 50, "each lookup's pipe is closed: {}", descriptors());
}

#[test]
fn row_04_cancelled_while_looking_up() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let sandbox = Sandbox::start();
    let client = Client::new(named(&sandbox, "hang")).unwrap();
    in_time(CANCEL_PROMISE, || {
        let token = CancelToken::new().unwrap();
        let call = CallOptions { cancel: Some(&token), ..CallOptions::default() };
        let (late, result) = cancelled_after(&token, Duration::from_millis(50), || presign(&client, call));
        assert_is(&failed(&sandbox, result), ErrorKind::Cancelled, None, 1, false);
        (late, ())
    });
    assert!(shimmed("lookup hang.linq.test") >= 1);
}

#[test]
fn row_05_no_thread_can_be_made() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
    let client = once(named(&sandbox, "ok"));
    become_nobody();
    let before = limit(libc::RLIMIT_NPROC, 0);
    assert!(thread::Builder::new().spawn(|| {}).is_err(), "the limit takes effect");
    let error = failed(&sandbox, upload(&client, &bytes));
    assert_is(&error, ErrorKind::Network, None, 1, true);
    assert!(
        error.message.ends_with("cannot look up ok.linq.test: Resource temporarily unavailable"),
        "{error}"
    );
    assert_eq!(error.details.system_error, Some(libc::EAGAIN));
    assert_eq!(shimmed("lookup ok.linq.test"), 0);
    limit(libc::RLIMIT_NPROC, before);
    assert_stored_after(&sandbox, 1, &upload(&client, &bytes).unwrap(), &bytes);
}

/// The same while every thread that there is hangs, and nobody waits for it.
#[test]
fn row_05_no_further_thread_can_be_made() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
    let [hanging, client] = ["hang", "ok"].map(|label| once(named(&sandbox, label)));
    assert_eq!(failed(&sandbox, presign(&hanging, CallOptions::default())).kind, ErrorKind::Timeout);
    assert_eq!(resolvers(), 1);
    become_nobody();
    limit(libc::RLIMIT_NPROC, 0);
    let error = takes(0..200, || failed(&sandbox, upload(&client, &bytes)));
    assert_is(&error, ErrorKind::Network, None, 1, true);
    assert!(error.message.contains("cannot look up ok.linq.test: Resource temporarily"), "{error}");
}

/// An address of this machine that takes no connection at this port.
fn black_hole(address: &str) -> (Socket, Vec<TcpStream>) {
    let address: std::net::SocketAddr = address.parse().unwrap();
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&address.into()).unwrap();
    listener.listen(0).unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok();
    let queue = std::iter::from_fn(connect).take(32).collect();
    assert!(connect().is_none(), "nobody gets in");
    (listener, queue)
}

#[test]
fn row_06_first_address_is_a_black_hole() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
    let [api, storage] = ["api_tls", "storage_tls"].map(|name| port(&sandbox.get(name)));
    let _holes = [api, storage].map(|port| black_hole(&format!("127.0.0.9:{port}")));
    let config = Config { connect_timeout: Duration::from_secs(10), ..named(&sandbox, "holefirst") };
    let began = Instant::now();
    let attachment = upload(&once(config.clone()), &bytes).unwrap();
    assert_took(began, 500..5000);
    assert_stored_after(&sandbox, 1, &attachment, &bytes);
    // Each connection costs 250 ms more than it would; a client of its own each time, so that none is pooled.
    let plain = Config { base_url: named(&sandbox, "ok").base_url, ..config.clone() };
    let time = |config: &Config| {
        let client = once(config.clone());
        let began = Instant::now();
        presign(&client, CallOptions::default()).unwrap();
        began.elapsed()
    };
    let mut without = time(&plain);
    in_time(Duration::ZERO..Duration::from_millis(300), || {
        without = without.min(time(&plain));
        (time(&config).saturating_sub(without), ())
    });
    assert!(shimmed("lookup holefirst.linq.test") >= 2);
}

#[test]
fn row_07_ipv6_leads_nowhere() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
    let began = Instant::now();
    let attachment = upload(&once(named(&sandbox, "v6first")), &bytes).unwrap();
    assert_took(began, 0..5000);
    assert_eq!(shimmed("lookup v6first.linq.test"), 2);
    assert_stored_after(&sandbox, 1, &attachment, &bytes);
}

#[test]
fn row_07_there_is_no_ipv6() {
    if ran_alone(here!(), &[("SHIM_NO_V6", "1")]) {
        return;
    }
    let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
    let attachment = upload(&once(named(&sandbox, "v6first")), &bytes).unwrap();
    assert_eq!(shimmed("socket EAFNOSUPPORT"), 2, "for the API and for the storage");
    assert_stored_after(&sandbox, 1, &attachment, &bytes);
}
