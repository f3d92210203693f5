//! The reports of each request, for metrics.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use linq::{
    AttemptReport, CallOptions, Client, Config, ErrorKind, FileInfo, Observer, Source, Step, UploadOptions,
};
use serde_json::json;

use crate::common::{BOTH, Sandbox, jpeg};

/// Collects reports, and checks of each what holds for all.
fn observer() -> (Observer, Arc<Mutex<Vec<AttemptReport>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = told.clone();
    let observer: Observer = Arc::new(move |report: &AttemptReport| {
        let apart = report.total.abs_diff(parts(report).into_iter().sum());
        assert!(apart < Duration::from_millis(1), "{report:?}");
        assert_eq!(report.reason.is_some(), report.kind.is_some(), "{report:?}");
        if report.reused {
            assert!(parts(report)[..4].iter().all(Duration::is_zero), "{report:?}");
        }
        sink.lock().unwrap().push(report.clone());
    });
    (observer, told)
}

fn parts(r: &AttemptReport) -> [Duration; 7] {
    [r.lookup, r.connect, r.proxy, r.tls, r.send, r.wait, r.receive]
}

fn upload(client: &Client, bytes: &[u8], observer: &Observer) -> Result<linq::Attachment, linq::Error> {
    let call = CallOptions { attempt: Some(observer), ..CallOptions::default() };
    let options = UploadOptions { filename: Some("photo.jpg"), call, ..UploadOptions::default() };
    client.upload(Source::Bytes(bytes), options)
}

fn steps(told: &[AttemptReport]) -> Vec<(Step, u32, Option<u16>, Option<ErrorKind>)> {
    told.iter().map(|r| (r.step, r.number, r.http_status, r.kind)).collect()
}

#[test]
fn each_request_is_told_once_with_its_bytes_and_times() {
    for tls in BOTH {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(300_000));
        let client = sandbox.client(tls);
        let (observer, told) = observer();
        let start = Instant::now();
        upload(&client, &bytes, &observer).unwrap();
        let took = start.elapsed();
        upload(&client, &bytes, &observer).unwrap();
        let told = told.lock().unwrap();
        let one = [(Step::Reserve, 1, Some(200), None), (Step::Put, 1, Some(200), None)];
        assert_eq!(steps(&told), [one, one].concat());
        assert_eq!([0, 1, 2, 3].map(|at| told[at].reused), [false, false, true, true]);
        let (cold, warm) = (&told[1], &told[3]);
        assert!(cold.total + told[0].total <= took, "{told:?}");
        assert!(!cold.connect.is_zero() && cold.tls.is_zero() != tls && cold.proxy.is_zero(), "{cold:?}");
        assert!(!cold.send.is_zero() && !cold.wait.is_zero(), "{cold:?}");
        for report in told.iter() {
            let expected = if report.step == Step::Put { 300_000..310_000 } else { 200..3_000 };
            assert!(expected.contains(&report.bytes_sent), "{report:?}");
            assert!((100..6_000).contains(&report.bytes_received), "{report:?}");
            assert_eq!(report.host, if tls { "localhost" } else { "127.0.0.1" });
            assert_eq!((report.again_in, &report.reason), (None, &None));
        }
        if tls {
            assert!(cold.bytes_received > warm.bytes_received + 200, "the handshake counts: {told:?}");
        } else {
            let put = &sandbox.puts()[0];
            let names: usize = put.0["headers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|h| h[0].as_str().unwrap().len() + h[1].as_str().unwrap().len() + 4)
                .sum();
            let line = "PUT  HTTP/1.1\r\n\r\n".len() + put.path().len();
            assert_eq!(cold.bytes_sent, (line + names + 300_000) as u64, "to the byte");
        }
    }
}

#[test]
fn an_attempt_that_fails_says_why_and_when_the_next_is_made() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(5000));
    let respond = json!({"respond": {"status": 503, "code": "SlowDown", "headers": [["Retry-After", "1"]]}});
    let fault = sandbox.on_put(respond);
    let (observer, told) = observer();
    upload(&sandbox.client(false), &bytes, &observer).unwrap();
    fault.assert_injected(1);
    let told = told.lock().unwrap();
    let expected = [
        (Step::Reserve, 1, Some(200), None),
        (Step::Put, 1, Some(503), Some(ErrorKind::Storage)),
        (Step::Put, 2, Some(200), None),
    ];
    assert_eq!(steps(&told), expected);
    assert_eq!(told[1].again_in, Some(Duration::from_secs(1)));
    assert!(told[1].reason.as_ref().unwrap().starts_with("uploading photo.jpg: the storage"), "{told:?}");
    assert!(told[1].request_id.is_some());
    assert_eq!((told[2].again_in, &told[2].reason), (None, &None));
}

