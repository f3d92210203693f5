//! Cancelled and timed out calls: at once, in every phase, with the right kind, and nothing goes on afterwards.

use std::time::{Duration, Instant};

use linq::{CallOptions, CancelToken, Client, Config, Error, ErrorKind, Progress, Source, UploadOptions};
use serde_json::{Value, json};

use crate::common::{BOTH, Sandbox, assert_took, jpeg, upload_with};

/// Where a call can be stuck.
fn phases() -> Vec<(&'static str, Value)> {
    let put = |fault: Value| json!({"side": "storage", "method": "PUT", "fault": fault});
    vec![
        ("connecting", json!({"side": "api", "on": "connect", "times": 0, "fault": {"connect": "silent"}})),
        ("waiting for the API", json!({"side": "api", "method": "POST", "fault": {"no_answer": true}})),
        ("sending", put(json!({"stall_after": 100_000}))),
        ("waiting for the storage", put(json!({"no_answer": true}))),
        (
            "reading an answer",
            put(json!({"respond": {"status": 403, "body": "x".repeat(999), "drip_ms": 100}})),
        ),
        (
            "waiting to try again",
            put(json!({"respond": {"status": 503, "headers": [["Retry-After", "20"]]}})),
        ),
    ]
}

/// Gets a call stuck in each phase, plain and TLS, and hands it to `check`.
fn in_every_phase(check: impl Fn(&str, &Client, &dyn Fn()) + Sync) {
    std::thread::scope(|scope| {
        for (phase, spec) in phases() {
            let check = &check;
            scope.spawn(move || {
                for tls in BOTH {
                    let sandbox = Sandbox::start();
                    let fault = sandbox.plant(spec.clone());
                    let stuck = || {
                        while fault.injected() == 0 {
                            std::thread::sleep(Duration::from_millis(2));
                        }
                        std::thread::sleep(Duration::from_millis(400)); // the first TLS connection reads the certificates
                    };
                    check(&format!("{phase}, TLS {tls}"), &sandbox.client(tls), &stuck);
                    fault.assert_injected(1);
                    let puts = sandbox.puts().len();
                    assert!(puts <= 1, "{phase}: {puts} PUTs");
                }
            });
        }
    });
}

const SIZE: usize = 20 << 20;

/// No more than it takes to get stuck there.
fn bytes_for<'a>(phase: &str, all: &'a [u8]) -> &'a [u8] {
    if phase.starts_with("sending") { all } else { &all[..1000] }
}

#[test]
fn cancelling_ends_a_call_at_once_in_every_phase() {
    let bytes = jpeg(SIZE);
    in_every_phase(|phase, client, stuck| {
        let token = CancelToken::new().unwrap();
        let call = CallOptions { cancel: Some(&token), ..CallOptions::default() };
        let (result, took) = std::thread::scope(|scope| {
            let bytes = bytes_for(phase, &bytes);
            let upload = scope.spawn(move || (upload_with(client, bytes, call), Instant::now()));
            stuck();
            assert!(!upload.is_finished(), "{phase}: it is stuck");
            let began = Instant::now();
            token.cancel();
            let (result, ended) = upload.join().unwrap();
            (result, ended.duration_since(began))
        });
        let error = result.expect_err(phase);
        assert_eq!(error.kind, ErrorKind::Cancelled, "{phase}: {error}");
        assert!(error.message.contains("the call was cancelled"), "{phase}: {error}");
        assert!(!error.details.retryable);
        // 10 ms is promised, and measured where nothing else runs.
        assert!(took < Duration::from_secs(3), "{phase}: {took:?}");
    });
}

/// Long enough for every phase to be reached on a busy machine.
#[test]
fn the_deadline_ends_a_call_in_every_phase() {
    let bytes = jpeg(SIZE);
    in_every_phase(|phase, client, _| {
        let timeout = Duration::from_secs(3);
        let call = CallOptions { timeout: Some(timeout), ..CallOptions::default() };
        let began = Instant::now();
        let error = upload_with(client, bytes_for(phase, &bytes), call).expect_err(phase);
        if phase.starts_with("waiting to try again") {
            // A wait that would pass the deadline is not begun.
            assert_eq!(error.kind, ErrorKind::Storage, "{phase}: {error}");
            assert!(
                error.message.ends_with("(the call's timeout leaves no time for another attempt)"),
                "{error}"
            );
            assert_eq!(error.details.retry_after, Some(Duration::from_secs(20)));
            assert!(began.elapsed() < timeout, "{phase}");
        } else {
            assert_eq!(error.kind, ErrorKind::Timeout, "{phase}: {error}");
            assert!(error.message.contains("the call's timeout of 3000 ms passed"), "{phase}: {error}");
            // 50 ms is promised, and measured where nothing else runs.
            assert_took(began, 3000..6000);
        }
    });
}

