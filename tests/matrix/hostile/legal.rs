//! Rows 65 to 67: HTTP that is unusual and legal.

use std::time::{Duration, Instant};

use linq::{CallOptions, ErrorKind};

use super::server::host::{Host, What, reservation};
use crate::common::{BOTH, jpeg};
use crate::support::{assert_is, each};

const STALL: Duration = Duration::from_secs(5);

fn many_headers() -> String {
    (0..2000).map(|n| format!("X-{n}: {n}\r\n")).collect()
}

/// Heads and framings of a success with this body.
fn successes(body: &str) -> Vec<(&'static str, String)> {
    let length = format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let chunked = |extension: &str, trailers: &str| {
        let (size, half) = (body.len(), body.len() / 2);
        let (first, second) = body.split_at(half);
        let last = format!("{:x}\r\n{second}\r\n0\r\n{trailers}\r\n", size - half);
        let pieces = if body.is_empty() {
            format!("0{extension}\r\n{trailers}\r\n")
        } else {
            format!("{half:x}{extension}\r\n{first}\r\n{last}")
        };
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{pieces}")
    };
    vec![
        ("a long chunk extension", chunked(&format!(";name=\"{}\"", "x".repeat(5000)), "")),
        ("blanks around a chunk's size", chunked(" ; a = b", "")),
        ("trailers", chunked("", "X-Checksum: abc\r\nX-Folded: a\r\n b\r\n")),
        ("a folded line", format!("HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\n\tc\r\n{length}")),
        ("a blank before a colon", format!("HTTP/1.1 200 OK\r\nServer : a\r\n{length}")),
        ("2000 headers", format!("HTTP/1.1 200 OK\r\n{}{length}", many_headers())),
        ("no reason", format!("HTTP/1.1 200\r\n{length}")),
        ("bare line feeds", format!("HTTP/1.1 200 OK\nContent-Length: {}\n\n{body}", body.len())),
        ("an empty line before it", format!("\r\nHTTP/1.1 200 OK\r\n{length}")),
        ("bytes that are not text", format!("HTTP/1.1 200 \u{e9}\r\nX-Name: \u{fc}\r\n{length}")),
        ("equal lengths", format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{length}", body.len())),
        ("an empty header", format!("HTTP/1.1 200 OK\r\nX-Empty:\r\n{length}")),
    ]
}

#[test]
fn row_65_unusual_successes_of_a_put() {
    let bytes = jpeg(100_000);
    for body in ["", "stored"] {
        let cases: Vec<_> =
            successes(body).into_iter().flat_map(|case| BOTH.map(|tls| (case.clone(), tls))).collect();
        each(&cases, |((_, answer), tls)| {
            let host = Host::answering(*tls, answer.as_str());
            let client = host.client(STALL);
            for _ in 0..2 {
                assert_eq!(host.put(&client, &bytes).unwrap().attempts, 1);
            }
            assert_eq!((host.requests(), host.accepted()), (2, 1));
        });
    }
}

#[test]
fn row_65_unusual_successes_of_the_api() {
    let cases: Vec<_> =
        successes(&reservation()).into_iter().flat_map(|case| BOTH.map(|tls| (case.clone(), tls))).collect();
    each(&cases, |((_, answer), tls)| {
        let host = Host::answering(*tls, answer.as_str());
        let client = host.client(STALL);
        for _ in 0..2 {
            host.call(What::Api, &client, &jpeg(1000), CallOptions::default()).unwrap();
        }
        assert_eq!((host.requests(), host.accepted()), (2, 1));
    });
}

/// What matters may stand behind a thousand headers that do not.
#[test]
fn row_65_the_last_of_many_headers_counts() {
    each(&BOTH, |tls| {
        let body = r#"{"error": {"status": 429, "code": 1007, "message": "Slow down"}, "success": false}"#;
        let last = "Retry-After: 77\r\nX-Trace-Id: trace-of-the-last\r\n";
        let answer = format!(
            "HTTP/1.1 429 Too Many\r\n{}{last}Content-Length: {}\r\n\r\n{body}",
            many_headers(),
            body.len()
        );
        let host = Host::answering(*tls, answer);
        for what in [What::Put, What::Api] {
            let error =
                host.call(what, &host.client(STALL), &jpeg(1000), CallOptions::default()).unwrap_err();
            assert_eq!(error.details.http_status, Some(429), "{error}");
            assert_eq!(error.details.retry_after, Some(Duration::from_secs(77)), "{what:?}: {error}");
            if what == What::Api {
                assert_eq!(error.details.trace_id.as_deref(), Some("trace-of-the-last"));
            }
        }
    });
}

/// One PUT, one answer: neither a missing body nor a missing length has the bytes sent again.
#[test]
fn row_66_successes_without_a_body() {
    let answers = [
        ("HTTP/1.1 204 No Content\r\n\r\n", true),
        ("HTTP/1.1 205 Reset Content\r\n\r\n", true),
        ("HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n", false),
        ("HTTP/1.1 201 Created\r\n\r\nstored", false),
        ("HTTP/1.0 200 OK\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", false),
    ];
    let bytes = jpeg(100_000);
    let cases: Vec<_> = answers.into_iter().flat_map(|answer| BOTH.map(|tls| (answer, tls))).collect();
    each(&cases, |((answer, at_once), tls)| {
        let host = Host::answering(*tls, *answer);
        let client = host.client(STALL);
        let began = Instant::now();
        assert_eq!(host.put(&client, &bytes).unwrap().attempts, 1);
        let took = began.elapsed();
        assert!(took < Duration::from_millis(if *at_once { 700 } else { 2500 }), "{took:?}");
        assert_eq!(host.put(&client, &bytes).unwrap().attempts, 1);
        assert_eq!((host.requests(), host.accepted()), (2, if *at_once { 1 } else { 2 }));
    });
}

/// 304 is no success, and has no body whatever its headers say.
#[test]
fn row_66_refusals_without_a_body() {
    each(&BOTH, |tls| {
        let host = Host::answering(*tls, "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n");
        for what in [What::Put, What::Api] {
            let began = Instant::now();
            let error =
                host.call(what, &host.client(STALL), &jpeg(1000), CallOptions::default()).unwrap_err();
            assert_eq!((error.details.http_status, error.details.attempts), (Some(304), 1), "{error}");
            assert!(began.elapsed() < Duration::from_secs(2));
        }
        assert_eq!(host.requests(), 2);
    });
}

/// What is not HTTP is said so, and nothing is sent again.
#[test]
fn row_67_what_is_not_http_is_final() {
    const NOT_HTTP: &str = "did not answer in proper HTTP";
    const CHUNK: &str = "sent a chunked body that is malformed";
    let chunked = |rest: &str| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{rest}");
    let answers = [
        (chunked("x\r\n"), CHUNK),
        (chunked("-1\r\n"), CHUNK),
        (chunked("\r\n\r\n"), CHUNK),
        (chunked("3\r\nabcd\r\n0\r\n\r\n"), CHUNK),
        (chunked("11111111111111111\r\n"), CHUNK),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n".to_owned(),
            "switched to another protocol, which nobody asked for",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd".to_owned(), NOT_HTTP),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\nabcd".to_owned(), NOT_HTTP),
        ("HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc".to_owned(), NOT_HTTP),
        ("HTTP/1.1 200 OK\r\nX-\0: a\r\n\r\n".to_owned(), NOT_HTTP),
        ("HTTP/1.1 099 What\r\n\r\n".to_owned(), NOT_HTTP),
        ("HTTP/2.0 200 OK\r\n\r\n".to_owned(), NOT_HTTP),
        ("220 mail.example ESMTP\r\n".to_owned(), NOT_HTTP),
    ];
    let whats = [What::Put, What::Api];
    let cases: Vec<_> = answers
        .iter()
        .flat_map(|answer| BOTH.into_iter().flat_map(move |tls| whats.map(|what| (answer, tls, what))))
        .collect();
    each(&cases, |((answer, why), tls, what)| {
        let host = Host::answering(*tls, answer.as_str());
        let error = host.call(*what, &host.client(STALL), &jpeg(1000), CallOptions::default()).unwrap_err();
        assert_is(&error, ErrorKind::Protocol, None, 1, false);
        assert_eq!(error.message, format!("{}{} {why}", what.doing(), host.name()));
        assert_eq!(host.requests(), 1);
    });
}

