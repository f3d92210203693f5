//! Row 64: interim responses with headers, at any moment.

use std::thread;
use std::time::{Duration, Instant};

use linq::{CallOptions, Source, UploadOptions};
use serde_json::json;

use super::server::host::{Connection, Host, OK, What, reservation};
use crate::common::{BOTH, jpeg};
use crate::support::each;

const STALL: Duration = Duration::from_secs(3);
const CONTINUE: &[u8] =
    b"HTTP/1.1 100 Continue\r\nServer: storage\r\nDate: Thu, 15 Jan 2026 10:45:00 GMT\r\n\r\n";
const HINTS: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload,\r\n  </b>\r\nX-Blank : c\r\n\r\n";

#[derive(Debug, Clone, Copy, PartialEq)]
enum When {
    BeforeTheBody,
    AmidTheBody,
    AfterTheBody,
    WithTheAnswer,
}

/// Says `interim` at that moment, then the answer; gives the body.
fn serve(connection: &mut Connection, when: When, interim: &[u8], answer: &[u8]) -> Option<Vec<u8>> {
    let head = connection.read_head()?;
    if when == When::BeforeTheBody {
        connection.output.say(interim);
        thread::sleep(Duration::from_millis(100));
    }
    if when == When::AmidTheBody {
        thread::sleep(Duration::from_millis(100)); // the client has filled what the socket holds
        connection.output.say(interim);
        thread::sleep(Duration::from_millis(100));
    }
    let body = connection.read_body(&head)?;
    if when == When::AfterTheBody {
        connection.output.say(interim);
        thread::sleep(Duration::from_millis(100));
    }
    let last: &[u8] = if when == When::WithTheAnswer { interim } else { &[] };
    connection.output.say(&[last, answer].concat());
    Some(body)
}

#[test]
fn row_64_interim_responses_with_headers() {
    let bytes = jpeg(6 << 20);
    let moments = [When::BeforeTheBody, When::AmidTheBody, When::AfterTheBody, When::WithTheAnswer];
    let cases: Vec<_> = moments.into_iter().flat_map(|when| BOTH.map(|tls| (when, tls))).collect();
    each(&cases, |(when, tls)| {
        let (when, expected) = (*when, bytes.clone());
        for interim in [CONTINUE, HINTS, &[CONTINUE, HINTS, CONTINUE].concat()] {
            let (interim, expected) = (interim.to_vec(), expected.clone());
            let host = Host::start(*tls, move |connection, _| {
                while let Some(body) = serve(connection, when, &interim, OK) {
                    assert!(body == expected, "other bytes arrived");
                }
            });
            let client = host.client(STALL);
            for _ in 0..2 {
                assert_eq!(host.put(&client, &bytes).unwrap().attempts, 1);
            }
            assert_eq!((host.requests(), host.accepted()), (2, 1), "the connection is used again");
        }
    });
}

#[test]
fn row_64_interim_responses_of_the_api() {
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", reservation().len(), reservation());
    let moments = [When::BeforeTheBody, When::AfterTheBody, When::WithTheAnswer];
    let cases: Vec<_> = moments.into_iter().flat_map(|when| BOTH.map(|tls| (when, tls))).collect();
    each(&cases, |(when, tls)| {
        let (when, answer) = (*when, answer.clone());
        let host = Host::start(*tls, move |connection, _| {
            let interim = [CONTINUE, HINTS].concat();
            while serve(connection, when, &interim, answer.as_bytes()).is_some() {}
        });
        let client = host.client(STALL);
        for _ in 0..2 {
            host.call(What::Api, &client, &jpeg(1000), CallOptions::default()).unwrap();
        }
        assert_eq!((host.requests(), host.accepted()), (2, 1));
    });
}

/// Where `Expect` was signed, nothing of the body leaves before a 100, whatever headers that has; without one, all of it
/// leaves after a second, or sooner where a stall is shorter than that.
#[test]
fn row_64_a_required_expect() {
    let bytes = jpeg(300_000);
    for (interim, stall) in [
        (CONTINUE.to_vec(), STALL),
        ([HINTS, CONTINUE].concat(), STALL),
        (Vec::new(), STALL),
        (HINTS.to_vec(), STALL),
        (Vec::new(), Duration::from_millis(600)),
    ] {
        each(&BOTH, |tls| {
            let (said, expected) = (interim.clone(), bytes.clone());
            let host = Host::start(*tls, move |connection, _| {
                let Some(head) = connection.read_head() else { return };
                assert!(head.contains("\r\nexpect: 100-continue\r\n"), "{head}");
                thread::sleep(Duration::from_millis(200));
                connection.socket.set_nonblocking(true).unwrap();
                assert!(connection.socket.peek(&mut [0]).is_err(), "the body came before the 100");
                connection.socket.set_nonblocking(false).unwrap();
                connection.output.say(&said);
                let body = connection.read_body(&head).expect("a whole body");
                assert!(body == expected, "other bytes arrived");
                connection.output.say(OK);
                connection.drain();
            });
            let began = Instant::now();
            let place = host.place(json!({"Expect": "100-continue"}));
            let source = Source::Bytes(&bytes);
            let result = host.client(stall).upload_presigned(&place, source, UploadOptions::default());
            assert_eq!(result.unwrap().attempts, 1);
            assert_eq!(host.requests(), 1);
            let took = began.elapsed();
            let at_once = interim.windows(3).any(|window| window == b"100");
            assert!(took < Duration::from_millis(if at_once { 900 } else { 3000 }), "{took:?}");
        });
    }
}
