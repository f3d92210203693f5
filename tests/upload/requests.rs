//! Any other call of the API: what is sent, what comes back, and what is never done twice.

use std::time::Duration;

use linq::{CallOptions, Client, Error, ErrorKind, Request, Response};
use serde_json::{Value, json};

use crate::common::{BOTH, Sandbox, jpeg, upload};

fn post<'a>(path: &'a str, json: &'a str) -> Request<'a> {
    Request { method: "POST", path, json: Some(json), idempotency_key: None, repeatable: false }
}

fn get(path: &str) -> Request<'_> {
    Request { method: "GET", path, json: None, idempotency_key: None, repeatable: false }
}

fn ask(client: &Client, request: Request<'_>) -> Result<Response, Error> {
    let timeout = Some(Duration::from_secs(20));
    client.send_request(request, CallOptions { timeout, ..CallOptions::default() })
}

fn parsed(response: &Response) -> Value {
    serde_json::from_str(response.json.as_deref().expect("JSON")).unwrap()
}

/// A chat that is there.
fn chat(sandbox: &Sandbox, client: &Client) -> String {
    let text = json!({"parts": [{"type": "text", "value": "hello"}]});
    let body = json!({"from": sandbox.get("phone"), "to": ["+15550002222"], "message": text}).to_string();
    let started = ask(client, post("/v3/chats", &body)).unwrap();
    assert_eq!(started.http_status, 201);
    parsed(&started)["chat"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn an_attachment_into_a_chat_that_is_there() {
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        let (id, chat) = (upload(&client, &jpeg(1000)).unwrap().attachment_id, chat(&sandbox, &client));
        let part = json!({"type": "media", "attachment_id": id});
        let body = json!({"message": {"parts": [part], "idempotency_key": "order 7"}}).to_string();
        let path = format!("/v3/chats/{chat}/messages?trace=1");
        let sent = ask(
            &client,
            Request { repeatable: true, idempotency_key: Some("order-7"), ..post(&path, &body) },
        );
        let sent = sent.unwrap();
        assert_eq!((sent.http_status, &parsed(&sent)["chat_id"]), (202, &json!(chat)));
        let request = sandbox.requests_to("api", "POST").pop().unwrap();
        assert_eq!(request.path(), format!("/api/partner{path}"));
        assert_eq!(request.0["body"], body, "as it was given");
        assert_eq!(request.header("content-type"), "application/json");
        assert_eq!(request.header("idempotency-key"), "order-7");
        assert_eq!(request.header("authorization"), format!("Bearer {}", sandbox.get("key")));
        let logged = sandbox.requests_to("api", "POST").pop().unwrap().0["status"].clone();
        assert_eq!((sent.trace_id.is_some(), logged), (true, json!(202)));
    }
}

#[test]
fn every_method() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let id = upload(&client, &jpeg(1000)).unwrap().attachment_id;
    let path = format!("/v3/attachments/{id}");
    let found = ask(&client, get(&path)).unwrap();
    assert_eq!((found.http_status, &parsed(&found)["id"]), (200, &json!(id)));
    let request = sandbox.requests_to("api", "GET").pop().unwrap();
    assert!(!request.header_names().contains(&"content-type".to_owned()));
    let head = ask(&client, Request { method: "HEAD", ..get(&path) }).unwrap();
    assert_eq!((head.http_status, head.json), (200, None));
    let gone = ask(&client, Request { method: "DELETE", ..get(&path) }).unwrap();
    assert_eq!((gone.http_status, gone.json), (204, None));

    let answer = json!({"side": "api", "path_contains": "/v3/any", "times": 0,
                        "fault": {"respond": {"status": 200, "body": {"done": true}}}});
    sandbox.plant(answer);
    for method in ["PUT", "PATCH", "POST", "DELETE"] {
        let done = ask(&client, Request { method, ..post("any", "{\"a\": 1}") }).unwrap();
        assert_eq!((done.http_status, done.json.as_deref()), (200, Some("{\"done\":true}")), "{method}");
        let request = sandbox.requests_to("api", method).pop().unwrap();
        assert_eq!(request.number("body_bytes"), 8, "{method}");
    }
}

