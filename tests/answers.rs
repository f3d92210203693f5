//! Answers at awkward moments: in pieces, on warm connections, in large records, before their time.

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use common::{BOTH, Sandbox, jpeg, upload};
use linq::{Attachment, Client, Config, Error, ErrorKind, Presigned, Reader, Source, UploadOptions};
use serde_json::{Value, json};

const MIB: usize = 1024 * 1024;
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// A storage that does what `serve` says with its one connection.
fn storage(serve: impl FnOnce(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || serve(listener.accept().unwrap().0));
    port
}

/// Reads a request's head; returns how much of the body came with it, and how long the body is.
fn read_head(stream: &mut TcpStream) -> (usize, usize) {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).unwrap();
        assert!(n > 0, "the client closes in the head");
        all.extend_from_slice(&buffer[..n]);
        if let Some(end) = all.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(all[..end].to_vec()).unwrap().to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            return (all.len() - end - 4, length.parse().unwrap());
        }
    }
}

/// Reads a whole request, with a pause after each piece.
fn read_request(stream: &mut TcpStream, pause: Duration) {
    let head = read_head(stream);
    read_body(stream, head, pause);
}

fn read_body(stream: &mut TcpStream, (mut read, length): (usize, usize), pause: Duration) {
    let mut buffer = vec![0; MIB];
    while read < length {
        let n = stream.read(&mut buffer).unwrap();
        assert!(n > 0, "the client closes in the body");
        read += n;
        thread::sleep(pause);
    }
}

fn client(stall: Duration) -> Client {
    let config = Config {
        use_environment: false,
        allow_http_loopback: true,
        max_attempts: 1,
        stall_timeout: stall,
        ..Config::default()
    };
    Client::new(config).unwrap()
}

fn put(client: &Client, port: u16, headers: Value, bytes: &[u8]) -> Result<Attachment, Error> {
    let place = json!({
        "attachment_id": "a", "upload_url": format!("http://127.0.0.1:{port}/x"), "download_url": "https://d/",
        "http_method": "PUT", "expires_at": "2040-01-15T10:45:00Z", "required_headers": headers
    });
    let place = Presigned::parse(place.to_string().as_bytes()).unwrap();
    client.upload_presigned(&place, Source::Bytes(bytes), UploadOptions::default())
}

