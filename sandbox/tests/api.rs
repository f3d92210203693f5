//! The API without faults: what it accepts, refuses and remembers.

mod common;

use std::process::{Command, Stdio};
use std::time::Duration;

use common::{Client, Sandbox, noise};
use serde_json::{Value, json};

fn refused(sandbox: &Sandbox, method: &str, path: &str, body: Option<Value>, status: u16, code: u16) {
    let reply = sandbox.call(&sandbox.get("api"), method, path, body.clone());
    let envelope = reply.json();
    let shown = format!("{method} {path} {body:?}: {envelope}");
    assert_eq!(reply.status, status, "{shown}");
    assert_eq!(envelope["success"], false, "{shown}");
    assert_eq!(envelope["error"]["status"], status, "{shown}");
    assert_eq!(envelope["error"]["code"], code, "{shown}");
    assert_eq!(envelope["trace_id"].as_str(), reply.header("X-Trace-ID"), "{shown}");
    assert!(reply.header("Date").unwrap().ends_with(" GMT"));
}

#[test]
fn an_attachment_lives_from_reservation_to_deletion() {
    let sandbox = Sandbox::start();
    for tls in [false, true] {
        let base = sandbox.get(if tls { "api_tls" } else { "api" });
        let data = noise(300_000);
        let reserved = sandbox.reserve(tls, data.len());
        assert_eq!(reserved.as_object().unwrap().len(), 6, "{reserved}");
        assert_eq!(reserved["http_method"], "PUT");
        assert_eq!(
            reserved["required_headers"],
            json!({"Content-Type": "image/jpeg", "Content-Length": "300000"})
        );
        let path = format!("/attachments/{}", reserved["attachment_id"].as_str().unwrap());
        let pending = sandbox.call(&base, "GET", &path, None).json();
        assert_eq!((&pending["status"], pending.get("download_url")), (&json!("pending"), None));
        assert_eq!(sandbox.send("GET", reserved["download_url"].as_str().unwrap(), &[], b"").status, 404);

        assert_eq!(sandbox.put(&reserved, &data).unwrap().status, 200);
        let info = sandbox.call(&base, "GET", &path, None).json();
        assert_eq!(
            (&info["status"], &info["size_bytes"], &info["filename"]),
            (&json!("complete"), &json!(300_000), &json!("photo 1.jpg"))
        );
        assert_eq!(info["download_url"], reserved["download_url"]);
        let download = sandbox.send("GET", reserved["download_url"].as_str().unwrap(), &[], b"");
        assert_eq!(download.header("content-type"), Some("image/jpeg"));
        assert!(download.body == data);

        let gone = sandbox.call(&base, "DELETE", &path, None);
        assert_eq!((gone.status, gone.body.len()), (204, 0));
        refused(&sandbox, "GET", &path, None, 404, 2003);
        refused(&sandbox, "DELETE", &path, None, 404, 2003);
    }
}

#[test]
fn reservations_are_checked() {
    let sandbox = Sandbox::start();
    let good = json!({"filename": "a", "content_type": "text/plain", "size_bytes": 1});
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        Some(body)
    };
    let check = |body, status, code| refused(&sandbox, "POST", "/attachments", body, status, code);
    check(None, 400, 1003);
    check(Some(json!([1])), 400, 1003);
    for field in ["filename", "content_type", "size_bytes"] {
        check(with(field, Value::Null), 400, 1001);
    }
    check(with("content_type", json!("application/octet-stream")), 400, 5004);
    check(with("content_type", json!("text/plain; charset=utf-8")), 400, 5004);
    check(with("size_bytes", json!(0)), 400, 1005);
    check(with("size_bytes", json!(104_857_601)), 400, 5005);
    check(with("size_bytes", json!("1")), 400, 1003);
    check(with("filename", json!("")), 400, 1005);
    check(with("filename", json!("ü".repeat(256))), 400, 1005);
    let most = with("filename", json!("ü".repeat(255)));
    assert_eq!(sandbox.call(&sandbox.get("api"), "POST", "/attachments", most).status, 200);
    for accepted in ["image/webp", "image/svg+xml", "application/vnd.apple.pkpass"] {
        let body = with("content_type", json!(accepted));
        assert_eq!(sandbox.call(&sandbox.get("api"), "POST", "/attachments", body).status, 200);
    }
    let most = with("size_bytes", json!(104_857_600));
    assert_eq!(sandbox.call(&sandbox.get("api"), "POST", "/attachments", most).status, 200);
}

