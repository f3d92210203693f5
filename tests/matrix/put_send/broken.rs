//! Rows 34 and 35: the connection ends in the middle of the body, without an answer.

use linq::ErrorKind;
use serde_json::{Value, json};

use crate::common::{Sandbox, jpeg, upload};
use crate::support::{assert_is, assert_stored_after, each, failed, plain_and_tls};

const SIZE: u64 = 400_000;

/// One attempt fails with a network error; with more, the next sends everything from byte 0 to the same place.
fn broken(fault: Value, tls: bool, ended: &str) {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(SIZE as usize));
    let planted = sandbox.on_put(fault.clone());
    let error = failed(&sandbox, upload(&sandbox.client_once(tls), &bytes));
    planted.assert_injected(1);
    assert_is(&error, ErrorKind::Network, None, 1, true);
    let host = if tls { "localhost" } else { "127.0.0.1" };
    assert!(error.message.starts_with(&format!("uploading photo.jpg: {host} ")), "{error}");
    assert!(error.message.contains("the connection"), "{error}");
    assert!(error.details.attachment_id.is_some());
    sandbox.assert_nothing_stored();

    let planted = sandbox.on_put(fault);
    let attachment = upload(&sandbox.client(tls), &bytes).unwrap();
    planted.assert_injected(1);
    assert_stored_after(&sandbox, 2, &attachment, &bytes);
    assert_eq!(sandbox.reservations().len(), 2);
    let puts = sandbox.puts();
    assert_eq!(puts[1].0["ended"], ended);
    assert_eq!(puts[2].number("body_bytes"), SIZE);
}

/// Row 34: a reset after `k` bytes, `k` at every kind of place.
fn reset(tls: bool) {
    each(&[0, 1, 16 * 1024, SIZE / 2, SIZE - 1], |k| broken(json!({"reset_after": k}), tls, "reset"));
}

/// Row 35: the same with an orderly end.
fn closed(tls: bool) {
    each(&[0, 1, 16 * 1024, SIZE / 2, SIZE - 1], |k| broken(json!({"close_after": k}), tls, "closed"));
}

plain_and_tls! {
    row_34_plain_reset_at_byte_k, row_34_tls_reset_at_byte_k => reset;
    row_35_plain_closed_at_byte_k, row_35_tls_closed_at_byte_k => closed;
}
