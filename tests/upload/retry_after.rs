//! How long a server asks to wait, in every form, and that it is obeyed.

use std::ops::Range;
use std::time::{Duration, Instant};

use linq::{CallOptions, Error, ErrorKind};
use serde_json::{Value, json};

use crate::common::{Sandbox, in_time, jpeg, upload, upload_with};

/// Uploads where the first attempt is refused so. A try has to be within `range`, besides what two uploads take that
/// are not refused: that is this machine's business. None may be below it.
fn assert_waits(side: &str, respond: &Value, hint: Option<Duration>, range: Range<Duration>) {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
    let method = if side == "api" { "POST" } else { "PUT" };
    let plant = || sandbox.plant(json!({"side": side, "method": method, "fault": {"respond": respond}}));

    let fault = plant();
    let error = upload(&sandbox.client_once(false), &bytes).unwrap_err();
    fault.assert_injected(1);
    assert_eq!(error.details.retry_after, hint, "{side} {respond}: {error}");

    let client = sandbox.client(false);
    upload(&client, &bytes).unwrap(); // so that connecting is not in the figure
    in_time(Duration::ZERO..range.end, || {
        let began = Instant::now();
        upload(&client, &bytes).unwrap();
        let one = began.elapsed();
        let fault = plant();
        let began = Instant::now();
        let attachment = upload(&client, &bytes).unwrap();
        let took = began.elapsed();
        fault.assert_injected(1);
        assert_eq!(attachment.attempts, 2, "{side} {respond}");
        sandbox.assert_stored(&attachment, &bytes);
        assert!(took >= range.start, "{side} {respond}: {took:?}");
        (took.saturating_sub(2 * one), ())
    });
}

/// The waits of all cases run side by side.
#[test]
fn hints_are_obeyed_to_the_second() {
    let date = ["Date", "Sun, 06 Nov 1994 08:49:37 GMT"];
    let envelope = json!({"success": false, "error": {"status": 429, "code": 1007, "message": "slow", "retry_after": 1}});
    let table: [(&str, Value, u64); 8] = [
        ("api", json!({"status": 429, "headers": [["Retry-After", "1"]]}), 1000),
        ("api", json!({"status": 503, "headers": [["Retry-After", "1.2"]]}), 1200),
        ("api", json!({"status": 429, "headers": [["retry-after-ms", "300"], ["Retry-After", "9"]]}), 300),
        ("api", json!({"status": 429, "body": envelope}), 1000),
        (
            "api",
            json!({"status": 503, "headers": [date, ["Retry-After", "Sun, 06 Nov 1994 08:49:38 GMT"]]}),
            1000,
        ),
        (
            "api",
            json!({"status": 503, "headers": [date, ["Retry-After", "Sun, 06 Nov 1994 08:00:00 GMT"]]}),
            0,
        ),
        ("storage", json!({"status": 503, "code": "SlowDown", "headers": [["Retry-After", "1"]]}), 1000),
        ("storage", json!({"status": 500, "headers": [["retry-after-ms", "250"]]}), 250),
    ];
    std::thread::scope(|scope| {
        for (side, respond, told) in table {
            scope.spawn(move || {
                let told = Duration::from_millis(told);
                assert_waits(side, &respond, Some(told), told..told + Duration::from_millis(600));
            });
        }
    });
}

/// Without a hint, or with nonsense for one, the wait is random, up to half a second, or one where it is throttled.
#[test]
fn without_a_hint_the_wait_is_short() {
    std::thread::scope(|scope| {
        for header in ["-1", "soon", "", "NaN"] {
            scope.spawn(move || {
                let respond = json!({"status": 500, "headers": [["Retry-After", header]]});
                assert_waits("api", &respond, None, Duration::ZERO..Duration::from_millis(900));
            });
        }
    });
}

fn refused(sandbox: &Sandbox, respond: Value, call: CallOptions<'_>) -> (Error, Duration) {
    let fault = sandbox.on_reserve(json!({"respond": respond}));
    let began = Instant::now();
    let error = upload_with(&sandbox.client(false), &jpeg(10), call).unwrap_err();
    let took = began.elapsed();
    fault.assert_injected(1);
    assert_eq!(error.details.attempts, 1, "{error}");
    assert_eq!(sandbox.requests().len(), 1);
    (error, took)
}

#[test]
fn a_long_hint_ends_the_call_at_once() {
    for (header, wait) in [("3600", Some(3600)), ("61", Some(61)), ("1e300", None)] {
        let respond = json!({"status": 429, "code": 1007, "headers": [["Retry-After", header]]});
        let (error, took) = refused(&Sandbox::start(), respond, CallOptions::default());
        assert_eq!(error.kind, ErrorKind::RateLimited);
        let expected = "reserving a place for photo.jpg: Linq refused with status 429, code 1007: made up by a fault; \
                        try again later (the server asks to wait longer than a minute)";
        assert_eq!(error.message, expected);
        match wait {
            Some(seconds) => assert_eq!(error.details.retry_after, Some(Duration::from_secs(seconds))),
            None => assert!(error.details.retry_after > Some(Duration::from_secs(1 << 40)), "{error:?}"),
        }
        assert!(error.details.retryable);
        assert!(took < Duration::from_secs(10), "{took:?}");
    }
}

#[test]
fn a_hint_past_the_deadline_ends_the_call_at_once() {
    let call = CallOptions { timeout: Some(Duration::from_secs(3)), ..CallOptions::default() };
    let respond = json!({"status": 503, "code": 4004, "headers": [["Retry-After", "30"]]});
    let (error, took) = refused(&Sandbox::start(), respond, call);
    assert_eq!((error.kind, error.details.api_code), (ErrorKind::Api, Some(4004)));
    assert!(error.message.ends_with("(the call's timeout leaves no time for another attempt)"), "{error}");
    assert_eq!(error.details.retry_after, Some(Duration::from_secs(30)));
    assert!(took < Duration::from_secs(2), "{took:?}");
}
