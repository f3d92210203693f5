//! Connections: made once, kept, replaced when they died, never shared by two requests at a time.

#[path = "common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use common::{BOTH, Sandbox, jpeg, upload};
use linq::{CallOptions, Client, Config};
use serde_json::{Value, json};

fn listeners(tls: bool) -> [&'static str; 2] {
    if tls { ["api_tls", "storage_tls"] } else { ["api", "storage"] }
}

fn accepted(sandbox: &Sandbox, tls: bool) -> [u64; 2] {
    listeners(tls).map(|listener| sandbox.accepted(listener))
}

#[test]
fn a_thousand_uploads_make_two_connections() {
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        let count = if tls { 200 } else { 1000 };
        for n in 0..count {
            let attachment = upload(&client, &jpeg(1000 + n)).unwrap();
            assert_eq!(attachment.attempts, 1);
        }
        assert_eq!(accepted(&sandbox, tls), [1, 1], "TLS {tls}");
        let objects = sandbox.objects();
        assert_eq!(objects.len(), count);
        for (n, object) in objects.iter().enumerate() {
            assert_eq!(object["sha256"], common::sha256(&jpeg(1000 + n)), "{n}");
            assert_eq!(object["puts"], 1);
        }
    }
}

#[test]
fn every_kind_of_call_shares_the_connection() {
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        for _ in 0..5 {
            let id = upload(&client, &jpeg(10)).unwrap().attachment_id;
            client.attachment(&id, CallOptions::default()).unwrap();
            client.delete_attachment(&id, CallOptions::default()).unwrap();
            client.attachment(&id, CallOptions::default()).unwrap_err();
        }
        assert_eq!(accepted(&sandbox, tls), [1, 1], "a refusal that was read does not end a connection");
    }
}

#[test]
fn a_pooled_connection_that_died_is_replaced_at_once_and_costs_no_attempt() {
    let bytes = jpeg(300_000);
    for fault in [
        json!({"close_idle": true}),
        json!({"rst_idle": true}),
        json!({"close_on_next": true}),
        json!({"close_idle": true, "no_close_notify": true}),
        json!({"close_on_next": true, "no_close_notify": true}),
    ] {
        let mut at_once = false;
        for tls in BOTH {
            for (side, method) in [("api", "POST"), ("storage", "PUT")] {
                let case = format!("{side} {fault} TLS {tls}");
                let sandbox = Sandbox::start();
                // No second attempt is allowed, and none is needed.
                let client = sandbox.client_once(tls);
                let planted = sandbox.plant(json!({"side": side, "method": method, "fault": fault}));
                upload(&client, &bytes).unwrap_or_else(|e| panic!("{case}, before: {e}"));
                planted.assert_injected(1);
                std::thread::sleep(Duration::from_millis(100));
                let began = Instant::now();
                let attachment = upload(&client, &bytes).unwrap_or_else(|e| panic!("{case}: {e}"));
                let took = began.elapsed();
                assert_eq!(attachment.attempts, 1, "{case}");
                sandbox.assert_stored(&attachment, &bytes);
                let expected = if side == "api" { [2, 1] } else { [1, 2] };
                assert_eq!(accepted(&sandbox, tls), expected, "{case}");
                assert_eq!(sandbox.objects().len(), 2, "{case}");
                // A busy machine takes longer for any upload, and holds up some more than others: one of four counts.
                let began = Instant::now();
                upload(&client, &bytes).unwrap_or_else(|e| panic!("{case}, after: {e}"));
                at_once |= took < 2 * began.elapsed() + Duration::from_millis(300);
            }
        }
        assert!(at_once, "{fault}");
    }
}

/// A pooled connection may die while a request is on it, before the answer's first byte. That is replaced too, but
/// only once: a server that does it again is a failed attempt.
#[test]
fn a_connection_is_replaced_once() {
    let sandbox = Sandbox::start();
    let client = sandbox.client_once(false);
    let bytes = jpeg(1000);
    upload(&client, &bytes).unwrap();
    let fault = sandbox.plant(json!({"side": "storage", "times": 0, "fault": {"close_after": 0}}));
    let error = upload(&client, &bytes).unwrap_err();
    fault.assert_injected(2);
    assert_eq!((error.kind, error.details.attempts), (linq::ErrorKind::Network, 1), "{error}");
    assert_eq!(accepted(&sandbox, false), [1, 2]);
}

