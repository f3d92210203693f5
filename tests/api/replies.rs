//! Successes that are not as documented, and what is asked of the server.

use linq::{CallOptions, Client, Config, Error, ErrorKind, Message, Presigned, Request};
use mockito::{Matcher, Server};
use serde_json::{Value, json};

use crate::{ID, client, good_reply, presign, reservation};

#[test]
fn any_2xx_is_a_success() {
    for status in [200, 201, 202, 203] {
        let mut server = Server::new();
        let reply = good_reply(&server).to_string();
        reservation(&mut server, status, reply).create();
        assert_eq!(presign(&client(&server)).unwrap().attachment_id, ID);
    }
}

/// Nothing compressed is asked for, and the key and the two types are all that is said besides.
#[test]
fn what_is_asked() {
    let mut server = Server::new();
    let reply = good_reply(&server).to_string();
    let mock = reservation(&mut server, 200, reply)
        .match_header("authorization", "Bearer test-key")
        .match_header("accept", "application/json")
        .match_header("content-type", "application/json")
        .match_header("accept-encoding", Matcher::Missing)
        .match_header("transfer-encoding", Matcher::Missing)
        .match_header("expect", Matcher::Missing)
        .match_header("cookie", Matcher::Missing)
        .match_header("user-agent", concat!("liblinq/", env!("CARGO_PKG_VERSION"), " my-app/1.0 (x)"))
        .match_body(Matcher::Json(
            json!({"filename": "photo.jpg", "content_type": "image/jpeg", "size_bytes": 5}),
        ))
        .expect(1)
        .create();
    let config = Config {
        api_key: Some("  test-key\n".to_owned()),
        base_url: Some(format!(" {}/v3/ ", server.url())),
        user_agent: Some(" my-app/1.0 (x) ".to_owned()),
        use_environment: false,
        max_attempts: 1,
        ..Config::default()
    };
    presign(&Client::new(config).unwrap()).unwrap();
    mock.assert();
}

/// The answer to a reservation, as bytes.
fn broken(body: impl AsRef<[u8]>) -> Error {
    let mut server = Server::new();
    let mock = reservation(&mut server, 200, body).with_header("x-trace-id", "trace").expect(1).create();
    let error = presign(&client(&server)).unwrap_err();
    mock.assert();
    assert_eq!((error.kind, error.details.retryable), (ErrorKind::Protocol, false), "{error}");
    error
}

#[test]
fn answers_that_are_no_json() {
    let good = good_reply(&Server::new()).to_string();
    let deep = format!("{{\"deep\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies: [&[u8]; 5] = [
        b"",
        b"OK",
        &good.as_bytes()[..good.len() - 1],
        &[good.as_bytes(), b"}"].concat(),
        b"\xff\xfe{\0}\0",
    ];
    for body in bodies {
        let error = broken(body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]);
        let expected = "reserving a place for photo.jpg: Linq's answer is not JSON";
        assert!(error.message.starts_with(expected), "{shown}: {error}");
        assert_eq!(error.details.http_status, Some(200), "{shown}");
        assert_eq!(error.details.trace_id.as_deref(), Some("trace"), "{shown}");
    }
    let answer = "reserving a place for photo.jpg: Linq's answer has a";
    for body in ["{}", &deep] {
        assert_eq!(broken(body).message, format!("{answer} missing field `attachment_id`"));
    }
    for body in ["null", "7", "\"text\"", "[]", "[1, 2, 3, 4, 5, 6]"] {
        let error = broken(body);
        let expected = format!("{answer} field of the wrong type (line 1, column ");
        assert!(error.message.starts_with(&expected), "{body}: {error}");
    }
}

/// The mark is no part of JSON, but servers send it.
#[test]
fn a_byte_order_mark_is_skipped() {
    let mut server = Server::new();
    let marked = |text: &str| format!("\u{feff}{text}");
    let reply = good_reply(&server);
    reservation(&mut server, 200, marked(&reply.to_string())).create();
    let refusal = json!({"error": {"code": 1005, "message": "words"}, "trace_id": "t"}).to_string();
    server.mock("GET", Matcher::Any).with_status(400).with_body(marked(&refusal)).create();
    let client = client(&server);
    let presigned = presign(&client).unwrap();
    assert_eq!(Presigned::parse(marked(&presigned.to_json()).as_bytes()).unwrap().attachment_id, ID);
    let error = client.attachment(ID, CallOptions::default()).unwrap_err();
    assert_eq!(
        (error.details.api_code, error.details.trace_id.as_deref()),
        (Some(1005), Some("t")),
        "{error}"
    );
    let request =
        Request { method: "PUT", path: "any", json: Some("{}"), idempotency_key: None, repeatable: false };
    server.mock("PUT", "/v3/any").with_body(marked("{\"a\": 1}")).create();
    let response = client.send_request(request, CallOptions::default()).unwrap();
    assert_eq!(response.json.as_deref(), Some("{\"a\": 1}"));
}

#[test]
fn an_answer_that_is_compressed_although_nobody_asked_says_so() {
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0\x43\xbf\xa6\xa3\x02\0\0\0";
    let said = |status, header: Option<&str>, body: &[u8]| {
        let mut server = Server::new();
        let mock = reservation(&mut server, status, body);
        match header {
            Some(name) => mock.with_header("content-encoding", name),
            None => mock,
        }
        .create();
        presign(&client(&server)).unwrap_err().message
    };
    let what = "reserving a place for photo.jpg: Linq";
    let with = |name| format!("is compressed with {name}, which was not asked for");
    assert_eq!(said(200, None, gzip), format!("{what}'s answer {}", with("gzip")));
    assert_eq!(said(200, Some("gzip"), gzip), format!("{what}'s answer {}", with("gzip")));
    assert_eq!(said(200, Some("br"), b"\x0b\x02\x80{}\x03"), format!("{what}'s answer {}", with("br")));
    assert_eq!(
        said(400, None, gzip),
        format!("{what} refused with status 400 (its answer {})", with("gzip"))
    );
    // What can be read is read, whatever it is called.
    let refusal = b"{\"error\": {\"code\": 1005, \"message\": \"words\"}}";
    assert_eq!(
        said(400, Some("identity"), refusal),
        format!("{what} refused with status 400, code 1005: words")
    );
    assert_eq!(said(400, Some("gzip"), refusal), format!("{what} refused with status 400, code 1005: words"));
}

