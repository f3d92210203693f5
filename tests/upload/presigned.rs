//! The split use: a server that holds the key reserves, and something without any key uploads.

use std::time::Duration;

use linq::{CallOptions, Client, Config, ErrorKind, FileInfo, Presigned, Source, UploadOptions};
use serde_json::{Value, json};

use crate::common::{BOTH, Sandbox, jpeg};

/// A client as it is inside an app: no key, no environment.
fn keyless(sandbox: &Sandbox) -> Client {
    let config = Config {
        ca_file: Some(sandbox.get("ca_file").into()),
        use_environment: false,
        allow_http_loopback: true,
        ..Config::default()
    };
    Client::new(config).unwrap()
}

fn presign(sandbox: &Sandbox, tls: bool, size_bytes: u64) -> Presigned {
    let file = FileInfo { filename: "photo.jpg", content_type: None, size_bytes };
    sandbox.client(tls).presign(file, CallOptions::default()).unwrap()
}

#[test]
fn a_reservation_travels_as_json() {
    for tls in BOTH {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(300_000));
        let presigned = presign(&sandbox, tls, 300_000);
        assert_eq!(presigned.http_method, "PUT");
        let headers = [("Content-Length", "300000"), ("Content-Type", "image/jpeg")];
        let mut found: Vec<_> = presigned.headers.iter().map(|(n, v)| (&**n, &**v)).collect();
        found.sort();
        assert_eq!(found, headers);
        let life = presigned.expires_at_ms - now_ms();
        assert!((840_000..=900_000).contains(&life), "{life} ms from now");

        let json: Value = serde_json::from_str(&presigned.to_json()).unwrap();
        assert_eq!(json["attachment_id"], *presigned.attachment_id);
        assert_eq!(
            (&json["filename"], &json["content_type"], &json["size_bytes"]),
            (&json!("photo.jpg"), &json!("image/jpeg"), &json!(300_000))
        );
        assert_eq!(
            json["required_headers"],
            json!({"Content-Length": "300000", "Content-Type": "image/jpeg"})
        );
        assert!(!presigned.to_json().contains(&sandbox.get("key")));

        let parsed = Presigned::parse(presigned.to_json().as_bytes()).unwrap();
        let attachment =
            keyless(&sandbox).upload_presigned(&parsed, Source::Bytes(&bytes), UploadOptions::default());
        let attachment = attachment.unwrap();
        assert_eq!(attachment.attachment_id, presigned.attachment_id);
        assert_eq!(attachment.download_url, presigned.download_url);
        sandbox.assert_only(&attachment, &bytes);
        assert_eq!(sandbox.requests().len(), 2, "a reservation and a PUT, nothing else");
        let put = &sandbox.puts()[0];
        assert_eq!(put.header_names(), ["content-length", "content-type", "host", "user-agent"]);
    }
}

/// In the split use a name is checked as in the whole one, and against the one that was signed.
#[test]
fn a_name_that_is_not_the_one_that_was_signed_never_reaches_the_network() {
    let sandbox = Sandbox::start();
    let (presigned, raw) = (presign(&sandbox, false, 5000), raw_reply(&sandbox, 5000));
    let unnamed = Presigned::parse(raw.as_bytes()).unwrap();
    let requests = sandbox.requests().len();
    let refused = |place: &Presigned, name: &str| {
        let options = UploadOptions { filename: Some(name), ..UploadOptions::default() };
        let error =
            keyless(&sandbox).upload_presigned(place, Source::Bytes(&jpeg(5000)), options).unwrap_err();
        assert_eq!((error.kind, error.details.attempts), (ErrorKind::Unsupported, 0), "{error}");
        error.message
    };
    for place in [&presigned, &unnamed] {
        let separator = "the file name holds a path separator; give the name alone";
        assert_eq!(refused(place, "photos/photo.jpg"), separator);
        assert_eq!(refused(place, "a\\photo.jpg"), separator);
        assert_eq!(refused(place, "a\nb.jpg"), "the file name holds control characters");
        assert_eq!(refused(place, ""), "the file name has 0 characters; Linq takes 1 to 255");
    }
    let other = "the file name is other.jpg, but the place was reserved for photo.jpg";
    assert_eq!(refused(&presigned, "other.jpg"), other);
    assert_eq!(refused(&presigned, "Photo.jpg"), other.replace("other", "Photo"));
    assert_eq!(sandbox.requests().len(), requests);

    // The file's own name is nobody's word, and is not held against it.
    let folder = crate::common::Folder::new();
    let path = folder.file("other.jpg", &jpeg(5000));
    for options in
        [UploadOptions::default(), UploadOptions { filename: Some("photo.jpg"), ..UploadOptions::default() }]
    {
        let attachment =
            keyless(&sandbox).upload_presigned(&presigned, Source::Path(&path), options).unwrap();
        assert_eq!(attachment.filename, "photo.jpg");
    }
}

