//! Row 56: panics in callbacks.

use std::panic::{AssertUnwindSafe, catch_unwind};

use linq::{Level, Reader, Source, UploadOptions};
use serde_json::json;

use crate::child::{here, ran_alone};
use crate::common::{Sandbox, jpeg, upload};
use crate::support::BIG;

struct Panicking;

impl Reader for Panicking {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        panic!("the reader panics");
    }
}

/// From Rust: a panic passes through the call and leaves the client whole. C cannot throw: tests/c has the rest.
#[test]
fn row_56_panics_leave_the_client_usable() {
    if ran_alone(here!(), &[]) {
        return;
    }
    std::panic::set_hook(Box::new(|_| {}));
    for tls in [false, true] {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        let named = || UploadOptions { filename: Some("photo.jpg"), ..UploadOptions::default() };
        let panicked = |call: &dyn Fn()| assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
        for at in [0, 1, 5_000_000] {
            let fault = sandbox.on_put(json!({"slow_read": {"bytes_per_s": 40_000_000}}));
            let progress = move |sent, _| (sent < at).then_some(true).expect("the progress callback panics");
            panicked(&|| {
                let options = UploadOptions { progress: Some(Box::new(progress)), ..named() };
                let _ = client.upload(Source::Bytes(&BIG), options);
            });
            assert!(fault.injected() <= 1);
            sandbox.clear_faults();
        }
        panicked(&|| {
            let _ = client.upload(Source::Reader { reader: &mut Panicking, size: 10_000 }, named());
        });
        linq::set_log(
            Level::Debug,
            Some(Box::new(|_, line| assert!(!line.contains("PUT"), "the logger panics"))),
        );
        panicked(&|| drop(upload(&client, &jpeg(1000))));
        linq::set_log(Level::Debug, None);
        sandbox.assert_nothing_stored();
        let attachment = upload(&client, &BIG).unwrap();
        assert_eq!(attachment.attempts, 1);
        sandbox.assert_only(&attachment, &BIG);
    }
    let _ = std::panic::take_hook();
}
