//! Rows 70 and 71: which connections are used again.

use std::thread;
use std::time::Duration;

use linq::{CallOptions, Reader};

use super::server::host::{Host, OK, What, reservation};
use crate::common::{BOTH, jpeg};
use crate::support::each;

const STALL: Duration = Duration::from_secs(3);

/// Cannot begin again.
struct Once<'a>(&'a [u8]);

impl Reader for Once<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        std::io::Read::read(&mut self.0, buffer)
    }
}

#[test]
fn row_70_a_reader_that_cannot_begin_again_leaves_idle_connections_alone() {
    let bytes = jpeg(50_000);
    each(&BOTH, |tls| {
        // The first four requests are answered at the same time, so that each has its connection.
        let together = std::sync::Barrier::new(4);
        let host = Host::start(*tls, move |connection, number| {
            let mut first = number < 4;
            while connection.read_request().is_some() {
                if std::mem::take(&mut first) {
                    together.wait();
                }
                connection.output.say(OK);
            }
        });
        let client = host.client(STALL);
        let four = || {
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| assert_eq!(host.put(&client, &bytes).unwrap().attempts, 1));
                }
            });
        };
        four();
        assert_eq!(host.accepted(), 4);
        let attachment = host.put_reader(&client, &mut Once(&bytes), bytes.len() as u64).unwrap();
        assert_eq!((attachment.attempts, host.accepted()), (1, 5), "a fresh connection");
        four();
        assert_eq!(host.accepted(), 5, "the idle ones were left alone");
    });
}

/// What follows an answer, or may follow it, must not be taken for the next one. These bytes come once the next request
/// is there.
#[test]
fn row_71_connections_that_must_not_be_used_again() {
    let smuggled = "HTTP/1.1 500 Smuggled\r\nContent-Length: 0\r\n\r\n";
    let answers = [
        ("HTTP/1.1 205 Reset\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n"),
        ("HTTP/1.1 205 Reset\r\nContent-Length: 46\r\n\r\n", smuggled),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 46\r\n\r\n", smuggled),
        ("HTTP/1.1 200 OK\r\nContent-Length: 46\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", smuggled),
        (
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            smuggled,
        ),
        ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", smuggled),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n", smuggled),
    ];
    let cases: Vec<_> = answers.into_iter().flat_map(|answer| BOTH.map(|tls| (answer, tls))).collect();
    let bytes = jpeg(1000);
    each(&cases, |((answer, late), tls)| {
        let host = Host::start(*tls, |connection, number| {
            if connection.serve(answer.as_bytes()) {
                if number == 0 && connection.read_head().is_some() {
                    connection.output.say(late.as_bytes());
                }
                connection.drain();
            }
        });
        let client = host.client(STALL);
        for _ in 0..2 {
            assert_eq!(host.put(&client, &bytes).unwrap().attempts, 1);
        }
        assert_eq!((host.requests(), host.accepted()), (2, 2));
    });
}

/// Bytes that nobody asked for, on a connection that is idle, or right behind the answer.
#[test]
fn row_71_stray_bytes_on_idle_connections() {
    let stray = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let body = reservation();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let cases: Vec<_> = BOTH.into_iter().flat_map(|tls| [0, 100].map(|delay| (tls, delay))).collect();
    each(&cases, |(tls, delay)| {
        let (answer, delay) = (answer.clone(), *delay);
        let host = Host::start(*tls, move |connection, _| {
            if connection.read_request().is_some() {
                let both = [answer.as_bytes(), stray].concat();
                if delay == 0 {
                    connection.output.say(&both);
                } else {
                    connection.output.say(answer.as_bytes());
                    thread::sleep(Duration::from_millis(delay));
                    connection.output.say(stray);
                }
                connection.drain();
            }
        });
        let client = host.client(STALL);
        for what in [What::Put, What::Put, What::Api, What::Api] {
            assert_eq!(host.call(what, &client, &jpeg(1000), CallOptions::default()).unwrap(), 1);
            thread::sleep(Duration::from_millis(250));
        }
        assert_eq!((host.requests(), host.accepted()), (4, 4));
    });
}

/// A few tickets on an idle connection are nothing; it is used again.
#[test]
fn row_71_tickets_on_an_idle_connection() {
    each(&[What::Put, What::Api], |what| {
        let body = reservation();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let host = Host::start(true, move |connection, _| {
            while connection.serve(answer.as_bytes()) {
                connection.output.tickets(4);
            }
        });
        let client = host.client(STALL);
        for _ in 0..3 {
            assert_eq!(host.call(*what, &client, &jpeg(1000), CallOptions::default()).unwrap(), 1);
            thread::sleep(Duration::from_millis(50));
        }
        assert_eq!((host.requests(), host.accepted()), (3, 1));
    });
}
