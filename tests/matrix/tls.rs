//! Rows 15 to 20: TLS.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use linq::{Client, Config, Error, ErrorKind};
use serde_json::{Value, json};

use crate::common::{Fault, Folder, Sandbox, jpeg, takes, upload};
use crate::support::{assert_is, assert_stored_after, each, failed};

/// The listeners behind an upload, and what a message says was being done.
const SIDES: [(&str, &str); 2] =
    [("api_tls", "reserving a place for photo.jpg"), ("storage_tls", "uploading photo.jpg")];

fn on_connect<'a>(sandbox: &'a Sandbox, side: &str, times: u64, fault: Value) -> Fault<'a> {
    sandbox.plant(json!({"side": side, "on": "connect", "times": times, "fault": fault}))
}

#[test]
fn row_15_silent_after_client_hello() {
    each(&SIDES, |(side, what)| {
        let sandbox = Sandbox::start();
        let fault = on_connect(&sandbox, side, 0, json!({"connect": "silent"}));
        let connect_timeout = Duration::from_millis(600);
        let config = Config { connect_timeout, max_attempts: 1, ..sandbox.config(true) };
        // Before the storage's handshake comes a whole reservation.
        let slack = if *side == "api_tls" { 200 } else { 400 };
        let error = takes(600..600 + slack, || {
            let client = Client::new(config.clone()).unwrap();
            failed(&sandbox, upload(&client, &jpeg(1000)))
        });
        assert!(fault.injected() > 0);
        assert_is(&error, ErrorKind::Timeout, None, 1, true);
        assert_eq!(
            error.message,
            format!(
                "{what}: no secure connection to localhost: the TLS handshake took longer than the connect timeout"
            )
        );
        assert_eq!(sandbox.counter(side, "app_bytes"), 0);
    });
}

/// Final, although more attempts are allowed; nothing of the request was sent.
fn refused(side: &str, fault: Value) -> Error {
    let sandbox = Sandbox::start();
    let fault = on_connect(&sandbox, side, 0, fault);
    let error = failed(&sandbox, upload(&sandbox.client(true), &jpeg(1000)));
    fault.assert_injected(1);
    assert_is(&error, ErrorKind::Tls, None, 1, false);
    assert_eq!(sandbox.counter(side, "app_bytes"), 0);
    assert_eq!(sandbox.counter(side, "tls_handshakes_ok"), 0);
    error
}

#[test]
fn row_16_plaintext_answered() {
    each(&SIDES, |(side, what)| {
        let error = refused(side, json!({"connect": "plaintext"}));
        assert_eq!(
            error.message,
            format!("{what}: no secure connection to localhost: it does not speak TLS on this port")
        );
    });
}

#[test]
fn row_17_alerts() {
    let alerts = [
        (
            40,
            "it has no cipher or signature algorithm in common with liblinq, or it wants a client certificate, which \
             liblinq does not support (TLS alert handshake_failure)",
        ),
        (42, "it wants a client certificate, which liblinq does not support (TLS alert bad_certificate)"),
        (70, "it speaks neither TLS 1.2 nor TLS 1.3 (TLS alert protocol_version)"),
        (80, "it failed itself; its log says why (TLS alert internal_error)"),
        (112, "it does not know this host name (TLS alert unrecognized_name)"),
        (200, "it refused with TLS alert 200"),
    ];
    each(&SIDES, |(side, what)| {
        for (alert, why) in alerts {
            let error = refused(side, json!({"connect": "alert", "alert": alert}));
            assert_eq!(error.message, format!("{what}: no secure connection to localhost: {why}"));
        }
    });
}

/// A server that really speaks nothing newer than TLS 1.1, where there is an openssl that still can.
#[test]
fn row_17_a_server_with_tls_1_1_alone() {
    let (sandbox, folder) = (Sandbox::start(), Folder::new());
    let [key, certificate] = ["key.pem", "certificate.pem"].map(|name| folder.path(name));
    let mut make = Command::new("openssl");
    make.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]);
    make.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
    if !make.output().is_ok_and(|made| made.status.success()) {
        return println!("not tested here: no openssl");
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let old = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    let mut server = Command::new("openssl");
    server.args(["s_server", "-quiet", "-accept", &port]).args(old).arg("-key").arg(&key);
    server.arg("-cert").arg(&certificate).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut server = server.spawn().unwrap();
    let old_client = || {
        let mut client = Command::new("openssl");
        client.args(["s_client", "-connect", &format!("127.0.0.1:{port}")]).args(old).stdin(Stdio::null());
        let said = String::from_utf8_lossy(&client.output().unwrap().stdout).into_owned();
        said.contains("Protocol  : TLSv1.1") && !said.contains("Cipher is (NONE)")
    };
    let speaks = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        old_client()
    });
    let base_url = Some(format!("https://localhost:{port}/api/partner"));
    let config = Config { base_url, ..sandbox.config(true) };
    let result = upload(&Client::new(config).unwrap(), &jpeg(1000));
    server.kill().unwrap();
    server.wait().unwrap();
    if !speaks {
        return println!("not tested here: this openssl knows no TLS 1.1");
    }
    let error = failed(&sandbox, result);
    assert_is(&error, ErrorKind::Tls, None, 1, false);
    assert!(
        error.message.ends_with("it speaks neither TLS 1.2 nor TLS 1.3 (TLS alert protocol_version)"),
        "{error}"
    );
}