#[test]
fn row_67_redirects_are_not_followed() {
    let bodies = ["Content-Length: 0\r\n\r\n", "Content-Length: 5\r\n\r\nmoved", "Connection: close\r\n\r\n"];
    let places = ["Location: https://elsewhere.example/secret?a=b\r\n", ""];
    let whats = [What::Put, What::Api];
    let cases: Vec<_> = [301, 302, 303, 307, 308]
        .into_iter()
        .flat_map(|status| places.map(|place| (status, place)))
        .flat_map(|(status, place)| whats.map(|what| (status, place, what)))
        .collect();
    each(&cases, |(status, place, what)| {
        for body in bodies {
            let answer = format!("HTTP/1.1 {status} Moved\r\n{place}{body}");
            let host = Host::start(false, move |connection, _| {
                connection.serve(answer.as_bytes());
            });
            let error =
                host.call(*what, &host.client(STALL), &jpeg(1000), CallOptions::default()).unwrap_err();
            let details = &error.details;
            assert_eq!((details.http_status, details.attempts), (Some(*status), 1), "{error}");
            assert_eq!(error.message.contains("elsewhere.example"), !place.is_empty(), "{error}");
            assert!(!error.message.contains("secret"), "{error}");
            assert_eq!(host.requests(), 1);
        }
    });
}