fn now_ms() -> i64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64
}

/// Linq's own reply, as a server in any language gets it.
fn raw_reply(sandbox: &Sandbox, size: usize) -> String {
    let body = json!({"filename": "photo.jpg", "content_type": "image/jpeg", "size_bytes": size});
    let url = format!("{}/v3/attachments", sandbox.get("api"));
    let request = ureq::post(url).header("authorization", format!("Bearer {}", sandbox.get("key")));
    let mut answer = request.content_type("application/json").send(body.to_string()).unwrap();
    answer.body_mut().read_to_string().unwrap()
}

#[test]
fn linqs_raw_reply_is_taken_verbatim() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(5000));
    let raw = raw_reply(&sandbox, 5000);
    let presigned = Presigned::parse(raw.as_bytes()).unwrap();
    assert_eq!(presigned.filename, None);
    assert_eq!((presigned.content_type.as_deref(), presigned.size_bytes), (Some("image/jpeg"), Some(5000)));
    let options = UploadOptions { filename: Some("photo.jpg"), ..UploadOptions::default() };
    let attachment = keyless(&sandbox).upload_presigned(&presigned, Source::Bytes(&bytes), options).unwrap();
    sandbox.assert_only(&attachment, &bytes);
}

#[test]
fn unknown_fields_are_ignored_and_a_name_is_not_needed() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(5000));
    let mut reply: Value = serde_json::from_str(&raw_reply(&sandbox, 5000)).unwrap();
    reply["added_later"] = json!({"a": [1, null]});
    let presigned = Presigned::parse(reply.to_string().as_bytes()).unwrap();
    let attachment =
        keyless(&sandbox).upload_presigned(&presigned, Source::Bytes(&bytes), UploadOptions::default());
    let attachment = attachment.unwrap();
    assert_eq!((&*attachment.filename, attachment.size_bytes), ("", 5000));
    assert_eq!(sandbox.stored(&attachment.attachment_id), bytes);
}

#[test]
fn a_source_that_differs_from_what_was_signed_never_reaches_the_network() {
    let sandbox = Sandbox::start();
    let presigned = presign(&sandbox, false, 5000);
    let client = keyless(&sandbox);
    let refused = |bytes: &[u8], content_type| {
        let options = UploadOptions { content_type, ..UploadOptions::default() };
        let error = client.upload_presigned(&presigned, Source::Bytes(bytes), options).unwrap_err();
        assert_eq!((error.kind, error.details.retryable), (ErrorKind::Unsupported, false), "{error}");
        error.message
    };
    let reserved = "but the place was reserved for";
    assert_eq!(refused(&jpeg(4999), None), format!("photo.jpg has 4999 bytes, {reserved} 5000"));
    assert_eq!(refused(&jpeg(5001), None), format!("photo.jpg has 5001 bytes, {reserved} 5000"));
    let declared = format!("photo.jpg is declared as image/png, {reserved} image/jpeg");
    assert_eq!(refused(&jpeg(5000), Some("image/png")), declared);
    let mut png = jpeg(5000);
    png[..16].copy_from_slice(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    let message = refused(&png, None);
    assert!(
        message.starts_with("the place was reserved for image/jpeg, but: photo.jpg is a PNG image"),
        "{message}"
    );
    assert!(sandbox.puts().is_empty());
    assert_eq!(sandbox.accepted("storage"), 0);

    // the same type under another of its names is no difference
    let options = UploadOptions { content_type: Some("image/jpg"), ..UploadOptions::default() };
    let bytes = jpeg(5000);
    sandbox
        .assert_only(&client.upload_presigned(&presigned, Source::Bytes(&bytes), options).unwrap(), &bytes);
}

#[test]
fn an_expired_url_is_told_and_not_tried_again() {
    for tls in BOTH {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(200_000));
        let fault = sandbox.on_reserve(json!({"expired": true}));
        let json = presign(&sandbox, tls, 200_000).to_json();
        fault.assert_injected(1);
        // Not refused by a clock of ours: the storage decides.
        let presigned = Presigned::parse(json.as_bytes()).unwrap();
        let error =
            keyless(&sandbox).upload_presigned(&presigned, Source::Bytes(&bytes), UploadOptions::default());
        let error = error.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Expired);
        let expected = "uploading photo.jpg: the upload URL has expired (403 AccessDenied: Request has expired); \
                        reserve a new one, they last 15 minutes";
        assert_eq!(error.message, expected);
        let details = &*error.details;
        assert_eq!((details.http_status, details.storage_code.as_deref()), (Some(403), Some("AccessDenied")));
        assert!(details.storage_request_id.is_some());
        assert_eq!((details.attempts, details.retryable), (1, false));
        assert_eq!(details.attachment_id.as_deref(), Some(&*presigned.attachment_id));
        assert_eq!((sandbox.puts().len(), sandbox.reservations().len()), (1, 1));
    }
}

