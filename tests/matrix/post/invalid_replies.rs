//! Rows 25 and 26: a success without a valid reply.

use std::time::Instant;

use linq::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::common::{Sandbox, assert_took, jpeg, upload};
use crate::support::{assert_is, both, failed};

const WHAT: &str = "reserving a place for photo.jpg: ";

/// Asked once and refused: no PUT was made, no other host was contacted.
fn rejected(tls: bool, fault: &Value) -> Error {
    let sandbox = Sandbox::start();
    let planted = sandbox.on_reserve(fault.clone());
    let began = Instant::now();
    let error = failed(&sandbox, upload(&sandbox.client(tls), &jpeg(1000)));
    assert_took(began, 0..10_000);
    planted.assert_injected(1);
    assert_eq!((error.kind, error.details.attempts), (ErrorKind::Protocol, 1), "{fault}: {error}");
    assert!(!error.details.retryable, "{fault}");
    assert_eq!(sandbox.reservations().len(), 1);
    for listener in ["storage", "storage_tls", "other", "other_tls"] {
        assert_eq!(sandbox.accepted(listener), 0, "{fault}: {listener}");
    }
    assert!(error.message.len() < 1024, "{error}");
    error
}

#[test]
fn row_25_what_is_no_json() {
    both(|tls| {
        // gzip of `{}`, though it was not asked for.
        let gzip = json!({"body_base64": "H4sIAAAAAAAAA6uuBQBDv6ajAgAAAA==", "headers": [["Content-Encoding", "gzip"]]});
        let bodies = [
            json!({"body": "It worked."}),
            json!({"body": ""}),
            json!({"body": "{\"attachment_id\":"}),
            json!({"body_base64": "/////w=="}),
        ];
        for respond in bodies {
            let error = rejected(tls, &json!({"respond": respond}));
            assert!(
                error.message.starts_with(&format!("{WHAT}Linq's answer is not JSON")),
                "{respond}: {error}"
            );
            assert_is(&error, ErrorKind::Protocol, Some(200), 1, false);
        }
        let error = rejected(tls, &json!({"respond": gzip}));
        let expected = format!("{WHAT}Linq's answer is compressed with gzip, which was not asked for");
        assert_eq!(error.message, expected);
    });
}

#[test]
fn row_25_missing_fields() {
    both(|tls| {
        let fields = ["attachment_id", "upload_url", "http_method", "expires_at", "required_headers"];
        for field in fields {
            let error = rejected(tls, &json!({"merge": {field: null}}));
            assert!(error.message.starts_with(&format!("{WHAT}Linq's answer ")), "{error}");
            assert!(error.message.contains(&format!("missing field `{field}`")), "{error}");
        }
        for body in [json!([]), json!("text"), json!(7), Value::Bool(true)] {
            let error = rejected(tls, &json!({"respond": {"body": body.to_string()}}));
            assert!(error.message.starts_with(&format!("{WHAT}Linq's answer ")), "{error}");
        }
    });
}

/// No more than 1 MiB is read of a gigabyte, or of an answer without end.
#[test]
fn row_25_giants() {
    both(|tls| {
        let giants = [
            json!({"body_repeat": {"text": "x", "count": 1_000_000_000}}),
            json!({"body_repeat": {"text": "x", "count": 1_000_000_000}, "framing": "chunked"}),
            json!({"endless": true, "framing": "chunked"}),
            json!({"endless": true, "framing": "none"}),
        ];
        for respond in giants {
            let error = rejected(tls, &json!({"respond": respond}));
            assert_eq!(error.message, format!("{WHAT}the server's answer is larger than 1 MiB"));
        }
    });
}

#[test]
fn row_25_heads_that_are_none() {
    both(|tls| {
        let giant = format!("HTTP/1.1 200 OK\r\nX-Giant: {}\r\n\r\n", "x".repeat(100_000));
        for raw in ["SSH-2.0-OpenSSH_9.6\r\n", "HTTP/9.9 200 OK\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", &giant] {
            let error = rejected(tls, &json!({"respond": {"raw": raw, "then": "close"}}));
            let known = ["did not answer in proper HTTP", "sent more than 32 KiB of headers"];
            assert!(known.iter().any(|why| error.message.ends_with(why)), "{error}");
        }
    });
}