#[test]
fn a_token_that_is_cancelled_before_ends_every_call_before_the_network() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let token = CancelToken::new().unwrap();
    token.cancel();
    let call = CallOptions { cancel: Some(&token), ..CallOptions::default() };
    let id = "550e8400-e29b-41d4-a716-446655440000";
    let errors: [Error; 3] = [
        upload_with(&client, &jpeg(1000), call).unwrap_err(),
        client.attachment(id, call).unwrap_err(),
        client.delete_attachment(id, call).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind, ErrorKind::Cancelled);
        assert!(error.message.ends_with("the call was cancelled"), "{error}");
    }
    assert_eq!(sandbox.accepted("api"), 0);
    assert!(upload_with(&client, &jpeg(1000), CallOptions::default()).is_ok(), "the client is as before");
}

#[test]
fn progress_cancels() {
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let bytes = jpeg(SIZE);
        let fault = sandbox.on_put(json!({"slow_read": {"bytes_per_s": 20 << 20}}));
        let progress: Progress = Box::new(|sent, _| sent < 1 << 20);
        let options = UploadOptions {
            filename: Some("photo.jpg"),
            progress: Some(progress),
            ..UploadOptions::default()
        };
        let error = sandbox.client(tls).upload(Source::Bytes(&bytes), options).unwrap_err();
        fault.assert_injected(1);
        assert_eq!(error.kind, ErrorKind::Cancelled);
        assert!(error.message.ends_with("the progress callback cancelled the call"), "{error}");
        assert_eq!(error.details.attempts, 1);
        sandbox.assert_nothing_stored();
        assert_eq!(sandbox.puts().len(), 1);
    }
}

#[test]
fn a_cancelled_connection_is_not_used_again() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let bytes = jpeg(SIZE);
    let fault = sandbox.on_put(json!({"stall_after": 100_000}));
    let call = CallOptions { timeout: Some(Duration::from_secs(2)), ..CallOptions::default() };
    upload_with(&client, &bytes, call).unwrap_err();
    fault.assert_injected(1);
    sandbox.clear_faults();
    let attachment = upload_with(&client, &bytes, CallOptions::default()).unwrap();
    assert_eq!(attachment.attempts, 1);
    sandbox.assert_stored(&attachment, &bytes);
    let puts = sandbox.puts();
    assert_ne!(puts[0].number("connection"), puts[1].number("connection"));
}

#[test]
fn a_stall_is_a_timeout_and_a_slow_link_is_not() {
    let bytes = &jpeg(SIZE);
    std::thread::scope(|scope| {
        for tls in BOTH {
            scope.spawn(move || stall_then_slow(tls, bytes));
        }
    });
}

fn stall_then_slow(tls: bool, bytes: &[u8]) {
    let sandbox = Sandbox::start();
    let stall_timeout = Duration::from_secs(2);
    let client = Client::new(Config { stall_timeout, max_attempts: 1, ..sandbox.config(tls) }).unwrap();
    let fault = sandbox.on_put(json!({"stall_after": 100_000}));
    let began = Instant::now();
    let error = upload_with(&client, bytes, CallOptions::default()).unwrap_err();
    assert_took(began, 2000..8000);
    fault.assert_injected(1);
    let host = if tls { "localhost" } else { "127.0.0.1" };
    let expected = format!("uploading photo.jpg: nothing moved between here and {host} for 2 s");
    assert_eq!((error.kind, &*error.message), (ErrorKind::Timeout, &*expected));
    assert!(error.details.retryable && error.details.attachment_id.is_some());
    sandbox.clear_faults();

    // Never two seconds without a byte, but longer in all.
    let bytes = &bytes[..1 << 20];
    let fault = sandbox.on_put(json!({"slow_read": {"bytes_per_s": 300 << 10}}));
    let began = Instant::now();
    let attachment = upload_with(&client, bytes, CallOptions::default()).unwrap();
    fault.assert_injected(1);
    assert!(began.elapsed() > stall_timeout, "the link was slow");
    sandbox.assert_stored(&attachment, bytes);
}

/// Refused, and cancelled or out of time while it waits to try again.
#[test]
fn what_was_known_is_told_where_the_call_ends_between_attempts() {
    let sandbox = Sandbox::start();
    let slow_down = json!({"status": 503, "code": "SlowDown", "headers": [["Retry-After", "30"]]});
    let token = CancelToken::new().unwrap();
    let fault = sandbox.on_put(json!({"respond": slow_down}));
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            while sandbox.puts().first().is_none_or(|put| put.0["status"].is_null()) {
                std::thread::sleep(Duration::from_millis(10));
            }
            std::thread::sleep(Duration::from_millis(100));
            token.cancel();
        });
        let call = CallOptions { cancel: Some(&token), ..CallOptions::default() };
        upload_with(&sandbox.client(false), &jpeg(1000), call).unwrap_err()
    });
    fault.assert_injected(1);
    assert_eq!((error.kind, error.details.retryable), (ErrorKind::Cancelled, false), "{error}");
    let details = &error.details;
    assert_eq!(
        (details.http_status, details.storage_code.as_deref()),
        (Some(503), Some("SlowDown")),
        "{error}"
    );
    assert_eq!(details.attachment_id.as_deref(), Some(sandbox.puts()[0].attachment_id()));
    assert!(details.storage_request_id.is_some());
}
