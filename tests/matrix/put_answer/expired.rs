//! Row 47: the signed URL has expired, or is said to have.

use linq::{CallOptions, ErrorKind, FileInfo, Presigned, Source, UploadOptions};
use serde_json::{Value, json};

use crate::common::{Sandbox, jpeg, upload};
use crate::support::{assert_is, assert_stored_after, both, failed, s3};

fn refusals() -> [Value; 7] {
    [
        s3(403, "AccessDenied", "Request has expired"),
        s3(400, "ExpiredToken", "The provided token has expired."),
        s3(403, "ExpiredToken", "The provided token has expired."),
        s3(400, "TokenRefreshRequired", "The provided token must be refreshed."),
        // R2, now and formerly, and others.
        s3(403, "ExpiredRequest", "Request has expired."),
        s3(400, "ExpiredRequest", "Request has expired."),
        s3(400, "RequestExpired", "Request has expired."),
    ]
}

/// The id is that of the second place, to which the second PUT went.
#[track_caller]
fn assert_second_id(sandbox: &Sandbox, id: &str) {
    let to_it: Vec<_> = sandbox.puts().iter().map(|put| put.path().contains(id)).collect();
    assert_eq!(to_it, [false, true], "{id}");
}

/// A new place is reserved, at once; the id that counts is the new one.
#[test]
fn row_47_expired_is_reserved_anew() {
    both(|tls| {
        for refusal in refusals() {
            let (sandbox, bytes) = (Sandbox::start(), jpeg(50_000));
            let fault = sandbox.on_put(json!({"respond": refusal}));
            let attachment = upload(&sandbox.client(tls), &bytes).unwrap();
            fault.assert_injected(1);
            assert_stored_after(&sandbox, 2, &attachment, &bytes);
            assert_eq!(sandbox.reservations().len(), 2, "{refusal}");
            assert_second_id(&sandbox, &attachment.attachment_id);
        }
    });
}

/// The real S3 server finds the signature too old.
#[test]
fn row_47_the_server_itself_finds_it_expired() {
    both(|tls| {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(50_000));
        let fault = sandbox.on_reserve(json!({"expired": true}));
        let attachment = upload(&sandbox.client(tls), &bytes).unwrap();
        fault.assert_injected(1);
        assert_stored_after(&sandbox, 2, &attachment, &bytes);
        assert_eq!(sandbox.puts()[0].number("status"), 403);
    });
}

/// A URL that is fresh and refused as expired will not get better: two reservations in all, never more.
#[test]
fn row_47_twice_is_the_end() {
    both(|tls| {
        let sandbox = Sandbox::start();
        let respond = json!({"respond": s3(403, "AccessDenied", "Request has expired")});
        let fault = sandbox.plant(json!({"side": "storage", "times": 0, "fault": respond}));
        let error = failed(&sandbox, upload(&sandbox.client(tls), &jpeg(50_000)));
        fault.assert_injected(2);
        assert_is(&error, ErrorKind::Expired, Some(403), 2, false);
        assert!(error.message.contains("it was renewed just now, so another would not help"), "{error}");
        assert_eq!(sandbox.reservations().len(), 2);
        assert_second_id(&sandbox, error.details.attachment_id.as_deref().unwrap());
        sandbox.assert_nothing_stored();
    });
}

/// The split use cannot reserve: it says so.
#[test]
fn row_47_the_split_use_says_expired() {
    both(|tls| {
        for refusal in refusals() {
            let (sandbox, bytes) = (Sandbox::start(), jpeg(50_000));
            let file = linq::FileInfo { filename: "photo.jpg", content_type: None, size_bytes: 50_000 };
            let reserved = sandbox.client(tls).presign(file, Default::default()).unwrap();
            let presigned = Presigned::parse(reserved.to_json().as_bytes()).unwrap();
            let keyless = linq::Config { api_key: None, ..sandbox.config(tls) };
            let fault = sandbox.on_put(json!({"respond": refusal}));
            let result = linq::Client::new(keyless).unwrap().upload_presigned(
                &presigned,
                Source::Bytes(&bytes),
                UploadOptions::default(),
            );
            let error = failed(&sandbox, result);
            fault.assert_injected(1);
            let status = refusal["status"].as_u64().map(|status| status as u16);
            assert_is(&error, ErrorKind::Expired, status, 1, false);
            assert!(
                error.message.starts_with("uploading photo.jpg: the upload URL has expired ("),
                "{error}"
            );
            assert_eq!(sandbox.reservations().len(), 1);
            sandbox.assert_nothing_stored();
        }
    });
}

/// Ceph says no more than AccessDenied. Its own clock tells the rest, where nobody else's was seen.
#[test]
fn row_106_a_403_after_the_expiry_by_the_answers_own_date() {
    both(|tls| {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
        let file = FileInfo { filename: "photo.jpg", content_type: None, size_bytes: 1000 };
        let place = sandbox.client(tls).presign(file, CallOptions::default()).unwrap();
        let place = Presigned::parse(place.to_json().as_bytes()).unwrap();
        let put = |status: u16, date: Value| {
            let fault = sandbox.on_put(json!({
                "respond": {"status": status, "code": "AccessDenied", "headers": date}
            }));
            let source = Source::Bytes(&bytes);
            let result = sandbox.client(tls).upload_presigned(&place, source, UploadOptions::default());
            let error = failed(&sandbox, result);
            fault.assert_injected(1);
            error
        };
        let late = json!([["Date", "Sun, 06 Nov 2094 08:49:37 GMT"]]);
        let error = put(403, late.clone());
        assert_is(&error, ErrorKind::Expired, Some(403), 1, false);
        assert_eq!(error.details.storage_code.as_deref(), Some("AccessDenied"));
        assert!(error.message.contains("the upload URL has expired"), "{error}");
        for (status, date) in [
            (403, json!([["Date", "Sun, 06 Nov 1994 08:49:37 GMT"]])),
            (403, json!([["Date", "soon"]])),
            (401, late),
        ] {
            assert_is(&put(status, date), ErrorKind::Storage, Some(status), 1, false);
        }
    });
}
