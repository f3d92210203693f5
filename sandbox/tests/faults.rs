//! Faults while a request is read and while it is answered.

mod common;

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use common::{Client, Sandbox, eventually, noise, sha256};
use serde_json::{Value, json};

const JPEG: (&str, &str) = ("Content-Type", "image/jpeg");

/// How a connection ended: "eof", "reset", or "open" while it has not.
fn ending(client: &mut Client) -> &'static str {
    client.tcp.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    match client.more() {
        Ok(0) => "eof",
        Ok(_) => "data",
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => "open",
        Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => "reset",
        // TLS that ends without a close_notify.
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => "eof",
        Err(e) => panic!("{e:?}"),
    }
}

/// A PUT whose head and `sent` bytes of the body are on their way.
fn begun(sandbox: &Sandbox, reserved: &Value, body: &[u8], sent: usize) -> Client {
    let url = reserved["upload_url"].as_str().unwrap();
    let mut client = sandbox.connect(url);
    client.write(Client::head("PUT", url, &[JPEG], body.len()).as_bytes()).unwrap();
    // Fails where an early answer came, and the connection went, between the two writes.
    let _ = client.write(&body[..sent]);
    client
}

#[test]
fn faults_strike_where_and_when_they_were_asked_to() {
    let sandbox = Sandbox::start();
    let (api, tls) = (sandbox.get("api"), sandbox.get("api_tls"));
    let status = |base: &str, method: &str, path: &str| sandbox.call(base, method, path, None).status;
    let teapot = json!({"respond": {"status": 418}});
    let id = sandbox
        .arm(json!({"side": "api", "method": "GET", "path_contains": "/tea", "skip": 1, "times": 2,
        "fault": teapot}));
    assert_eq!(status(&api, "POST", "/tea"), 404);
    assert_eq!(status(&api, "GET", "/coffee"), 404);
    let statuses: Vec<_> = [&api, &tls, &api, &api].map(|base| status(base, "GET", "/tea")).into();
    assert_eq!(statuses, [404, 418, 418, 404]);
    let list = sandbox.control("GET", "/faults", None);
    assert_eq!(
        (&list[0]["id"], &list[0]["injected"], &list[0]["live"]),
        (&json!(id), &json!(2), &json!(false))
    );

    sandbox.control("DELETE", &format!("/faults/{id}"), None);
    sandbox.arm(json!({"side": "api_tls", "times": 0, "fault": teapot}));
    sandbox.arm(json!({"side": "api_plain", "times": 0, "fault": {"respond": {"status": 502}}}));
    let statuses: Vec<_> = [&api, &tls, &tls].map(|base| status(base, "GET", "/tea")).into();
    assert_eq!(statuses, [502, 418, 418]);
    let last = sandbox.last_request("api");
    assert_eq!((&last["fault"], &last["status"]), (&json!(2), &json!(418)));
    sandbox.control("DELETE", "/faults", None);
    assert_eq!(status(&api, "GET", "/tea"), 404);

    let url = format!("{}/faults", sandbox.get("control"));
    for bad in [json!({"side": "nowhere", "fault": {}}), json!({"side": "api", "fault": {"tpyo": 1}})] {
        assert_eq!(sandbox.send("POST", &url, &[], bad.to_string().as_bytes()).status, 400);
    }
}

