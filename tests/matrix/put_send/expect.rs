//! Row 44: this library never asks with `Expect: 100-continue`; it reads early answers anyway. Servers that answer as
//! if it had asked, or that say something before the answer, do not confuse it.

use linq::ErrorKind;
use serde_json::{Value, json};

use crate::common::{Sandbox, jpeg, upload};
use crate::support::{assert_is, assert_stored_after, both, failed};

#[test]
fn row_44_expect_is_never_sent() {
    both(|tls| {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        for size in [1, 100_000, 3 << 20, 20 << 20] {
            // Would answer 417, were it asked.
            let fault = sandbox.on_put(json!({"status_417": true}));
            let (bytes, before) = (jpeg(size), sandbox.puts().len());
            let attachment = upload(&client, &bytes).unwrap();
            fault.assert_injected(1);
            sandbox.assert_stored(&attachment, &bytes);
            let put = &sandbox.puts()[before];
            assert!(!put.header_names().contains(&"expect".to_owned()), "{put:?}");
        }
    });
}

#[test]
fn row_44_interim_answers_that_nobody_asked_for() {
    both(|tls| {
        let faults: [Value; 6] = [
            json!({"two_100": true}),
            json!({"late_100": 300}),
            json!({"late_100": 300, "two_100": true}),
            json!({"interim": [103]}),
            json!({"interim": [100, 102, 103, 103]}),
            json!({"two_100": true, "interim": [103], "delay_ms": 200}),
        ];
        for fault in faults {
            for size in [1000, 5 << 20] {
                let (sandbox, bytes) = (Sandbox::start(), jpeg(size));
                let client = sandbox.client(tls);
                let planted = sandbox.on_put(fault.clone());
                let attachment = upload(&client, &bytes).unwrap();
                planted.assert_injected(1);
                assert_stored_after(&sandbox, 1, &attachment, &bytes);
                assert_eq!(sandbox.puts().len(), 1, "{fault}: the body was sent once");
                // And the connection is in a state for the next.
                sandbox.assert_stored(&upload(&client, &bytes).unwrap(), &bytes);
            }
        }
    });
}

/// The same while a place is reserved.
#[test]
fn row_44_interim_answers_to_the_reservation() {
    both(|tls| {
        for fault in [json!({"interim": [103]}), json!({"two_100": true, "interim": [102]})] {
            let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
            let planted = sandbox.on_reserve(fault);
            let attachment = upload(&sandbox.client(tls), &bytes).unwrap();
            planted.assert_injected(1);
            assert_stored_after(&sandbox, 1, &attachment, &bytes);
        }
    });
}

#[test]
fn row_44_an_unexpected_417_is_a_refusal() {
    both(|tls| {
        let sandbox = Sandbox::start();
        let fault = sandbox.on_put(json!({"respond": {"status": 417}}));
        let error = failed(&sandbox, upload(&sandbox.client(tls), &jpeg(1000)));
        fault.assert_injected(1);
        assert_is(&error, ErrorKind::Storage, Some(417), 1, false);
    });
}
