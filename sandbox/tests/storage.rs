//! The storage without faults: the real S3 server's verdicts, and those of the front.

mod common;

use common::{Client, Sandbox, noise, sha256};
use serde_json::json;

#[test]
fn a_put_stores_the_object() {
    let sandbox = Sandbox::start();
    for tls in [false, true] {
        let data = noise(3_000_001);
        let reserved = sandbox.reserve(tls, data.len());
        let id = reserved["attachment_id"].as_str().unwrap();
        let reply = sandbox.put(&reserved, &data).unwrap();
        assert_eq!((reply.status, reply.body.len()), (200, 0));
        assert!(reply.header("etag").is_some() && reply.header("x-amz-request-id").is_some());
        assert_eq!(sandbox.put(&reserved, &data).unwrap().status, 200);
        let objects = sandbox.objects();
        let object = objects.last().unwrap();
        assert_eq!(object["attachment_id"], id);
        assert_eq!((&object["size"], &object["puts"]), (&json!(data.len()), &json!(2)));
        assert_eq!(object["sha256"], sha256(&data));
        let stored = sandbox.send("GET", &format!("{}/objects/{id}", sandbox.get("control")), &[], b"");
        assert!(stored.body == data);
        let logged = sandbox.last_request("storage");
        assert_eq!((&logged["tls"], &logged["body_bytes"]), (&json!(tls), &json!(data.len())));
        assert_eq!(logged["body_sha256"], sha256(&data));
    }
    let never = sandbox.reserve(false, 3)["attachment_id"].as_str().unwrap().to_owned();
    let url = format!("{}/objects/{never}", sandbox.get("control"));
    assert_eq!(sandbox.send("GET", &url, &[], b"").status, 404);
}

#[test]
fn what_was_not_signed_is_refused() {
    let sandbox = Sandbox::start();
    for tls in [false, true] {
        let reserved = sandbox.reserve(tls, 100_000);
        let url = reserved["upload_url"].as_str().unwrap().to_owned();
        let jpeg = ("Content-Type", "image/jpeg");
        let refused = |url: &str, headers: &[(&str, &str)], length: usize, status: u16, code: &str| {
            let reply = sandbox.send("PUT", url, headers, &noise(length));
            assert_eq!(reply.status, status, "{}", reply.text());
            assert!(reply.text().contains(&format!("<Code>{code}</Code><Message>")), "{}", reply.text());
            let id = reply.header("x-amz-request-id").unwrap();
            assert!(reply.text().contains(&format!("<RequestId>{id}</RequestId><HostId>")));
        };
        refused(&url, &[("Content-Type", "image/png")], 100_000, 403, "SignatureDoesNotMatch");
        refused(&url, &[], 100_000, 403, "SignatureDoesNotMatch");
        refused(&url, &[jpeg, jpeg], 100_000, 403, "SignatureDoesNotMatch");
        refused(&url, &[jpeg], 99_999, 403, "SignatureDoesNotMatch");
        refused(
            &url.replace("attachments/", "attachments/x"),
            &[jpeg],
            100_000,
            403,
            "SignatureDoesNotMatch",
        );
        refused(url.split('?').next().unwrap(), &[jpeg], 100_000, 403, "AccessDenied");
        refused(&url, &[jpeg, ("x-amz-acl", "public-read")], 100_000, 403, "AccessDenied");
        refused(&url, &[jpeg, ("Authorization", "Bearer x")], 100_000, 400, "InvalidArgument");
        refused(&url, &[jpeg, ("Transfer-Encoding", "chunked")], 0, 501, "NotImplemented");
        refused(&url, &[jpeg], 0, 411, "MissingContentLength");
        refused(&url, &[jpeg, ("Content-Length", "100000")], 100_000, 400, "BadRequest");
    }
    assert_eq!(sandbox.objects().len(), 0);
}

#[test]
fn nothing_follows_a_body_without_a_known_end() {
    let sandbox = Sandbox::start();
    let url = format!("{}/x", sandbox.get("storage"));
    let mut client = sandbox.connect(&url);
    let reply = client.send("PUT", &url, &[("Transfer-Encoding", "chunked")], b"").unwrap();
    assert_eq!((reply.status, reply.header("connection")), (501, Some("close")));
    let _ = client.write(b"5\r\nhello\r\n0\r\n\r\n");
    assert_eq!(client.rest().unwrap(), b"");
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn expiry_is_the_real_servers_verdict() {
    let sandbox = Sandbox::start();
    sandbox.fault("api", json!({"expired": true}));
    let expired = sandbox.reserve(false, 5);
    sandbox.fault("api", json!({"expires_in": 1}));
    let short = sandbox.reserve(false, 5);
    assert_eq!(sandbox.put(&short, b"hello").unwrap().status, 200);
    std::thread::sleep(std::time::Duration::from_millis(2100));
    for reserved in [expired, short] {
        let reply = sandbox.put(&reserved, b"hello").unwrap();
        assert_eq!(reply.status, 403);
        assert!(reply.text().contains("<Code>AccessDenied</Code><Message>Request has expired</Message>"));
    }
}

#[test]
fn expect_is_answered_only_when_the_body_is_wanted() {
    let sandbox = Sandbox::start();
    let reserved = sandbox.reserve(false, 5);
    let url = reserved["upload_url"].as_str().unwrap();
    for (content_type, first) in [("image/jpeg", 100), ("image/png", 403)] {
        let mut client = sandbox.connect(url);
        let headers = [("Content-Type", content_type), ("Expect", "100-continue")];
        client.write(Client::head("PUT", url, &headers, 5).as_bytes()).unwrap();
        assert_eq!(client.reply().unwrap().status, first);
        if first == 100 {
            client.write(b"hello").unwrap();
            assert_eq!(client.reply().unwrap().status, 200);
        }
    }
}

#[test]
fn idle_connections_are_closed_when_asked_for() {
    let sandbox = Sandbox::start_with(&["--storage-idle-ms", "100"]);
    let mut client = sandbox.connect(&sandbox.get("storage"));
    assert_eq!(client.more().unwrap(), 0);
}

#[test]
fn many_at_once() {
    let sandbox = Sandbox::start();
    let data = noise(200_000);
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                let reserved = sandbox.reserve(true, data.len());
                assert_eq!(sandbox.put(&reserved, &data).unwrap().status, 200);
            });
        }
    });
    let objects = sandbox.objects();
    assert_eq!(objects.len(), 64);
    let sha256 = sha256(&data);
    assert!(objects.iter().all(|object| object["sha256"] == sha256.as_str()));
}
