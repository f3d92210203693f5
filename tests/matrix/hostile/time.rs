//! Rows 73 and 74: what is a stall, and what is not.

use std::thread;
use std::time::{Duration, Instant};

use linq::{CallOptions, ErrorKind, Reader, UploadOptions};

use super::server::host::{Host, OK, What, reservation};
use crate::child::{here, ran_alone, shimmed};
use crate::common::{BOTH, jpeg};
use crate::support::each;

const STALL: Duration = Duration::from_secs(1);
const CALLBACK: Duration = Duration::from_millis(1200);

/// Reads steadily, so slowly that there is no room for more when the callback returns.
fn slow_reader(tls: bool) -> Host {
    Host::start(tls, |connection, _| {
        if let Some(head) = connection.read_head() {
            connection.read_slowly(&head);
            connection.output.say(OK);
            connection.drain();
        }
    })
}

#[test]
fn row_73_time_inside_a_progress_callback_is_no_stall() {
    let bytes = jpeg(400_000);
    each(&BOTH, |tls| {
        let host = slow_reader(*tls);
        let mut calls = 0;
        let progress = move |_, _| {
            calls += 1;
            if calls <= 4 {
                thread::sleep(CALLBACK);
            }
            true
        };
        let options = UploadOptions { progress: Some(Box::new(progress)), ..UploadOptions::default() };
        let began = Instant::now();
        let attachment = host.put_with(&host.client(STALL), &bytes, options).unwrap();
        assert!(began.elapsed() > 4 * CALLBACK, "the callback was slow: {:?}", began.elapsed());
        assert_eq!((attachment.attempts, host.requests()), (1, 1));
    });
}

/// Sleeps before some of its pieces.
struct Slow<'a> {
    bytes: &'a [u8],
    reads: u32,
}

impl Reader for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.reads += 1;
        if self.reads.is_multiple_of(4) {
            thread::sleep(CALLBACK);
        }
        let n = buffer.len().min(30_000);
        std::io::Read::read(&mut self.bytes, &mut buffer[..n])
    }
}

#[test]
fn row_73_time_inside_a_reader_is_no_stall() {
    let bytes = jpeg(400_000);
    each(&BOTH, |tls| {
        let host = slow_reader(*tls);
        let began = Instant::now();
        let mut reader = Slow { bytes: &bytes, reads: 0 };
        let attachment = host.put_reader(&host.client(STALL), &mut reader, bytes.len() as u64).unwrap();
        assert!(began.elapsed() > 2 * CALLBACK, "the reader was slow: {:?}", began.elapsed());
        assert_eq!((attachment.attempts, host.requests()), (1, 1));
    });
}

/// The answer begins when little is left of the stall timeout, and takes longer than that, byte by byte. Tickets came
/// with the connection, long before.
#[test]
fn row_74_a_record_that_drips_in_moves() {
    let body = reservation();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    // What is sent first keeps some connections busy for longer than a stall may last.
    let cases: Vec<_> = [What::Put, What::Api]
        .into_iter()
        .flat_map(|what| BOTH.map(|tls| (what, tls)))
        .flat_map(|(what, tls)| [0, 2 * STALL.as_millis() as u64].map(|busy| (what, tls, busy)))
        .filter(|(what, _, busy)| *what == What::Put || *busy == 0)
        .collect();
    let drips = |what: What, tls: bool, busy: u64| {
        let answer = answer.clone();
        let host = Host::start(tls, move |connection, _| {
            if tls {
                connection.output.tickets(2);
            }
            let Some(head) = connection.read_head() else { return };
            for _ in 0..busy / 100 {
                let mut some = vec![0; 100_000];
                std::io::Read::read_exact(connection, &mut some).unwrap();
                thread::sleep(Duration::from_millis(100));
            }
            if busy == 0 {
                connection.read_body(&head);
            } else {
                let _ = connection.socket.set_read_timeout(Some(Duration::from_millis(100)));
                connection.drain();
            }
            thread::sleep(STALL * 7 / 10);
            let pause = STALL * 8 / 10 / answer.len() as u32;
            connection.output.drip(answer.as_bytes(), pause);
            let _ = connection.socket.set_read_timeout(None);
            connection.drain();
        });
        let bytes = jpeg(if busy > 0 { 3 << 20 } else { 1000 });
        let began = Instant::now();
        let attempts = host.call(what, &host.client(STALL), &bytes, CallOptions::default());
        assert!(began.elapsed() > STALL * 14 / 10, "{:?}", began.elapsed());
        (attempts, host.requests())
    };
    // On a busy machine the host may drip too slowly, but not each time.
    each(&cases, |(what, tls, busy)| {
        assert!((0..10).any(|_| drips(*what, *tls, *busy) == (Ok(1), 1)), "one attempt with one request");
    });
}

#[test]
fn row_74_a_record_that_drips_for_ever_is_a_stall() {
    each(&[What::Put, What::Api], |what| {
        let host = Host::start(true, |connection, _| {
            if connection.read_request().is_some() {
                connection.output.drip(&[b'x'; 16_000], Duration::from_millis(5));
            }
        });
        let config = linq::Config { max_attempts: 1, stall_timeout: STALL, ..host.config() };
        let client = linq::Client::new(config).unwrap();
        let began = Instant::now();
        let error = host.call(*what, &client, &jpeg(1000), CallOptions::default()).unwrap_err();
        let took = began.elapsed();
        assert_eq!((error.kind, error.details.retryable), (ErrorKind::Timeout, true), "{error}");
        assert!(error.message.contains("nothing moved between here and localhost for 1 s"), "{error}");
        assert!((STALL..STALL * 4).contains(&took), "{took:?}");
    });
}

/// The kernel took the last of it long before it is acknowledged.
fn slow_tail(test: &str, denied: &str) {
    if ran_alone(test, &[("SHIM_DENY", denied)]) {
        return;
    }
    each(&BOTH, |tls| {
        let host = slow_reader(*tls);
        let began = Instant::now();
        let attachment = host.put(&host.client(STALL), &jpeg(300_000)).unwrap();
        let took = began.elapsed();
        assert_eq!((attachment.attempts, host.requests()), (1, 1));
        assert!(took > 4 * STALL, "it was not slow: {took:?}");
    });
    for call in denied.split(',').filter(|call| !call.is_empty()) {
        assert!(shimmed(&format!("{call} denied")) > 0, "{call} was denied");
    }
}

#[test]
fn row_76_a_slow_tail_is_no_stall() {
    slow_tail(here!(), "");
}

#[test]
fn row_76_a_slow_tail_is_no_stall_where_the_queue_is_a_secret() {
    slow_tail(here!(), "TIOCOUTQ");
}

/// Where nothing tells what was acknowledged, what the kernel took is all that is known.
#[test]
fn row_76_an_upload_where_nothing_tells() {
    if ran_alone(here!(), &[("SHIM_DENY", "TIOCOUTQ,TCP_INFO")]) {
        return;
    }
    each(&BOTH, |tls| {
        let host = Host::answering(*tls, OK);
        let attachment = host.put(&host.client(STALL), &jpeg(3 << 20)).unwrap();
        assert_eq!((attachment.attempts, host.requests()), (1, 1));
    });
    for call in ["TIOCOUTQ denied", "TCP_INFO denied"] {
        assert!(shimmed(call) > 0, "{call}");
    }
}