#[test]
fn routes_keys_and_ids_are_checked() {
    let sandbox = Sandbox::start();
    refused(&sandbox, "GET", "/nothing", None, 404, 2001);
    refused(&sandbox, "PUT", "/attachments", None, 404, 2001);
    refused(&sandbox, "GET", "/attachments/no-uuid", None, 400, 1005);
    refused(&sandbox, "GET", "/attachments/550e8400-e29b-41d4-a716-446655440000", None, 404, 2003);
    let url = format!("{}/v3/attachments", sandbox.get("api"));
    for headers in [&[][..], &[("Authorization", "Bearer wrong")]] {
        let reply = sandbox.send("POST", &url, headers, b"{}");
        assert_eq!((reply.status, &reply.json()["error"]["code"]), (401, &json!(2004)));
    }
    let chunked = [("Transfer-Encoding", "chunked")];
    assert_eq!(sandbox.send("POST", &url, &chunked, b"").status, 411);
    let nonsense = {
        let mut client = sandbox.connect(&url);
        client.write(b"this is not http\r\n\r\n").unwrap();
        client.reply().unwrap()
    };
    assert_eq!(nonsense.status, 400);
}

#[test]
fn chats_are_checked_and_idempotent() {
    let sandbox = Sandbox::start();
    let base = sandbox.get("api");
    let reserved = sandbox.reserve(false, 5);
    let chat = |parts: Value| {
        let from = sandbox.get("phone");
        json!({"from": from, "to": ["+15551234567"], "message": {"parts": parts, "idempotency_key": "one"}})
    };
    let media = chat(json!([{"type": "media", "attachment_id": reserved["attachment_id"]}]));
    let check = |body: Value, status, code| refused(&sandbox, "POST", "/chats", Some(body), status, code);
    check(media.clone(), 404, 2007);
    sandbox.put(&reserved, b"hello").unwrap();
    let first = sandbox.call(&base, "POST", "/chats", Some(media.clone()));
    assert_eq!(first.status, 201);
    let again = sandbox.call(&base, "POST", "/chats", Some(media.clone()));
    assert_eq!((again.status, again.json()), (201, first.json()));
    let mut other_key = media.clone();
    other_key["message"]["idempotency_key"] = json!("two");
    let other = sandbox.call(&base, "POST", "/chats", Some(other_key)).json();
    assert_eq!(other["chat"]["id"], first.json()["chat"]["id"]);
    assert_ne!(other["chat"]["message"]["id"], first.json()["chat"]["message"]["id"]);

    let fresh = |parts: Value| {
        let mut body = chat(parts);
        body["message"]["idempotency_key"] = Value::Null;
        body
    };
    check(fresh(json!([])), 400, 1004);
    check(fresh(json!([{"type": "media"}])), 400, 1004);
    let unknown = "550e8400-e29b-41d4-a716-446655440000";
    check(fresh(json!([{"type": "media", "attachment_id": unknown}])), 404, 2003);
    check(fresh(json!([{"type": "media", "attachment_id": "x"}])), 400, 1005);
    let text = json!({"type": "text", "value": "hello"});
    check(fresh(json!([text, text])), 400, 1004);
    let mut to_email = fresh(json!([text]));
    to_email["to"] = json!(["someone@example.com", "+15551234567"]);
    let sent = sandbox.call(&base, "POST", "/chats", Some(to_email)).json();
    let handles = sent["chat"]["handles"].as_array().unwrap().iter().map(|handle| &handle["handle"]);
    assert_eq!(
        handles.collect::<Vec<_>>(),
        [&json!(sandbox.get("phone")), &json!("someone@example.com"), &json!("+15551234567")]
    );
    let wrong = [
        ("from", json!("5551234567")),
        ("from", json!("someone@example.com")),
        ("to", json!(["+0123"])),
        ("to", json!(["@example.com"])),
        ("to", json!(["someone@"])),
    ];
    for (field, value) in wrong {
        let mut body = fresh(json!([text]));
        body[field] = value;
        check(body, 400, 1002);
    }
    for field in ["from", "to", "message"] {
        let mut body = fresh(json!([text]));
        body[field] = Value::Null;
        check(body, 400, 1001);
    }
}

