//! Row 30: the server answers before it has the whole body.

use std::time::Instant;

use linq::ErrorKind;
use serde_json::{Value, json};

use crate::common::{Sandbox, assert_took, upload};
use crate::support::{BIG, assert_is, failed, plain_and_tls};

const AFTER: u64 = 100_000;

fn expired_then(ending: &str) -> Value {
    json!({"early": {"after": AFTER, "status": 403, "code": "AccessDenied", "message": "Request has expired",
        "then": ending}})
}

/// The answer arrives, whatever follows it; sending stops; a new place is reserved, once.
fn delivered(ending: &str, tls: bool) {
    let sandbox = Sandbox::start();
    let fault = sandbox.on_put(expired_then(ending));
    let began = Instant::now();
    let error = failed(&sandbox, upload(&sandbox.client_once(tls), &BIG));
    assert_took(began, 0..10_000);
    fault.assert_injected(1);
    assert_is(&error, ErrorKind::Expired, Some(403), 1, true);
    assert_eq!(error.details.storage_code.as_deref(), Some("AccessDenied"));
    assert_eq!(
        error.message,
        "uploading photo.jpg: the upload URL has expired (403 AccessDenied: Request has expired); reserve a new \
         one, they last 15 minutes"
    );
    let put = &sandbox.puts()[0];
    assert_eq!(put.number("status"), 403);
    let sent = put.number("body_bytes");
    assert!((AFTER..BIG.len() as u64 / 2).contains(&sent), "sending did not stop: {sent}");
    sandbox.assert_nothing_stored();

    let fault = sandbox.on_put(expired_then(ending));
    let attachment = upload(&sandbox.client(tls), &BIG).unwrap();
    fault.assert_injected(1);
    assert_eq!(attachment.attempts, 2);
    assert_eq!(sandbox.reservations().len(), 3, "the expired place was replaced once");
    sandbox.assert_only(&attachment, &BIG);
    let [.., refused, stored] = &sandbox.puts()[..] else { panic!("two more PUTs") };
    assert_ne!(refused.0["connection"], stored.0["connection"], "the connection is not used again");
}

plain_and_tls! {
    row_30a_plain_close, row_30a_tls_close => |tls| delivered("close", tls);
    row_30b_plain_reset, row_30b_tls_reset => |tls| delivered("reset", tls);
    row_30c_plain_half_close, row_30c_tls_half_close => |tls| delivered("half_close", tls);
    row_30d_plain_keep_open_without_reading, row_30d_tls_keep_open_without_reading =>
        |tls| delivered("keep_open", tls);
    row_30e_plain_keep_draining, row_30e_tls_keep_draining => |tls| delivered("drain", tls);
}
