//! Connections that are made before they are needed.

#[path = "common/mod.rs"]
mod common;

use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use common::{BOTH, Sandbox, in_time, jpeg, upload, upload_with};
use linq::{
    CallOptions, CancelToken, Client, ErrorKind, FileInfo, Observer, Presigned, Request, Source, Step,
    UploadOptions,
};
use serde_json::json;

fn listeners(tls: bool) -> [&'static str; 2] {
    if tls { ["api_tls", "storage_tls"] } else { ["api", "storage"] }
}

fn accepted(sandbox: &Sandbox, tls: bool) -> [u64; 2] {
    // A server may see a connection later than its client does.
    sleep(Duration::from_millis(50));
    listeners(tls).map(|listener| sandbox.accepted(listener))
}

/// The threads of the whole process are looked at, so one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn place(client: &Client, size_bytes: u64) -> Presigned {
    let file = FileInfo { filename: "a.jpg", content_type: None, size_bytes };
    client.presign(file, CallOptions::default()).unwrap()
}

/// Threads that connect ahead, in this process.
fn threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name == "linq-ahead\n").count()
}

/// A client that has uploaded, and has no connection to the storage any more.
fn has_uploaded(sandbox: &Sandbox, tls: bool) -> Client {
    let client = sandbox.client_once(tls);
    let fault = sandbox.on_put(json!({"close_idle": true}));
    upload(&client, &jpeg(10)).unwrap();
    fault.assert_injected(1);
    sleep(Duration::from_millis(100));
    client
}

#[test]
fn the_storage_is_connected_to_while_linq_is_asked() {
    let _alone = alone();
    for tls in BOTH {
        in_time(Duration::ZERO..Duration::from_millis(900), || {
            let sandbox = Sandbox::start();
            let client = has_uploaded(&sandbox, tls);
            sandbox.on_reserve(json!({"delay_ms": 500}));
            sandbox.plant(json!({"side": "storage", "on": "connect", "fault": {"delay_ms": 500}}));
            let bytes = jpeg(1000);
            let began = Instant::now();
            let attachment = upload(&client, &bytes).unwrap();
            let took = began.elapsed();
            sandbox.assert_stored(&attachment, &bytes);
            assert_eq!(attachment.attempts, 1);
            assert_eq!(accepted(&sandbox, tls), [1, 2], "TLS {tls}");
            (took, ())
        });
    }
}

/// A connection that is not there when the place is, is waited for, and no second one is made.
#[test]
fn one_that_takes_longer_is_waited_for() {
    let _alone = alone();
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = has_uploaded(&sandbox, tls);
        sandbox.plant(json!({"side": "storage", "on": "connect", "times": 0, "fault": {"delay_ms": 400}}));
        assert_eq!(upload(&client, &jpeg(1000)).unwrap().attempts, 1);
        assert_eq!(accepted(&sandbox, tls), [1, 2], "TLS {tls}");
    }
}

/// In the reports a connection that was finished in time is a reused one; otherwise the wait for it is connecting.
#[test]
fn it_is_reported() {
    let _alone = alone();
    // Without TLS the kernel has connected at once.
    for (tls, reused) in [(false, true), (true, true), (true, false)] {
        let sandbox = Sandbox::start();
        let client = has_uploaded(&sandbox, tls);
        let (reserve_ms, connect_ms) = if reused { (400, 0) } else { (0, 300) };
        sandbox.on_reserve(json!({"delay_ms": reserve_ms}));
        sandbox.plant(json!({"side": "storage", "on": "connect", "fault": {"delay_ms": connect_ms}}));
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = told.clone();
        let observer: Observer = Arc::new(move |report| sink.lock().unwrap().push(report.clone()));
        let call = CallOptions { attempt: Some(&observer), ..CallOptions::default() };
        upload_with(&client, &jpeg(1000), call).unwrap();
        let told = told.lock().unwrap();
        let [_, put] = &told[..] else { panic!("{told:?}") };
        assert_eq!((put.step, put.reused), (Step::Put, reused), "TLS {tls}: {put:?}");
        assert_eq!(put.connect > Duration::from_millis(100), !reused, "TLS {tls}: {put:?}");
        assert!([put.lookup, put.proxy, put.tls].iter().all(Duration::is_zero), "{put:?}");
        assert_eq!(put.bytes_received > 450, !reused, "the handshake counts: {put:?}");
    }
}