#[test]
fn an_answer_of_a_mebibyte_is_read_and_a_larger_one_is_not() {
    const MIB: usize = 1024 * 1024;
    let mut reply = good_reply(&Server::new());
    reply["padding"] = json!("");
    reply["padding"] = json!("x".repeat(MIB - reply.to_string().len()));
    let full = reply.to_string();
    assert_eq!(full.len(), MIB);
    let mut server = Server::new();
    reservation(&mut server, 200, &full).create();
    presign(&client(&server)).unwrap();

    let over = full + " ";
    let error = broken(&over);
    assert_eq!(error.message, "reserving a place for photo.jpg: the server's answer is larger than 1 MiB");
    let error = broken("x".repeat(20 * MIB));
    assert_eq!(error.message, "reserving a place for photo.jpg: the server's answer is larger than 1 MiB");
}

fn info() -> Value {
    json!({"id": ID, "filename": "photo.jpg", "content_type": "image/jpeg", "size_bytes": 5, "status": "complete",
           "created_at": "2024-01-15T10:45:00.250Z", "download_url": "https://cdn.linqapp.com/photo.jpg"})
}

#[test]
fn what_linq_knows_of_an_attachment() {
    let asked = |reply: &Value| {
        let mut server = Server::new();
        server.mock("GET", &*format!("/v3/attachments/{ID}")).with_body(reply.to_string()).expect(1).create();
        client(&server).attachment(ID, CallOptions::default())
    };
    let known = asked(&info()).unwrap();
    assert_eq!((&*known.attachment_id, &*known.filename, known.size_bytes), (ID, "photo.jpg", 5));
    assert_eq!((&*known.created_at, known.created_at_ms), ("2024-01-15T10:45:00.250Z", 1_705_315_500_250));
    let mut empty = info();
    empty["download_url"] = json!("");
    assert_eq!(asked(&empty).unwrap().download_url, None);
    for field in ["status", "download_url"] {
        for value in [None, Some(Value::Null)] {
            let mut reply = info();
            match value {
                None => drop(reply.as_object_mut().unwrap().remove(field)),
                Some(null) => reply[field] = null,
            }
            asked(&reply).unwrap();
        }
    }
    for field in ["id", "filename", "content_type", "size_bytes", "created_at"] {
        let mut reply = info();
        reply.as_object_mut().unwrap().remove(field);
        let error = asked(&reply).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol, "{field}: {error}");
        assert!(error.message.ends_with(&format!("has a missing field `{field}`")), "{field}: {error}");
    }
    for (field, wrong) in [
        ("id", json!(7)),
        ("filename", json!(null)),
        ("size_bytes", json!("5")),
        ("size_bytes", json!(-5)),
        ("size_bytes", json!(5.5)),
        ("created_at", json!("yesterday")),
        ("created_at", json!(1_705_315_500)),
    ] {
        let mut reply = info();
        reply[field] = wrong;
        let error = asked(&reply).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol, "{field}: {error}");
        let expected = format!("asking for attachment {ID}: Linq's answer ");
        assert!(error.message.starts_with(&expected), "{field}: {error}");
    }
}

#[test]
fn deleting_needs_no_body_and_no_certain_2xx() {
    for (status, body) in [(204, ""), (200, ""), (200, "{\"success\":true}"), (202, "gone <html>")] {
        let mut server = Server::new();
        let mock =
            server.mock("DELETE", &*format!("/v3/attachments/{ID}")).with_status(status).with_body(body);
        let mock = mock.expect(1).create();
        client(&server).delete_attachment(ID, CallOptions::default()).unwrap();
        mock.assert();
    }
}

#[test]
fn receipts() {
    let sent = |status, reply: Value| {
        let mut server = Server::new();
        let mock = server.mock("POST", "/v3/chats").with_status(status).with_body(reply.to_string());
        let _mock = mock.expect(1).create();
        let message = Message {
            from: "+15550001111",
            to: &["+15550002222"],
            text: None,
            attachment_ids: &[ID],
            idempotency_key: Some("key"),
        };
        client(&server).send_message(message, CallOptions::default())
    };
    let receipt =
        sent(201, json!({"chat": {"id": "c", "message": {"id": "m", "parts": []}, "new": 1}})).unwrap();
    assert_eq!((&*receipt.chat_id, receipt.message_id.as_deref()), ("c", Some("m")));
    assert_eq!(receipt.idempotency_key, "key");
    for message in [json!(null), json!({}), json!({"id": null})] {
        let receipt = sent(202, json!({"chat": {"id": "c", "message": message}})).unwrap();
        assert_eq!((&*receipt.chat_id, receipt.message_id), ("c", None), "{message}");
    }
    for reply in [json!({}), json!({"chat": null}), json!({"chat": {}}), json!({"chat": {"id": 7}})] {
        let error = sent(201, reply.clone()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol, "{reply}");
        assert!(error.message.starts_with("sending the message: Linq's answer has a "), "{error}");
    }
}