#[test]
fn made_up_answers_take_every_shape() {
    let sandbox = Sandbox::start();
    let url = format!("{}/v3/x", sandbox.get("api"));
    let mut client = sandbox.connect(&url);
    let mut ask = |fault: Value| {
        sandbox.fault("api", json!({"respond": fault}));
        client.send("POST", &url, &[], &noise(1000)).unwrap()
    };
    let reply = ask(json!({"status": 429, "code": 1007, "headers": [["Retry-After", "2"]]}));
    assert_eq!((reply.status, reply.header("Retry-After")), (429, Some("2")));
    assert_eq!(reply.json()["error"]["code"], 1007);
    assert_eq!(ask(json!({"status": 500})).json()["error"]["code"], 3006);
    assert_eq!(ask(json!({"body": {"a": 1}})).json(), json!({"a": 1}));
    let reply = ask(json!({"status": 503, "body": "<html>", "headers": [["Content-Type", "text/html"]]}));
    assert_eq!((reply.text().as_str(), reply.header("content-type")), ("<html>", Some("text/html")));
    assert_eq!(ask(json!({"body_base64": "/wA="})).body, [255, 0]);
    let giant = ask(json!({"body_repeat": {"text": "abc", "count": 1_000_000}}));
    assert_eq!((giant.body.len(), &giant.body[2_999_994..]), (3_000_000, &b"abcabc"[..]));
    let now = Instant::now();
    ask(json!({"delay_ms": 150}));
    assert!(now.elapsed() >= Duration::from_millis(150));
    let now = Instant::now();
    let raw = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 Odd\r\n\r\n";
    assert_eq!(ask(json!({"raw": raw, "drip_ms": 2})).status, 103);
    assert!(now.elapsed() >= Duration::from_millis(50));
    assert_eq!(client.reply().unwrap().status, 204);
    assert_eq!(sandbox.connections("api")["accepted"], 1);
    assert_eq!(sandbox.last_request("api")["body_bytes"], 1000);

    let once = |fault: Value| {
        sandbox.fault("api", json!({"respond": fault}));
        sandbox.send("GET", &url, &[], b"")
    };
    assert_eq!(once(json!({"body": "x", "framing": "none"})).text(), "x");
    assert_eq!(
        once(json!({"body": "abc", "framing": "chunked", "then": "close"})).text(),
        "3\r\nabc\r\n0\r\n\r\n"
    );
    sandbox.fault("api", json!({"respond": {"endless": true, "framing": "chunked"}}));
    let mut client = sandbox.connect(&url);
    client.write(Client::head("GET", &url, &[], 0).as_bytes()).unwrap();
    let mut seen = 0;
    while seen < 20 << 20 {
        seen += client.more().unwrap();
    }
    sandbox.fault("storage", json!({"respond": {"status": 503, "code": "SlowDown", "message": "a < b"}}));
    let reply = sandbox.send("PUT", &format!("{}/x", sandbox.get("storage")), &[], b"body");
    assert!(reply.text().contains("<Code>SlowDown</Code><Message>a &lt; b</Message><RequestId>"));
}

#[test]
fn early_answers_arrive_whatever_follows() {
    let sandbox = Sandbox::start();
    let body = noise(12 << 20);
    for tls in [false, true] {
        for (then, after) in
            [("close", 0), ("reset", 0), ("half_close", 0), ("keep_open", 70_000), ("drain", 9)]
        {
            let reserved = sandbox.reserve(tls, body.len());
            let early =
                json!({"after": after, "status": 403, "code": "AccessDenied", "then": then, "grace_ms": 100});
            sandbox.fault("storage", json!({"early": early}));
            let mut client = begun(&sandbox, &reserved, &body, 70_000);
            let reply = client.reply().unwrap_or_else(|e| panic!("{then}, tls {tls}: {e}"));
            assert_eq!(reply.status, 403);
            assert!(reply.text().contains("AccessDenied"));
            let ended = ending(&mut client);
            match then {
                "close" => assert!(["eof", "reset"].contains(&ended), "{ended}"),
                "reset" => assert_eq!(ended, "reset"),
                "half_close" => assert_eq!(ended, "eof"),
                "keep_open" => assert_eq!(ended, "open"),
                _ => {
                    client.write(&body[70_000..]).unwrap();
                    eventually("drained", || sandbox.last_request("storage")["body_bytes"] == body.len());
                }
            }
            let logged = sandbox.last_request("storage");
            assert_eq!((&logged["ended"], &logged["status"]), (&json!("early"), &json!(403)));
            assert!(logged["body_bytes"].as_u64().unwrap() >= after);
            sandbox.control("DELETE", "/faults", None);
        }
    }
    assert_eq!(sandbox.objects().len(), 0);
}