#[test]
fn what_is_sent_into_a_chat() {
    let sandbox = Sandbox::start();
    let base = sandbox.get("api");
    let audio = json!({"filename": "memo.m4a", "content_type": "audio/x-m4a", "size_bytes": 5});
    let memo = sandbox.call(&base, "POST", "/attachments", Some(audio)).json();
    let url = memo["upload_url"].as_str().unwrap();
    assert_eq!(sandbox.send("PUT", url, &[("Content-Type", "audio/x-m4a")], b"hello").status, 200);
    let memo = json!({"attachment_id": memo["attachment_id"]});
    let photo = sandbox.reserve(false, 5);
    sandbox.put(&photo, b"hello").unwrap();
    let photo = json!({"attachment_id": photo["attachment_id"]});

    let text = json!({"parts": [{"type": "text", "value": "hello"}]});
    let to_any = json!({"to": ["+15551234567"], "message": text});
    let started = sandbox.call(&base, "POST", "/messages", Some(to_any.clone()));
    assert_eq!((started.status, &started.json()["created_new_chat"]), (202, &json!(true)));
    let id = started.json()["chat_id"].as_str().unwrap().to_owned();
    let again = sandbox.call(&base, "POST", "/messages", Some(to_any)).json();
    assert_eq!((&again["chat_id"], &again["created_new_chat"]), (&json!(id), &json!(false)));
    let chat = sandbox.call(&base, "GET", &format!("/chats/{id}"), None);
    assert_eq!((chat.status, &chat.json()["handles"][1]["handle"]), (200, &json!("+15551234567")));

    let into = |what: &str| format!("/chats/{id}/{what}");
    let keyed = json!({"message": {"parts": text["parts"], "idempotency_key": "one"}});
    let sent = sandbox.call(&base, "POST", &into("messages"), Some(keyed.clone()));
    assert_eq!((sent.status, &sent.json()["chat_id"]), (202, &json!(id)));
    assert_eq!(sandbox.call(&base, "POST", &into("messages"), Some(keyed)).json(), sent.json());
    let sent = sandbox.call(&base, "POST", &into("voicememo"), Some(memo.clone()));
    assert_eq!((sent.status, &sent.json()["voice_memo"]["voice_memo"]["id"]), (202, &memo["attachment_id"]));

    let check =
        |path: &str, body: Value, status, code| refused(&sandbox, "POST", path, Some(body), status, code);
    check(&into("voicememo"), photo, 400, 5004);
    check(&into("voicememo"), json!({}), 400, 1004);
    check(&into("voicememo"), json!({"attachment_id": "550e8400-e29b-41d4-a716-446655440000"}), 404, 2003);
    check("/chats/550e8400-e29b-41d4-a716-446655440000/messages", json!({"message": text}), 404, 2001);
    check("/chats/x/messages", json!({"message": text}), 400, 1005);
    check(&into("nothing"), json!({}), 404, 2001);
}

