//! Rows 86 to 90: what is said to a proxy, and what proxies answer, through one of this test's own.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use linq::{Attachment, Client, Config, Error, ErrorKind};
use serde_json::json;

use crate::common::{Sandbox, jpeg, upload};
use crate::support::{assert_is, assert_stored_after, each, failed, port};

const OK: &str = "HTTP/1.1 200 OK\r\n\r\n";

/// A proxy that answers every CONNECT with these bytes, in pieces of `piece`, and then is a tunnel.
struct Proxy {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start(answer: &[u8], piece: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (heads.clone(), answer.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().map(Result::unwrap) {
                let (seen, answer) = (seen.clone(), answer.clone());
                thread::spawn(move || serve(client, &seen, &answer, piece));
            }
        });
        Self { url, heads }
    }
}

fn serve(mut client: TcpStream, seen: &Mutex<Vec<String>>, answer: &[u8], piece: usize) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let port: u16 = head.split([':', ' ']).nth(2).unwrap().parse().unwrap();
    seen.lock().unwrap().push(head);
    client.set_nodelay(true)?;
    for part in answer.chunks(piece) {
        client.write_all(part)?;
    }
    let server = TcpStream::connect(("127.0.0.1", port))?;
    let (from, to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || pass(from, to));
    pass(server, client)
}

fn pass(mut from: TcpStream, mut to: TcpStream) -> io::Result<()> {
    let result = io::copy(&mut from, &mut to).map(drop);
    let _ = to.shutdown(Shutdown::Write);
    result
}

/// A client that reaches a made-up name through a proxy.
fn through(sandbox: &Sandbox, proxy: &str) -> Config {
    let port = port(&sandbox.get("api_tls"));
    Config {
        base_url: Some(format!("https://api.linq.test:{port}/api/partner")),
        proxy: Some(proxy.to_owned()),
        connect_timeout: Duration::from_secs(5),
        ..sandbox.config(true)
    }
}

fn uploaded(sandbox: &Sandbox, answer: &[u8], piece: usize) -> (Result<Attachment, Error>, Duration) {
    let proxy = Proxy::start(answer, piece);
    let client = Client::new(through(sandbox, &proxy.url)).unwrap();
    let began = Instant::now();
    (upload(&client, &jpeg(1000)), began.elapsed())
}

#[test]
fn row_86_the_proxy_is_told_who_asks() {
    let users = [
        ("", None),
        ("user@", Some("dXNlcjo=")),              // user:
        ("user:@", Some("dXNlcjo=")),             // user:
        (":word@", Some("OndvcmQ=")),             // :word
        ("@", Some("Og==")),                      // :
        ("us%40er:p%3As@", Some("dXNAZXI6cDpz")), // us@er:p:s
        ("u%3Aser@", Some("dTpzZXI6")),           // u:ser:
        ("u%+f:p%zz@", Some("dSUrZjpwJXp6")),     // u%+f:p%zz
    ];
    each(&users, |(user, basic)| {
        let sandbox = Sandbox::start();
        let proxy = Proxy::start(OK.as_bytes(), OK.len());
        let url = proxy.url.replace("://", &format!("://{user}"));
        let config = Config { user_agent: Some("app/1.2".to_owned()), ..through(&sandbox, &url) };
        upload(&Client::new(config).unwrap(), &jpeg(1000)).unwrap();
        let agent = sandbox.reservations()[0].header("user-agent").to_owned();
        assert!(agent.starts_with("liblinq/") && agent.ends_with("app/1.2"), "{agent}");
        let ports = ["api_tls", "storage_tls"].map(|name| port(&sandbox.get(name)));
        let authorization =
            basic.map_or(String::new(), |basic| format!("Proxy-Authorization: Basic {basic}\r\n"));
        let expected = ports.map(|port| {
            let target = format!("api.linq.test:{port}");
            format!(
                "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: {agent}\r\n{authorization}\r\n"
            )
        });
        assert_eq!(*proxy.heads.lock().unwrap(), expected);
    });
}