#[test]
fn connections_end_at_the_byte_that_was_asked_for() {
    let sandbox = Sandbox::start();
    let body = noise(200_000);
    for tls in [false, true] {
        let reserved = sandbox.reserve(tls, body.len());
        for after in [-1, 0, 1, 100_000, 199_999] {
            sandbox.fault("storage", json!({"reset_after": after}));
            let error = sandbox.put(&reserved, &body).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error:?}");
            let logged = sandbox.last_request("storage");
            assert_eq!((&logged["ended"], &logged["body_bytes"]), (&json!("reset"), &json!(after.max(0))));
            assert_eq!(logged["headers"].as_array().unwrap().is_empty(), after == -1);
        }
        sandbox.fault("storage", json!({"close_after": 50_000}));
        let mut client = begun(&sandbox, &reserved, &body, 50_000);
        assert_eq!(ending(&mut client), "eof");
        assert_eq!(sandbox.last_request("storage")["ended"], "closed");
    }
    assert_eq!(sandbox.objects().len(), 0);
}

#[test]
fn reading_stalls_pauses_and_crawls() {
    let sandbox = Sandbox::start();
    let body = noise(1 << 20);
    for tls in [false, true] {
        let reserved = sandbox.reserve(tls, body.len());
        let read = || sandbox.last_request("storage")["body_bytes"].as_u64().unwrap();
        sandbox.fault("storage", json!({"stall_after": 1000}));
        let mut client = begun(&sandbox, &reserved, &body, 5000);
        assert_eq!(ending(&mut client), "open");
        assert_eq!(read(), 1000);
        sandbox.control("DELETE", "/faults", None);
        assert!(["eof", "reset"].contains(&ending(&mut client)));
        assert_eq!(sandbox.last_request("storage")["ended"], "held");

        let timed = |fault: Value| {
            sandbox.fault("storage", fault);
            let now = Instant::now();
            assert_eq!(sandbox.put(&reserved, &body).unwrap().status, 200);
            now.elapsed().as_millis()
        };
        let stalled = timed(json!({"stall_after": 0, "for_ms": 300}));
        assert!((300..2000).contains(&stalled), "{stalled}");
        let paused = timed(json!({"pauses": {"every": 262_144, "ms": 100}, "key_update": 65_536}));
        assert!((300..2000).contains(&paused), "{paused}");
        let crawled = timed(json!({"slow_read": {"bytes_per_s": 524_288, "from": 524_288}}));
        assert!((900..2500).contains(&crawled), "{crawled}");
    }
    assert!(sandbox.objects().iter().all(|object| object["sha256"] == sha256(&body).as_str()));
}

#[test]
fn answers_are_late_or_never_come() {
    let sandbox = Sandbox::start();
    let body = noise(50_000);
    let reserved = sandbox.reserve(false, body.len());
    sandbox.fault("storage", json!({"no_answer": true}));
    let mut client = begun(&sandbox, &reserved, &body, body.len());
    assert_eq!(ending(&mut client), "open");
    drop(client);
    eventually("held", || sandbox.last_request("storage")["ended"] == "held");
    for how in ["close", "reset"] {
        sandbox.fault("storage", json!({"die_before_answer": how}));
        let mut client = begun(&sandbox, &reserved, &body, body.len());
        assert_eq!(ending(&mut client), if how == "close" { "eof" } else { "reset" });
    }
    // The server had done its work each time.
    assert_eq!(sandbox.objects()[0]["puts"], 3);
    sandbox.fault("storage", json!({"delay_ms": 200, "drip_ms": 1, "interim": [102, 103]}));
    let now = Instant::now();
    let mut client = begun(&sandbox, &reserved, &body, body.len());
    let statuses: Vec<_> = (0..3).map(|_| client.reply().unwrap().status).collect();
    assert_eq!(statuses, [102, 103, 200]);
    assert!(now.elapsed() >= Duration::from_millis(300));
}

