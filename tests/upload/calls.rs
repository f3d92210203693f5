//! What else Linq can be asked: about an attachment, to delete it, to send it.

use std::time::Duration;

use linq::{CallOptions, ErrorKind, Message};
use serde_json::json;

use crate::common::{BOTH, Sandbox, jpeg, upload};

#[test]
fn an_attachment_as_linq_knows_it() {
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        let attachment = upload(&client, &jpeg(1000)).unwrap();
        let id = &*attachment.attachment_id;
        let info = client.attachment(id, CallOptions::default()).unwrap();
        assert_eq!(info.attachment_id, id);
        assert_eq!(
            (&*info.filename, &*info.content_type, info.size_bytes),
            ("photo.jpg", "image/jpeg", 1000)
        );
        assert_eq!(info.status.as_deref(), Some("complete"));
        assert!(info.download_url.is_some() && info.download_url == attachment.download_url);
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64;
        assert!((now - 60_000..=now).contains(&info.created_at_ms), "{} {now}", info.created_at);

        let request = sandbox.requests_to("api", "GET").remove(0);
        assert_eq!(request.path(), format!("/api/partner/v3/attachments/{id}"));
        assert_eq!(request.header("authorization"), format!("Bearer {}", sandbox.get("key")));
        assert!(request.0["body"].is_null() && request.number("body_bytes") == 0);
    }
}

#[test]
fn deprecated_and_optional_fields_may_be_missing() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let attachment = upload(&client, &jpeg(1000)).unwrap();
    let merge = json!({"status": null, "download_url": null, "new_field": {"a": 1}});
    let fault = sandbox.plant(json!({"side": "api", "method": "GET", "fault": {"merge": merge}}));
    let info = client.attachment(&attachment.attachment_id, CallOptions::default()).unwrap();
    fault.assert_injected(1);
    assert_eq!((info.status, info.download_url), (None, None));
}

#[test]
fn deleting_is_final_and_gone_is_an_error_at_first() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let id = upload(&client, &jpeg(1000)).unwrap().attachment_id;
    client.delete_attachment(&id, CallOptions::default()).unwrap();
    let request = sandbox.requests_to("api", "DELETE").remove(0);
    assert_eq!(request.path(), format!("/api/partner/v3/attachments/{id}"));
    assert_eq!(request.number("body_bytes"), 0);
    assert!(sandbox.objects().is_empty());

    let gone = client.delete_attachment(&id, CallOptions::default()).unwrap_err();
    let expected =
        format!("deleting attachment {id}: Linq refused with status 404, code 2003: Attachment not found");
    assert_eq!((gone.kind, &*gone.message), (ErrorKind::NotFound, &*expected));
    let gone = client.attachment(&id, CallOptions::default()).unwrap_err();
    assert_eq!(
        (gone.kind, gone.details.api_code, gone.details.attempts),
        (ErrorKind::NotFound, Some(2003), 1)
    );
    assert!(gone.details.trace_id.is_some());
}

/// The first answer is lost after the service did its work; the second attempt finds nothing, and that is what was
/// wanted.
#[test]
fn gone_on_a_retried_delete_counts_as_done() {
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        let id = upload(&client, &jpeg(1000)).unwrap().attachment_id;
        // A connection of its own, so that this is an attempt and no replaced pooled connection.
        let client = sandbox.client(tls);
        let lost = json!({"side": "api", "method": "DELETE", "fault": {"die_before_answer": "reset"}});
        let fault = sandbox.plant(lost);
        client.delete_attachment(&id, CallOptions::default()).unwrap();
        fault.assert_injected(1);
        let deletes = sandbox.requests_to("api", "DELETE");
        assert_eq!(deletes.len(), 2);
        assert_eq!(deletes[1].0["status"], 404);
        assert!(sandbox.objects().is_empty());
    }
}

