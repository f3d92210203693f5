//! What is tried again, and what is not: statuses, codes and broken connections, end to end.

use linq::{Client, Config, Error, ErrorKind};
use serde_json::{Value, json};

use crate::common::{BOTH, Sandbox, jpeg, upload};

/// Refuses the first reservation or PUT so, and waits no time before the next.
fn refuse_once(side: &str, mut respond: Value) -> Value {
    let headers = respond["headers"].as_array().cloned().unwrap_or_default();
    respond["headers"] = [headers, vec![json!(["Retry-After", "0"])]].concat().into();
    let method = if side == "api" { "POST" } else { "PUT" };
    json!({"side": side, "method": method, "fault": {"respond": respond}})
}

#[test]
fn what_passes_by_itself_is_tried_again() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(100_000));
    let client = sandbox.client(false);
    let again = [["x-should-retry", "true"]];
    let table = [
        ("api", json!({"status": 408})),
        ("api", json!({"status": 429, "code": 1007})),
        ("api", json!({"status": 500, "code": 3006})),
        ("api", json!({"status": 502, "body": "<html>bad gateway</html>"})),
        ("api", json!({"status": 503, "code": 4004})),
        ("api", json!({"status": 504, "code": 3005})),
        ("api", json!({"status": 409, "code": 2009})),
        ("api", json!({"status": 404, "code": 2007})),
        ("api", json!({"status": 400, "code": 1001, "headers": again})),
        ("storage", json!({"status": 500, "code": "InternalError"})),
        ("storage", json!({"status": 503, "code": "SlowDown"})),
        ("storage", json!({"status": 503, "code": "ServiceUnavailable"})),
        ("storage", json!({"status": 502, "body": "<html>bad gateway</html>"})),
        ("storage", json!({"status": 504})),
        ("storage", json!({"status": 400, "code": "RequestTimeout"})),
        ("storage", json!({"status": 400, "code": "IncompleteBody"})),
        ("storage", json!({"status": 200, "code": "InternalError"})),
        ("storage", json!({"status": 200, "code": "SlowDown"})),
        ("storage", json!({"status": 403, "code": "AccessDenied", "headers": again})),
    ];
    for (side, respond) in table {
        let reservations = sandbox.reservations().len();
        let fault = sandbox.plant(refuse_once(side, respond.clone()));
        let attachment = upload(&client, &bytes).unwrap_or_else(|e| panic!("{side} {respond}: {e}"));
        fault.assert_injected(1);
        assert_eq!(attachment.attempts, 2, "{side} {respond}");
        sandbox.assert_stored(&attachment, &bytes);
        // A refused PUT goes to the same place again.
        let more = if side == "api" { 2 } else { 1 };
        assert_eq!(sandbox.reservations().len() - reservations, more, "{side} {respond}");
    }
}

#[test]
fn what_would_be_refused_again_is_asked_once() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(100_000));
    let client = sandbox.client(false);
    let never = [["x-should-retry", "false"]];
    let table = [
        ("api", json!({"status": 400, "code": 1005}), ErrorKind::Api),
        ("api", json!({"status": 401, "code": 2004}), ErrorKind::Unauthorized),
        ("api", json!({"status": 403, "code": 2005}), ErrorKind::Api),
        ("api", json!({"status": 404, "code": 2003}), ErrorKind::NotFound),
        ("api", json!({"status": 409, "code": 2013}), ErrorKind::Api),
        ("api", json!({"status": 409}), ErrorKind::Api),
        ("api", json!({"status": 413, "code": 5001}), ErrorKind::Api),
        ("api", json!({"status": 422, "code": 4005}), ErrorKind::Api),
        ("api", json!({"status": 501}), ErrorKind::Api),
        ("api", json!({"status": 500, "code": 3006, "headers": never}), ErrorKind::Api),
        ("api", json!({"status": 429, "code": 1007, "headers": never}), ErrorKind::RateLimited),
        ("storage", json!({"status": 403, "code": "SignatureDoesNotMatch"}), ErrorKind::Storage),
        ("storage", json!({"status": 403, "code": "AccessDenied"}), ErrorKind::Storage),
        ("storage", json!({"status": 400, "code": "EntityTooLarge"}), ErrorKind::Storage),
        ("storage", json!({"status": 400, "code": "BadDigest"}), ErrorKind::Storage),
        ("storage", json!({"status": 404, "code": "NoSuchBucket"}), ErrorKind::Storage),
        ("storage", json!({"status": 411, "code": "MissingContentLength"}), ErrorKind::Storage),
        ("storage", json!({"status": 412, "code": "PreconditionFailed"}), ErrorKind::Storage),
        ("storage", json!({"status": 501, "code": "NotImplemented"}), ErrorKind::Storage),
        ("storage", json!({"status": 500, "code": "InternalError", "headers": never}), ErrorKind::Storage),
        ("storage", json!({"status": 503, "code": "SlowDown", "headers": never}), ErrorKind::Storage),
    ];
    for (side, respond, kind) in table {
        let before = (sandbox.reservations().len(), sandbox.puts().len());
        let fault = sandbox.plant(refuse_once(side, respond.clone()));
        let error = upload(&client, &bytes).expect_err(&respond.to_string());
        fault.assert_injected(1);
        assert_eq!(error.kind, kind, "{respond}: {error}");
        assert_eq!((error.details.attempts, error.details.retryable), (1, false), "{respond}");
        assert_eq!(error.details.http_status.map(u64::from), respond["status"].as_u64(), "{respond}");
        let made = (sandbox.reservations().len() - before.0, sandbox.puts().len() - before.1);
        assert_eq!(made, (1, usize::from(side == "storage")), "{respond}");
        assert_eq!(error.details.attachment_id.is_some(), side == "storage", "{respond}");
    }
}