#[test]
fn a_refusal_is_an_error_like_any_other() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let path = "/v3/chats/550e8400-e29b-41d4-a716-446655440000/messages?x=secret-word";
    let error = ask(&client, post(path, "{\"message\": {}}")).unwrap_err();
    let expected = "POST /v3/chats/550e8400-e29b-41d4-a716-446655440000/messages: Linq refused with status 404, code \
                    2001: Chat not found";
    assert_eq!((error.kind, &*error.message), (ErrorKind::NotFound, expected));
    let details = &error.details;
    assert_eq!((details.http_status, details.api_code, details.attempts), (Some(404), Some(2001), 1));
    assert!(details.trace_id.is_some() && details.doc_url.is_some());

    let error = ask(&client, post("/v3/chats", "{\"from\": 1}")).unwrap_err();
    assert_eq!((error.kind, error.details.api_code), (ErrorKind::Api, Some(1003)), "{error}");
    let requests = sandbox.requests().len();
    for bad in [get("/v3/../secret"), get("https://h/x"), Request { method: "TRACE", ..get("chats") }] {
        assert_eq!(ask(&client, bad).unwrap_err().kind, ErrorKind::InvalidArgument);
    }
    assert_eq!(sandbox.requests().len(), requests);
}

#[test]
fn an_answer_that_is_no_json_is_the_servers_fault() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    for body in ["sent", "{\"a\":", "{} {}"] {
        let respond = json!({"respond": {"status": 200, "body": body}});
        sandbox.plant(json!({"side": "api", "path_contains": "/v3/any", "fault": respond}));
        let error = ask(&client, get("any")).unwrap_err();
        assert_eq!((error.kind, error.details.http_status), (ErrorKind::Protocol, Some(200)), "{error}");
        assert!(error.message.starts_with("GET /v3/any: Linq's answer is not JSON"), "{error}");
    }
}

/// How often the fault was injected, what the call came to, and how many requests there were.
fn with_fault(tls: bool, fault: &Value, repeatable: bool) -> (u64, Result<Response, Error>, usize) {
    let sandbox = Sandbox::start();
    let client = sandbox.client(tls);
    // A connection that could be used again, and found dead.
    let id = upload(&client, &jpeg(1000)).unwrap().attachment_id;
    let chat = chat(&sandbox, &client);
    let part = json!({"parts": [{"type": "media", "attachment_id": id}]});
    let body = json!({"message": part}).to_string();
    let path = format!("/v3/chats/{chat}/messages");
    let planted =
        sandbox.plant(json!({"side": "api", "path_contains": "/messages", "times": 1, "fault": fault}));
    let timeout = Some(Duration::from_secs(8));
    let request = Request { repeatable, idempotency_key: Some("k"), ..post(&path, &body) };
    let result = client.send_request(request, CallOptions { timeout, ..CallOptions::default() });
    let messages = sandbox.requests_to("api", "POST").into_iter().filter(|r| r.path().ends_with("/messages"));
    (planted.injected(), result, messages.count())
}

#[test]
fn what_must_not_be_repeated_is_sent_once() {
    let faults = [
        json!({"die_before_answer": "reset"}),
        json!({"die_before_answer": "close"}),
        json!({"close_after": 0}),
        json!({"respond": {"status": 500, "headers": [["Retry-After", "0"]]}}),
        json!({"respond": {"status": 503, "code": 4004, "headers": [["Retry-After", "0"]]}}),
        json!({"respond": {"status": 408, "headers": [["Retry-After", "0"]]}}),
        json!({"respond": {"raw": "HTTP/1.1 2", "then": "close"}}),
        json!({"respond": {"status": 202, "body": "sent"}}),
    ];
    for tls in BOTH {
        for fault in &faults {
            let (injected, result, requests) = with_fault(tls, fault, false);
            let error = result.expect_err("it cannot have worked");
            assert_eq!((injected, requests, error.details.attempts), (1, 1, 1), "{fault} TLS {tls}: {error}");
            assert!(!error.details.retryable, "{fault}: {error}");
            assert_eq!(error.details.idempotency_key.as_deref(), Some("k"), "{fault}: {error}");
            let end = "; it may have been done all the same, so it was not sent again";
            assert!(error.message.ends_with(end), "{fault}: {error}");
        }
    }
}

