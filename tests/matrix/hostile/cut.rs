//! Row 68: answers whose own body is cut. The file is stored, or it is not; nothing is sent again to find out.

use std::thread;
use std::time::{Duration, Instant};

use linq::{CallOptions, Client, Config, ErrorKind};

use super::server::host::{Connection, Host, What, reservation};
use crate::common::{BOTH, jpeg};
use crate::support::each;

const STALL: Duration = Duration::from_secs(2);

/// How an answer stops short.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Close,
    Reset,
    Silence,
}

const CUTS: [Cut; 3] = [Cut::Close, Cut::Reset, Cut::Silence];
const FRAMINGS: [&str; 4] = [
    "Content-Length: 1000\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n3e8\r\n",
    "Transfer-Encoding: chunked\r\n\r\n1\r\n \r\n3e8;a=b\r\n",
    "\r\n",
];

fn cut(connection: &mut Connection, how: Cut) {
    match how {
        Cut::Close => {}
        Cut::Reset => {
            thread::sleep(Duration::from_millis(50)); // what was said arrives before the reset
            connection.reset();
        }
        Cut::Silence => drop(connection.drain()),
    }
}

fn host(tls: bool, answer: String, how: Cut) -> Host {
    Host::start(tls, move |connection, _| {
        if connection.serve(answer.as_bytes()) {
            cut(connection, how);
        }
    })
}

fn cases() -> Vec<(&'static str, Cut, bool)> {
    let all = FRAMINGS.into_iter().flat_map(|framing| CUTS.map(|how| (framing, how)));
    all.flat_map(|(framing, how)| BOTH.map(|tls| (framing, how, tls))).collect()
}

#[test]
fn row_68_a_success_that_is_cut_is_one() {
    let bytes = jpeg(1000);
    each(&cases(), |(framing, how, tls)| {
        for body in ["", "sto", "<Stored/>"] {
            let host = host(*tls, format!("HTTP/1.1 200 OK\r\nETag: \"a\"\r\n{framing}{body}"), *how);
            let began = Instant::now();
            let attachment = host.put(&host.client(STALL), &bytes).unwrap();
            assert_eq!((attachment.attempts, host.requests()), (1, 1), "{body}");
            assert!(began.elapsed() < STALL + Duration::from_secs(2), "{:?}", began.elapsed());
        }
    });
}

#[test]
fn row_68_an_error_that_is_cut_is_none() {
    let bytes = jpeg(1000);
    let begins = [
        "<Error><Code>AccessDenied</Code><Message>N",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code>",
        "<Error><Code>Acc",
    ];
    each(&cases(), |(framing, how, tls)| {
        for body in begins {
            let host = host(*tls, format!("HTTP/1.1 200 OK\r\n{framing}{body}"), *how);
            let client =
                Client::new(Config { max_attempts: 1, stall_timeout: STALL, ..host.config() }).unwrap();
            let error = host.put(&client, &bytes).unwrap_err();
            assert_eq!(
                (error.kind, error.details.http_status),
                (ErrorKind::Storage, Some(200)),
                "{body}: {error}"
            );
            let code = body.contains("</Code>").then_some("AccessDenied");
            assert_eq!(error.details.storage_code.as_deref(), code, "{error}");
            assert_eq!(host.requests(), 1);
        }
    });
}

/// Without its reply a reservation is of no use: it is made again.
#[test]
fn row_68_a_reservation_that_is_cut_is_made_again() {
    let whole = reservation();
    each(&cases(), |(framing, how, tls)| {
        let how = *how;
        let short = format!("HTTP/1.1 200 OK\r\n{framing}{}", &whole[..whole.len() / 2]);
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{whole}", whole.len());
        let until_close = *framing == "\r\n";
        let host = Host::start(*tls, move |connection, number| {
            if connection.serve(if number == 0 { short.as_bytes() } else { answer.as_bytes() }) {
                cut(connection, if number == 0 { how } else { Cut::Silence });
            }
        });
        let result = host.call(What::Api, &host.client(STALL), &jpeg(1000), CallOptions::default());
        match result {
            Ok(_) => assert_eq!(host.requests(), 2),
            // Nothing but the JSON tells that a body which ends with the connection is cut.
            Err(error) => {
                assert!(until_close && matches!(how, Cut::Close), "{error}");
                assert_eq!(error.kind, ErrorKind::Protocol, "{error}");
            }
        }
    });
}

/// The status of a refusal counts, however little of its body comes.
#[test]
fn row_68_a_refusal_that_is_cut_is_one() {
    each(&cases(), |(framing, how, tls)| {
        let host =
            host(*tls, format!("HTTP/1.1 403 Forbidden\r\n{framing}<Error><Code>AccessDenied</Code>"), *how);
        for what in [What::Put, What::Api] {
            let error =
                host.call(what, &host.client(STALL), &jpeg(1000), CallOptions::default()).unwrap_err();
            assert_eq!(
                (error.details.http_status, error.details.attempts),
                (Some(403), 1),
                "{what:?}: {error}"
            );
            if what == What::Put {
                assert_eq!(error.details.storage_code.as_deref(), Some("AccessDenied"), "{error}");
            }
        }
        assert_eq!(host.requests(), 2);
    });
}