#[test]
fn row_26_upload_urls_that_are_refused() {
    both(|tls| {
        let long = format!("https://localhost/{}", "a".repeat(70_000));
        let table = [
            ("http://uploads.example/a", "an upload_url that is not https"),
            ("http://127.0.0.1.evil.example/a", "an upload_url that is not https"),
            ("http://10.0.0.1/a", "an upload_url that is not https"),
            ("ftp://uploads.example/a", "an upload_url that is not https"),
            ("https://user:secret@uploads.example/a", "an upload_url with a user name in it"),
            ("https://localhost@uploads.example/a", "an upload_url with a user name in it"),
            ("https:///a", "an upload_url that is not a URL"),
            ("/relative", "an upload_url without a host"),
            (&long, "an upload_url that is not a URL"),
            ("https://uploads.example/a\r\nX-Injected: yes", "control characters"),
            ("https://uploads.example/a b", "an upload_url that is not a URL"),
        ];
        for (url, why) in table {
            let error = rejected(tls, &json!({"merge": {"upload_url": url}}));
            let verb = if why == "control characters" { "holds" } else { "has" };
            assert_eq!(error.message, format!("{WHAT}Linq's reply {verb} {why}"), "{}", &url[..20]);
        }
    });
}

/// Plain http to loopback is for test servers, and only for who reaches the API so too.
#[test]
fn row_26_plain_upload_url_from_a_secure_api() {
    let sandbox = Sandbox::start();
    let url = format!("{}/uploads/x", sandbox.get("storage"));
    let fault = sandbox.on_reserve(json!({"merge": {"upload_url": url}}));
    let error = failed(&sandbox, upload(&sandbox.client(true), &jpeg(1000)));
    fault.assert_injected(1);
    assert_is(&error, ErrorKind::Protocol, None, 1, false);
    assert!(error.message.contains("the upload URL is plain http"), "{error}");
    assert_eq!(sandbox.accepted("storage"), 0);
}

#[test]
fn row_26_headers_that_are_refused() {
    both(|tls| {
        let table = [
            (json!({"A\r\nX-Injected": "b"}), "a header that cannot be sent"),
            (json!({"A": "b\r\nX-Injected: yes"}), "a header that cannot be sent"),
            (json!({"A": "b\nX-Injected: yes"}), "a header that cannot be sent"),
            (json!({"A": "b\u{0}"}), "a header that cannot be sent"),
            (json!({"A b": "c"}), "a header that cannot be sent"),
            (json!({"": "c"}), "a header that cannot be sent"),
            (json!({"Host": "evil.example"}), "another Host than that of its upload_url"),
            (json!({"Content-Length": "999"}), "a Content-Length that is not the file's size"),
            (json!({"content-length": "999"}), "a Content-Length that is not the file's size"),
            (json!({"Content-Length": "-1"}), "_a bad Content-Length"),
            (json!({"Transfer-Encoding": "chunked"}), "the header Transfer-Encoding"),
            (json!({"Authorization": "Bearer x"}), "the header Authorization"),
        ];
        for (headers, why) in table {
            let error = rejected(tls, &json!({"merge": {"required_headers": headers}}));
            let why = match why.strip_prefix('_') {
                Some(why) => format!("has {why}"),
                None => format!("requires {why}"),
            };
            assert_eq!(error.message, format!("{WHAT}Linq's reply {why}"));
        }
        for (field, lie, why) in [
            ("http_method", json!("POST"), "asks for another method than PUT"),
            ("attachment_id", json!(""), "has an invalid attachment_id"),
            ("attachment_id", json!("a\r\nb"), "has an invalid attachment_id"),
            ("download_url", json!("a\r\nb"), "holds control characters"),
            ("expires_at", json!("soon"), "has an expires_at that is not a date"),
        ] {
            let error = rejected(tls, &json!({"merge": {field: lie}}));
            assert_eq!(error.message, format!("{WHAT}Linq's reply {why}"));
        }
    });
}
