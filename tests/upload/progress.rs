//! Progress: where it begins and ends, how often it is reported, and that it is true.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use linq::{Attachment, Client, Error, Progress, Source, UploadOptions};
use serde_json::json;

use crate::common::{BOTH, Sandbox, jpeg};

struct Told {
    at: Instant,
    sent: u64,
    total: u64,
}

/// Uploads with a callback that writes everything down.
fn watched(client: &Client, bytes: &[u8]) -> (Result<Attachment, Error>, Vec<Told>) {
    let told = Rc::new(RefCell::new(Vec::new()));
    let received = told.clone();
    let progress: Progress = Box::new(move |sent, total| {
        received.borrow_mut().push(Told { at: Instant::now(), sent, total });
        true
    });
    let options =
        UploadOptions { filename: Some("photo.jpg"), progress: Some(progress), ..UploadOptions::default() };
    let result = client.upload(Source::Bytes(bytes), options);
    (result, Rc::into_inner(told).expect("the callback is gone with the call").into_inner())
}

/// The calls of each attempt; each begins with 0.
#[track_caller]
fn attempts(told: &[Told], total: u64) -> Vec<Vec<u64>> {
    let mut attempts: Vec<Vec<u64>> = Vec::new();
    for call in told {
        assert_eq!(call.total, total);
        assert!(call.sent <= total);
        match attempts.last_mut() {
            Some(attempt) if call.sent > 0 => {
                assert!(
                    call.sent > *attempt.last().unwrap(),
                    "only news are reported: {attempt:?}, {}",
                    call.sent
                );
                attempt.push(call.sent);
            }
            _ => {
                assert_eq!(call.sent, 0, "an attempt begins at 0");
                attempts.push(vec![0]);
            }
        }
    }
    attempts
}

#[test]
fn it_begins_at_0_and_ends_at_the_total() {
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        for size in [1, 100_000, 10 << 20] {
            let bytes = jpeg(size);
            let (result, told) = watched(&client, &bytes);
            sandbox.assert_stored(&result.unwrap(), &bytes);
            let attempts = attempts(&told, size as u64);
            assert_eq!(attempts.len(), 1, "{attempts:?}");
            assert_eq!(attempts[0].last(), Some(&(size as u64)), "{attempts:?}");
        }
    }
}

#[test]
fn a_new_attempt_begins_at_0_again() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(3 << 20));
    let fault = sandbox.on_put(json!({"respond": {"status": 503, "headers": [["Retry-After", "0"]]}}));
    let (result, told) = watched(&sandbox.client(false), &bytes);
    fault.assert_injected(1);
    assert_eq!(result.unwrap().attempts, 2);
    let attempts = attempts(&told, 3 << 20);
    assert_eq!(attempts.len(), 2, "{attempts:?}");
    assert_eq!(attempts[1].last(), Some(&(3 << 20)));
}

/// A server that reads so many MiB a second, with a small receive buffer.
fn on_a_link_of(rate: usize, tls: bool, check: impl Fn(&[Told])) {
    let size = (rate * 3) << 20;
    let (sandbox, bytes) = (Sandbox::start(), jpeg(size));
    let fault = sandbox.on_put(json!({"slow_read": {"bytes_per_s": rate << 20}}));
    let (result, told) = watched(&sandbox.client(tls), &bytes);
    fault.assert_injected(1);
    sandbox.assert_only(&result.unwrap(), &bytes);
    let attempts = attempts(&told, size as u64);
    assert_eq!(attempts.len(), 1, "{attempts:?}");
    assert_eq!(attempts[0].last(), Some(&(size as u64)));
    let seconds = told.last().unwrap().at.duration_since(told[0].at).as_secs_f64();
    assert!(seconds > 2.0, "the link was slow: {seconds} s");
    // 20 times a second is promised; the first and the last call may come at any time.
    assert!(told.len() as f64 <= 20.0 * seconds + 3.0, "{} calls in {seconds} s", told.len());
    assert!(told.len() as f64 >= 3.0 * seconds, "{} calls in {seconds} s", told.len());
    check(&told);
}

#[test]
fn it_is_true_on_a_slow_link_and_not_told_too_often_on_any() {
    const HALF_A_MEGABYTE: f64 = 512.0 * 1024.0;
    let near_the_truth = |told: &[Told]| {
        for call in &told[..told.len() - 1] {
            let read = call.at.duration_since(told[0].at).as_secs_f64() * 1024.0 * 1024.0;
            let ahead = call.sent as f64 - read;
            assert!(ahead < HALF_A_MEGABYTE, "{} told, {read} read", call.sent);
        }
    };
    std::thread::scope(|scope| {
        for tls in BOTH {
            scope.spawn(move || on_a_link_of(1, tls, near_the_truth));
        }
        scope.spawn(|| on_a_link_of(8, false, |_| {}));
    });
}

#[test]
fn a_callback_may_upload_by_itself() {
    let sandbox = Sandbox::start();
    let client = Rc::new(sandbox.client(false));
    let (outer, inner) = (jpeg(300_000), jpeg(5000));
    let inner_id = Rc::new(RefCell::new(None));
    let (again, id) = (client.clone(), inner_id.clone());
    let progress: Progress = Box::new(move |_, _| {
        let mut id = id.borrow_mut();
        if id.is_none() {
            *id = Some(crate::common::upload(&again, &jpeg(5000)).unwrap());
        }
        true
    });
    let options =
        UploadOptions { filename: Some("photo.jpg"), progress: Some(progress), ..UploadOptions::default() };
    let attachment = client.upload(Source::Bytes(&outer), options).unwrap();
    sandbox.assert_stored(&attachment, &outer);
    sandbox.assert_stored(inner_id.borrow().as_ref().unwrap(), &inner);
}
