//! Rows 120 to 124: the host says that the network changed.

use std::io;
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use linq::{
    Attachment, Client, Config, Error, ErrorKind, EventKind, Queue, QueuedSource, QueuedUpload, Reader,
    Request, Source, UploadOptions,
};
use serde_json::json;

use crate::child::{here, ip, is_alone, may_unshare, ran_under};
use crate::common::{BOTH, Sandbox, jpeg, upload};
use crate::support::{BIG, assert_stored_after};

static SMALL: LazyLock<Vec<u8>> = LazyLock::new(|| jpeg(5000));

fn until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(30), "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn until_body(sandbox: &Sandbox, bytes: u64) {
    until("the body arrives", || sandbox.puts().last().is_some_and(|put| put.number("body_bytes") >= bytes));
}

/// A call of its own thread, and what happens meanwhile; how long it then went on.
fn meanwhile<T: Send>(call: impl FnOnce() -> T + Send, act: impl FnOnce()) -> (T, Duration) {
    thread::scope(|scope| {
        let running = scope.spawn(call);
        act();
        let acted = Instant::now();
        (running.join().unwrap(), acted.elapsed())
    })
}

/// In a network namespace of its own: connections to the sandbox are made from 10.9.9.1.
fn alone(test: &str) -> bool {
    if (!is_alone() && !may_unshare()) || ran_under(test, &["unshare", "-n"], |_, _| {}) {
        return false;
    }
    ip("link set lo up");
    ip("addr add 10.9.9.2/32 dev lo");
    true
}

fn from_first_address() {
    ip("addr replace 10.9.9.1/32 dev lo");
    ip("route replace local 127.0.0.1 dev lo src 10.9.9.1 table local");
}

fn second_address_comes() {
    ip("route replace local 127.0.0.1 dev lo src 10.9.9.2 table local");
}

#[test]
fn row_120_the_address_is_gone_and_the_upload_goes_on_at_once() {
    if !alone(here!()) {
        return;
    }
    for tls in BOTH {
        let sandbox = Sandbox::start();
        assert!(sandbox.requests().is_empty()); // the connection to control is made, and stays
        from_first_address();
        let fault = sandbox.on_put(json!({"slow_read": {"bytes_per_s": 20_000_000}}));
        // One attempt in all: the one that is made anew costs none.
        let client = Client::new(Config { max_attempts: 1, ..sandbox.config(tls) }).unwrap();
        let (attachment, _) = meanwhile(
            || upload(&client, &BIG),
            || {
                until_body(&sandbox, 1_000_000);
                second_address_comes();
                ip("addr del 10.9.9.1/32 dev lo");
                let start = Instant::now();
                client.network_changed();
                until("another PUT", || sandbox.puts().len() == 2);
                assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
            },
        );
        fault.assert_injected(1);
        assert_stored_after(&sandbox, 1, &attachment.unwrap(), &BIG);
        let puts = sandbox.puts();
        assert_eq!(puts.len(), 2);
        assert_ne!(puts[0].0["connection"], puts[1].0["connection"]);
    }
}

/// As above, while an answer is waited for, and while a connection is being made.
#[test]
fn row_120_in_every_phase() {
    if !alone(here!()) {
        return;
    }
    for phase in ["waiting for Linq", "waiting for the storage"] {
        let sandbox = Sandbox::start();
        assert!(sandbox.requests().is_empty());
        from_first_address();
        let side = if phase == "waiting for Linq" { "api" } else { "storage" };
        let fault = sandbox.plant(json!({"side": side, "fault": {"no_answer": true}}));
        let client = sandbox.client_once(true);
        let (attachment, took) = meanwhile(
            || upload(&client, &SMALL),
            || {
                until("it waits", || {
                    !sandbox.requests_to(side, if side == "api" { "POST" } else { "PUT" }).is_empty()
                });
                thread::sleep(Duration::from_millis(100));
                second_address_comes();
                ip("addr del 10.9.9.1/32 dev lo");
                client.network_changed();
            },
        );
        fault.assert_injected(1);
        assert_eq!(attachment.unwrap().attempts, 1, "{phase}");
        assert!(took < Duration::from_secs(1), "{phase}: {took:?}");
    }
}

