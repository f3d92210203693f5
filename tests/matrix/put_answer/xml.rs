//! Row 53: documents that no XML parser should be given. The status is always reported, and nothing takes long.

use std::time::{Duration, Instant};

use linq::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::common::{Sandbox, assert_took, jpeg, upload};
use crate::support::{assert_is, both, failed, thread_cpu};

fn refused(tls: bool, respond: &Value) -> Error {
    let sandbox = Sandbox::start();
    let fault = sandbox.on_put(json!({"respond": respond}));
    let client = sandbox.client_once(tls);
    let (began, cpu) = (Instant::now(), thread_cpu());
    let error = failed(&sandbox, upload(&client, &jpeg(10_000)));
    let cpu = thread_cpu().saturating_sub(cpu);
    assert_took(began, 0..10_000);
    assert!(cpu < Duration::from_millis(500), "{cpu:?} of work for one error");
    fault.assert_injected(1);
    error
}

fn entity_bomb() -> String {
    let lols: String =
        (1..12).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    format!(
        "<!DOCTYPE x [<!ENTITY l0 \"lol\">{lols}]><Error><Code>&l11;</Code><Message>&l11;</Message></Error>"
    )
}

#[test]
fn row_53_entities_are_not_expanded() {
    both(|tls| {
        let error = refused(tls, &json!({"status": 403, "body": entity_bomb()}));
        assert_is(&error, ErrorKind::Storage, Some(403), 1, false);
        assert_eq!(error.details.storage_code.as_deref(), Some("&l11;"));
        assert!(error.message.len() < 1000, "{error}");
    });
}

#[test]
fn row_53_document_type_with_an_outside_entity() {
    both(|tls| {
        let body = "<!DOCTYPE Error SYSTEM \"http://127.0.0.1:1/x.dtd\" [<!ENTITY f SYSTEM \"file:///etc/passwd\">]>\
                    <Error><Code>AccessDenied</Code><Message>&f;</Message></Error>";
        let error = refused(tls, &json!({"status": 403, "body": body}));
        assert_is(&error, ErrorKind::Storage, Some(403), 1, false);
        assert!(error.message.ends_with("refused with status 403 AccessDenied: &f;"), "{error}");
    });
}

#[test]
fn row_53_ten_megabytes_and_without_end() {
    both(|tls| {
        let giant = json!({"status": 500, "body_repeat": {"text": "<Error><Code>x", "count": 750_000}});
        let error = refused(tls, &giant);
        assert_is(&error, ErrorKind::Storage, Some(500), 1, true);
        assert!(error.message.len() < 1000, "{error}");
        let error = refused(tls, &json!({"status": 400, "endless": true, "framing": "chunked"}));
        assert_is(&error, ErrorKind::Storage, Some(400), 1, false);
    });
}

#[test]
fn row_53_not_utf8() {
    both(|tls| {
        // <Error><Code>Slow\xff\xfeDown</Code></Error>
        let base64 = "PEVycm9yPjxDb2RlPlNsb3f//kRvd248L0NvZGU+PC9FcnJvcj4=";
        let error = refused(tls, &json!({"status": 403, "body_base64": base64}));
        assert_is(&error, ErrorKind::Storage, Some(403), 1, false);
        assert_eq!(error.details.storage_code.as_deref(), Some("Slow\u{fffd}\u{fffd}Down"));
    });
}

/// What arrived of a refusal is still a refusal, and its code still decides.
#[test]
fn row_53_truncated() {
    both(|tls| {
        let body = "<Error><Code>InternalError</Code><Message>We enc";
        let cut =
            json!({"status": 500, "body": body, "headers": [["Content-Length", "5000"]], "then": "close"});
        let error = refused(tls, &cut);
        assert_is(&error, ErrorKind::Storage, Some(500), 1, true);
        assert_eq!(error.details.storage_code.as_deref(), Some("InternalError"));
        let chunked = json!({"status": 403, "framing": "none", "then": "reset", "body": "<Error><Code>Acc",
            "headers": [["Transfer-Encoding", "chunked"]]});
        let error = refused(tls, &chunked);
        assert_is(&error, ErrorKind::Storage, Some(403), 1, false);
    });
}
