//! Row 69: early answers in awkward company.

use std::thread;
use std::time::{Duration, Instant};

use linq::{Client, Config, Error, ErrorKind};

use super::server::host::{Connection, Host};
use crate::common::BOTH;
use crate::support::{BIG, each};

const STALL: Duration = Duration::from_secs(2);
const REFUSAL: &[u8] =
    b"HTTP/1.1 403 Forbidden\r\nContent-Length: 40\r\n\r\n<Error><Code>AccessDenied</Code></Error>\n";

fn early(
    tls: bool,
    serve: impl Fn(&mut Connection) + Send + Sync + 'static,
) -> (Host, Result<u32, Error>, Duration) {
    let host = Host::start(tls, move |connection, _| {
        if connection.read_head().is_some() {
            let mut some = vec![0; 100_000];
            std::io::Read::read_exact(connection, &mut some).unwrap();
            serve(connection);
        }
    });
    let client = Client::new(Config { max_attempts: 1, stall_timeout: STALL, ..host.config() }).unwrap();
    let began = Instant::now();
    let result = host.put(&client, &BIG).map(|attachment| attachment.attempts);
    (host, result, began.elapsed())
}

#[track_caller]
fn assert_refused(result: Result<u32, Error>) {
    let error = result.unwrap_err();
    assert_eq!((error.kind, error.details.http_status), (ErrorKind::Storage, Some(403)), "{error}");
    assert_eq!(error.details.storage_code.as_deref(), Some("AccessDenied"), "{error}");
}

/// With an interim head in front that is larger than what is read at a time, all in one record; and then the server
/// neither reads nor says anything more.
#[test]
fn row_69_an_early_answer_behind_large_interim_heads() {
    let sizes = [100, 4000, 8100, 8192, 9000, 12_000, 15_000, 30_000];
    let cases: Vec<_> = sizes.into_iter().flat_map(|size| BOTH.map(|tls| (size, tls))).collect();
    each(&cases, |(size, tls)| {
        let filler = "x".repeat(*size);
        let interim = format!("HTTP/1.1 103 Early Hints\r\nX-Filler: {filler}\r\n\r\n");
        let (_, result, took) = early(*tls, move |connection| {
            connection.output.say(&[interim.as_bytes(), REFUSAL].concat());
            thread::sleep(Duration::from_secs(8));
        });
        assert_refused(result);
        assert!(took < Duration::from_secs(1), "{took:?}");
    });
}

#[test]
fn row_69_an_early_answer_byte_by_byte() {
    each(&BOTH, |tls| {
        let (_, result, _) = early(*tls, |connection| {
            connection.output.drip(REFUSAL, Duration::from_millis(2));
            thread::sleep(Duration::from_secs(8));
        });
        assert_refused(result);
    });
}

/// The end of the connection comes right behind: with a close_notify, without one, by a reset.
#[test]
fn row_69_an_early_answer_and_the_end() {
    type End = fn(&mut Connection);
    let ends: [(&str, End); 4] = [
        ("closed", |_| {}),
        ("finished, then closed", |connection| connection.output.finish()),
        ("finished, then kept open", |connection| {
            connection.output.finish();
            thread::sleep(Duration::from_secs(8));
        }),
        ("reset", |connection| {
            thread::sleep(Duration::from_millis(20));
            connection.reset();
        }),
    ];
    let interim: &[u8] = b"HTTP/1.1 100 Continue\r\nServer: a\r\n\r\n";
    for (name, end) in ends {
        for before in [&b""[..], interim] {
            each(&BOTH, |tls| {
                let answer = [before, REFUSAL].concat();
                let (_, result, took) = early(*tls, move |connection| {
                    connection.output.say(&answer);
                    end(connection);
                });
                assert_refused(result);
                assert!(took < Duration::from_secs(1), "{name}: {took:?}");
            });
        }
    }
}

/// Its head begins, and then the connection breaks: that is not an answer, and the next attempt may have one.
#[test]
fn row_69_half_of_an_early_answer() {
    each(&BOTH, |tls| {
        let (host, result, _) = early(*tls, |connection| {
            connection.output.say(&REFUSAL[..30]);
        });
        let error = result.unwrap_err();
        assert_eq!((error.kind, error.details.attempts), (ErrorKind::Network, 1), "{error}");
        assert!(error.details.retryable);
        assert_eq!(host.requests(), 1);
        let (_, result, took) = early(*tls, |connection| {
            connection.output.say(&REFUSAL[..30]);
            thread::sleep(Duration::from_secs(8));
        });
        let error = result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
        assert!((STALL..STALL * 2).contains(&took), "{took:?}");
    });
}
