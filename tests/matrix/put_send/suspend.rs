//! Row 39: the device sleeps in the middle of an upload.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use linq::{CallOptions, Client, Config, ErrorKind, FileInfo, Presigned, Progress, Source, UploadOptions};
use serde_json::json;

use crate::child::{here, marker, ran_alone, ran_under};
use crate::common::{Sandbox, jpeg, upload};
use crate::support::{BIG, assert_stored_after};

/// The process is stopped in the middle of the body; meanwhile the server times out and the URL expires.
/// Afterwards a new place is reserved.
fn asleep(test: &str, tls: bool) {
    let sleep = |process: u32, marker: &Path| {
        let signal = |name: &str| {
            let status = Command::new("kill").args([name, &process.to_string()]).status().unwrap();
            assert!(status.success());
        };
        while !marker.exists() {
            thread::sleep(Duration::from_millis(5));
        }
        signal("-STOP");
        thread::sleep(Duration::from_secs(4));
        signal("-CONT");
    };
    if ran_under(test, &[], sleep) {
        return;
    }
    let sandbox = Sandbox::start();
    let reserved = sandbox.on_reserve(json!({"expires_in": 3}));
    let impatient = json!({"early": {"after": 100_000, "delay_ms": 1500, "status": 400, "code": "RequestTimeout",
        "message": "Your socket connection to the server was not read from or written to.", "then": "close"}});
    let fault = sandbox.on_put(impatient);
    let (bytes, began) = (&**BIG, Instant::now());
    let marker = marker();
    let progress: Progress = Box::new(move |sent, _| {
        if sent > 0 {
            std::fs::write(&marker, "").unwrap();
        }
        true
    });
    let options =
        UploadOptions { filename: Some("photo.jpg"), progress: Some(progress), ..UploadOptions::default() };
    let attachment = sandbox.client(tls).upload(Source::Bytes(bytes), options).unwrap();
    assert!(began.elapsed() > Duration::from_secs(4), "it slept: {:?}", began.elapsed());
    fault.assert_injected(1);
    reserved.assert_injected(1);
    assert_stored_after(&sandbox, 2, &attachment, bytes);
    assert_eq!(sandbox.reservations().len(), 2, "the URL was too old to be used again");
    let statuses: Vec<_> = sandbox.puts().iter().map(|put| put.number("status")).collect();
    assert_eq!(statuses, [400, 200]);
}

#[test]
fn row_39_plain_asleep() {
    asleep(here!(), false);
}

#[test]
fn row_39_tls_asleep() {
    asleep(here!(), true);
}

/// Wakes twenty minutes later by the clock that counts sleep; no other clock has moved.
fn oversleep() {
    std::fs::write(marker(), "").unwrap();
}

#[test]
fn row_39_the_url_expired_while_asleep() {
    if ran_alone(here!(), &[("SHIM_SLEPT", "1200")]) {
        return;
    }
    let (sandbox, bytes) = (Sandbox::start(), jpeg(400_000));
    let fault = sandbox.on_put(json!({"reset_after": 100_000}));
    let progress: Progress = Box::new(|_, _| {
        oversleep();
        true
    });
    let options =
        UploadOptions { filename: Some("photo.jpg"), progress: Some(progress), ..UploadOptions::default() };
    let attachment = sandbox.client(false).upload(Source::Bytes(&bytes), options).unwrap();
    fault.assert_injected(1);
    assert_stored_after(&sandbox, 2, &attachment, &bytes);
    assert_eq!(sandbox.reservations().len(), 2, "fifteen minutes had passed");
}

/// The same in the split use: the app asks its server for another place, and the call goes on.
#[test]
fn row_125_asleep_in_the_split_use() {
    let sleep = |process: u32, marker: &Path| {
        let signal = |name: &str| {
            assert!(Command::new("kill").args([name, &process.to_string()]).status().unwrap().success());
        };
        while !marker.exists() {
            thread::sleep(Duration::from_millis(5));
        }
        signal("-STOP");
        thread::sleep(Duration::from_secs(4));
        signal("-CONT");
    };
    if ran_under(here!(), &[], sleep) {
        return;
    }
    let sandbox = Sandbox::start();
    let reserve = || {
        let size_bytes = BIG.len() as u64;
        let file = FileInfo { filename: "photo.jpg", content_type: None, size_bytes };
        let place = sandbox.client(true).presign(file, CallOptions::default()).unwrap();
        Presigned::parse(place.to_json().as_bytes()).unwrap()
    };
    let short = sandbox.on_reserve(json!({"expires_in": 3}));
    let (old, new) = (reserve(), reserve());
    short.assert_injected(1);
    let fault = sandbox.on_put(json!({"early": {"after": 100_000, "delay_ms": 1500, "status": 400,
        "code": "RequestTimeout", "then": "close"}}));
    let marker = marker();
    let progress: Progress = Box::new(move |sent, _| {
        if sent > 0 {
            std::fs::write(&marker, "").unwrap();
        }
        true
    });
    let next = new.clone();
    let options = UploadOptions {
        progress: Some(progress),
        renew: Some(Box::new(move |_| Ok(Some(next.clone())))),
        ..UploadOptions::default()
    };
    let config = Config { api_key: None, allow_http_loopback: true, ..sandbox.config(true) };
    let client = Client::new(config).unwrap();
    let attachment = client.upload_presigned(&old, Source::Bytes(&BIG), options).unwrap();
    fault.assert_injected(1);
    assert_eq!(attachment.attachment_id, new.attachment_id);
    assert_stored_after(&sandbox, 3, &attachment, &BIG);
    let statuses: Vec<_> = sandbox.puts().iter().map(|put| put.number("status")).collect();
    assert_eq!(statuses, [400, 403, 200]);
}

/// Ten minutes of sleep are ten minutes of the call's time.
#[test]
fn row_126_time_asleep_counts() {
    if ran_alone(here!(), &[("SHIM_SLEPT", "600")]) {
        return;
    }
    let (sandbox, bytes) = (Sandbox::start(), jpeg(400_000));
    let fault = sandbox.on_put(json!({"stall_after": 100_000}));
    let call = CallOptions { timeout: Some(Duration::from_secs(300)), ..CallOptions::default() };
    let progress: Progress = Box::new(|sent, _| {
        if sent > 0 {
            oversleep();
        }
        true
    });
    let options = UploadOptions {
        filename: Some("photo.jpg"),
        progress: Some(progress),
        call,
        ..UploadOptions::default()
    };
    let began = Instant::now();
    let error = sandbox.client(false).upload(Source::Bytes(&bytes), options).unwrap_err();
    fault.assert_injected(1);
    assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
    assert!(error.message.contains("the call's timeout of 300000 ms passed"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn row_39_pooled_connections_after_a_sleep() {
    if ran_alone(here!(), &[("SHIM_SLEPT", "1200")]) {
        return;
    }
    let (sandbox, bytes) = (Sandbox::start(), jpeg(400_000));
    let client = sandbox.client(true);
    upload(&client, &bytes).unwrap();
    upload(&client, &bytes).unwrap();
    let accepted = || ["api_tls", "storage_tls"].map(|side| sandbox.accepted(side));
    assert_eq!(accepted(), [1, 1]);
    oversleep();
    assert_eq!(upload(&client, &bytes).unwrap().attempts, 1);
    assert_eq!(accepted(), [2, 2], "what was pooled before is not used again");
}
