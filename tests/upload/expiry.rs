//! URLs that expire: a new reservation where that can be, and its id is the one that counts.

use linq::{Attachment, CallOptions, Client, Config, ErrorKind, FileInfo};
use serde_json::{Value, json};
use time::format_description::well_known::{Rfc2822, Rfc3339};
use time::{Duration, OffsetDateTime};

use crate::common::{BOTH, Sandbox, jpeg, upload};

#[track_caller]
fn assert_renewed(sandbox: &Sandbox, attachment: &Attachment, bytes: &[u8]) {
    sandbox.assert_only(attachment, bytes);
    assert_eq!((sandbox.reservations().len(), sandbox.puts().len()), (2, 2));
    let puts = sandbox.puts();
    assert_ne!(puts[0].attachment_id(), puts[1].attachment_id());
    assert_eq!(puts[1].attachment_id(), attachment.attachment_id, "the new id counts");
    assert!(attachment.download_url.as_ref().is_some_and(|url| url.contains(&attachment.attachment_id)));
}

#[test]
fn an_expired_url_is_replaced() {
    for tls in BOTH {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(2 << 20));
        let fault = sandbox.on_reserve(json!({"expired": true}));
        let attachment = upload(&sandbox.client(tls), &bytes).unwrap();
        fault.assert_injected(1);
        assert_eq!(attachment.attempts, 2);
        assert_renewed(&sandbox, &attachment, &bytes);
    }
}

#[test]
fn every_way_of_saying_expired_counts() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
    let client = sandbox.client(false);
    for respond in [
        json!({"status": 403, "code": "AccessDenied", "message": "Request has expired"}),
        json!({"status": 400, "code": "ExpiredToken"}),
        json!({"status": 403, "code": "ExpiredToken"}),
        json!({"status": 400, "code": "TokenRefreshRequired"}),
    ] {
        let before = sandbox.reservations().len();
        let fault = sandbox.on_put(json!({"respond": respond}));
        let attachment = upload(&client, &bytes).unwrap_or_else(|e| panic!("{respond}: {e}"));
        fault.assert_injected(1);
        assert_eq!((attachment.attempts, sandbox.reservations().len() - before), (2, 2), "{respond}");
        sandbox.assert_stored(&attachment, &bytes);
    }
}

#[test]
fn a_url_that_is_refused_as_expired_although_it_is_fresh_ends_the_call() {
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let spec = json!({"side": "api", "method": "POST", "times": 0, "fault": {"expired": true}});
        let fault = sandbox.plant(spec);
        let error = upload(&sandbox.client(tls), &jpeg(1000)).unwrap_err();
        fault.assert_injected(2);
        assert_eq!((error.kind, error.details.attempts), (ErrorKind::Expired, 2), "{error}");
        assert!(error.message.contains("it was renewed just now, so another would not help"), "{error}");
        assert!(!error.details.retryable);
        assert_eq!((sandbox.reservations().len(), sandbox.puts().len()), (2, 2));
        assert_eq!(error.details.attachment_id.as_deref(), Some(sandbox.puts()[1].attachment_id()));
    }
}

/// Also where the new reservation needs two tries; and the first place is named while there is no other.
#[test]
fn a_reservation_that_fails_on_the_way_changes_neither() {
    let sandbox = Sandbox::start();
    let always = json!({"side": "storage", "method": "PUT", "times": 0,
                        "fault": {"respond": {"status": 400, "code": "ExpiredToken"}}});
    sandbox.plant(always);
    let again = json!({"side": "api", "method": "POST", "skip": 1,
                       "fault": {"respond": {"status": 503, "headers": [["Retry-After", "0"]]}}});
    let again = sandbox.plant(again);
    let error = upload(&sandbox.client(false), &jpeg(1000)).unwrap_err();
    again.assert_injected(1);
    assert_eq!((error.kind, error.details.attempts), (ErrorKind::Expired, 3), "{error}");
    assert!(error.message.contains("it was renewed just now, so another would not help"), "{error}");
    assert_eq!((sandbox.reservations().len(), sandbox.puts().len()), (3, 2));

    let refused = json!({"side": "api", "method": "POST", "skip": 1, "fault": {"respond": {"status": 400}}});
    let refused = sandbox.plant(refused);
    let error = upload(&sandbox.client(false), &jpeg(1000)).unwrap_err();
    refused.assert_injected(1);
    assert_eq!((error.kind, error.details.http_status), (ErrorKind::Api, Some(400)), "{error}");
    assert_eq!(error.details.attachment_id.as_deref(), Some(sandbox.puts()[2].attachment_id()));
}

#[test]
fn the_server_may_forbid_another_try() {
    let sandbox = Sandbox::start();
    let respond = json!({"status": 400, "code": "ExpiredToken", "headers": [["x-should-retry", "false"]]});
    let fault = sandbox.on_put(json!({"respond": respond}));
    let error = upload(&sandbox.client(false), &jpeg(1000)).unwrap_err();
    fault.assert_injected(1);
    assert_eq!((error.kind, error.details.attempts), (ErrorKind::Expired, 1), "{error}");
    assert!(!error.details.retryable);
}

#[test]
fn one_attempt_is_one_reservation() {
    let sandbox = Sandbox::start();
    let fault = sandbox.on_reserve(json!({"expired": true}));
    let error = upload(&sandbox.client_once(false), &jpeg(1000)).unwrap_err();
    fault.assert_injected(1);
    assert_eq!((error.kind, error.details.attempts), (ErrorKind::Expired, 1), "{error}");
    assert_eq!((sandbox.reservations().len(), sandbox.puts().len()), (1, 1));
}

