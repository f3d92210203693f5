//! Connections that are refused, certificates that must be, and TLS handshakes that fail.

use linq::{CallOptions, ErrorKind};
use serde_json::json;

use crate::common::{Sandbox, jpeg, upload};

#[test]
fn a_bad_certificate_gets_not_one_byte() {
    let sandbox = Sandbox::start();
    for (how, why) in [
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
    ] {
        let config = linq::Config { base_url: Some(sandbox.bad_tls(how)), ..sandbox.config(true) };
        let error = upload(&linq::Client::new(config).unwrap(), &jpeg(10)).unwrap_err();
        let expected = format!("reserving a place for photo.jpg: no secure connection to localhost: {why}");
        assert_eq!((error.kind, &*error.message), (ErrorKind::Tls, &*expected));
        assert_eq!((error.details.attempts, error.details.retryable), (1, false));
        let listener = format!("bad_tls_{how}");
        assert_eq!((sandbox.accepted(&listener), sandbox.counter(&listener, "app_bytes")), (1, 0), "{how}");
    }
    // The private CA is what makes the good one good.
    let config = linq::Config { ca_file: None, ..sandbox.config(true) };
    let error = upload(&linq::Client::new(config).unwrap(), &jpeg(10)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Tls);
    assert_eq!(sandbox.counter("api_tls", "app_bytes"), 0);
    let pem = std::fs::read_to_string(sandbox.get("ca_file")).unwrap();
    let config = linq::Config { ca_file: None, ca_pem: Some(pem), ..sandbox.config(true) };
    upload(&linq::Client::new(config).unwrap(), &jpeg(10)).unwrap();
}

#[test]
fn handshakes_that_go_wrong() {
    // the fault, the kind, what is said, and whether it may pass
    let table = [
        (json!({"connect": "plaintext"}), ErrorKind::Tls, "it does not speak TLS on this port", false),
        (json!({"connect": "alert"}), ErrorKind::Tls, "TLS alert handshake_failure", false),
        (
            json!({"connect": "alert", "alert": 70}),
            ErrorKind::Tls,
            "it speaks neither TLS 1.2 nor TLS 1.3 (TLS alert protocol_version)",
            false,
        ),
        (json!({"connect": "close_mid_handshake"}), ErrorKind::Network, "during the TLS handshake", true),
        (json!({"connect": "reset"}), ErrorKind::Network, "localhost", true),
    ];
    for (fault, kind, words, retryable) in table {
        let sandbox = Sandbox::start();
        let planted = sandbox.plant(json!({"side": "api_tls", "on": "connect", "times": 0, "fault": fault}));
        let error = upload(&sandbox.client_once(true), &jpeg(10)).unwrap_err();
        planted.assert_injected(1);
        assert_eq!((error.kind, error.details.retryable), (kind, retryable), "{fault}: {error}");
        assert!(error.message.starts_with("reserving a place for photo.jpg: "), "{error}");
        assert!(error.message.contains(words), "{fault}: {error}");
        assert_eq!(sandbox.counter("api_tls", "app_bytes"), 0);
    }
    let sandbox = Sandbox::start();
    let planted =
        sandbox.plant(json!({"side": "storage_tls", "on": "connect", "fault": {"connect": "one_byte"}}));
    let bytes = jpeg(100_000);
    let attachment = upload(&sandbox.client(true), &bytes).unwrap();
    planted.assert_injected(1);
    assert_eq!(attachment.attempts, 1);
    sandbox.assert_only(&attachment, &bytes);
}

#[test]
fn a_new_tls_key_in_the_middle_is_no_error() {
    let sandbox = Sandbox::start();
    let fault = sandbox.on_put(json!({"key_update": 100_000}));
    let bytes = jpeg(2 << 20);
    let attachment = upload(&sandbox.client(true), &bytes).unwrap();
    fault.assert_injected(1);
    assert_eq!(attachment.attempts, 1);
    sandbox.assert_only(&attachment, &bytes);
}

#[test]
fn refused_connections_are_named() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let sandbox = Sandbox::start();
    let base_url = Some(format!("http://127.0.0.1:{port}/api/partner"));
    let client =
        linq::Client::new(linq::Config { base_url, max_attempts: 1, ..sandbox.config(false) }).unwrap();
    let error =
        client.attachment("550e8400-e29b-41d4-a716-446655440000", CallOptions::default()).unwrap_err();
    assert_eq!((error.kind, error.details.retryable), (ErrorKind::Network, true));
    let expected = "asking for attachment 550e8400-e29b-41d4-a716-446655440000: cannot connect to 127.0.0.1: Connection \
                    refused";
    assert!(error.message.starts_with(expected), "{error}");
}