#[test]
fn where_one_is_idle_none_is_made() {
    let _alone = alone();
    let sandbox = Sandbox::start();
    let client = sandbox.client_once(false);
    for _ in 0..5 {
        upload(&client, &jpeg(10)).unwrap();
    }
    assert_eq!(accepted(&sandbox, false), [1, 1]);
}

#[test]
fn it_is_cancelled_with_the_call_and_no_thread_is_left() {
    let _alone = alone();
    let sandbox = Sandbox::start();
    let client = has_uploaded(&sandbox, true);
    sandbox.plant(json!({"side": "storage", "on": "connect", "times": 0, "fault": {"connect": "silent"}}));
    sandbox.on_reserve(json!({"no_answer": true}));
    let token = CancelToken::new().unwrap();
    let (error, ended) = thread::scope(|scope| {
        let cancelled = scope.spawn(|| {
            while threads() == 0 {
                sleep(Duration::from_millis(5));
            }
            sleep(Duration::from_millis(200));
            token.cancel();
            Instant::now()
        });
        let call = CallOptions { cancel: Some(&token), ..CallOptions::default() };
        let error = upload_with(&client, &jpeg(10), call).unwrap_err();
        (error, cancelled.join().unwrap().elapsed())
    });
    assert_eq!(error.kind, ErrorKind::Cancelled, "{error}");
    assert!(ended < Duration::from_millis(200), "{ended:?}");
    assert_eq!(threads(), 0);
}

#[test]
fn many_calls_at_once_have_one_thread() {
    let _alone = alone();
    let sandbox = Sandbox::start();
    let client = has_uploaded(&sandbox, true);
    let slow = json!({"side": "storage", "on": "connect", "times": 1, "fault": {"delay_ms": 600}});
    sandbox.plant(slow);
    sandbox.plant(json!({"side": "api", "times": 0, "fault": {"delay_ms": 300}}));
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| upload(&client, &jpeg(1000)).unwrap());
        }
        sleep(Duration::from_millis(200));
        assert!(threads() <= 1);
    });
    assert_eq!(threads(), 0);
}

/// One that fails early costs nothing; and it is not tried again so for a while.
#[test]
fn a_host_that_refuses_is_left_alone_for_a_while() {
    let _alone = alone();
    let sandbox = Sandbox::start();
    let client = has_uploaded(&sandbox, true);
    let refusing = json!({"side": "storage", "on": "connect", "times": 1, "fault": {"connect": "reset"}});
    let fault = sandbox.plant(refusing);
    sandbox.on_reserve(json!({"delay_ms": 300}));
    let attachment = upload(&client, &jpeg(1000)).unwrap();
    fault.assert_injected(1);
    assert_eq!(
        (attachment.attempts, accepted(&sandbox, true)),
        (1, [1, 3]),
        "one without effect, and one of its own"
    );
    sandbox.on_put(json!({"close_idle": true}));
    upload(&client, &jpeg(10)).unwrap();
    sleep(Duration::from_millis(100));
    sandbox.on_reserve(json!({"delay_ms": 600}));
    thread::scope(|scope| {
        scope.spawn(|| upload(&client, &jpeg(10)).unwrap());
        sleep(Duration::from_millis(300));
        assert_eq!((threads(), accepted(&sandbox, true)), (0, [1, 3]), "while Linq is asked");
    });
    assert_eq!(accepted(&sandbox, true), [1, 4]);
}

