//! Row 24: Linq asks to come back later, in every way in which servers say when.

use std::time::{Duration, Instant};

use linq::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::common::{Sandbox, jpeg, upload};
use crate::support::{assert_is, assert_stored_after, both, each, failed};

/// What a busy machine needs besides the wait; less than any wait that would be a mistake here.
const ON_TOP: Duration = Duration::from_secs(5);

fn answer(status: u16, headers: &[(&str, &str)]) -> Value {
    json!({"status": status, "headers": headers})
}

/// Refused once so, then served: how long the wait between was.
fn waited(tls: bool, respond: &Value) -> Duration {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
    let fault = sandbox.on_reserve(json!({"respond": respond}));
    let client = sandbox.client(tls);
    let began = Instant::now();
    let attachment = upload(&client, &bytes).unwrap();
    let took = began.elapsed();
    fault.assert_injected(1);
    assert_stored_after(&sandbox, 2, &attachment, &bytes);
    took
}

fn ended(respond: &Value) -> Error {
    let sandbox = Sandbox::start();
    let fault = sandbox.on_reserve(json!({"respond": respond}));
    let began = Instant::now();
    let error = failed(&sandbox, upload(&sandbox.client(false), &jpeg(1000)));
    assert!(began.elapsed() < ON_TOP, "at once, not after {:?}", began.elapsed());
    fault.assert_injected(1);
    error
}

#[test]
fn row_24_every_status_that_passes_by_itself() {
    both(|tls| {
        let soon: &[(&str, &str)] = &[("Retry-After-Ms", "10")];
        for status in [408, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524] {
            waited(tls, &answer(status, soon));
        }
        for (status, code) in [(409, 2009), (404, 2007)] {
            waited(tls, &json!({"status": status, "code": code, "headers": soon}));
        }
    });
}

#[test]
fn row_24_waits_as_told() {
    let date = ("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
    let in_the_body = json!({"status": 429, "body": {"success": false, "error":
        {"status": 429, "code": 1007, "message": "Slow down.", "retry_after": 1.5}}});
    let cases = [
        (answer(429, &[("Retry-After", "2")]), 2000),
        (answer(503, &[("retry-after-ms", "300")]), 300),
        (answer(503, &[("Retry-After-Ms", "100"), ("Retry-After", "30")]), 100),
        (answer(503, &[date, ("Retry-After", "Sun, 06 Nov 1994 08:49:39 GMT")]), 2000),
        (answer(503, &[date, ("Retry-After", "Sun, 06 Nov 1994 08:00:00 GMT")]), 0),
        (answer(503, &[date, ("Retry-After", "Sunday, 06-Nov-94 08:49:39 GMT")]), 2000),
        (answer(503, &[date, ("Retry-After", "Sun Nov  6 08:49:39 1994")]), 2000),
        (answer(503, &[("Retry-After", "0")]), 0),
        (in_the_body, 1500),
    ];
    each(&cases, |(respond, milliseconds)| {
        for tls in [false, true] {
            let took = waited(tls, respond);
            let told = Duration::from_millis(*milliseconds);
            assert!((told..told + ON_TOP).contains(&took), "{respond}: {took:?}");
        }
    });
}

/// Longer than a minute is the caller's business: the call ends at once and says how long.
#[test]
fn row_24_too_long_a_wait_ends_the_call() {
    for (seconds, expected) in [("61", 61), ("1000000000", 1_000_000_000)] {
        let error = ended(&answer(429, &[("Retry-After", seconds)]));
        assert_is(&error, ErrorKind::RateLimited, Some(429), 1, true);
        assert_eq!(error.details.retry_after, Some(Duration::from_secs(expected)));
        assert!(error.message.ends_with("(the server asks to wait longer than a minute)"), "{error}");
    }
}

/// Negative, absurd or unreadable: the library waits as it would without, at most 1 s for 429.
#[test]
fn row_24_garbage_is_no_hint() {
    let hints = ["-5", "soon", "", "NaN", "0x10", "Sun, 99 Foo 1994", "1;2"];
    each(&hints, |hint| {
        let took = waited(false, &answer(429, &[("Retry-After", hint)]));
        assert!(took < Duration::from_secs(1) + ON_TOP, "{hint:?}: {took:?}");
    });
}

#[test]
fn row_24_should_retry_wins() {
    both(|tls| {
        let soon = ("Retry-After-Ms", "10");
        for status in [400, 409, 422] {
            waited(tls, &answer(status, &[soon, ("x-should-retry", "true")]));
        }
    });
    for status in [408, 429, 500, 503] {
        let error = ended(&answer(status, &[("x-should-retry", "false"), ("Retry-After-Ms", "10")]));
        assert_eq!(error.details.http_status, Some(status));
        assert_eq!((error.details.attempts, error.details.retryable), (1, false), "{error}");
    }
    let error = ended(&answer(400, &[("x-should-retry", "maybe")]));
    assert_is(&error, ErrorKind::Api, Some(400), 1, false);
}

/// Where nothing says when, Linq's documents do: a few seconds for 2007 and 2009, about half a minute for 4004.
#[test]
fn row_101_what_takes_a_known_time_is_given_that_time() {
    each(&[(404, 2007, 1500), (409, 2009, 1500), (503, 4004, 5000)], |(status, code, milliseconds)| {
        let took = waited(false, &json!({"status": status, "code": code}));
        let told = Duration::from_millis(*milliseconds);
        assert!((told..told + ON_TOP).contains(&took), "{code}: {took:?}");
    });
}