#[test]
fn row_87_refusals_that_pass_are_tried_again() {
    each(&[408, 429, 500, 502, 503, 504, 520], |status| {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
        let refusal = json!({"side": "proxy", "fault": {"respond": {"status": status}}});
        let planted = sandbox.plant(refusal.clone());
        let client = Client::new(through(&sandbox, &sandbox.get("proxy"))).unwrap();
        let attachment = upload(&client, &bytes).unwrap();
        planted.assert_injected(1);
        assert_stored_after(&sandbox, 2, &attachment, &bytes);

        let config = Config { max_attempts: 1, ..through(&sandbox, &sandbox.get("proxy")) };
        sandbox.plant(refusal);
        let error = failed(&sandbox, upload(&Client::new(config).unwrap(), &bytes));
        assert_is(&error, ErrorKind::Network, Some(*status), 1, true);
        let place = sandbox.get("proxy").replace("http://", "");
        let why = format!("the proxy {place} refused the tunnel with status {status}");
        assert_eq!(error.message, format!("reserving a place for photo.jpg: {why}"));
    });
}

#[test]
fn row_87_refusals_that_stay_are_final() {
    each(&[101, 301, 400, 401, 403, 404, 405, 425, 451], |status| {
        let sandbox = Sandbox::start();
        let answer = format!("HTTP/1.1 {status} No\r\n\r\n");
        let error = failed(&sandbox, uploaded(&sandbox, answer.as_bytes(), 1000).0);
        assert_is(&error, ErrorKind::Network, Some(*status), 1, false);
        assert!(error.message.ends_with(&format!("refused the tunnel with status {status}")), "{error}");
    });
}

/// All that is HTTP, whatever its line ends and whatever comes first.
#[test]
fn row_88_answers_that_open_the_tunnel() {
    let answers = [
        OK.to_owned(),
        "HTTP/1.0 200 Connection established\r\nVia: x\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\n\n".to_owned(),
        "HTTP/1.1 200\nVia: x\n\n".to_owned(),
        "HTTP/1.1 200 OK\nVia: x\r\n\n".to_owned(),
        "HTTP/1.1 200 OK\r\nVia: x\n\r\n".to_owned(),
        "HTTP/1.1 204 OK\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(), // RFC 9110, 9.3.6
        format!("HTTP/1.1 100 Continue\r\n\r\n{OK}"),
        format!("HTTP/1.1 102 Processing\n\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n{OK}"),
        format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(30_000)),
    ];
    each(&answers, |answer| {
        for piece in [usize::MAX, 1] {
            let sandbox = Sandbox::start();
            let (result, took) = uploaded(&sandbox, answer.as_bytes(), piece);
            assert_stored_after(&sandbox, 1, &result.unwrap(), &jpeg(1000));
            assert!(took < Duration::from_secs(4), "it was understood at once: {took:?}");
        }
    });
}

/// None of it is waited out.
#[test]
fn row_89_what_is_no_answer() {
    let (long, interim) = ("x".repeat(40_000), "HTTP/1.1 100 Continue\r\n\r\n".repeat(2000));
    let long = format!("HTTP/1.1 200 OK\r\nX: {long}");
    let answers = [
        ("another protocol", "SSH-2.0-x\r\n"),
        ("a line that does not end", "220 mail"),
        ("TLS", "\x15\x03\x01\x00\x02\x02\x28"),
        ("HTTP/2", "HTTP/2 200\r\n\r\n"),
        ("no status", "HTTP/1.1 OK\r\n\r\n"),
        ("a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"),
        ("a status with a sign", "HTTP/1.1 +20 OK\r\n\r\n"),
        ("headers without an end", &long),
        ("interim answers without an end", &interim),
    ];
    each(&[0, 1, 2, 3, 4, 5, 6, 7, 8], |at| {
        let (what, answer) = answers[*at];
        let sandbox = Sandbox::start();
        let (result, took) = uploaded(&sandbox, answer.as_bytes(), usize::MAX);
        let error = failed(&sandbox, result);
        assert_is(&error, ErrorKind::Network, None, 1, false);
        assert!(error.message.ends_with(" did not answer as an HTTP proxy does"), "{what}: {error}");
        assert!(took < Duration::from_secs(4), "{what}: {took:?}");
        assert_eq!(sandbox.counter("api_tls", "app_bytes"), 0);
    });
}

/// They are the server's, here the alert with which it refuses.
#[test]
fn row_90_bytes_that_follow_the_answer_at_once() {
    let sandbox = Sandbox::start();
    let answer = [OK.as_bytes(), b"\x15\x03\x03\x00\x02\x02\x70"].concat();
    let error = failed(&sandbox, uploaded(&sandbox, &answer, usize::MAX).0);
    assert_is(&error, ErrorKind::Tls, None, 1, false);
    assert_eq!(
        error.message,
        "reserving a place for photo.jpg: no secure connection to api.linq.test: it does not know this host name \
         (TLS alert unrecognized_name)"
    );
}