/// The same where a pooled connection died after the service did it, and the request was sent again by itself.
#[test]
fn gone_on_a_delete_that_was_sent_again_counts_as_done() {
    for tls in BOTH {
        for ending in ["reset", "close"] {
            let sandbox = Sandbox::start();
            let client = sandbox.client_once(tls);
            let id = upload(&client, &jpeg(1000)).unwrap().attachment_id;
            let lost = json!({"side": "api", "method": "DELETE", "fault": {"die_before_answer": ending}});
            let fault = sandbox.plant(lost);
            client.delete_attachment(&id, CallOptions::default()).unwrap();
            fault.assert_injected(1);
            let deletes = sandbox.requests_to("api", "DELETE");
            assert_eq!(deletes.len(), 2);
            assert_eq!(deletes[1].0["status"], 404);
            assert!(sandbox.objects().is_empty());
            let gone = client.delete_attachment(&id, CallOptions::default()).unwrap_err();
            assert_eq!((gone.kind, gone.details.api_code), (ErrorKind::NotFound, Some(2003)), "{gone}");
        }
    }
}

fn message<'a>(phone: &'a str, to: &'a [&'a str], ids: &'a [&'a str]) -> Message<'a> {
    Message { from: phone, to, text: Some("look"), attachment_ids: ids, idempotency_key: None }
}

#[test]
fn a_message_with_text_and_attachments() {
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        let (a, b) = (upload(&client, &jpeg(10)).unwrap(), upload(&client, &jpeg(20)).unwrap());
        let phone = sandbox.get("phone");
        let ids = [&*a.attachment_id, &*b.attachment_id];
        let sent = message(&phone, &["+15550002222", "+15550003333"], &ids);
        let receipt = client.send_message(sent, CallOptions::default()).unwrap();
        assert!(!receipt.chat_id.is_empty() && receipt.message_id.is_some());

        let requests = sandbox.requests_to("api", "POST");
        let request = requests.last().unwrap();
        assert_eq!(request.path(), "/api/partner/v3/chats");
        let expected = json!({
            "from": phone,
            "to": ["+15550002222", "+15550003333"],
            "message": {
                "parts": [
                    {"type": "text", "value": "look"},
                    {"type": "media", "attachment_id": a.attachment_id},
                    {"type": "media", "attachment_id": b.attachment_id},
                ],
                "idempotency_key": receipt.idempotency_key,
            },
        });
        assert_eq!(request.json(), expected);
        assert_eq!(request.header("content-type"), "application/json");

        // Each call has a key of its own, and the caller's where there is one.
        let again = client.send_message(sent, CallOptions::default()).unwrap();
        assert_ne!(again.idempotency_key, receipt.idempotency_key);
        let own = Message { idempotency_key: Some("order 7"), text: None, ..sent };
        let once = client.send_message(own, CallOptions::default()).unwrap();
        assert_eq!(once.idempotency_key, "order 7");
        assert_eq!(
            client.send_message(own, CallOptions::default()).unwrap(),
            once,
            "the same is not sent twice"
        );
        let request = sandbox.requests_to("api", "POST").pop().unwrap().json();
        assert_eq!(
            request["message"]["parts"].as_array().unwrap().len(),
            2,
            "no text, no part of it: {request}"
        );
    }
}

/// The service sent the message, and the answer was lost. The same key makes the second attempt find the first.
#[test]
fn the_key_of_a_message_is_kept_over_attempts() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let chats = |fault| json!({"side": "api", "path_contains": "/v3/chats", "fault": fault});
    let lost = sandbox.plant(chats(json!({"die_before_answer": "close"})));
    let busy = json!({"status": 409, "code": 2009, "headers": [["Retry-After", "0"]]});
    let busy = sandbox.plant(chats(json!({"respond": busy})));
    let phone = sandbox.get("phone");
    let receipt =
        client.send_message(message(&phone, &["+15550002222"], &[]), CallOptions::default()).unwrap();
    lost.assert_injected(1);
    busy.assert_injected(1);
    let requests = sandbox.requests_to("api", "POST");
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[0].json()["message"]["idempotency_key"], *receipt.idempotency_key);
    let body = &requests[0].0["body_sha256"];
    assert!(
        body.is_string() && requests.iter().all(|request| request.0["body_sha256"] == *body),
        "{requests:?}"
    );
}

#[test]
fn an_attachment_that_is_not_ready_is_waited_for() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let attachment = upload(&client, &jpeg(10)).unwrap();
    let respond = json!({"status": 404, "code": 2007, "headers": [["Retry-After", "0"]]});
    let fault = sandbox.plant(
        json!({"side": "api", "path_contains": "/v3/chats", "times": 2, "fault": {"respond": respond}}),
    );
    let phone = sandbox.get("phone");
    let ids = [&*attachment.attachment_id];
    client.send_message(message(&phone, &["+15550002222"], &ids), CallOptions::default()).unwrap();
    fault.assert_injected(2);
}

