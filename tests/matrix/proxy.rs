//! Rows 13 and 14: proxies.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use linq::{CallOptions, Client, Config, Error, ErrorKind, FileInfo, Level};
use serde_json::{Value, json};

use crate::child::{here, ran_alone, shimmed};
use crate::common::{Sandbox, in_time, jpeg, upload};
use crate::support::{assert_is, assert_stored_after, failed, port};

/// In base64, as it goes over the wire, `dXNlcjpzZWNyZXQtd29yZA==`.
const USER: &str = "user:secret-word";

/// A client that reaches a made-up name through the sandbox's proxy.
fn proxied(sandbox: &Sandbox) -> Config {
    let port = port(&sandbox.get("api_tls"));
    Config {
        base_url: Some(format!("https://api.linq.test:{port}/api/partner")),
        proxy: Some(sandbox.get("proxy").replace("://", &format!("://{USER}@"))),
        connect_timeout: Duration::from_millis(700),
        ..sandbox.config(true)
    }
}

/// Whatever goes wrong on the way, the credentials are in no message and in no log line.
fn tried(fault: Value, times: u64, max_attempts: u32) -> (Sandbox, Error, Duration) {
    let sandbox = Sandbox::start();
    let lines = Arc::new(Mutex::new(String::new()));
    let log = lines.clone();
    let listen = move |_: Level, line: &str| log.lock().unwrap().push_str(&format!("{line}\n"));
    assert!(linq::set_log(Level::Debug, Some(Box::new(listen))));
    let on = if fault["connect"].is_null() { "request" } else { "connect" };
    let fault = sandbox.plant(json!({"side": "proxy", "on": on, "times": times, "fault": fault}));
    let client = Client::new(Config { max_attempts, ..proxied(&sandbox) }).unwrap();
    let began = Instant::now();
    let error = failed(&sandbox, upload(&client, &jpeg(1000)));
    let took = began.elapsed();
    fault.assert_injected(u64::from(error.details.attempts));
    linq::set_log(Level::Debug, None);
    let told = format!("{error:?} {}", lines.lock().unwrap());
    assert!(told.contains("POST to api.linq.test"), "the log was called: {told}");
    for secret in ["secret-word", "dXNlcjpzZWNyZXQtd29yZA", &sandbox.get("key")] {
        assert!(!told.contains(secret), "{secret} is in {told}");
    }
    assert_eq!(sandbox.accepted("api_tls"), 0, "nobody went around the proxy");
    (sandbox, error, took)
}

#[test]
fn row_13_a_proxy_that_works() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(300_000));
    let client =
        Client::new(Config { connect_timeout: Duration::from_secs(10), ..proxied(&sandbox) }).unwrap();
    for _ in 0..2 {
        let attachment = upload(&client, &bytes).unwrap();
        assert_eq!(attachment.attempts, 1);
        sandbox.assert_stored(&attachment, &bytes);
    }
    let tunnels = sandbox.requests_to("proxy", "CONNECT");
    assert_eq!(tunnels.len(), 2, "one to the API, one to the storage; then both are pooled");
    for tunnel in tunnels {
        assert!(tunnel.path().starts_with("api.linq.test:"), "{tunnel:?}");
        assert_eq!(tunnel.header("host"), tunnel.path());
        assert_eq!(tunnel.header("proxy-authorization"), "Basic dXNlcjpzZWNyZXQtd29yZA==");
    }
    for request in sandbox.reservations().iter().chain(&sandbox.puts()) {
        assert!(!request.header_names().contains(&"proxy-authorization".to_owned()), "{request:?}");
    }
}

#[test]
fn row_13_407_is_final() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let wants = json!({"respond": {"status": 407, "headers": [["Proxy-Authenticate", "Basic realm=\"x\""]]}});
    let (sandbox, error, _) = tried(wants, 0, 4);
    assert_is(&error, ErrorKind::Network, Some(407), 1, false);
    let proxy = port(&sandbox.get("proxy"));
    assert!(
        error
            .message
            .contains(&format!("the proxy 127.0.0.1:{proxy} wants other credentials (407) in its URL")),
        "{error}"
    );
}

#[test]
fn row_13_refusals_garbage_and_broken_tunnels() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let (_, error, _) = tried(json!({"respond": {"status": 502, "body": "no route"}}), 0, 2);
    assert_is(&error, ErrorKind::Network, Some(502), 2, true);
    assert!(error.message.contains("refused the tunnel with status 502"), "{error}");
    let (_, error, _) = tried(json!({"respond": {"status": 403}}), 0, 4);
    assert_is(&error, ErrorKind::Network, Some(403), 1, false);
    let (_, error, _) = tried(json!({"respond": {"raw": "SSH-2.0-x\r\n\r\n", "then": "close"}}), 0, 4);
    assert_is(&error, ErrorKind::Network, None, 1, false);
    assert!(error.message.contains("did not answer as an HTTP proxy does"), "{error}");
    for broken in [json!({"close_after": 0}), json!({"reset_after": 0}), json!({"reset_after": -1})] {
        let (_, error, _) = tried(broken, 0, 2);
        assert_is(&error, ErrorKind::Network, None, 2, true);
    }
    let headless = json!({"respond": {"raw": "x".repeat(200_000), "then": "keep_open"}});
    // No more than 32 KiB of it is read; the connect timeout would be 700 ms.
    let error = in_time(Duration::ZERO..Duration::from_millis(600), || {
        let (_, error, took) = tried(headless.clone(), 0, 4);
        (took, error)
    });
    assert_is(&error, ErrorKind::Network, None, 1, false);
}

