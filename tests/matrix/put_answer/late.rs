//! Rows 51 and 52: the answer comes late, or not at all.

use std::time::{Duration, Instant};

use linq::{Client, Config, ErrorKind};
use serde_json::{Value, json};

use crate::common::{Sandbox, assert_took, jpeg, upload};
use crate::support::{assert_is, assert_stored_after, both, each, failed, stalling};

/// As one in a thousand of S3's answers is.
#[test]
fn row_51_answer_six_seconds_late() {
    both(|tls| {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(300_000));
        let fault = sandbox.on_put(json!({"delay_ms": 6000}));
        let began = Instant::now();
        let attachment = upload(&sandbox.client(tls), &bytes).unwrap();
        assert_took(began, 6000..12_000);
        fault.assert_injected(1);
        assert_stored_after(&sandbox, 1, &attachment, &bytes);
    });
}

#[test]
fn row_51_answer_never() {
    both(|tls| {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(300_000));
        let config = stalling(&sandbox, tls, Duration::from_secs(1));
        let fault = sandbox.on_put(json!({"no_answer": true}));
        let once = Client::new(Config { max_attempts: 1, ..config.clone() }).unwrap();
        let began = Instant::now();
        let error = failed(&sandbox, upload(&once, &bytes));
        assert_took(began, 1000..5000);
        fault.assert_injected(1);
        assert_is(&error, ErrorKind::Timeout, None, 1, true);
        assert!(error.message.starts_with("uploading photo.jpg: nothing moved between here and "), "{error}");

        let fault = sandbox.on_put(json!({"no_answer": true}));
        let attachment = upload(&Client::new(config).unwrap(), &bytes).unwrap();
        fault.assert_injected(1);
        assert_eq!(attachment.attempts, 2);
        sandbox.assert_stored(&attachment, &bytes);
    });
}

/// Everything was sent, perhaps stored; nobody knows. A PUT may be made again.
#[test]
fn row_52_dead_after_the_body() {
    each(&[("close", false), ("close", true), ("reset", false), ("reset", true)], |(how, tls)| {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(300_000));
        let fault = sandbox.on_put(json!({"die_before_answer": how}));
        let error = failed(&sandbox, upload(&sandbox.client_once(*tls), &bytes));
        fault.assert_injected(1);
        assert_is(&error, ErrorKind::Network, None, 1, true);
        assert!(error.message.starts_with("uploading photo.jpg: "), "{error}");
        sandbox.clear_faults();

        let client = sandbox.client(*tls);
        let fault = sandbox.on_put(json!({"die_before_answer": how}));
        let attachment = upload(&client, &bytes).unwrap();
        fault.assert_injected(1);
        assert_eq!(attachment.attempts, 2);
        assert_put_twice(&sandbox, &attachment, &bytes);

        // The same on a connection from the pool looks like one that was dead all along: replaced at no cost.
        let fault = sandbox.on_put(json!({"die_before_answer": how}));
        let attachment = upload(&client, &bytes).unwrap();
        fault.assert_injected(1);
        assert_eq!(attachment.attempts, 1);
        assert_put_twice(&sandbox, &attachment, &bytes);
    });
}

/// Stored twice under one name is one object, with these bytes.
#[track_caller]
fn assert_put_twice(sandbox: &Sandbox, attachment: &linq::Attachment, bytes: &[u8]) {
    sandbox.assert_stored(attachment, bytes);
    let objects = sandbox.objects();
    let of_it: Vec<&Value> =
        objects.iter().filter(|object| object["attachment_id"] == *attachment.attachment_id).collect();
    assert_eq!(of_it.len(), 1);
    assert_eq!(of_it[0]["puts"], 2);
}
