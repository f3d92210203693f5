//! Row 23: Linq refuses a reservation for good.

use linq::ErrorKind;
use serde_json::json;

use crate::common::{Sandbox, jpeg, upload};
use crate::support::{assert_is, both, failed};

const WHAT: &str = "reserving a place for photo.jpg";

#[test]
fn row_23_refusals_are_final_and_say_why() {
    both(|tls| {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        let table = [
            (400, 1001, ErrorKind::Api, ""),
            (401, 2004, ErrorKind::Unauthorized, "; check the API key"),
            (403, 2005, ErrorKind::Api, ""),
            (404, 2001, ErrorKind::NotFound, ""),
            (413, 5001, ErrorKind::Api, ""),
            (422, 1005, ErrorKind::Api, ""),
            (425, 1000, ErrorKind::Api, ""),
        ];
        for (status, code, kind, advice) in table {
            let before = sandbox.reservations().len();
            let fault = sandbox.on_reserve(
                json!({"respond": {"status": status, "code": code, "message": "Linq's own words."}}),
            );
            let error = failed(&sandbox, upload(&client, &jpeg(1000)));
            fault.assert_injected(1);
            assert_is(&error, kind, Some(status), 1, false);
            assert_eq!(error.details.api_code, Some(code));
            let message =
                format!("{WHAT}: Linq refused with status {status}, code {code}: Linq's own words.{advice}");
            assert_eq!(error.message, message);
            assert!(error.details.trace_id.is_some_and(|id| !id.is_empty()), "{status}");
            assert_eq!(sandbox.reservations().len(), before + 1, "{status} is final");
        }
        assert!(sandbox.puts().is_empty());
    });
}

/// A server's own words are repeated on one line and not at any length.
#[test]
fn row_23_words_are_bounded() {
    both(|tls| {
        let sandbox = Sandbox::start();
        let words = "many words\r\nand\u{1b}[31m more ".repeat(5000);
        let fault = sandbox.on_reserve(json!({"respond": {"status": 422, "code": 1005, "message": words}}));
        let error = failed(&sandbox, upload(&sandbox.client(tls), &jpeg(1000)));
        fault.assert_injected(1);
        assert!((200..1024).contains(&error.message.len()), "{error}");
        assert!(!error.message.contains(char::is_control), "{error}");
    });
}

/// A body that is not an envelope is a refusal all the same.
#[test]
fn row_23_a_gateways_page() {
    both(|tls| {
        let sandbox = Sandbox::start();
        let page = json!({"status": 403, "body": "<html><h1>Forbidden by Proxy</h1></html>"});
        let fault = sandbox.on_reserve(json!({"respond": page}));
        let error = failed(&sandbox, upload(&sandbox.client(tls), &jpeg(1000)));
        fault.assert_injected(1);
        assert_is(&error, ErrorKind::Api, Some(403), 1, false);
        let why = "Linq refused with status 403 (its answer is a web page)";
        assert_eq!(error.message, format!("{WHAT}: {why}"));
    });
}

/// A base URL that leads elsewhere: not one attachment is missing but the whole API.
#[test]
fn row_23_an_answer_without_linqs_words_hints_at_the_base_url() {
    both(|tls| {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        let hint = "; is the base URL right? LINQ_API_V3_BASE_URL sets it";
        let refused = |status: u16| format!("{WHAT}: Linq refused with status {status}");
        for (answer, message) in [
            (json!({"status": 404, "body": "404 page not found\n"}), format!("{}{hint}", refused(404))),
            (
                json!({"status": 404, "body": "{\"detail\": \"Not Found\"}"}),
                format!("{}: Not Found{hint}", refused(404)),
            ),
            (
                json!({"status": 404, "body": "<html>"}),
                format!("{} (its answer is a web page){hint}", refused(404)),
            ),
            (json!({"status": 405, "body": ""}), format!("{}{hint}", refused(405))),
            (json!({"status": 422, "body": ""}), refused(422)),
            (
                json!({"status": 200, "body": "<html>Log in"}),
                format!(
                    "{WHAT}: Linq's answer is a web page{}",
                    "; is something in between, such as a captive portal, or is the base URL wrong (LINQ_API_V3_BASE_URL)?"
                ),
            ),
            (
                json!({"status": 200, "body": "OK"}),
                format!("{WHAT}: Linq's answer is not JSON (line 1, column 1){hint}"),
            ),
        ] {
            let fault = sandbox.on_reserve(json!({"respond": answer}));
            let error = failed(&sandbox, upload(&client, &jpeg(1000)));
            fault.assert_injected(1);
            assert_eq!(error.message, message);
        }
    });
}

/// A server that repeats the key in its refusal does not get it into the caller's logs.
#[test]
fn row_23_the_key_is_in_no_message() {
    both(|tls| {
        let sandbox = Sandbox::start();
        let key = sandbox.get("key");
        for words in [format!("The key {key} is unknown."), format!("bad header: Authorization={key}")] {
            let fault =
                sandbox.on_reserve(json!({"respond": {"status": 401, "code": 2004, "message": words}}));
            let error = failed(&sandbox, upload(&sandbox.client(tls), &jpeg(1000)));
            fault.assert_injected(1);
            assert_is(&error, ErrorKind::Unauthorized, Some(401), 1, false);
        }
    });
}