#[test]
fn row_13_broken_once_is_tried_again() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
    for fault in [json!({"respond": {"status": 503}}), json!({"close_after": 0})] {
        let planted = sandbox.plant(json!({"side": "proxy", "fault": fault}));
        let attachment = upload(&Client::new(proxied(&sandbox)).unwrap(), &bytes).unwrap();
        planted.assert_injected(1);
        assert_eq!(attachment.attempts, 2, "{fault}");
        sandbox.assert_stored(&attachment, &bytes);
    }
}

#[test]
fn row_13_silence_ends_at_the_connect_timeout() {
    if ran_alone(here!(), &[]) {
        return;
    }
    for silent in [json!({"no_answer": true}), json!({"connect": "silent"})] {
        in_time(Duration::from_millis(700)..Duration::from_millis(900), || {
            let (_, error, took) = tried(silent.clone(), 0, 1);
            assert_is(&error, ErrorKind::Timeout, None, 1, true);
            assert!(error.message.contains("took longer than the connect timeout"), "{error}");
            (took, ())
        });
    }
}

/// A proxy of a kind that is not supported is an error, never a way around it.
#[test]
fn row_13_socks_is_refused() {
    let sandbox = Sandbox::start();
    for scheme in ["socks5", "socks5h", "socks4", "https"] {
        let proxy = Some(format!("{scheme}://{USER}@127.0.0.1:1"));
        let error = failed(&sandbox, Client::new(Config { proxy, ..sandbox.config(true) }).map(drop));
        assert_eq!(error.kind, ErrorKind::InvalidArgument);
        assert!(error.message.contains(&format!("is a {scheme}:// one")), "{error}");
        assert!(!error.message.contains("secret-word"));
    }
}

/// Whether the environment sends a request for `host` through the proxy.
fn goes_through(sandbox: &Sandbox, host: &str, no_proxy: &str) -> bool {
    let api = port(&sandbox.get("api_tls"));
    // SAFETY: this process runs this test alone, on one thread; nobody reads the environment meanwhile.
    unsafe {
        std::env::set_var("https_proxy", sandbox.get("proxy"));
        std::env::set_var("no_proxy", no_proxy.replace("PORT", &api.to_string()));
    }
    let config = Config {
        base_url: Some(format!("https://{host}:{api}/api/partner")),
        use_environment: true,
        max_attempts: 1,
        connect_timeout: Duration::from_millis(200),
        ..sandbox.config(true)
    };
    let before = sandbox.accepted("proxy");
    let file = FileInfo { filename: "a.jpg", content_type: None, size_bytes: 1 };
    let _ = Client::new(config).unwrap().presign(file, CallOptions::default()); // an address has no certificate
    sandbox.accepted("proxy") > before
}

#[test]
fn row_14_no_proxy_as_curl_reads_it() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let sandbox = Sandbox::start();
    let table = [
        ("api.linq.test", "", true),
        ("api.linq.test", "other.test", true),
        ("api.linq.test", "api.linq.test", false),
        ("api.linq.test", "API.Linq.TEST", false),
        ("api.linq.test", "a.test, api.linq.test", false),
        ("api.linq.test", "a.test api.linq.test", false),
        ("api.linq.test", " a.test ,\t linq.test , b.test", false),
        ("api.linq.test", "linq.test", false),
        ("api.linq.test", ".linq.test", false),
        ("api.linq.test", "*.linq.test", false),
        ("api.linq.test", "*", false),
        ("api.linq.test", "pi.linq.test", true),
        ("api.linq.test", "inq.test", true),
        ("api.linq.test", "linq.test:PORT", false),
        ("api.linq.test", "linq.test:1", true),
        ("10.1.2.3", "10.0.0.0/8", false),
        ("10.1.2.3", "10.1.2.0/25", false),
        ("10.1.2.3", "10.1.3.0/24", true),
        ("10.1.2.3", "10.1.2.3", false),
        ("10.1.2.3", "10.1.2.3/32", false),
        ("10.1.2.3", "10.1.2.3/99", true),
        ("10.1.2.3", "0.0.0.0/0", false),
        ("[fd00::1]", "fd00::/8", false),
        ("[fd00::1]", "fd00::2", true),
        ("localhost", "", false),
        ("127.0.0.1", "", false),
    ];
    for (host, no_proxy, expected) in table {
        assert_eq!(goes_through(&sandbox, host, no_proxy), expected, "{host} with NO_PROXY={no_proxy:?}");
    }
    assert!(shimmed("lookup api.linq.test") > 0, "without the proxy this side looks the name up");
}

/// An environment whose proxy cannot be used is an error when it would be, and only then.
#[test]
fn row_14_socks_in_the_environment() {
    if ran_alone(here!(), &[("ALL_PROXY", "socks5h://user:secret-word@127.0.0.1:9")]) {
        return;
    }
    let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
    let environment = Config { use_environment: true, proxy: None, ..proxied(&sandbox) };
    let error = failed(&sandbox, upload(&Client::new(environment).unwrap(), &bytes));
    assert_is(&error, ErrorKind::Network, None, 1, false);
    assert!(error.message.contains("the proxy in ALL_PROXY is a socks5h:// one"), "{error}");
    assert!(!error.message.contains("secret-word"));
    assert_eq!(sandbox.accepted("api_tls"), 0, "and nobody went around it");
    let loopback = Config { use_environment: true, ..sandbox.config(true) };
    assert_stored_after(&sandbox, 1, &upload(&Client::new(loopback).unwrap(), &bytes).unwrap(), &bytes);
}
