//! Rows 58 to 63: answers without an end. A call ends within its bounds, and when it is cancelled.

use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use linq::{CallOptions, CancelToken, Error, ErrorKind};

use super::server::flow::{ANSWERS, ENDLESS, Flow, HEADS, LARGE as TOO_LARGE};
use super::server::host::{Host, What, reservation};
use crate::child::{here, ran_alone};
use crate::common::{BOTH, in_time, jpeg, takes};
use crate::support::{BIG, CANCEL_PROMISE, assert_is, cancelled_after, each, thread_cpu};

const STALL: Duration = Duration::from_secs(3);
static LARGE: LazyLock<Vec<u8>> = LazyLock::new(|| jpeg(100 << 20));
static SMALL: LazyLock<Vec<u8>> = LazyLock::new(|| jpeg(1000));

type Case = (Flow, bool, What);

/// These flows after a request, plain and with TLS, for a PUT and for the API.
fn cases(flows: impl IntoIterator<Item = Flow>) -> Vec<Case> {
    let all = flows.into_iter().flat_map(|flow| {
        BOTH.into_iter().flat_map(move |tls| [What::Put, What::Api].map(|what| (flow, tls, what)))
    });
    all.filter(|(flow, tls, _)| *tls || !flow.needs_tls()).collect()
}

fn every_case() -> Vec<Case> {
    cases(HEADS.into_iter().chain(ANSWERS))
}

#[track_caller]
fn assert_protocol(error: &Error, host: &Host, what: What, why: &str) {
    assert_is(error, ErrorKind::Protocol, error.details.http_status, 1, false);
    let whole = if why.starts_with("the server") { why.to_owned() } else { format!("{} {why}", host.name()) };
    assert_eq!(error.message, what.doing().to_owned() + &whole);
    assert_eq!(host.requests(), 1, "{error}");
}

/// An unfinished interim head that fills the buffers, then more of it, its end, and another one, while the body is being
/// sent and read.
#[test]
fn row_58_an_interim_head_that_fills_the_buffers() {
    if ran_alone(here!(), &[]) {
        return; // where it aborts, this process lives and says so
    }
    for (tls, what) in [(false, What::Put), (true, What::Put), (false, What::Api), (true, What::Api)] {
        for sizes in [[36_828, 5000], [34_000, 5000], [36_000, 36_000], [70_000, 70_000]] {
            let host = Host::start(tls, move |connection, _| {
                connection.read_head();
                socket2::SockRef::from(&connection.socket).set_recv_buffer_size(4 << 20).unwrap();
                let mut output = connection.output.take();
                let says = thread::spawn(move || {
                    let begin = "HTTP/1.1 103 Early Hints\r\nX-Filler: ";
                    let filler = sizes.map(|size| "x".repeat(size));
                    for pieces in
                        [[begin, &filler[0]], [&filler[1], ""], ["\r\n\r\n", begin], [&filler[0], ""]]
                    {
                        output.say(pieces.concat().as_bytes());
                        thread::sleep(Duration::from_millis(20));
                    }
                });
                connection.drain();
                says.join().unwrap();
            });
            let error = host.call(what, &host.client(STALL), &LARGE, CallOptions::default()).unwrap_err();
            assert_protocol(&error, &host, what, "sent more than 32 KiB of headers");
        }
    }
}

#[test]
fn row_59_floods_after_the_request() {
    each(&every_case(), |(flow, tls, what)| {
        let host = flow.after_the_request(*tls, true);
        let client = host.client(STALL * 10); // the bound comes first, also on a busy machine
        let result = host.call(*what, &client, &SMALL, CallOptions::default());
        // The file is stored, however much the storage says of it.
        if *what == What::Put && flow.is_body && [TOO_LARGE, ENDLESS].contains(&flow.bound) {
            assert_eq!((result, host.requests()), (Ok(1), 1));
            return;
        }
        assert_protocol(&result.unwrap_err(), &host, *what, flow.bound);
    });
}

#[test]
fn row_59_the_deadline_holds_while_bytes_arrive() {
    each(&every_case(), |(flow, tls, what)| {
        let host = flow.after_the_request(*tls, false);
        let client = host.client(STALL);
        let call = CallOptions { timeout: Some(Duration::from_millis(300)), ..CallOptions::default() };
        let error = takes(300..350, || host.call(*what, &client, &SMALL, call).unwrap_err());
        assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
        assert_eq!(error.message, what.doing().to_owned() + "the call's timeout of 300 ms passed");
    });
}

#[test]
fn row_59_cancelling_works_while_bytes_arrive() {
    each(&every_case(), |(flow, tls, what)| {
        let host = flow.after_the_request(*tls, false);
        let client = host.client(STALL);
        let error = in_time(CANCEL_PROMISE, || {
            let token = CancelToken::new().unwrap();
            let call = CallOptions { cancel: Some(&token), ..CallOptions::default() };
            let delay = Duration::from_millis(200);
            cancelled_after(&token, delay, || host.call(*what, &client, &SMALL, call).unwrap_err())
        });
        assert_eq!(error.kind, ErrorKind::Cancelled, "{error}");
    });
}