/// One that fails while it is waited for is what the attempt failed with: the time to connect is not spent twice.
#[test]
fn one_that_fails_while_it_is_waited_for_fails_the_attempt() {
    let _alone = alone();
    let sandbox = Sandbox::start();
    drop(has_uploaded(&sandbox, true));
    let quick =
        linq::Config { connect_timeout: Duration::from_millis(700), max_attempts: 1, ..sandbox.config(true) };
    let client = Client::new(quick).unwrap();
    sandbox.on_put(json!({"close_idle": true}));
    upload(&client, &jpeg(10)).unwrap();
    sleep(Duration::from_millis(100));
    sandbox.plant(json!({"side": "storage", "on": "connect", "times": 0, "fault": {"connect": "silent"}}));
    let began = Instant::now();
    let error = upload(&client, &jpeg(10)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(error.message.starts_with("uploading photo.jpg: no secure connection to "), "{error}");
    assert!(began.elapsed() < Duration::from_millis(1300), "{:?}", began.elapsed());
    assert_eq!(error.details.attempts, 1);
}

#[test]
fn a_connection_to_linq_is_made_once_and_used_by_the_next_call() {
    let _alone = alone();
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client_once(tls);
        for _ in 0..3 {
            client.connect(None, CallOptions::default()).unwrap();
        }
        assert_eq!(accepted(&sandbox, tls), [1, 0]);
        assert_eq!(sandbox.requests().len(), 0, "nothing is asked");
        upload(&client, &jpeg(10)).unwrap();
        assert_eq!(accepted(&sandbox, tls), [1, 1], "TLS {tls}");
    }
}

#[test]
fn one_to_the_storage_needs_no_key() {
    let _alone = alone();
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let bytes = jpeg(100);
        let reserved = place(&sandbox.client_once(tls), 100);
        let phone = linq::Config { api_key: None, base_url: None, ..sandbox.config(tls) };
        let phone = Client::new(linq::Config { allow_http_loopback: true, ..phone }).unwrap();
        for _ in 0..3 {
            phone.connect(Some(&reserved), CallOptions::default()).unwrap();
        }
        assert_eq!(accepted(&sandbox, tls), [1, 1]);
        phone.upload_presigned(&reserved, Source::Bytes(&bytes), UploadOptions::default()).unwrap();
        assert_eq!(accepted(&sandbox, tls), [1, 1], "TLS {tls}");
        // One that was idle for longer is not used.
        phone.connect(Some(&reserved), CallOptions::default()).unwrap();
        sleep(Duration::from_millis(4100));
        phone.connect(Some(&reserved), CallOptions::default()).unwrap();
        assert_eq!(accepted(&sandbox, tls), [1, 2], "TLS {tls}");
    }
}

/// The storage's connections are used for four seconds, and Linq's for longer: both what a call left and what was made ahead.
#[test]
fn idle_connections_to_linq_are_used_for_longer() {
    let _alone = alone();
    let sandbox = Sandbox::start();
    let left = sandbox.client_once(true);
    let id = upload(&left, &jpeg(10)).unwrap().attachment_id;
    let made = sandbox.client_once(true);
    made.connect(None, CallOptions::default()).unwrap();
    assert_eq!(accepted(&sandbox, true), [2, 1]);
    sleep(Duration::from_secs(6));
    left.attachment(&id, CallOptions::default()).unwrap();
    made.attachment(&id, CallOptions::default()).unwrap();
    assert_eq!(accepted(&sandbox, true), [2, 1]);
}

#[test]
fn one_that_died_is_replaced_at_once_and_costs_no_attempt() {
    let _alone = alone();
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client_once(tls);
        let close = json!({"side": "api", "on": "connect", "fault": {"connect": "close"}});
        let fault = sandbox.plant(close);
        match client.connect(None, CallOptions::default()) {
            Ok(()) => assert!(!tls), // plain, it is accepted first
            Err(error) => assert_eq!((tls, error.kind), (true, ErrorKind::Network), "{error}"),
        }
        sleep(Duration::from_millis(100));
        fault.assert_injected(1);
        assert_eq!(upload(&client, &jpeg(10)).unwrap().attempts, 1);
        assert_eq!(accepted(&sandbox, tls), [2, 1]);
    }
}

