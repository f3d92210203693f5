//! What a Rust host's own logger receives at TRACE: no secret, whatever the layers below have to say.
//!
//! A program of its own, because a logger is for good.

use std::sync::Mutex;

use common::{BOTH, Sandbox, jpeg, upload};
use linq::{CallOptions, Client, Config, FileInfo, Message, Source, UploadOptions};
use serde_json::json;

mod common;

static RECORDS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {} {}", record.level(), record.target(), record.args());
        RECORDS.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}

/// The whole use and the split use, what works and what does not, on new and on pooled connections.
fn use_everything(sandbox: &Sandbox, tls: bool) -> Vec<String> {
    let mut secrets = vec![sandbox.get("key")];
    let client = sandbox.client_once(tls);
    let bytes = jpeg(300_000);
    for _ in 0..2 {
        let attachment = upload(&client, &bytes).unwrap();
        client.attachment(&attachment.attachment_id, CallOptions::default()).unwrap();
    }
    let file = FileInfo { filename: "photo.jpg", content_type: None, size_bytes: bytes.len() as u64 };
    let place = client.presign(file, CallOptions::default()).unwrap();
    let query = place.upload_url.split_once('?').expect("a signed URL").1;
    secrets.push(query.to_owned());
    secrets.extend(
        query.split('&').filter_map(|pair| Some(pair.split_once('=')?.1.to_owned())).filter(|v| v.len() > 20),
    );
    for _ in 0..2 {
        client.upload_presigned(&place, Source::Bytes(&bytes), UploadOptions::default()).unwrap();
    }
    let status =
        |status: u16| json!({"respond": {"status": status, "body": "<Error><Code>Nope</Code></Error>"}});
    let faults =
        [status(400), status(403), status(503), json!({"close_after": 0}), json!({"reset_after": 1000})];
    for fault in faults {
        for (side, method) in [("api", "POST"), ("storage", "PUT")] {
            let planted = sandbox.plant(json!({"side": side, "method": method, "fault": fault}));
            let _ = upload(&client, &bytes);
            assert!(planted.injected() > 0, "{side} {fault}");
            sandbox.clear_faults();
        }
    }
    let message = Message {
        from: "+15550001111",
        to: &["+15550002222"],
        text: Some("hi"),
        attachment_ids: &[],
        idempotency_key: None,
    };
    let _ = client.send_message(message, CallOptions::default());
    let wrong =
        Client::new(Config { api_key: Some("a-wrong-key-of-mine".to_owned()), ..sandbox.config(tls) });
    upload(&wrong.unwrap(), &bytes).unwrap_err();
    secrets.push("a-wrong-key-of-mine".to_owned());
    client.delete_attachment(&place.attachment_id, CallOptions::default()).unwrap();
    secrets
}

#[test]
fn no_secret_is_in_a_rust_hosts_log() {
    log::set_logger(&Logger).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    for tls in BOTH {
        let sandbox = Sandbox::start();
        RECORDS.lock().unwrap().clear(); // what the sandbox's control said
        let secrets = use_everything(&sandbox, tls);
        let records = RECORDS.lock().unwrap().clone();
        assert!(
            records.iter().any(|line| line.contains("POST")),
            "the layers below say something: {records:?}"
        );
        for line in &records {
            for secret in secrets.iter().map(String::as_str).chain(["X-Amz-Signature", "Signature="]) {
                assert!(!line.contains(secret), "{secret:?} is in {line}");
            }
        }
    }
}