#[test]
fn the_put_alone_is_tried_again_too() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(200_000));
    let presigned = presign(&sandbox, false, 200_000);
    let fault = sandbox.on_put(json!({"respond": {"status": 503, "headers": [["Retry-After", "0"]]}}));
    let attachment =
        keyless(&sandbox).upload_presigned(&presigned, Source::Bytes(&bytes), UploadOptions::default());
    let attachment = attachment.unwrap();
    fault.assert_injected(1);
    assert_eq!((attachment.attempts, sandbox.puts().len()), (2, 2));
    sandbox.assert_only(&attachment, &bytes);
}

#[test]
fn plain_http_needs_the_flag_even_on_loopback() {
    let sandbox = Sandbox::start();
    let presigned = presign(&sandbox, false, 5000);
    let client = Client::new(Config { use_environment: false, ..Config::default() }).unwrap();
    let error = client
        .upload_presigned(&presigned, Source::Bytes(&jpeg(5000)), UploadOptions::default())
        .unwrap_err();
    let expected = "the upload URL is plain http; allow plain http to loopback to use a test server";
    assert_eq!((error.kind, &*error.message), (ErrorKind::Protocol, expected));
    assert!(sandbox.puts().is_empty());
}

#[test]
fn what_needs_a_key_says_so_before_any_network() {
    let sandbox = Sandbox::start();
    let config = Config { api_key: None, ..sandbox.config(false) };
    for key in [None, Some(String::new())] {
        let client = Client::new(Config { api_key: key, ..config.clone() }).unwrap();
        let call = CallOptions { timeout: Some(Duration::from_secs(5)), ..CallOptions::default() };
        let file = FileInfo { filename: "photo.jpg", content_type: None, size_bytes: 5 };
        let error = client.presign(file, call).unwrap_err();
        let expected = "set LINQ_API_V3_API_KEY, or give the client an API key; your Linq \
                        representative provides them: https://docs.linqapp.com/getting-started/authentication/";
        assert_eq!((error.kind, &*error.message), (ErrorKind::Unauthorized, expected));
        assert_eq!(error.details.attempts, 0, "it failed before any network");
    }
    assert!(sandbox.requests().is_empty());
}

#[test]
fn json_that_is_no_reservation_is_an_invalid_argument() {
    let good = presign(&Sandbox::start(), true, 5).to_json();
    let with = |field: &str, value: Value| {
        let mut json: Value = serde_json::from_str(&good).unwrap();
        json[field] = value;
        json.to_string()
    };
    let table = [
        (String::new(), "is not JSON"),
        (good[..good.len() - 1].to_owned(), "is not JSON"),
        ("[]".to_owned(), "has a field of the wrong type (line 1, column "),
        ("{}".to_owned(), "has a missing field `attachment_id`"),
        (with("upload_url", json!("http://uploads.example/a")), "has an upload_url that is not https"),
        (with("required_headers", json!({"a": true})), "has a field of the wrong type (line 1, column "),
        (with("size_bytes", json!(6)), "requires a Content-Length that is not the file's size"),
    ];
    for (json, why) in table {
        let error = Presigned::parse(json.as_bytes()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidArgument, "{json}");
        assert!(error.message.starts_with("the presigned JSON ") && error.message.contains(why), "{error}");
        assert!(!error.message.contains("X-Amz-Signature"), "{error}");
    }
}

#[test]
fn a_required_host_reaches_the_storage_as_it_was_signed() {
    for tls in BOTH {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(5000));
        let place = presign(&sandbox, tls, 5000);
        let mut json: Value = serde_json::from_str(&place.to_json()).unwrap();
        let authority = place.upload_url.split('/').nth(2).unwrap().to_owned();
        for host in [authority.clone(), authority.to_ascii_uppercase()] {
            json["required_headers"]["hOST"] = json!(host);
            let presigned = Presigned::parse(json.to_string().as_bytes()).unwrap();
            let fault = sandbox.on_put(json!({"respond": {"status": 200}}));
            let client = keyless(&sandbox);
            client.upload_presigned(&presigned, Source::Bytes(&bytes), UploadOptions::default()).unwrap();
            fault.assert_injected(1);
            let put = sandbox.puts().pop().unwrap();
            assert_eq!((put.header("host"), put.header("content-length")), (host, "5000".to_owned()));
        }
    }
}
