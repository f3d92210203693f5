//! Refusals that are not as documented: the status always arrives, and whatever else can be read.

use std::time::Duration;

use linq::{CallOptions, Error, ErrorKind, Message};
use mockito::{Matcher, Server};
use serde_json::{Value, json};

use crate::{ID, client, presign, reservation};

fn refused(status: usize, body: impl AsRef<[u8]>) -> Error {
    let mut server = Server::new();
    let mock = reservation(&mut server, status, body).expect(1).create();
    let error = presign(&client(&server)).unwrap_err();
    mock.assert();
    assert_eq!(error.details.http_status.map(usize::from), Some(status));
    error
}

fn says(error: &Error) -> &str {
    error
        .message
        .strip_prefix("reserving a place for photo.jpg: Linq refused with ")
        .expect("a refusal by Linq")
}

#[test]
fn bodies_that_are_no_envelope_leave_the_status() {
    let huge = format!("{{\"error\": {{\"message\": \"{}\"}}}}", "x".repeat(2 << 20));
    let page = refused(502, b"<html><head><title>502 Bad Gateway</title></head></html>");
    assert_eq!((page.kind, says(&page)), (ErrorKind::Api, "status 502 (its answer is a web page)"));
    let bodies: [&[u8]; 12] = [
        b"",
        b"Bad Gateway",
        b"null",
        b"[]",
        b"7",
        b"\"error\"",
        b"{}",
        b"{\"error\": null}",
        b"{\"error\": {}}",
        b"{\"error\": {\"code\": 3006, \"message\": \"cut o",
        b"\xff\xfe\x00\x01",
        huge.as_bytes(),
    ];
    for body in bodies {
        let error = refused(502, body);
        assert_eq!((error.kind, says(&error)), (ErrorKind::Api, "status 502"));
        assert!(error.details.retryable);
        let error = refused(403, body);
        assert_eq!((error.kind, says(&error)), (ErrorKind::Api, "status 403"));
        assert_eq!((error.details.api_code, error.details.retryable), (None, false));
    }
}

#[test]
fn a_part_that_cannot_be_read_does_not_hide_the_others() {
    let table = [
        (json!({"code": "1005", "message": "words"}), "status 400, code 1005: words"),
        (json!({"code": "x", "message": "words"}), "status 400: words"),
        (json!({"code": -1, "message": "words"}), "status 400: words"),
        (json!({"code": 1e99, "message": "words"}), "status 400: words"),
        (json!({"code": null, "message": "words"}), "status 400: words"),
        (json!({"message": "words"}), "status 400: words"),
        (json!({"code": 1005}), "status 400, code 1005"),
        (json!({"code": 1005, "message": null}), "status 400, code 1005"),
        (json!({"code": 1005, "message": ""}), "status 400, code 1005"),
        (
            json!({"code": 1005, "message": "words", "doc_url": null, "retry_after": null}),
            "status 400, code 1005: words",
        ),
        (
            json!({"code": 1005, "message": "words", "status": "400", "more": [{}]}),
            "status 400, code 1005: words",
        ),
    ];
    for (inner, expected) in table {
        let error = refused(400, json!({"success": false, "error": inner, "trace_id": null}).to_string());
        assert_eq!((error.kind, says(&error)), (ErrorKind::Api, expected), "{inner}");
    }
}

#[test]
fn a_part_of_a_wrong_type_does_not_hide_the_others() {
    for odd in [
        json!({"doc_url": 7}),
        json!({"retry_after": "3"}),
        json!({"retry_after": {}}),
        json!({"doc_url": ["https://docs.linqapp.com"]}),
    ] {
        let mut inner = json!({"code": 1005, "message": "words"});
        inner.as_object_mut().unwrap().extend(odd.as_object().unwrap().clone());
        let error = refused(400, json!({"success": false, "error": inner}).to_string());
        assert_eq!(says(&error), "status 400, code 1005: words", "{inner}");
    }
    let error = refused(400, json!({"error": {"code": 1005, "message": "words"}, "trace_id": 7}).to_string());
    assert_eq!(says(&error), "status 400, code 1005: words");
    let error = refused(400, json!({"error": {"code": 1005, "message": 7}}).to_string());
    assert_eq!(says(&error), "status 400, code 1005");
}

#[test]
fn words_are_shown_on_one_line_and_not_without_end() {
    let message = format!("first\r\n\tsecond\u{0}\u{1b}[31m {}", "x".repeat(5000));
    let error = refused(400, json!({"error": {"code": 1005, "message": message}}).to_string());
    let words = says(&error).strip_prefix("status 400, code 1005: first second[31m xxx").unwrap();
    assert!(words.len() < 300 && words.chars().all(|c| c == 'x'), "{error}");
    let message = "see https://h.example/a?X-Amz-Signature=secret for more";
    let error = refused(400, json!({"error": {"code": 1005, "message": message}}).to_string());
    assert_eq!(says(&error), "status 400, code 1005: see https://h.example/a for more");
}