/// A member that the API does not know is a mistake of the client's, wherever it stands.
#[test]
fn unknown_members_are_refused() {
    let sandbox = Sandbox::start();
    let text = json!({"type": "text", "value": "hello"});
    let good = [
        (
            "/attachments",
            json!({"filename": "a", "content_type": "text/plain", "size_bytes": 1}),
            "/attachment_id",
        ),
        (
            "/chats",
            json!({"from": sandbox.get("phone"), "to": ["+15551234567"], "message": {"parts": [text]}}),
            "/chat/id",
        ),
        ("/messages", json!({"to": ["+15551234567"], "message": {"parts": [text]}}), "/chat_id"),
    ];
    for (path, body, id) in good {
        let reply = sandbox.call(&sandbox.get("api"), "POST", path, Some(body.clone())).json();
        assert!(reply.pointer(id).is_some(), "{path}: {reply}");
        for place in ["", "/message", "/message/parts/0"] {
            let mut body = body.clone();
            if let Some(Value::Object(object)) = body.pointer_mut(place) {
                object.insert("extra".to_owned(), json!(1));
                refused(&sandbox, "POST", path, Some(body), 400, 1003);
            }
        }
    }
}

#[test]
fn connections_are_kept_and_counted() {
    let sandbox = Sandbox::start();
    for side in ["api", "api_tls"] {
        let url = format!("{}/v3/nothing", sandbox.get(side));
        let mut client = sandbox.connect(&url);
        for _ in 0..3 {
            assert_eq!(client.send("GET", &url, &[], b"").unwrap().status, 401);
        }
        let counted = sandbox.connections(side);
        assert_eq!((&counted["accepted"], &counted["open"]), (&json!(1), &json!(1)));
        assert_eq!(counted["tls_handshakes_ok"], u64::from(side == "api_tls"));
        drop(client);
        common::eventually("closed", || sandbox.connections(side)["open"] == 0);
    }
    let head =
        Client::head("GET", &format!("{}/x", sandbox.get("api")), &[("x-Odd", "1"), ("x-Odd", "2")], 0);
    let mut client = sandbox.connect(&sandbox.get("api"));
    client.write(head.as_bytes()).unwrap();
    client.reply().unwrap();
    let logged = sandbox.last_request("api");
    assert_eq!(logged["headers"].as_array().unwrap()[1..], [json!(["x-Odd", "1"]), json!(["x-Odd", "2"])]);
    assert_eq!((&logged["ended"], &logged["status"]), (&json!("complete"), &json!(401)));
}

#[test]
fn it_ends_with_stdin_and_tidies_up() {
    let sandbox = Sandbox::start();
    let ca_file = sandbox.get("ca_file");
    let dir = std::path::Path::new(&ca_file).parent().unwrap();
    assert!(dir.exists());
    // Also where files are being written.
    let uploads: Vec<_> = (0..8).map(|_| sandbox.reserve(false, 5)).collect();
    std::thread::scope(|scope| {
        for upload in &uploads {
            let (url, ca_file) = (upload["upload_url"].as_str().unwrap(), &ca_file);
            let put =
                |to: &mut Client| to.send("PUT", url, &[("Content-Type", "image/jpeg")], b"hello").is_ok();
            scope.spawn(move || while Client::connect(url, ca_file).is_ok_and(|mut to| put(&mut to)) {});
        }
        common::eventually("many puts", || sandbox.connections("storage")["accepted"].as_u64() > Some(100));
        drop(sandbox);
    });
    assert!(!dir.exists());
}

#[cfg(unix)]
#[test]
fn told_to_end_while_it_starts_it_leaves_nothing_behind() {
    let temporary = std::env::temp_dir().join(format!("linq-sandbox-test-{}", std::process::id()));
    std::fs::create_dir(&temporary).unwrap();
    for round in 0..30 {
        let mut sandbox = Command::new(env!("CARGO_BIN_EXE_linq-sandbox"));
        let sandbox = sandbox.env("TMPDIR", &temporary).stdin(Stdio::null()).stdout(Stdio::null());
        let mut sandbox = sandbox.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(2 * round));
        let signal = if round % 2 == 0 { "-TERM" } else { "-HUP" };
        let told = Command::new("kill").args([signal, &sandbox.id().to_string()]).status();
        assert!(told.unwrap().success());
        sandbox.wait().unwrap();
    }
    let left = std::fs::read_dir(&temporary).unwrap().count();
    std::fs::remove_dir_all(&temporary).unwrap();
    assert_eq!(left, 0);
}
