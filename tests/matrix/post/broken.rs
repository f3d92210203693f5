//! Rows 21, 22, 28 and 29: connections that break, were dead all along, or say nothing.

use std::thread;
use std::time::{Duration, Instant};

use linq::{Client, Config, ErrorKind};
use serde_json::{Value, json};

use crate::common::{Sandbox, assert_took, jpeg, takes, upload};
use crate::support::{assert_is, assert_stored_after, both, each, failed, stalling};

#[test]
fn row_21_reset_while_sending() {
    both(|tls| {
        // During the head, before the body, within it; and an orderly end instead of a reset.
        let faults = [
            json!({"reset_after": -1}),
            json!({"reset_after": 0}),
            json!({"reset_after": 20}),
            json!({"close_after": 0}),
            json!({"close_after": 20}),
            json!({"die_before_answer": "reset"}),
            json!({"die_before_answer": "close"}),
        ];
        for fault in faults {
            let (sandbox, bytes) = (Sandbox::start(), jpeg(50_000));
            let planted = sandbox.on_reserve(fault.clone());
            let error = failed(&sandbox, upload(&sandbox.client_once(tls), &bytes));
            planted.assert_injected(1);
            assert_is(&error, ErrorKind::Network, None, 1, true);
            assert!(error.message.starts_with("reserving a place for photo.jpg: "), "{error}");
            let planted = sandbox.on_reserve(fault);
            let attachment = upload(&sandbox.client(tls), &bytes).unwrap();
            planted.assert_injected(1);
            assert_stored_after(&sandbox, 2, &attachment, &bytes);
        }
    });
}

/// A pooled connection that the peer has closed costs one connection and no attempt.
#[test]
fn row_22_pooled_connection_was_closed() {
    let faults = [
        json!({"close_on_next": true}),
        json!({"close_on_next": true, "no_close_notify": true}),
        json!({"close_idle": true}),
        json!({"close_idle": true, "no_close_notify": true}),
        json!({"close_idle": true, "after_ms": 30}),
        json!({"rst_idle": true}),
    ];
    each(&[("api", false), ("api", true), ("storage", false), ("storage", true)], |(side, tls)| {
        let name = |side: &str| if *tls { format!("{side}_tls") } else { side.to_owned() };
        for fault in &faults {
            let (sandbox, bytes) = (Sandbox::start(), jpeg(50_000));
            let client = sandbox.client(*tls);
            let planted = sandbox.plant(json!({"side": side, "fault": fault}));
            upload(&client, &bytes).unwrap();
            planted.assert_injected(1);
            thread::sleep(Duration::from_millis(100));
            for _ in 0..2 {
                let attachment = upload(&client, &bytes).unwrap();
                assert_eq!(attachment.attempts, 1, "{fault}");
                sandbox.assert_stored(&attachment, &bytes);
            }
            let other = if *side == "api" { "storage" } else { "api" };
            assert_eq!(sandbox.accepted(&name(side)), 2, "{fault}: exactly one more");
            assert_eq!(sandbox.accepted(&name(other)), 1, "{fault}");
        }
    });
}

#[test]
fn row_28_never_answers() {
    both(|tls| {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
        let config = stalling(&sandbox, tls, Duration::from_secs(1));
        let once = Config { max_attempts: 1, ..config.clone() };
        let error = takes(1000..1250, || {
            let fault = sandbox.on_reserve(json!({"no_answer": true}));
            let error = failed(&sandbox, upload(&Client::new(once.clone()).unwrap(), &bytes));
            fault.assert_injected(1);
            error
        });
        assert_is(&error, ErrorKind::Timeout, None, 1, true);
        let host = if tls { "localhost" } else { "127.0.0.1" };
        assert_eq!(
            error.message,
            format!("reserving a place for photo.jpg: nothing moved between here and {host} for 1 s")
        );
        let fault = sandbox.on_reserve(json!({"no_answer": true}));
        let attachment = upload(&Client::new(config).unwrap(), &bytes).unwrap();
        fault.assert_injected(1);
        assert_stored_after(&sandbox, 2, &attachment, &bytes);
    });
}

/// Something moves all the time, but an answer of some hundred bytes must not take longer than a stall may.
fn trickles(tls: bool, drip: u64) {
    let sandbox = Sandbox::start();
    let config = Config { max_attempts: 1, ..stalling(&sandbox, tls, Duration::from_secs(1)) };
    let slow = json!({"respond": {"status": 200, "body": "{}", "drip_ms": drip}});
    let fault = sandbox.plant(json!({"side": "api", "times": 0, "fault": slow}));
    let error =
        takes(1000..1250, || failed(&sandbox, upload(&Client::new(config.clone()).unwrap(), &jpeg(1000))));
    assert!(fault.injected() > 0);
    assert_is(&error, ErrorKind::Timeout, None, 1, true);
    assert!(error.message.ends_with("began but came too slowly"), "{error}");
}

#[test]
fn row_28_answer_trickles() {
    both(|tls| trickles(tls, 10));
}

#[test]
fn row_28_answer_trickles_slowly() {
    both(|tls| trickles(tls, 700));
}

/// The answer is whole by its length: how the connection ends after it does not matter.
#[test]
fn row_29_no_close_notify_after_a_whole_answer() {
    both(|tls| {
        let faults: [Value; 3] = [
            json!({"close_idle": true, "no_close_notify": true}),
            json!({"rst_idle": true, "after_ms": 0}),
            json!({"set_headers": [["Connection", "close"]], "close_idle": true, "no_close_notify": true}),
        ];
        for fault in faults {
            for side in ["api", "storage"] {
                let (sandbox, bytes) = (Sandbox::start(), jpeg(50_000));
                let planted = sandbox.plant(json!({"side": side, "fault": fault}));
                let began = Instant::now();
                let attachment = upload(&sandbox.client(tls), &bytes).unwrap();
                assert_took(began, 0..10_000); // no stall
                planted.assert_injected(1);
                assert_stored_after(&sandbox, 1, &attachment, &bytes);
            }
        }
    });
}