#[test]
fn what_may_be_repeated_is() {
    for fault in [
        json!({"die_before_answer": "reset"}),
        json!({"respond": {"status": 500, "headers": [["Retry-After", "0"]]}}),
        json!({"respond": {"status": 408, "headers": [["Retry-After", "0"]]}}),
    ] {
        let (injected, result, requests) = with_fault(false, &fault, true);
        assert_eq!((injected, result.unwrap().http_status, requests), (1, 202, 2), "{fault}");
    }
}

/// Linq says of these that it did nothing.
#[test]
fn a_refusal_for_now_is_tried_again_even_where_nothing_may_be_repeated() {
    let soon = json!([["Retry-After", "0"]]);
    for respond in [
        json!({"status": 429, "code": 1007, "headers": soon}),
        json!({"status": 404, "code": 2007, "headers": soon}),
        json!({"status": 409, "code": 2009, "headers": soon}),
        json!({"status": 500, "headers": [["Retry-After", "0"], ["x-should-retry", "true"]]}),
    ] {
        let (injected, result, requests) = with_fault(false, &json!({"respond": respond}), false);
        assert_eq!((injected, result.unwrap().http_status, requests), (1, 202, 2), "{respond}");
    }
}

#[test]
fn a_connection_that_could_not_be_made_is_tried_again() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(true);
    let body =
        json!({"to": ["+15550002222"], "message": {"parts": [{"type": "text", "value": "hi"}]}}).to_string();
    for how in ["close", "reset", "close_mid_handshake"] {
        let before = sandbox.requests().len();
        let fault = sandbox.plant(json!({"side": "api", "on": "connect", "fault": {"connect": how}}));
        let sent = ask(&client, post("/v3/messages", &body)).unwrap_or_else(|e| panic!("{how}: {e}"));
        fault.assert_injected(1);
        assert_eq!((sent.http_status, sandbox.requests().len() - before), (202, 1), "{how}");
    }
}

/// A connection of its own for each: one from the pool may be dead, and then nobody knows whether the request arrived.
#[test]
fn what_must_not_be_repeated_uses_a_fresh_connection() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let body =
        json!({"to": ["+15550002222"], "message": {"parts": [{"type": "text", "value": "hi"}]}}).to_string();
    let id = upload(&client, &jpeg(10)).unwrap().attachment_id;
    for made in 2..5 {
        ask(&client, post("/v3/messages", &body)).unwrap();
        assert_eq!(sandbox.accepted("api"), made);
        ask(&client, Request { repeatable: true, ..post("/v3/messages", &body) }).unwrap();
        ask(&client, get(&format!("attachments/{id}"))).unwrap();
        assert_eq!(sandbox.accepted("api"), made, "the others share one");
    }
}

#[test]
fn a_delete_that_was_done_before_is_done() {
    for warm in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client(false);
        let id = upload(&client, &jpeg(1000)).unwrap().attachment_id;
        let client = if warm { client } else { sandbox.client(false) };
        let lost = json!({"side": "api", "method": "DELETE", "fault": {"die_before_answer": "reset"}});
        let fault = sandbox.plant(lost);
        let path = format!("/v3/attachments/{id}");
        let done = ask(&client, Request { method: "DELETE", ..get(&path) }).unwrap();
        fault.assert_injected(1);
        assert_eq!((done.http_status, done.json), (404, None), "warm: {warm}");
        let gone = ask(&client, Request { method: "DELETE", ..get(&path) }).unwrap_err();
        assert_eq!((gone.kind, gone.details.attempts), (ErrorKind::NotFound, 1), "{gone}");
    }
}

#[test]
fn a_query_may_be_long() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    for length in [4_000, 40_000] {
        let path = format!("/v3/attachments?cursor={}", "c".repeat(length));
        sandbox.plant(json!({"side": "api", "fault": {"respond": {"status": 204}}}));
        assert_eq!(ask(&client, get(&path)).unwrap().http_status, 204);
        let request = sandbox.requests_to("api", "GET").pop().unwrap();
        assert_eq!(request.path(), format!("/api/partner{path}"));
    }
}