#[test]
fn an_early_answer_in_two_pieces_is_read_whole_on_a_warm_connection_too() {
    // Made beforehand: a connection stays warm for four seconds, and this may take as long.
    let (small, large) = (jpeg(1000), jpeg(30 * MIB));
    for warm in [false, true] {
        let port = storage(move |mut stream| {
            if warm {
                read_request(&mut stream, Duration::ZERO);
                stream.write_all(OK).unwrap();
            }
            read_head(&mut stream);
            let body = "<Error><Code>SlowDown</Code><Message>Please</Message></Error>";
            let head = format!("HTTP/1.1 503 Busy\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).unwrap();
            thread::sleep(Duration::from_millis(100));
            stream.write_all(body.as_bytes()).unwrap();
            thread::sleep(Duration::from_secs(1));
        });
        let client = client(Duration::from_secs(5));
        if warm {
            put(&client, port, json!({}), &small).unwrap();
        }
        let error = put(&client, port, json!({}), &large).unwrap_err();
        assert_eq!((error.kind, error.details.http_status), (ErrorKind::Storage, Some(503)), "{error}");
        assert_eq!(error.details.storage_code.as_deref(), Some("SlowDown"), "warm: {warm}");
    }
}

#[test]
fn an_early_answer_with_a_large_head_arrives_over_tls_as_in_plain() {
    let sandbox = Sandbox::start();
    for tls in BOTH {
        let client = sandbox.client_once(tls);
        for size in [1000, 6000, 14_000, 30_000] {
            // A server that closes loses what TCP has not sent yet: all beyond the first ten segments.
            let then = if size > 14_000 { "half_close" } else { "close" };
            let early = json!({
                "after": 100_000, "status": 403, "headers": [["x-big", "x".repeat(size)]], "body": "no", "then": then
            });
            let fault = sandbox.on_put(json!({"early": early}));
            let error = upload(&client, &jpeg(8 * MIB)).unwrap_err();
            fault.assert_injected(1);
            assert_eq!(error.details.http_status, Some(403), "tls: {tls}, {size}: {error}");
        }
    }
}

#[test]
fn a_success_before_the_bytes_is_none() {
    let port = storage(|mut stream| {
        read_head(&mut stream);
        stream.write_all(OK).unwrap();
        thread::sleep(Duration::from_secs(1));
    });
    let error = put(&client(Duration::from_secs(3)), port, json!({}), &jpeg(60 * MIB)).unwrap_err();
    let expected = "uploading: the server called it a success before it had the whole body";
    assert_eq!((error.kind, &*error.message), (ErrorKind::Protocol, expected));
    assert!(error.details.retryable);
}

#[test]
fn interim_answers_start_no_clock() {
    // A required Expect, then a body that takes several stall timeouts, but moves.
    let port = storage(|mut stream| {
        let head = read_head(&mut stream);
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        read_body(&mut stream, head, Duration::from_millis(100));
        stream.write_all(OK).unwrap();
    });
    let expect = json!({"Expect": "100-continue"});
    put(&client(Duration::from_secs(2)), port, expect, &jpeg(40 * MIB)).unwrap();

    // A server that says again and again that it is still at it.
    let port = storage(|mut stream| {
        read_request(&mut stream, Duration::ZERO);
        for _ in 0..6 {
            stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").unwrap();
            thread::sleep(Duration::from_millis(300));
        }
        stream.write_all(OK).unwrap();
    });
    put(&client(Duration::from_millis(1000)), port, json!({}), &jpeg(1000)).unwrap();
}

#[test]
fn interim_answers_do_not_hold_the_call_for_ever() {
    // While the body is being sent, and when it has been.
    for (size, reads) in [(40 * MIB, false), (1000, true)] {
        let port = storage(move |mut stream| {
            match reads {
                true => read_request(&mut stream, Duration::ZERO),
                false => drop(read_head(&mut stream)),
            }
            while stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        });
        let error = put(&client(Duration::from_secs(2)), port, json!({}), &jpeg(size)).unwrap_err();
        let expected = "uploading: 127.0.0.1 sends interim answers without an end";
        assert_eq!((error.kind, &*error.message), (ErrorKind::Protocol, expected));
        assert!(!error.details.retryable);
    }
}

#[test]
fn a_refusal_instead_of_the_100_is_heard_at_once() {
    for pieces in [1, 2] {
        let port = storage(move |mut stream| {
            read_head(&mut stream);
            let refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
            for piece in refusal.chunks(refusal.len().div_ceil(pieces)) {
                stream.write_all(piece).unwrap();
                thread::sleep(Duration::from_millis(100));
            }
            thread::sleep(Duration::from_secs(4));
        });
        let began = Instant::now();
        let expect = json!({"Expect": "100-continue"});
        let error = put(&client(Duration::from_secs(3)), port, expect, &jpeg(MIB)).unwrap_err();
        assert_eq!((error.kind, error.details.http_status), (ErrorKind::Storage, Some(403)), "{error}");
        assert!(began.elapsed() < Duration::from_millis(2500), "{:?}", began.elapsed());
    }
}

/// Cannot begin again.
struct Once(Vec<u8>);

impl Reader for Once {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = buffer.len().min(self.0.len()).min(10_000);
        buffer[..n].copy_from_slice(&self.0[..n]);
        self.0.drain(..n);
        Ok(n)
    }
}

#[test]
fn a_reader_that_cannot_begin_again_is_not_spent_on_a_pooled_connection() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    sandbox.on_put(json!({"close_on_next": true}));
    upload(&client, &jpeg(1000)).unwrap();
    let bytes = jpeg(500_000);
    let options = UploadOptions { filename: Some("photo.jpg"), ..UploadOptions::default() };
    let source = Source::Reader { reader: &mut Once(bytes.clone()), size: 500_000 };
    let attachment = client.upload(source, options).unwrap();
    assert_eq!(attachment.attempts, 1);
    sandbox.assert_stored(&attachment, &bytes);
}