/// Everything is as before; the host only thought that something changed.
#[test]
fn row_121_a_false_alarm_costs_idle_connections_and_nothing_else() {
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        upload(&client, &SMALL).unwrap();
        let names = if tls { ["api_tls", "storage_tls"] } else { ["api", "storage"] };
        let open = || names.map(|name| sandbox.counter(name, "open"));
        assert_eq!(open(), [1, 1]);
        client.network_changed();
        until("idle connections are closed", || open() == [0, 0]);
        assert_eq!(upload(&client, &SMALL).unwrap().attempts, 1);

        // Sending, slowly: what the server has no room for was not sent.
        let fault = sandbox.on_put(json!({"stall_after": 1_000_000, "for_ms": 4500}));
        let before = sandbox.puts().len();
        let (attachment, took) = meanwhile(
            || upload(&client, &BIG),
            || {
                until_body(&sandbox, 1_000_000);
                client.network_changed();
            },
        );
        fault.assert_injected(1);
        assert_eq!(attachment.unwrap().attempts, 1);
        assert!(took > Duration::from_secs(4), "{took:?}");
        assert_eq!(sandbox.puts().len() - before, 1, "it was not sent again");
        assert_eq!(open(), [0, 0], "what was made before is not kept");
    }
}

#[test]
fn row_121_a_put_whose_storage_thinks_is_not_sent_again() {
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        let fault = sandbox.on_put(json!({"respond": {"status": 200, "delay_ms": 4000}}));
        let (attachment, took) = meanwhile(
            || upload(&client, &BIG),
            || {
                until_body(&sandbox, BIG.len() as u64);
                client.network_changed();
            },
        );
        fault.assert_injected(1);
        assert_eq!(attachment.unwrap().attempts, 1);
        assert!(took > Duration::from_millis(3500), "{took:?}");
        assert_eq!(sandbox.puts().len(), 1);
    }
}

/// The address is still there, but what is sent from it gets lost: after three seconds.
#[test]
fn row_122_what_stays_unacknowledged_is_made_anew() {
    if !alone(here!()) {
        return;
    }
    let sandbox = Sandbox::start();
    assert!(sandbox.requests().is_empty());
    from_first_address();
    ip("rule add pref 100 table local");
    ip("rule del pref 0");
    let fault = sandbox.on_put(json!({"slow_read": {"bytes_per_s": 20_000_000}}));
    let client = sandbox.client_once(false);
    let (attachment, _) = meanwhile(
        || upload(&client, &BIG),
        || {
            until_body(&sandbox, 1_000_000);
            second_address_comes();
            ip("rule add pref 10 from 127.0.0.1 to 10.9.9.1 blackhole");
            let start = Instant::now();
            client.network_changed();
            until("another PUT", || sandbox.puts().len() == 2);
            let took = start.elapsed();
            assert!((2900..4000).contains(&took.as_millis()), "{took:?}");
        },
    );
    fault.assert_injected(1);
    assert_stored_after(&sandbox, 1, &attachment.unwrap(), &BIG);
}

/// Nobody listens at first, or the answer is too late; then the network changes, and all is well.
#[test]
fn row_123_waits_after_a_failure_of_the_network_end_now() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    // Growing waits up to 8 s, some of them short by chance: the third is long enough more often than not.
    let fault =
        sandbox.plant(json!({"side": "storage", "method": "PUT", "times": 3, "fault": {"reset_after": 100}}));
    let (attachment, _) = meanwhile(
        || upload(&client, &SMALL),
        || {
            for puts in 1..4 {
                until("a PUT is reset", || {
                    let all = sandbox.puts();
                    all.len() >= puts && all[puts - 1].0["ended"] == "reset"
                });
                thread::sleep(Duration::from_millis(20));
                let start = Instant::now();
                client.network_changed();
                until("the next", || sandbox.puts().len() > puts);
                assert!(start.elapsed() < Duration::from_millis(400), "{:?}", start.elapsed());
            }
        },
    );
    fault.assert_injected(3);
    assert_eq!(attachment.unwrap().attempts, 4);
}

/// The uploads of a client's queues belong to it.
#[test]
fn row_123_an_upload_of_a_queue_too() {
    let sandbox = Sandbox::start();
    let client = Arc::new(sandbox.client(false));
    let queue = Queue::new(client.clone(), Some(1)).unwrap();
    let fault =
        sandbox.plant(json!({"side": "storage", "method": "PUT", "times": 3, "fault": {"reset_after": 100}}));
    let upload = QueuedUpload {
        source: QueuedSource::Bytes(Box::new(SMALL.clone())),
        place: None,
        filename: Some("photo.jpg".to_owned()),
        content_type: None,
        cancel: None,
        timeout: None,
        tag: 0,
    };
    queue.add(upload).unwrap();
    for puts in 1..4 {
        until("a PUT is reset", || {
            let all = sandbox.puts();
            all.len() >= puts && all[puts - 1].0["ended"] == "reset"
        });
        thread::sleep(Duration::from_millis(20));
        let start = Instant::now();
        client.network_changed();
        until("the next", || sandbox.puts().len() > puts);
        assert!(start.elapsed() < Duration::from_millis(400), "{:?}", start.elapsed());
    }
    fault.assert_injected(3);
    let attachment = loop {
        let event = queue.next(Some(Duration::from_secs(10))).unwrap().unwrap();
        if let EventKind::Finished(attachment) = event.kind {
            break attachment;
        }
    };
    assert_eq!(attachment.attempts, 4);
}

