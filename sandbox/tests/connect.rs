//! What goes wrong before HTTP: bad certificates, odd handshakes, proxies, addresses that never answer.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::{Client, Sandbox, eventually};
use serde_json::{Value, json};
use socket2::SockRef;

#[test]
fn segments_are_as_short_as_an_ethernets() {
    let sandbox = Sandbox::start();
    for name in ["api", "api_tls", "storage", "storage_tls", "proxy"] {
        let url = sandbox.get(name);
        let authority = url.split("://").nth(1).unwrap().split('/').next().unwrap();
        let tcp = TcpStream::connect(authority.replace("localhost", "127.0.0.1")).unwrap();
        assert!(SockRef::from(&tcp).tcp_mss().unwrap() <= 1460, "{name}");
    }
}

#[test]
fn bad_certificates_are_bad_each_in_its_way() {
    let sandbox = Sandbox::start();
    let expected = [
        ("expired", "certificate expired"),
        ("not_yet", "not valid yet"),
        ("wrong_host", "not valid for name"),
        ("unknown_ca", "UnknownIssuer"),
    ];
    for (name, why) in expected {
        let url = sandbox.ready()["bad_tls"][name].as_str().unwrap();
        let error = sandbox.try_connect(url).err().unwrap().to_string();
        assert!(error.contains(why), "{name}: {error}");
        let counted = sandbox.connections(&format!("bad_tls_{name}"));
        assert_eq!((&counted["accepted"], &counted["app_bytes"]), (&json!(1), &json!(0)));
    }
}

#[test]
fn connections_fail_while_they_are_made() {
    let sandbox = Sandbox::start();
    let url = sandbox.get("api_tls");
    let connect = |fault: Value| {
        sandbox.arm(json!({"side": "api", "on": "connect", "fault": fault}));
        sandbox.try_connect(&url)
    };
    let kind = |fault: Value| connect(fault).err().unwrap().kind();
    assert_eq!(kind(json!({"connect": "plaintext"})), ErrorKind::InvalidData);
    assert_eq!(kind(json!({"connect": "reset"})), ErrorKind::ConnectionReset);
    assert!(
        [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset].contains(&kind(json!({"connect": "close"})))
    );
    let mid = kind(json!({"connect": "close_mid_handshake"}));
    assert!([ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset].contains(&mid));
    let alert = connect(json!({"connect": "alert"})).err().unwrap().to_string();
    assert!(alert.contains("HandshakeFailure"), "{alert}");
    let alert = connect(json!({"connect": "alert", "alert": 70})).err().unwrap().to_string();
    assert!(alert.contains("ProtocolVersion"), "{alert}");

    let now = Instant::now();
    let mut client = connect(json!({"connect": "one_byte", "delay_ms": 1})).unwrap();
    assert!(now.elapsed() > Duration::from_millis(300));
    let request = format!("{url}/v3/x");
    assert_eq!(client.send("GET", &request, &[], b"").unwrap().status, 401);
    let now = Instant::now();
    connect(json!({"delay_ms": 200})).unwrap();
    assert!(now.elapsed() >= Duration::from_millis(200));

    let silent = json!({"side": "api", "on": "connect", "fault": {"connect": "silent"}});
    sandbox.arm(silent);
    let mut tcp = TcpStream::connect(sandbox.get("api").split('/').nth(2).unwrap()).unwrap();
    tcp.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    tcp.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(tcp.read(&mut [0]).is_err());
    sandbox.control("DELETE", "/faults", None);
    eventually("let go", || sandbox.connections("api")["open"] == 0);
}

#[test]
fn tls_can_end_without_a_word() {
    let sandbox = Sandbox::start();
    let url = format!("{}/v3/x", sandbox.get("api_tls"));
    let respond = json!({"body": "whole", "framing": "none", "no_close_notify": true});
    sandbox.fault("api", json!({"respond": respond}));
    let mut client = sandbox.connect(&url);
    client.write(Client::head("GET", &url, &[], 0).as_bytes()).unwrap();
    assert_eq!(client.rest().unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn the_black_hole_never_answers() {
    let sandbox = Sandbox::start();
    let address = sandbox.get("black_hole").replace("http://", "").parse().unwrap();
    let error = TcpStream::connect_timeout(&address, Duration::from_millis(300)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

#[test]
fn the_proxy_tunnels_and_forwards() {
    let sandbox = Sandbox::start();
    let proxy = sandbox.get("proxy").replace("http://", "");
    // A name that exists nowhere: the proxy takes it to loopback, and the certificate knows it.
    let port = sandbox.get("api_tls").replace("https://localhost:", "");
    let authority = format!("api.linq.test:{}", port.split('/').next().unwrap());
    let open = || {
        let mut tcp = TcpStream::connect(&proxy).unwrap();
        let head = format!(
            "CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nProxy-Authorization: Basic eA==\r\n\r\n"
        );
        tcp.write_all(head.as_bytes()).unwrap();
        let mut answer = [0; 39];
        let read = tcp.read_exact(&mut answer).map(|()| String::from_utf8_lossy(&answer).into_owned());
        (tcp, read)
    };
    let (tcp, answer) = open();
    assert_eq!(answer.unwrap(), "HTTP/1.1 200 Connection established\r\n\r\n");
    let logged = sandbox.last_request("proxy");
    assert_eq!((&logged["method"], &logged["path"]), (&json!("CONNECT"), &json!(authority)));
    assert_eq!(logged["headers"][1][0], "Proxy-Authorization");
    let mut client = Client::over(tcp, Some("api.linq.test"), &sandbox.get("ca_file")).unwrap();
    let key = format!("Bearer {}", sandbox.get("key"));
    let file = json!({"filename": "a", "content_type": "text/plain", "size_bytes": 7}).to_string();
    let url = format!("https://{authority}/api/partner/v3/attachments");
    let reply = client.send("POST", &url, &[("Authorization", &key)], file.as_bytes()).unwrap();
    assert!(reply.json()["upload_url"].as_str().unwrap().starts_with("https://api.linq.test:"));
    drop(client);
    eventually("the tunnel's bytes", || sandbox.last_request("proxy")["body_bytes"].as_u64() > Some(100));

    let mut client = Client::over(TcpStream::connect(&proxy).unwrap(), None, "").unwrap();
    let target = format!("{}/x", sandbox.get("other"));
    client.write(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(client.reply().unwrap().text(), "ok");
    assert_eq!(sandbox.last_request("other")["path"], "/x");

    let answered = |fault: Value| {
        sandbox.fault("proxy", fault);
        open().1
    };
    let refusal = answered(json!({"respond": {"status": 407, "headers": [["Proxy-Authenticate", "Basic"]]}}));
    assert!(refusal.unwrap().starts_with("HTTP/1.1 407 Proxy Authentication Requi"));
    assert!(answered(json!({"respond": {"status": 502}})).unwrap().starts_with("HTTP/1.1 502"));
    let garbage = answered(json!({"respond": {"raw": "z".repeat(50)}}));
    assert_eq!(garbage.unwrap(), "z".repeat(39));
    assert_eq!(answered(json!({"close_after": 0})).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    sandbox.fault("proxy", json!({"no_answer": true}));
    let mut tcp = TcpStream::connect(&proxy).unwrap();
    tcp.write_all(format!("CONNECT {authority} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
    tcp.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(tcp.read(&mut [0]).is_err());
}