#[test]
fn connections_that_break_are_tried_again() {
    let bytes = jpeg(400_000);
    std::thread::scope(|scope| {
        for tls in BOTH {
            for side in ["api", "storage"] {
                let bytes = &bytes;
                scope.spawn(move || {
                    for fault in [
                        json!({"reset_after": -1}),
                        json!({"reset_after": 0}),
                        json!({"reset_after": 10}),
                        json!({"close_after": 10}),
                        json!({"die_before_answer": "close"}),
                        json!({"die_before_answer": "reset"}),
                    ] {
                        let sandbox = Sandbox::start();
                        let method = if side == "api" { "POST" } else { "PUT" };
                        let case = format!("{side} {fault} TLS {tls}");
                        let planted = sandbox.plant(json!({"side": side, "method": method, "fault": fault}));
                        let attachment =
                            upload(&sandbox.client(tls), bytes).unwrap_or_else(|e| panic!("{case}: {e}"));
                        planted.assert_injected(1);
                        assert_eq!(attachment.attempts, 2, "{case} {:?}", sandbox.requests());
                        sandbox.assert_only(&attachment, bytes);
                    }
                });
            }
        }
    });
}

#[test]
fn a_connection_that_breaks_anywhere_in_the_body_costs_one_attempt() {
    let bytes = jpeg(400_000);
    let sandbox = Sandbox::start();
    for at in [1, 16 * 1024, 200_000, 399_999] {
        let fault = sandbox.on_put(json!({"reset_after": at}));
        // A client of its own: a pooled connection would be replaced, and cost no attempt.
        let attachment = upload(&sandbox.client(true), &bytes).unwrap();
        fault.assert_injected(1);
        assert_eq!(attachment.attempts, 2, "{at}");
        sandbox.assert_stored(&attachment, &bytes);
    }
}

fn always_503(sandbox: &Sandbox, client: &Client) -> (Error, usize) {
    let respond = json!({"status": 503, "code": "ServiceUnavailable", "headers": [["Retry-After", "0"]]});
    let fault =
        sandbox.plant(json!({"side": "storage", "method": "PUT", "times": 0, "fault": {"respond": respond}}));
    let error = upload(client, &jpeg(1000)).unwrap_err();
    (error, fault.injected() as usize)
}

#[test]
fn attempts_end_and_all_are_counted() {
    let sandbox = Sandbox::start();
    let (error, puts) = always_503(&sandbox, &sandbox.client(false));
    let expected = "uploading photo.jpg: the storage at 127.0.0.1 refused with status 503 ServiceUnavailable: made up \
                    by a fault (after 4 attempts)";
    assert_eq!((error.kind, &*error.message), (ErrorKind::Storage, expected));
    assert_eq!((error.details.attempts, error.details.retryable, puts), (4, true, 4));
    assert_eq!(sandbox.reservations().len(), 1);
}

#[test]
fn one_attempt_is_one_attempt() {
    let sandbox = Sandbox::start();
    let (error, puts) = always_503(&sandbox, &sandbox.client_once(false));
    assert_eq!((error.details.attempts, error.details.retryable, puts), (1, true, 1));
    assert!(error.message.ends_with("made up by a fault"), "{error}");
    assert_eq!(sandbox.requests().len(), 2);
}

#[test]
fn the_first_cause_is_told_beside_the_last() {
    let sandbox = Sandbox::start();
    let zero = [["Retry-After", "0"]];
    sandbox.on_put(json!({"respond": {"status": 503, "code": "SlowDown", "headers": zero}}));
    sandbox.on_put(json!({"respond": {"status": 403, "code": "AccessDenied"}}));
    let error = upload(&sandbox.client(false), &jpeg(1000)).unwrap_err();
    let expected = "uploading photo.jpg: the storage at 127.0.0.1 refused with status 403 AccessDenied: made up by a \
                    fault (after 2 attempts; the first attempt failed with: uploading photo.jpg: the storage at 127.0.0.1 \
                    refused with status 503 SlowDown: made up by a fault)";
    assert_eq!((error.kind, &*error.message), (ErrorKind::Storage, expected));
    assert_eq!((error.details.http_status, error.details.attempts), (Some(403), 2));
}

/// 100 further attempts are what a client has; then calls end after one.
#[test]
fn a_failing_service_is_not_flooded() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let respond = json!({"status": 503, "headers": [["Retry-After", "0"]]});
    let fault =
        sandbox.plant(json!({"side": "api", "method": "POST", "times": 0, "fault": {"respond": respond}}));
    let errors: Vec<_> = (0..60).map(|_| upload(&client, &jpeg(10)).unwrap_err()).collect();
    assert_eq!(fault.injected(), 160);
    let last = errors.last().unwrap();
    assert_eq!((last.kind, last.details.attempts), (ErrorKind::Api, 1));
    assert!(
        last.message.ends_with("(not tried again: too many calls of this client failed lately)"),
        "{last}"
    );
    // Another client has its own budget.
    let error = upload(&Client::new(Config { max_attempts: 2, ..sandbox.config(false) }).unwrap(), &jpeg(10));
    assert_eq!(error.unwrap_err().details.attempts, 2);
}