/// Once the answer has begun, the request arrived: sent again, it might be done twice.
#[test]
fn a_connection_that_dies_after_the_first_byte_of_an_answer_is_not_replaced() {
    let bytes = jpeg(1000);
    for tls in BOTH {
        for raw in ["H", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Le"] {
            let sandbox = Sandbox::start();
            let client = sandbox.client_once(tls);
            upload(&client, &bytes).unwrap();
            let fault = sandbox.on_put(json!({"respond": {"raw": raw, "then": "close"}}));
            let error = upload(&client, &bytes).unwrap_err();
            fault.assert_injected(1);
            let case = format!("{raw:?}, TLS {tls}: {error}");
            assert_eq!((error.kind, error.details.attempts), (linq::ErrorKind::Network, 1), "{case}");
            assert!(error.message.ends_with("closed the connection in the middle of its answer"), "{case}");
            assert_eq!((sandbox.puts().len(), accepted(&sandbox, tls)), (2, [1, 1]), "{case}");
        }
    }
}

/// S3 closes idle connections at five seconds.
#[test]
fn a_connection_that_was_idle_for_four_seconds_is_not_used_again() {
    std::thread::scope(|scope| {
        for (idle, expected) in [(2500, [1, 1]), (4200, [2, 2])] {
            scope.spawn(move || {
                let sandbox = Sandbox::start();
                let client = sandbox.client(false);
                upload(&client, &jpeg(10)).unwrap();
                std::thread::sleep(Duration::from_millis(idle));
                upload(&client, &jpeg(10)).unwrap();
                let found = accepted(&sandbox, false);
                assert_eq!(found[1], expected[1], "the storage after {idle} ms");
                assert!(found[0] <= expected[0], "the API after {idle} ms: {found:?}");
            });
        }
    });
}

/// The storage's own end comes first here: uploads find a connection that is just being closed. It would close a new
/// one too that has no request in time, so that time is more than a busy machine takes for one.
#[test]
fn a_storage_that_closes_idle_connections_is_no_error() {
    for tls in BOTH {
        let sandbox = Sandbox::start_with(&["--storage-idle-ms", "500"]);
        let client = sandbox.client_once(tls);
        for wait in [0, 498, 499, 500, 501, 502, 540] {
            std::thread::sleep(Duration::from_millis(wait));
            let bytes = jpeg(20_000 + wait as usize);
            let attachment = upload(&client, &bytes).unwrap();
            assert_eq!(attachment.attempts, 1);
            sandbox.assert_stored(&attachment, &bytes);
        }
        assert_eq!(accepted(&sandbox, tls)[0], 1);
    }
}

#[test]
fn thirty_two_threads_share_a_client() {
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        let size = |thread: usize, n: usize| 10_000 * (thread + 1) + n;
        std::thread::scope(|scope| {
            for thread in 0..32 {
                let (client, sandbox) = (&client, &sandbox);
                scope.spawn(move || {
                    let uploads: Vec<_> = (0..5)
                        .map(|n| {
                            let bytes = jpeg(size(thread, n));
                            let attachment = upload(client, &bytes).unwrap();
                            assert_eq!(attachment.attempts, 1, "{attachment:?}");
                            (attachment, bytes)
                        })
                        .collect();
                    for (attachment, bytes) in uploads {
                        sandbox.assert_stored(&attachment, &bytes);
                    }
                });
            }
        });
        assert_eq!((sandbox.objects().len(), sandbox.puts().len()), (160, 160));
        for count in accepted(&sandbox, tls) {
            assert!(count <= 32 * 5 / 2, "connections are shared: {count}");
        }
    }
}

#[test]
fn a_client_that_goes_away_closes_its_connections() {
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        upload(&client, &jpeg(10)).unwrap();
        let open = || listeners(tls).map(|listener| sandbox.counter(listener, "open"));
        assert_eq!(open(), [1, 1]);
        drop(client);
        let began = Instant::now();
        while open() != [0, 0] {
            assert!(began.elapsed() < Duration::from_secs(10), "{:?} are open", open());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// What the server says about a connection counts.
#[test]
fn a_connection_is_not_kept_after_connection_close() {
    let sandbox = Sandbox::start();
    let client = Client::new(Config { max_attempts: 1, ..sandbox.config(false) }).unwrap();
    let close = |fault: Value| sandbox.plant(json!({"side": "storage", "method": "PUT", "fault": fault}));
    let fault = close(json!({"set_headers": [["Connection", "close"]]}));
    upload(&client, &jpeg(10)).unwrap();
    fault.assert_injected(1);
    upload(&client, &jpeg(10)).unwrap();
    assert_eq!(accepted(&sandbox, false), [1, 2]);
}