#[test]
fn row_18_certificates_that_must_be_refused() {
    let kinds = [
        ("expired", "its certificate has expired (or this clock is wrong)"),
        ("not_yet", "its certificate is not valid yet (or this clock is wrong)"),
        (
            "wrong_host",
            "its certificate is for another host: the address may be wrong, or a captive portal answered",
        ),
        (
            "unknown_ca",
            "its certificate is by an authority that is not trusted here; a private one can be named in ca_file, \
             ca_pem or SSL_CERT_FILE",
        ),
    ];
    each(&kinds, |(kind, why)| {
        let sandbox = Sandbox::start();
        let config = Config { base_url: Some(sandbox.bad_tls(kind)), ..sandbox.config(true) };
        let error = failed(&sandbox, upload(&Client::new(config).unwrap(), &jpeg(1000)));
        assert_is(&error, ErrorKind::Tls, None, 1, false);
        assert_eq!(
            error.message,
            format!("reserving a place for photo.jpg: no secure connection to localhost: {why}")
        );
        let listener = format!("bad_tls_{kind}");
        assert_eq!(sandbox.accepted(&listener), 1, "asked once");
        assert_eq!(sandbox.counter(&listener, "app_bytes"), 0, "nothing of the request was sent");
        assert!(sandbox.requests().is_empty());
    });
}

/// Without its CA even the sandbox's good certificate is a bad chain.
#[test]
fn row_18_a_chain_that_ends_nowhere() {
    let sandbox = Sandbox::start();
    let config = Config { ca_file: None, ..sandbox.config(true) };
    let error = failed(&sandbox, upload(&Client::new(config).unwrap(), &jpeg(1000)));
    assert_is(&error, ErrorKind::Tls, None, 1, false);
    assert!(error.message.contains("by an authority that is not trusted here"), "{error}");
    assert_eq!(sandbox.accepted("api_tls"), 1);
    assert_eq!(sandbox.counter("api_tls", "app_bytes"), 0);
}

#[test]
fn row_19_closed_in_the_middle_of_the_handshake() {
    each(&SIDES, |(side, what)| {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(50_000));
        for how in ["close_mid_handshake", "close", "reset"] {
            let fault = on_connect(&sandbox, side, 1, json!({"connect": how}));
            let error = failed(&sandbox, upload(&sandbox.client_once(true), &bytes));
            fault.assert_injected(1);
            assert_is(&error, ErrorKind::Network, None, 1, true);
            assert!(error.message.starts_with(&format!("{what}: ")), "{error}");
            // A reset may come before this side has noticed that it was connected.
            let refused = *how == *"reset" && error.message.contains("cannot connect to localhost");
            assert!(refused || error.message.contains("during the TLS handshake"), "{error}");
            let fault = on_connect(&sandbox, side, 1, json!({"connect": how}));
            let attachment = upload(&sandbox.client(true), &bytes).unwrap();
            fault.assert_injected(1);
            assert_eq!(attachment.attempts, 2);
            sandbox.assert_stored(&attachment, &bytes);
        }
    });
}

#[test]
fn row_19_a_message_without_an_end() {
    let endless = [&[22, 3, 3, 0, 4, 11, 0, 255, 240][..], &[22, 3, 3, 0, 1, 0].repeat(70_000)].concat();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = Some(format!("https://{}/api", listener.local_addr().unwrap()));
    let server = std::thread::spawn(move || {
        let mut socket = listener.accept().unwrap().0;
        let _ = socket.write_all(&endless);
        while matches!(socket.read(&mut [0; 1000]), Ok(1..)) {}
    });
    let config =
        Config { api_key: Some("key".to_owned()), base_url, use_environment: false, ..Config::default() };
    let error = upload(&Client::new(config).unwrap(), &jpeg(1000)).unwrap_err();
    assert_is(&error, ErrorKind::Tls, None, 1, false);
    let why = "what it sent breaks the rules of TLS; the server is at fault, or something on the way";
    let what = "reserving a place for photo.jpg: no secure connection to 127.0.0.1";
    assert_eq!(error.message, format!("{what}: {why}"));
    server.join().unwrap();
}

/// All that the server ever says on its connections, handshake and answers, in pieces of one byte.
#[test]
fn row_19_one_byte_at_a_time() {
    each(&[0, 1], |delay| {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(300_000));
        let one_byte = json!({"connect": "one_byte", "delay_ms": delay});
        let faults = SIDES.map(|(side, _)| on_connect(&sandbox, side, 0, one_byte.clone()));
        let attachment = upload(&sandbox.client(true), &bytes).unwrap();
        faults.iter().for_each(|fault| fault.assert_injected(1));
        assert_stored_after(&sandbox, 1, &attachment, &bytes);
    });
}

/// The same for plain HTTP, which has no handshake.
#[test]
fn row_19_plain_one_byte_at_a_time() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(300_000));
    let one_byte = json!({"connect": "one_byte", "delay_ms": 1});
    let faults = ["api_plain", "storage_plain"].map(|side| on_connect(&sandbox, side, 0, one_byte.clone()));
    let attachment = upload(&sandbox.client(false), &bytes).unwrap();
    faults.iter().for_each(|fault| fault.assert_injected(1));
    assert_stored_after(&sandbox, 1, &attachment, &bytes);
}

/// New keys in the middle of the body, many times. The session tickets come after the handshake as they always do
/// with TLS 1.3; neither ends the connection.
#[test]
fn row_20_key_updates_and_late_tickets() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(4 << 20));
    let update = json!({"side": "storage", "method": "PUT", "times": 2, "fault": {"key_update": 256 * 1024}});
    let fault = sandbox.plant(update);
    let client = sandbox.client(true);
    for _ in 0..3 {
        let attachment = upload(&client, &bytes).unwrap();
        assert_eq!(attachment.attempts, 1);
        sandbox.assert_stored(&attachment, &bytes);
    }
    fault.assert_injected(2);
    assert_eq!(sandbox.accepted("storage_tls"), 1, "the connection stayed in the pool");
    assert_eq!(sandbox.accepted("api_tls"), 1);
}