#[test]
fn the_last_failure_is_told_too_and_what_never_connected() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(5000));
    let (seen, told) = observer();
    let config = Config { base_url: Some("http://127.0.0.1:1".to_owned()), ..sandbox.config(false) };
    let client = Client::new(Config { max_attempts: 2, ..config }).unwrap();
    let error = upload(&client, &bytes, &seen).unwrap_err();
    let told = told.lock().unwrap();
    let failed = |number| (Step::Reserve, number, None, Some(ErrorKind::Network));
    assert_eq!(steps(&told), [failed(1), failed(2)]);
    assert!(told[0].again_in.is_some() && told[1].again_in.is_none());
    assert!(error.message.starts_with(told[1].reason.as_ref().unwrap()), "{error} {told:?}");
    assert_eq!((told[1].bytes_sent, told[1].bytes_received), (0, 0));

    // In the middle of the TLS handshake, and by the call's own timeout.
    let (seen, told) = observer();
    let config = Config { base_url: Some(sandbox.bad_tls("unknown_ca")), ..sandbox.config(true) };
    upload(&Client::new(config).unwrap(), &bytes, &seen).unwrap_err();
    let told = told.lock().unwrap();
    assert_eq!(steps(&told), [(Step::Reserve, 1, None, Some(ErrorKind::Tls))]);
    assert!(told[0].bytes_sent > 100 && told[0].bytes_received > 100, "{told:?}");
    assert!(!told[0].tls.is_zero() && told[0].send < Duration::from_millis(5), "{told:?}");

    let fault = sandbox.on_put(json!({"no_answer": true}));
    let (seen, told) = observer();
    let call = CallOptions {
        attempt: Some(&seen),
        timeout: Some(Duration::from_millis(400)),
        ..CallOptions::default()
    };
    let options = UploadOptions { filename: Some("photo.jpg"), call, ..UploadOptions::default() };
    sandbox.client(false).upload(Source::Bytes(&bytes), options).unwrap_err();
    fault.assert_injected(1);
    let told = told.lock().unwrap();
    assert_eq!(steps(&told)[1], (Step::Put, 1, None, Some(ErrorKind::Timeout)));
    assert!(told[1].wait > Duration::from_millis(200) && told[1].again_in.is_none(), "{told:?}");
    assert_eq!(told[1].request_id, None, "that of the reservation is another's");
}

/// A pooled connection that is dead is replaced within the attempt, and both are reported.
#[test]
fn a_silent_replay_reports_itself_under_the_same_number() {
    for tls in BOTH {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(5000));
        let client = sandbox.client(tls);
        upload(&client, &bytes, &observer().0).unwrap();
        let fault = sandbox.on_put(json!({"reset_after": -1}));
        let (observer, told) = observer();
        assert_eq!(upload(&client, &bytes, &observer).unwrap().attempts, 1);
        fault.assert_injected(1);
        let told = told.lock().unwrap();
        let expected = [
            (Step::Reserve, 1, Some(200), None),
            (Step::Put, 1, None, Some(ErrorKind::Network)),
            (Step::Put, 1, Some(200), None),
        ];
        assert_eq!(steps(&told), expected);
        assert_eq!([1, 2].map(|at| told[at].reused), [true, false]);
        assert_eq!(told[1].again_in, Some(Duration::ZERO));
    }
}

#[test]
fn other_calls_are_told_and_no_secret_is_in_it() {
    let sandbox = Sandbox::start();
    let client = sandbox.client_once(true);
    let (observer, told) = observer();
    let call = CallOptions { attempt: Some(&observer), ..CallOptions::default() };
    let file = FileInfo { filename: "photo.jpg", content_type: None, size_bytes: 5 };
    let place = client.presign(file, call).unwrap();
    let key = sandbox.get("key");
    let leak = json!({"respond": {"status": 400, "headers": [["X-Trace-Id", format!("t-{key}")]],
                                  "body": json!({"error": {"message": key}}).to_string()}});
    sandbox.plant(json!({"side": "api", "method": "GET", "fault": leak}));
    client.attachment(&place.attachment_id, call).unwrap_err();
    let told = told.lock().unwrap();
    let expected = [(Step::Reserve, 1, Some(200), None), (Step::Other, 1, Some(400), Some(ErrorKind::Api))];
    assert_eq!(steps(&told), expected);
    assert!(told[1].request_id.as_ref().unwrap().starts_with("t-"), "{told:?}");
    let all = format!("{told:?}");
    assert!(!all.contains(&key) && !all.contains("X-Amz-Signature"), "{all}");
}

/// Like any callback it may make calls, which report to their own observers.
#[test]
fn it_may_call_back() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(5000));
    let client = Arc::new(sandbox.client(false));
    let (inner, inside) = observer();
    let (again, content) = (client.clone(), bytes.clone());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    let outer: Observer = Arc::new(move |report: &AttemptReport| {
        sink.lock().unwrap().push(report.step);
        upload(&again, &content, &inner).unwrap();
    });
    upload(&client, &bytes, &outer).unwrap();
    assert_eq!(*seen.lock().unwrap(), [Step::Reserve, Step::Put]);
    assert_eq!(inside.lock().unwrap().len(), 4);
}