/// Without a bound on the bytes that comes first, an answer may take as long as a stall may. What comes of a PUT then is
/// a success: its body was sent whole, and it was called one.
#[test]
fn row_60_drips_end_with_the_stall_timeout() {
    let stall = Duration::from_millis(700);
    each(&cases(ANSWERS), |(flow, tls, what)| {
        let host = flow.after_the_request(*tls, false);
        let began = Instant::now();
        let result = host.call(*what, &host.client(stall), &SMALL, CallOptions::default());
        let took = began.elapsed();
        match result {
            Ok(attempts) => assert!(*what == What::Put && flow.is_body && attempts == 1),
            Err(error) => {
                assert!(*what == What::Api || !flow.is_body, "{error}");
                assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
                let why = format!("the answer of {} began but came too slowly", host.name());
                assert!(error.message.contains(&why), "{error}");
            }
        }
        // A PUT is tried four times at most, with its waits.
        assert!(took >= stall && took < Duration::from_secs(15), "{took:?}");
    });
}

/// Nothing of the body is read, and what comes is no answer.
#[test]
fn row_61_floods_while_sending() {
    each(&cases(HEADS), |(flow, tls, what)| {
        let host = flow.after_the_head(*tls, true);
        let error = host.call(*what, &host.client(STALL), &BIG, CallOptions::default()).unwrap_err();
        assert_protocol(&error, &host, *what, flow.bound);
    });
}

#[test]
fn row_61_the_end_of_a_call_while_sending() {
    each(&cases(HEADS), |(flow, tls, what)| {
        let host = flow.after_the_head(*tls, false);
        let client = host.client(STALL);
        let call = CallOptions { timeout: Some(Duration::from_millis(300)), ..CallOptions::default() };
        let error = takes(300..350, || host.call(*what, &client, &BIG, call).unwrap_err());
        assert_eq!(error.message, what.doing().to_owned() + "the call's timeout of 300 ms passed");
        let error = in_time(CANCEL_PROMISE, || {
            let token = CancelToken::new().unwrap();
            let call = CallOptions { cancel: Some(&token), ..CallOptions::default() };
            let delay = Duration::from_millis(200);
            cancelled_after(&token, delay, || host.call(*what, &client, &BIG, call).unwrap_err())
        });
        assert_eq!(error.kind, ErrorKind::Cancelled, "{error}");
    });
}

/// Bytes that say nothing put off the end by a stall timeout or two, not for as long as they come; and no processor
/// is kept busy by them.
#[test]
fn row_62_a_server_that_drips_and_does_not_read_stalls() {
    let stall = Duration::from_millis(700);
    let slow: [(&str, &str); 3] = [
        ("a head", "HTTP/1.1 103 Early Hints\r\nX-Filler: "),
        ("spaces", "HTTP/1.1 "),
        ("empty lines", "\r\n"),
    ];
    each(&[(0, false), (0, true), (1, false), (1, true), (2, false), (2, true)], |(which, tls)| {
        let (_, start) = slow[*which];
        let host = Host::start(*tls, move |connection, _| {
            connection.read_head();
            connection.output.say(start.as_bytes());
            let more: &[u8] = if start == "\r\n" { b"\n" } else { b" " };
            while connection.output.say(more) {
                thread::sleep(Duration::from_millis(5));
            }
        });
        let config = linq::Config { max_attempts: 1, stall_timeout: stall, ..host.config() };
        let client = linq::Client::new(config).unwrap();
        let (began, cpu) = (Instant::now(), thread_cpu());
        let error = host.put(&client, &BIG).unwrap_err();
        let (took, used) = (began.elapsed(), thread_cpu() - cpu);
        assert_is(&error, ErrorKind::Timeout, None, 1, true);
        assert!(took >= stall && took < Duration::from_secs(5), "{took:?}: {error}");
        assert!(used < took / 2, "{used:?} of {took:?}");
    });
}

/// The flood comes on a connection that nobody uses. The next request, and one beside it, are not held up.
#[test]
fn row_63_a_pooled_connection_that_is_flooded_holds_up_nobody() {
    each(&[What::Put, What::Api], |what| {
        let answer =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", reservation().len(), reservation());
        let host = Host::start(true, move |connection, number| {
            let mut served = 0;
            while connection.serve(answer.as_bytes()) {
                served += 1;
                if number == 0 && served == 1 {
                    (0..200).all(|_| connection.output.tickets(1000));
                    return;
                }
            }
        });
        let client = host.client(STALL);
        let call = || host.call(*what, &client, &SMALL, CallOptions::default()).unwrap();
        call();
        thread::sleep(Duration::from_millis(300)); // the flood fills what the socket holds
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let began = Instant::now();
                    call();
                    let took = began.elapsed();
                    // A new connection with its handshake; 51 MB of tickets took 1.4 s.
                    assert!(took < Duration::from_millis(700), "{took:?}");
                });
            }
        });
        assert!(host.accepted() >= 2);
    });
}