/// Connections made by `connect`, and one that was made or is being made while Linq is asked: none is used after a change.
#[test]
fn none_outlives_a_change_of_the_network() {
    let _alone = alone();
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client_once(tls);
        let reserved = place(&client, 100);
        client.connect(Some(&reserved), CallOptions::default()).unwrap();
        client.network_changed();
        client.connect(None, CallOptions::default()).unwrap();
        assert_eq!(accepted(&sandbox, tls), [2, 1]);
        client.network_changed();
        assert_eq!(upload(&client, &jpeg(10)).unwrap().attempts, 1);
        assert_eq!(accepted(&sandbox, tls), [3, 2], "TLS {tls}");
    }
    for connect_ms in [0, 500] {
        let sandbox = Sandbox::start();
        let client = has_uploaded(&sandbox, true);
        sandbox.on_reserve(json!({"delay_ms": 300}));
        sandbox.plant(json!({"side": "storage", "on": "connect", "fault": {"delay_ms": connect_ms}}));
        thread::scope(|scope| {
            let running = scope.spawn(|| upload(&client, &jpeg(10)).unwrap());
            sleep(Duration::from_millis(150));
            client.network_changed();
            assert_eq!(running.join().unwrap().attempts, 1);
        });
        assert_eq!(accepted(&sandbox, true), [1, 3], "{connect_ms}");
        assert_eq!(threads(), 0);
    }
}

/// On another network the host may answer.
#[test]
fn a_change_of_the_network_ends_the_pause_after_a_failure() {
    let _alone = alone();
    let sandbox = Sandbox::start();
    let client = has_uploaded(&sandbox, true);
    let refusing = json!({"side": "storage", "on": "connect", "fault": {"connect": "reset"}});
    let fault = sandbox.plant(refusing);
    sandbox.on_reserve(json!({"delay_ms": 300}));
    upload(&client, &jpeg(1000)).unwrap();
    fault.assert_injected(1);
    client.network_changed();
    sandbox.on_reserve(json!({"delay_ms": 600}));
    thread::scope(|scope| {
        scope.spawn(|| upload(&client, &jpeg(10)).unwrap());
        sleep(Duration::from_millis(300));
        assert_eq!(accepted(&sandbox, true)[1], 4, "while Linq is asked");
    });
    assert_eq!(accepted(&sandbox, true)[1], 4);
}

/// What must not be repeated has a connection of its own, made for it.
#[test]
fn what_must_not_be_repeated_does_not_use_it() {
    let _alone = alone();
    let sandbox = Sandbox::start();
    let client = sandbox.client_once(false);
    client.connect(None, CallOptions::default()).unwrap();
    let json = Some(r#"{"filename":"a.jpg","content_type":"image/jpeg","size_bytes":1}"#);
    let request =
        Request { method: "POST", path: "/v3/attachments", json, idempotency_key: None, repeatable: false };
    client.send_request(request, CallOptions::default()).unwrap();
    assert_eq!(accepted(&sandbox, false), [2, 0]);
    client.send_request(Request { repeatable: true, ..request }, CallOptions::default()).unwrap();
    assert_eq!(accepted(&sandbox, false), [2, 0]);
}

#[test]
fn connecting_fails_as_a_call_does() {
    let _alone = alone();
    let config = linq::Config {
        base_url: Some("http://127.0.0.1:1".into()),
        use_environment: false,
        ..Default::default()
    };
    let client = Client::new(linq::Config { max_attempts: 2, ..config }).unwrap();
    let error = client.connect(None, CallOptions::default()).unwrap_err();
    assert_eq!((error.kind, error.details.attempts), (ErrorKind::Network, 2));
    assert!(error.message.starts_with("cannot connect to 127.0.0.1: Connection refused"), "{error}");

    let sandbox = Sandbox::start();
    let client = sandbox.client_once(true);
    sandbox.plant(json!({"side": "api", "on": "connect", "times": 0, "fault": {"connect": "silent"}}));
    let call = CallOptions { timeout: Some(Duration::from_millis(300)), ..CallOptions::default() };
    assert_eq!(client.connect(None, call).unwrap_err().kind, ErrorKind::Timeout);
    let token = CancelToken::new().unwrap();
    token.cancel();
    let call = CallOptions { cancel: Some(&token), ..CallOptions::default() };
    assert_eq!(client.connect(None, call).unwrap_err().kind, ErrorKind::Cancelled);
    sandbox.clear_faults();
    let reserved = place(&sandbox.client_once(false), 10);
    let strict = Client::new(sandbox.config(true)).unwrap();
    let error = strict.connect(Some(&reserved), CallOptions::default()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Protocol, "{error}");
}
