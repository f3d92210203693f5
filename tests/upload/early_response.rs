//! Answers that come before the body is sent: always delivered, never tried to be written past.

use linq::ErrorKind;
use serde_json::json;

use crate::common::{BOTH, Sandbox, jpeg, upload};

const SIZE: usize = 30 << 20;

#[test]
fn an_early_refusal_is_what_the_caller_gets_whatever_becomes_of_the_connection() {
    let bytes = jpeg(SIZE);
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        for then in ["close", "reset", "half_close", "keep_open", "drain"] {
            for after in [0, 1, 100_000, 5 << 20] {
                let early =
                    json!({"after": after, "status": 403, "code": "SignatureDoesNotMatch", "then": then});
                let fault = sandbox.on_put(json!({"early": early}));
                let error = upload(&client, &bytes).unwrap_err();
                let case = format!("{then} after {after} bytes, TLS {tls}");
                fault.assert_injected(1);
                assert_eq!(error.kind, ErrorKind::Storage, "{case}: {error}");
                let host = if tls { "localhost" } else { "127.0.0.1" };
                let expected = format!(
                    "uploading photo.jpg: the storage at {host} refused with status 403 SignatureDoesNotMatch: \
                     made up by a fault"
                );
                assert_eq!(error.message, expected, "{case}");
                let details = &error.details;
                assert_eq!(details.http_status, Some(403), "{case}");
                assert_eq!(details.storage_code.as_deref(), Some("SignatureDoesNotMatch"), "{case}");
                assert!(details.storage_request_id.is_some() && details.storage_id_2.is_some(), "{case}");
                assert_eq!((details.attempts, details.retryable), (1, false), "{case}");
            }
        }
        // What was sent after the answer is what lay in buffers, not the file.
        for put in sandbox.puts() {
            assert!(put.number("body_bytes") < SIZE as u64 / 2, "{put:?}");
        }
        let connections: std::collections::HashSet<_> =
            sandbox.puts().iter().map(|put| put.number("connection")).collect();
        assert_eq!(connections.len(), 20, "a connection with half a body on it is not used again");
        sandbox.clear_faults();
        sandbox.assert_only(&upload(&client, &bytes).unwrap(), &bytes);
    }
}

#[test]
fn an_early_503_is_tried_again() {
    let bytes = jpeg(SIZE);
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let early = json!({"after": 70_000, "status": 503, "code": "ServiceUnavailable", "then": "reset",
                           "headers": [["Retry-After", "0"]]});
        let fault = sandbox.on_put(json!({"early": early}));
        let attachment = upload(&sandbox.client(tls), &bytes).unwrap();
        fault.assert_injected(1);
        assert_eq!(attachment.attempts, 2);
        sandbox.assert_only(&attachment, &bytes);
    }
}

#[test]
fn interim_answers_answer_nothing() {
    let bytes = jpeg(5 << 20);
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        for fault in [
            json!({"late_100": 20}),
            json!({"two_100": true}),
            json!({"interim": [102, 103]}),
            json!({"interim": [103], "drip_ms": 1}),
        ] {
            let planted = sandbox.on_put(fault.clone());
            let attachment = upload(&client, &bytes).unwrap_or_else(|e| panic!("{fault}: {e}"));
            planted.assert_injected(1);
            assert_eq!(attachment.attempts, 1, "{fault}");
            sandbox.assert_stored(&attachment, &bytes);
        }
        assert_eq!(sandbox.puts().len(), 4);
    }
}