/// While waiting to try again the URL's second passes: the next attempt does not even send to it.
#[test]
fn a_url_that_expired_meanwhile_is_replaced_before_sending() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
    let reserve = sandbox.on_reserve(json!({"expires_in": 1}));
    let put = sandbox.on_put(json!({"respond": {"status": 503, "headers": [["Retry-After", "2"]]}}));
    let attachment = upload(&sandbox.client(false), &bytes).unwrap();
    reserve.assert_injected(1);
    put.assert_injected(1);
    assert_eq!(attachment.attempts, 2);
    assert_renewed(&sandbox, &attachment, &bytes);
    assert_eq!(sandbox.puts().len(), 2, "the old URL was used once");
}

fn plain_403() -> Value {
    json!({"respond": {"status": 403, "code": "AccessDenied", "message": "Access Denied"}})
}

fn rfc3339(time: OffsetDateTime) -> String {
    time.replace_nanosecond(0).unwrap().format(&Rfc3339).unwrap()
}

#[test]
fn any_403_after_the_end_by_the_servers_clock_is_expiry() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
    let past = rfc3339(OffsetDateTime::now_utc() - Duration::seconds(5));
    let reserve = sandbox.on_reserve(json!({"merge": {"expires_at": past}}));
    let put = sandbox.on_put(plain_403());
    let attachment = upload(&sandbox.client(false), &bytes).unwrap();
    reserve.assert_injected(1);
    put.assert_injected(1);
    assert_eq!(attachment.attempts, 2);
    assert_renewed(&sandbox, &attachment, &bytes);
}

/// The server lives a year ago. By its clock the URL is fresh, whatever this device's clock says.
#[test]
fn this_devices_own_clock_decides_nothing() {
    const YEAR: i64 = 365 * 24 * 3600;
    for offset in [-YEAR, YEAR] {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
        let ends = OffsetDateTime::now_utc() + Duration::seconds(offset + 900);
        let lie = json!({"date": offset, "merge": {"expires_at": rfc3339(ends)}});
        let reserve = sandbox.plant(json!({"side": "api", "method": "POST", "times": 0, "fault": lie}));
        let attachment = upload(&sandbox.client(false), &bytes).unwrap();
        reserve.assert_injected(1);
        assert_eq!(attachment.attempts, 1);
        sandbox.assert_only(&attachment, &bytes);

        let then = (OffsetDateTime::now_utc() + Duration::seconds(offset)).format(&Rfc2822).unwrap();
        let refused = json!({"respond": {"status": 403, "body": "no", "headers": [["Date", then]]}});
        let put = sandbox.on_put(refused.clone());
        let error = upload(&sandbox.client(false), &bytes).unwrap_err();
        put.assert_injected(1);
        assert_eq!((error.kind, error.details.attempts), (ErrorKind::Storage, 1), "{offset}: {error}");

        // And where its clock says that the URL has expired, it has.
        sandbox.clear_faults();
        let over = OffsetDateTime::now_utc() + Duration::seconds(offset - 1);
        let lie = json!({"date": offset, "merge": {"expires_at": rfc3339(over)}});
        sandbox.plant(json!({"side": "api", "method": "POST", "times": 0, "fault": lie}));
        let put = sandbox.on_put(refused);
        let attachment = upload(&sandbox.client(false), &bytes).unwrap();
        put.assert_injected(1);
        assert_eq!(attachment.attempts, 2, "{offset}");
        sandbox.assert_stored(&attachment, &bytes);
    }
}

/// A server that says no time has none: a 403 is a 403, however long ago the URL expired by this device's clock.
#[test]
fn without_the_servers_date_nothing_has_expired() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
    let file = FileInfo { filename: "photo.jpg", content_type: None, size_bytes: 1000 };
    let mut presigned = sandbox.client(false).presign(file, CallOptions::default()).unwrap();
    presigned.expires_at = "2024-01-15T10:45:00Z".to_owned();
    let json = presigned.to_json();
    let raw = format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n{json}", json.len());
    let reserve = sandbox.on_reserve(json!({"respond": {"raw": raw, "then": "close"}}));
    let undated = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
    let put = sandbox.on_put(json!({"respond": {"raw": undated, "then": "close"}}));
    let error = upload(&sandbox.client(false), &bytes).unwrap_err();
    reserve.assert_injected(1);
    put.assert_injected(1);
    assert_eq!((error.kind, error.details.attempts), (ErrorKind::Storage, 1), "{error}");
    assert_eq!(error.details.http_status, Some(403));
    assert_eq!((sandbox.reservations().len(), sandbox.puts().len()), (2, 1));
}

/// A PUT that is on its way when its URL expires is left alone.
#[test]
fn a_running_put_is_never_aborted_for_expiry() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(1 << 20));
    let reserve = sandbox.on_reserve(json!({"expires_in": 1}));
    let put = sandbox.on_put(json!({"slow_read": {"bytes_per_s": 500 << 10}}));
    let client = Client::new(Config { max_attempts: 1, ..sandbox.config(false) }).unwrap();
    let attachment = upload(&client, &bytes).unwrap();
    reserve.assert_injected(1);
    put.assert_injected(1);
    sandbox.assert_only(&attachment, &bytes);
}