#[test]
fn trace_ids_of_the_body_and_of_the_header() {
    for (body, header, expected) in [
        (json!({"error": {"code": 1005}, "trace_id": "body"}), Some("header"), Some("body")),
        (
            json!({"error": {"code": 1005}}),
            Some("4bf92f3577b34da6a3ce929d0e0e4736"),
            Some("4bf92f3577b34da6a3ce929d0e0e4736"),
        ),
        (Value::Null, Some("header"), Some("header")),
        (json!({"error": {"code": 1005}}), None, None),
    ] {
        let mut server = Server::new();
        let mock = reservation(&mut server, 400, body.to_string());
        let mock = match header {
            Some(id) => mock.with_header("X-Trace-ID", id),
            None => mock,
        };
        mock.create();
        let error = presign(&client(&server)).unwrap_err();
        assert_eq!(error.details.trace_id.as_deref(), expected, "{body}");
    }
}

/// A header is a server's words too; whether its body is a refusal or an answer that cannot be read.
#[test]
fn no_secret_is_in_a_trace_id() {
    let long = "x".repeat(5000);
    for (said, shown) in [
        ("test-key", "(the API key)"),
        ("of Bearer test-key.", "of Bearer (the API key)."),
        ("https://h.example/p?X-Amz-Signature=secret", "https://h.example/p"),
        (&*long, &long[..300]),
    ] {
        for (status, kind) in [(401, ErrorKind::Unauthorized), (200, ErrorKind::Protocol)] {
            let mut server = Server::new();
            reservation(&mut server, status, "{}").with_header("X-Trace-ID", said).create();
            let error = presign(&client(&server)).unwrap_err();
            assert_eq!((error.kind, error.details.trace_id.as_deref()), (kind, Some(shown)), "{status}");
        }
    }
}

#[test]
fn hints_are_told_also_where_nothing_is_tried_again() {
    let body =
        json!({"error": {"status": 429, "code": 1007, "message": "words", "retry_after": 7}}).to_string();
    let error = refused(429, &body);
    assert_eq!(
        (error.kind, error.details.retry_after),
        (ErrorKind::RateLimited, Some(Duration::from_secs(7)))
    );
    let mut server = Server::new();
    reservation(&mut server, 429, &body).with_header("retry-after", "9").create();
    let error = presign(&client(&server)).unwrap_err();
    assert_eq!(error.details.retry_after, Some(Duration::from_secs(9)), "the header comes first");
}

#[test]
fn every_call_says_what_it_was_about() {
    let mut server = Server::new();
    let body = json!({"error": {"status": 404, "code": 2001, "message": "Resource not found"}}).to_string();
    for method in ["GET", "DELETE", "POST"] {
        server.mock(method, Matcher::Any).with_status(404).with_body(&body).create();
    }
    let client = client(&server);
    let message = Message {
        from: "+15550001111",
        to: &["+15550002222"],
        text: Some("hi"),
        attachment_ids: &[],
        idempotency_key: None,
    };
    let call = CallOptions::default;
    for (error, what) in [
        (client.attachment(ID, call()).unwrap_err(), format!("asking for attachment {ID}")),
        (client.delete_attachment(ID, call()).unwrap_err(), format!("deleting attachment {ID}")),
        (client.send_message(message, call()).unwrap_err(), "sending the message".to_owned()),
    ] {
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert_eq!(
            error.message,
            format!("{what}: Linq refused with status 404, code 2001: Resource not found")
        );
    }
}

#[test]
fn redirects_are_no_answer_of_any_call() {
    let mut server = Server::new();
    let other = Server::new();
    for method in ["GET", "DELETE", "POST"] {
        let location = format!("{}/elsewhere", other.url());
        server.mock(method, Matcher::Any).with_status(308).with_header("location", &location).create();
    }
    let client = client(&server);
    for error in [
        presign(&client).unwrap_err(),
        client.attachment(ID, CallOptions::default()).unwrap_err(),
        client.delete_attachment(ID, CallOptions::default()).unwrap_err(),
    ] {
        assert_eq!((error.kind, error.details.http_status), (ErrorKind::Protocol, Some(308)));
        let expected = ": 127.0.0.1 redirects to 127.0.0.1 (status 308), which is never followed; is the base URL \
             right? LINQ_API_V3_BASE_URL sets it";
        assert!(error.message.ends_with(expected), "{error}");
    }
}