#[test]
fn a_message_that_linq_refuses() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let error =
        client.send_message(message("555", &["+15550002222"], &[]), CallOptions::default()).unwrap_err();
    let expected =
        "sending the message: Linq refused with status 400, code 1002: Phone number must be in E.164 format";
    assert_eq!((error.kind, &*error.message), (ErrorKind::Api, expected));
    assert_eq!((error.details.api_code, error.details.http_status), (Some(1002), Some(400)));

    let phone = sandbox.get("phone");
    let ids = ["550e8400-e29b-41d4-a716-446655440000"];
    let error =
        client.send_message(message(&phone, &["+15550002222"], &ids), CallOptions::default()).unwrap_err();
    assert_eq!((error.kind, error.details.api_code), (ErrorKind::NotFound, Some(2003)), "{error}");
    let requests = sandbox.requests().len();
    for bad in [
        Message { from: "", ..message(&phone, &["+15550002222"], &[]) },
        message(&phone, &[], &[]),
        message(&phone, &["+15550002222"], &["../chats"]),
        Message { text: None, ..message(&phone, &["+15550002222"], &[]) },
    ] {
        let error = client.send_message(bad, CallOptions::default()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidArgument, "{error}");
    }
    for id in ["", "../chats", "a?b", "a%2fb", "a\r\nb"] {
        let error = client.attachment(id, CallOptions::default()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidArgument, "{id:?}: {error}");
        let error = client.delete_attachment(id, CallOptions::default()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidArgument, "{id:?}: {error}");
    }
    assert_eq!(sandbox.requests().len(), requests);
}

/// A message that may have arrived is sent again with the same key, also where the library made that key up.
#[test]
fn an_error_tells_the_key_of_a_message_that_may_have_arrived() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let phone = sandbox.get("phone");
    let hold = |fault| json!({"side": "api", "path_contains": "/v3/chats", "times": 0, "fault": fault});
    let soon = CallOptions { timeout: Some(Duration::from_millis(300)), ..CallOptions::default() };
    let sent = message(&phone, &["+15550002222"], &[]);

    for (fault, kind) in [
        (json!({"no_answer": true}), ErrorKind::Timeout),
        (json!({"die_before_answer": "reset"}), ErrorKind::Network),
        (json!({"respond": {"status": 500}}), ErrorKind::Api),
        (json!({"respond": {"status": 201, "body": "sent"}}), ErrorKind::Protocol),
    ] {
        let planted = sandbox.plant(hold(fault.clone()));
        let before = sandbox.requests().len();
        let error = client.send_message(sent, soon).unwrap_err();
        assert!(planted.injected() > 0, "{fault}");
        assert_eq!(error.kind, kind, "{fault}: {error}");
        let key = error.details.idempotency_key.unwrap_or_else(|| panic!("{fault}: no key"));
        let request = sandbox.requests_to("api", "POST").remove(before);
        // Where the fault answered by itself, nobody read the request.
        if request.0["body"].is_string() {
            assert_eq!(request.json()["message"]["idempotency_key"], *key, "{fault}");
        }
        sandbox.clear_faults();
        let again = Message { idempotency_key: Some(&key), ..sent };
        let receipts = [(); 2].map(|()| client.send_message(again, CallOptions::default()).unwrap());
        assert_eq!(receipts[0], receipts[1], "{fault}: sent once");
    }

    let own = Message { idempotency_key: Some("order 7"), ..sent };
    sandbox.plant(hold(json!({"no_answer": true})));
    let error = client.send_message(own, soon).unwrap_err();
    assert_eq!(error.details.idempotency_key.as_deref(), Some("order 7"));
    sandbox.clear_faults();

    // Refused, or never sent: there is nothing that could be done twice.
    let error = client.send_message(message("555", &["+15550002222"], &[]), soon).unwrap_err();
    assert_eq!((error.details.http_status, error.details.idempotency_key), (Some(400), None));
    let token = linq::CancelToken::new().unwrap();
    token.cancel();
    let cancelled = CallOptions { cancel: Some(&token), ..soon };
    let error = client.send_message(sent, cancelled).unwrap_err();
    assert_eq!((error.kind, error.details.idempotency_key), (ErrorKind::Cancelled, None));
}
