//! Rows 31 to 33: the server reads slowly, now and then, or not at all.

use std::time::{Duration, Instant};

use linq::{Client, Config, ErrorKind};
use serde_json::json;

use crate::common::{Sandbox, jpeg, upload};
use crate::support::{BIG, assert_is, assert_stored_after, both, failed, plain_and_tls, stalling};

const STALL: Duration = Duration::from_secs(1);

/// Row 31: nothing moves for the stall timeout, and then the attempt ends.
fn stops_reading(tls: bool) {
    let (sandbox, bytes) = (Sandbox::start(), &**BIG);
    let fault = sandbox.on_put(json!({"stall_after": 200_000}));
    let once = Client::new(Config { max_attempts: 1, ..stalling(&sandbox, tls, STALL) }).unwrap();
    let began = Instant::now();
    let error = failed(&sandbox, upload(&once, bytes));
    let took = began.elapsed();
    fault.assert_injected(1);
    assert_is(&error, ErrorKind::Timeout, None, 1, true);
    let host = if tls { "localhost" } else { "127.0.0.1" };
    let message = format!("uploading photo.jpg: nothing moved between here and {host} for 1 s");
    assert_eq!(error.message, message);
    // tests/timing measures it closely; this bound leaves room for a busy machine to get to the stall.
    assert!((STALL..Duration::from_secs(8)).contains(&took), "{took:?}");
    sandbox.assert_nothing_stored();

    let fault = sandbox.on_put(json!({"stall_after": 200_000}));
    let client = Client::new(stalling(&sandbox, tls, STALL)).unwrap();
    let attachment = upload(&client, bytes).unwrap();
    fault.assert_injected(1);
    assert_stored_after(&sandbox, 2, &attachment, bytes);
    assert_eq!(sandbox.reservations().len(), 2, "the same place serves again");
}

/// Row 32: slow, but a buffer's worth moves within each stall timeout.
fn reads_slowly(tls: bool) {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(600_000));
    let fault = sandbox.on_put(json!({"slow_read": {"bytes_per_s": 100_000}}));
    let client = Client::new(stalling(&sandbox, tls, Duration::from_secs(2))).unwrap();
    let began = Instant::now();
    let attachment = upload(&client, &bytes).unwrap();
    assert!(began.elapsed() > Duration::from_secs(5), "it was not slow: {:?}", began.elapsed());
    fault.assert_injected(1);
    assert_stored_after(&sandbox, 1, &attachment, &bytes);
}

/// Row 33: again and again the server pauses, each time for less than the stall timeout.
fn pauses(tls: bool) {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(21 * 256 * 1024));
    // So fast that only the pauses are felt; a slow reader's receive buffer is small.
    let slow = json!({"bytes_per_s": 1_000_000_000});
    let fault = sandbox.on_put(json!({"slow_read": slow, "pauses": {"every": 256 * 1024, "ms": 600}}));
    let client = Client::new(stalling(&sandbox, tls, STALL)).unwrap();
    let began = Instant::now();
    let attachment = upload(&client, &bytes).unwrap();
    assert!(began.elapsed() > Duration::from_secs(12), "20 pauses: {:?}", began.elapsed());
    fault.assert_injected(1);
    assert_stored_after(&sandbox, 1, &attachment, &bytes);
}

plain_and_tls! {
    row_31_plain_server_stops_reading, row_31_tls_server_stops_reading => stops_reading;
}

#[test]
fn row_32_plain_and_tls_server_reads_slowly() {
    both(reads_slowly);
}

#[test]
fn row_33_plain_and_tls_server_pauses_twenty_times() {
    both(pauses);
}
