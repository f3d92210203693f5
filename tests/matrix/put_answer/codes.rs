//! Rows 46 and 48 to 50: S3's refusals, each by its code.

use std::time::{Duration, Instant};

use linq::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::common::{Sandbox, assert_took, jpeg, upload};
use crate::support::{assert_is, assert_stored_after, both, failed, s3};

/// What one attempt makes of this answer.
fn refused(sandbox: &Sandbox, tls: bool, respond: &Value) -> Error {
    let fault = sandbox.on_put(json!({"respond": respond}));
    let error = failed(sandbox, upload(&sandbox.client_once(tls), &jpeg(50_000)));
    fault.assert_injected(1);
    error
}

/// Final: one attempt, although more are allowed; the code, the message and both of S3's ids reach the caller.
fn assert_final(sandbox: &Sandbox, tls: bool, status: u16, code: &str) {
    let (puts, reservations) = (sandbox.puts().len(), sandbox.reservations().len());
    let fault = sandbox.on_put(json!({"respond": s3(status, code, "What S3 says.")}));
    let error = failed(sandbox, upload(&sandbox.client(tls), &jpeg(50_000)));
    fault.assert_injected(1);
    assert_is(&error, ErrorKind::Storage, Some(status), 1, false);
    assert_eq!(error.details.storage_code.as_deref(), Some(code));
    let host = if tls { "localhost" } else { "127.0.0.1" };
    let message = format!(
        "uploading photo.jpg: the storage at {host} refused with status {status} {code}: What S3 says."
    );
    assert_eq!(error.message, message);
    assert!(error.details.storage_request_id.is_some_and(|id| !id.is_empty()), "{code}: S3's request id");
    assert!(error.details.storage_id_2.is_some_and(|id| !id.is_empty()), "{code}: S3's second id");
    assert_eq!(sandbox.puts().len(), puts + 1, "{code} is final");
    assert_eq!(sandbox.reservations().len(), reservations + 1);
}

/// Transient: the first attempt alone would say so; a second one succeeds and sends everything again.
fn assert_transient(sandbox: &Sandbox, tls: bool, respond: &Value, code: Option<&str>) {
    let error = refused(sandbox, tls, respond);
    let status = respond["status"].as_u64().map(|status| status as u16);
    assert_is(&error, ErrorKind::Storage, status, 1, true);
    assert_eq!(error.details.storage_code.as_deref(), code);
    let bytes = jpeg(60_000);
    let fault = sandbox.on_put(json!({"respond": respond}));
    let attachment = upload(&sandbox.client(tls), &bytes).unwrap();
    fault.assert_injected(1);
    assert_eq!(attachment.attempts, 2, "{respond}");
    sandbox.assert_stored(&attachment, &bytes);
}

/// S3 may answer 200 before it knows whether it worked.
#[test]
fn row_46_error_in_a_success() {
    both(|tls| {
        let sandbox = Sandbox::start();
        for (code, retryable) in [("InternalError", true), ("SlowDown", true), ("AccessDenied", false)] {
            let error = refused(&sandbox, tls, &s3(200, code, "We failed."));
            assert_is(&error, ErrorKind::Storage, Some(200), 1, retryable);
            assert_eq!(error.details.storage_code.as_deref(), Some(code));
            assert!(error.message.ends_with(&format!("status 200 {code}: We failed.")), "{error}");
        }
        sandbox.assert_nothing_stored();
        assert_transient(&sandbox, tls, &s3(200, "InternalError", "We failed."), Some("InternalError"));
    });
}

#[test]
fn row_48_refusals_of_the_signature_are_final() {
    both(|tls| {
        let sandbox = Sandbox::start();
        for code in ["SignatureDoesNotMatch", "AccessDenied", "HeadersNotSigned"] {
            assert_final(&sandbox, tls, 403, code);
        }
        // InvalidToken and a skewed clock: neither means an expired URL.
        assert_final(&sandbox, tls, 400, "InvalidToken");
        assert_final(&sandbox, tls, 403, "RequestTimeTooSkewed");
        sandbox.assert_nothing_stored();
    });
}

/// Not only made up: the real S3 server refuses bytes of another type than was signed.
#[test]
fn row_48_the_server_itself_refuses_a_wrong_signature() {
    both(|tls| {
        let sandbox = Sandbox::start();
        let headers = json!({"Content-Type": "image/png", "Content-Length": "50000"});
        let lie = sandbox.on_reserve(json!({"merge": {"required_headers": headers}}));
        let error = failed(&sandbox, upload(&sandbox.client(tls), &jpeg(50_000)));
        lie.assert_injected(1);
        assert_is(&error, ErrorKind::Storage, Some(403), 1, false);
        assert_eq!(error.details.storage_code.as_deref(), Some("SignatureDoesNotMatch"));
        assert!(error.details.storage_request_id.is_some());
        sandbox.assert_nothing_stored();
    });
}

#[test]
fn row_49_transient_refusals_are_tried_again() {
    both(|tls| {
        let sandbox = Sandbox::start();
        let table = [
            (400, "RequestTimeout"),
            (400, "IncompleteBody"),
            (500, "InternalError"),
            (503, "ServiceUnavailable"),
            (409, "OperationAborted"),
            (409, "ConditionalRequestConflict"),
        ];
        for (status, code) in table {
            assert_transient(&sandbox, tls, &s3(status, code, "Please try again."), Some(code));
        }
        for status in [408, 502, 504, 520, 521, 522, 523, 524] {
            let gateway = json!({"status": status, "body": "<html><h1>Bad Gateway</h1></html>"});
            assert_transient(&sandbox, tls, &gateway, None);
        }
    });
}

/// Throttling waits longer: full jitter over 1 s, then 2 s, instead of 0.5 s and 1 s.
#[test]
fn row_49_slow_down_uses_the_throttle_base() {
    let mut longest = Duration::ZERO;
    for round in 0..24 {
        let sandbox = Sandbox::start();
        let bytes = jpeg(1000);
        let slow_down = json!({"side": "storage", "times": 2,
            "fault": {"respond": s3(503, "SlowDown", "Reduce your request rate.")}});
        let fault = sandbox.plant(slow_down);
        let began = Instant::now();
        let attachment = upload(&sandbox.client(round % 2 == 1), &bytes).unwrap();
        longest = longest.max(began.elapsed());
        fault.assert_injected(2);
        assert_stored_after(&sandbox, 3, &attachment, &bytes);
        assert_took(began, 0..8000);
        if longest > Duration::from_millis(1700) {
            return; // by chance in 4 of 10 rounds; with the usual base two waits are 1.5 s at most
        }
    }
    panic!("the longest two waits of 24 rounds were {longest:?}");
}

#[test]
fn row_50_final_refusals() {
    both(|tls| {
        let sandbox = Sandbox::start();
        let table = [
            (400, "EntityTooLarge"),
            (400, "BadDigest"),
            (400, "InvalidArgument"),
            (404, "NoSuchBucket"),
            (411, "MissingContentLength"),
            (412, "PreconditionFailed"),
            (501, "NotImplemented"),
            (519, "Unknown"),
            (525, "Unknown"),
        ];
        for (status, code) in table {
            assert_final(&sandbox, tls, status, code);
        }
        sandbox.assert_nothing_stored();
    });
}
