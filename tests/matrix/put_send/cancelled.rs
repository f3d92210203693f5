//! Row 37: cancelled in the middle of the body.

use std::time::Duration;

use linq::{CallOptions, CancelToken, ErrorKind, FileInfo};
use serde_json::json;

use crate::child::{descriptors, here, ran_alone};
use crate::common::{Sandbox, in_time, upload, upload_with};
use crate::support::{BIG, CANCEL_PROMISE, assert_is, cancelled_after, failed};

/// The server stops reading after `k` bytes and the call is cancelled there. At once, and the connection is gone: the
/// server would take the next request for the rest of the body.
fn cancelled(tls: bool) {
    let (sandbox, bytes) = (Sandbox::start(), &**BIG);
    let client = sandbox.client(tls);
    let storage = if tls { "storage_tls" } else { "storage" };
    let file = FileInfo { filename: "photo.jpg", content_type: None, size_bytes: 1 };
    client.presign(file, CallOptions::default()).unwrap(); // the connection to the API is made, and stays
    let mut open = None;
    let mut connections = 0;
    for k in [0, 1, 16 * 1024, 100_000, 1_000_000, 0, 1] {
        in_time(CANCEL_PROMISE, || {
            let fault = sandbox.on_put(json!({"stall_after": k}));
            let token = CancelToken::new().unwrap();
            let call = CallOptions { cancel: Some(&token), ..CallOptions::default() };
            let (late, result) =
                cancelled_after(&token, Duration::from_millis(200), || upload_with(&client, bytes, call));
            fault.assert_injected(1);
            let error = failed(&sandbox, result);
            assert_is(&error, ErrorKind::Cancelled, None, 1, false);
            assert_eq!(error.message, "uploading photo.jpg: the call was cancelled");
            connections += 1;
            assert_eq!(sandbox.accepted(storage), connections, "a connection for each: none was pooled");
            drop(token);
            assert_eq!(descriptors(), *open.get_or_insert_with(descriptors), "its socket is closed");
            (late, ())
        });
    }
    sandbox.clear_faults();
    let attachment = upload(&client, bytes).unwrap();
    sandbox.assert_only(&attachment, bytes);
}

#[test]
fn row_37_plain_cancelled_at_byte_k() {
    if !ran_alone(here!(), &[]) {
        cancelled(false);
    }
}

#[test]
fn row_37_tls_cancelled_at_byte_k() {
    if !ran_alone(here!(), &[]) {
        cancelled(true);
    }
}