#[test]
fn row_123_a_wait_that_the_server_asked_for_does_not_end() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let busy = json!({"respond": {"status": 503, "headers": [["Retry-After", "2"]]}});
    let fault = sandbox.on_put(busy);
    let (attachment, took) = meanwhile(
        || upload(&client, &SMALL),
        || {
            until("the refusal", || sandbox.puts().first().is_some_and(|put| put.0["ended"] == "complete"));
            client.network_changed();
        },
    );
    fault.assert_injected(1);
    assert_eq!(attachment.unwrap().attempts, 2);
    assert!(took > Duration::from_millis(1500), "{took:?}");
}

struct Once<'a>(&'a [u8]);

impl Reader for Once<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        io::Read::read(&mut self.0, buffer)
    }
}

fn read_once(client: &Client) -> Result<Attachment, Error> {
    let options = UploadOptions { filename: Some("photo.jpg"), ..UploadOptions::default() };
    let mut reader = Once(&BIG);
    client.upload(Source::Reader { reader: &mut reader, size: BIG.len() as u64 }, options)
}

/// A reader that cannot rewind, and a POST that must not be done twice, end as they would have without it.
#[test]
fn row_124_what_cannot_be_made_anew_is_left_alone() {
    if !alone(here!()) {
        return;
    }
    let stall_timeout = Duration::from_secs(2);
    let sandbox = Sandbox::start();
    assert!(sandbox.requests().is_empty());
    from_first_address();
    let client = Client::new(Config { stall_timeout, ..sandbox.config(false) }).unwrap();
    sandbox.on_put(json!({"slow_read": {"bytes_per_s": 20_000_000}}));
    let switched = || {
        second_address_comes();
        ip("addr del 10.9.9.1/32 dev lo");
        client.network_changed();
    };
    let (result, took) = meanwhile(
        || read_once(&client),
        || {
            until_body(&sandbox, 1_000_000);
            switched();
        },
    );
    let error = result.unwrap_err();
    assert_eq!((error.kind, error.details.attempts), (ErrorKind::Timeout, 1), "{error}");
    assert!(took > Duration::from_millis(1500), "the stall ended it: {took:?}");
    assert_eq!(sandbox.puts().len(), 1);

    sandbox.clear_faults();
    from_first_address();
    sandbox.plant(json!({"side": "api", "method": "POST", "fault": {"no_answer": true}}));
    let post = Request {
        method: "POST",
        path: "/v3/chats",
        json: Some("{}"),
        idempotency_key: None,
        repeatable: false,
    };
    let posts = sandbox.requests_to("api", "POST").len();
    let (result, took) = meanwhile(
        || client.send_request(post, Default::default()),
        || {
            until("it waits", || sandbox.requests_to("api", "POST").len() > posts);
            switched();
        },
    );
    assert_eq!(result.unwrap_err().kind, ErrorKind::Timeout);
    assert!(took > Duration::from_millis(1500), "the stall ended it: {took:?}");
    assert_eq!(sandbox.requests_to("api", "POST").len() - posts, 1);
}

/// Threads that say it all the time, also in a callback of the upload.
#[test]
fn row_124_any_number_of_times_from_anywhere() {
    let sandbox = Sandbox::start();
    let client = Arc::new(sandbox.client(true));
    let inside = client.clone();
    let options = UploadOptions {
        filename: Some("photo.jpg"),
        progress: Some(Box::new(move |_, _| {
            inside.network_changed();
            true
        })),
        ..UploadOptions::default()
    };
    let done = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    client.network_changed();
                }
            });
        }
        // SAFETY of time: a call of a microsecond or so each, while an upload goes on.
        let attachment = client.upload(Source::Bytes(&BIG), options);
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(attachment.unwrap().attempts, 1);
    });
    assert_eq!(sandbox.puts().len(), 1);
}