#[test]
fn expectations_are_met_in_odd_ways() {
    let sandbox = Sandbox::start();
    let reserved = sandbox.reserve(false, 5);
    let url = reserved["upload_url"].as_str().unwrap();
    let answers = |fault: Value, count: usize| -> Vec<u16> {
        sandbox.fault("storage", fault);
        let mut client = sandbox.connect(url);
        let head = Client::head("PUT", url, &[JPEG, ("Expect", "100-continue")], 5);
        client.write((head + "hello").as_bytes()).unwrap();
        (0..count).map(|_| client.reply().unwrap().status).collect()
    };
    assert_eq!(answers(json!({"two_100": true}), 3), [100, 100, 200]);
    assert_eq!(answers(json!({"status_417": true}), 1), [417]);
    let now = Instant::now();
    assert_eq!(answers(json!({"late_100": 200}), 2), [100, 200]);
    assert!(now.elapsed() >= Duration::from_millis(200));
}

#[test]
fn real_answers_can_lie() {
    let sandbox = Sandbox::start();
    let lie = json!({"upload_url": "http://u@evil.example/", "expires_at": null,
        "required_headers": {"Host": "x\r\ny", "Content-Type": null}});
    sandbox.fault("api", json!({"merge": lie, "date": -3600, "set_headers": [["X-Trace-ID", "t"]]}));
    let api = sandbox.get("api");
    let file = json!({"filename": "a", "content_type": "text/plain", "size_bytes": 7});
    let reply = sandbox.call(&api, "POST", "/attachments", Some(file.clone()));
    let reserved = reply.json();
    assert_eq!(reserved["upload_url"], "http://u@evil.example/");
    assert_eq!(reserved.get("expires_at"), None);
    assert_eq!(reserved["required_headers"], json!({"Host": "x\r\ny", "Content-Length": "7"}));
    assert_eq!(reply.header("X-Trace-ID"), Some("t"));
    sandbox.fault("api", json!({"date": "soon"}));
    assert_eq!(sandbox.call(&api, "POST", "/attachments", Some(file.clone())).header("Date"), Some("soon"));

    sandbox.fault("api", json!({"redirect": {"status": 307, "location": "other"}}));
    let reply = sandbox.call(&api, "POST", "/attachments", Some(file));
    let location = reply.header("Location").unwrap().to_owned();
    assert_eq!(
        (reply.status, location),
        (307, format!("{}/api/partner/v3/attachments", sandbox.get("other")))
    );
    assert_eq!(sandbox.connections("other")["accepted"], 0);
    let other = format!("{}/x", sandbox.get("other_tls"));
    assert_eq!(sandbox.send("PUT", &other, &[], b"secret").status, 200);
    assert_eq!(sandbox.last_request("other")["body_bytes"], 6);
}

#[test]
fn kept_connections_go_stale() {
    let sandbox = Sandbox::start();
    for side in ["api", "api_tls"] {
        let url = format!("{}/v3/x", sandbox.get(side));
        let after = |fault: Value| {
            sandbox.fault("api", fault);
            let mut client = sandbox.connect(&url);
            let reply = client.send("GET", &url, &[], b"").unwrap();
            assert_eq!((reply.status, reply.header("connection")), (401, None));
            client
        };
        assert_eq!(ending(&mut after(json!({"close_idle": true}))), "eof");
        let mut client = after(json!({"close_idle": true, "after_ms": 750}));
        assert_eq!([ending(&mut client), ending(&mut client), ending(&mut client)], ["open", "open", "eof"]);
        assert_eq!(ending(&mut after(json!({"rst_idle": true}))), "reset");
        let mut client = after(json!({"close_on_next": true}));
        assert_eq!(ending(&mut client), "open");
        client.write(Client::head("GET", &url, &[], 0).as_bytes()).unwrap();
        assert_eq!(ending(&mut client), "eof");
    }
    assert_eq!(sandbox.requests().len(), 8);
}
