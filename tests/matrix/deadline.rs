//! Row 54: the deadline of the call, in every phase.

use std::time::Duration;

use linq::{CallOptions, Client, Config, ErrorKind};
use serde_json::{Value, json};

use crate::common::{Sandbox, jpeg, takes, upload_with};
use crate::support::{BIG, assert_is, each, failed, port};

const DEADLINE: Duration = Duration::from_millis(600);

/// A phase that would last for ever, and what a message says was being done.
fn phases() -> Vec<(&'static str, Value)> {
    let connect =
        |side: &str| json!({"side": side, "on": "connect", "times": 0, "fault": {"connect": "silent"}});
    let request = |side: &str, fault: Value| json!({"side": side, "times": 0, "fault": fault});
    vec![
        ("TLS to the API", connect("api_tls")),
        ("the reservation's answer", request("api", json!({"no_answer": true}))),
        ("the reservation's answer, dripping", request("api", json!({"drip_ms": 20}))),
        ("TLS to the storage", connect("storage_tls")),
        ("sending", request("storage", json!({"stall_after": 100_000}))),
        ("sending slowly", request("storage", json!({"slow_read": {"bytes_per_s": 1_000_000}}))),
        ("the storage's answer", request("storage", json!({"no_answer": true}))),
    ]
}

/// Exact in every phase; tests/timing has DNS and the waits too.
#[test]
fn row_54_the_deadline_in_each_phase() {
    each(&phases(), |(phase, fault)| {
        for tls in [false, true] {
            if !tls && phase.starts_with("TLS") {
                continue;
            }
            let sandbox = Sandbox::start();
            let fault = sandbox.plant(fault.clone());
            let client = sandbox.client(tls);
            let bytes = if phase.starts_with("sending") { &BIG[..] } else { &BIG[..1000] };
            let error = takes(600..800, || {
                let call = CallOptions { timeout: Some(DEADLINE), ..CallOptions::default() };
                failed(&sandbox, upload_with(&client, bytes, call))
            });
            assert!(fault.injected() > 0, "{phase}");
            assert_is(&error, ErrorKind::Timeout, None, 1, true);
            assert!(error.message.ends_with(": the call's timeout of 600 ms passed"), "{phase}: {error}");
            if !phase.contains("the storage's answer") {
                sandbox.assert_nothing_stored();
            }
        }
    });
}

#[test]
fn row_54_the_deadline_while_connecting() {
    let sandbox = Sandbox::start();
    for scheme in ["http", "https"] {
        let hole = port(&sandbox.get("black_hole"));
        let base_url = Some(format!("{scheme}://127.0.0.1:{hole}/api/partner"));
        let client = Client::new(Config { base_url, ..sandbox.config(true) }).unwrap();
        let call = CallOptions { timeout: Some(DEADLINE), ..CallOptions::default() };
        let error = takes(600..800, || failed(&sandbox, upload_with(&client, &jpeg(1000), call)));
        assert_is(&error, ErrorKind::Timeout, None, 1, true);
    }
}

/// The first cause is reported beside the deadline; a wait past it is not begun.
#[test]
fn row_54_the_first_cause_is_kept() {
    let sandbox = Sandbox::start();
    let call = CallOptions { timeout: Some(Duration::from_millis(800)), ..CallOptions::default() };
    let first =
        sandbox.on_reserve(json!({"respond": {"status": 503, "headers": [["Retry-After-Ms", "100"]]}}));
    let second = sandbox.on_reserve(json!({"no_answer": true}));
    let error = failed(&sandbox, upload_with(&sandbox.client(false), &jpeg(1000), call));
    first.assert_injected(1);
    second.assert_injected(1);
    assert_is(&error, ErrorKind::Timeout, Some(503), 2, true);
    assert!(
        error.message.contains(
            "the call's timeout of 800 ms passed (after 2 attempts; the first attempt failed with: "
        ),
        "{error}"
    );
    assert!(error.message.contains("Linq refused with status 503"), "{error}");

    let error = takes(0..500, || {
        let fault =
            sandbox.on_reserve(json!({"respond": {"status": 503, "headers": [["Retry-After", "5"]]}}));
        let error = failed(&sandbox, upload_with(&sandbox.client(false), &jpeg(1000), call));
        fault.assert_injected(1);
        error
    });
    assert_is(&error, ErrorKind::Api, Some(503), 1, true);
    assert_eq!(error.details.retry_after, Some(Duration::from_secs(5)));
    assert!(error.message.ends_with("(the call's timeout leaves no time for another attempt)"), "{error}");
}
