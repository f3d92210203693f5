//! Targets that make real calls to a server in this process.

use std::io;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use linq::{
    CallOptions, Client, Config, Error, ErrorKind, FileInfo, Level, Presigned, Source, UploadOptions, set_log,
};

use crate::check::{self, KEY, QUERY, Server, with_secrets};
use crate::server::{Peer, certificate, listen};

const TIMEOUT: Duration = Duration::from_millis(100);
const STALL: Duration = Duration::from_millis(40);
/// How much later than [`TIMEOUT`] a call may end on a machine that is busy.
const MARGIN: Duration = Duration::from_secs(3);

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// A client, and a server for it to call.
struct Stage {
    listener: std::net::TcpListener,
    port: u16,
    client: Client,
    tls: bool,
}

impl Stage {
    fn new(tls: bool) -> Self {
        let (listener, port) = listen();
        let scheme = if tls { "https" } else { "http" };
        let config = Config {
            api_key: Some(KEY.to_owned()),
            base_url: Some(format!("{scheme}://127.0.0.1:{port}")),
            ca_pem: tls.then(|| certificate().pem.clone()),
            use_environment: false,
            allow_http_loopback: true,
            connect_timeout: TIMEOUT,
            stall_timeout: STALL,
            max_attempts: 1,
            ..Config::default()
        };
        Stage { listener, port, client: Client::new(config).expect("a client"), tls }
    }

    /// Makes `call` while every connection is served by `serve`, which gets its number.
    fn run<T>(&self, serve: impl Fn(u32, &mut Peer) -> io::Result<()> + Sync, call: impl FnOnce() -> T) -> T {
        let done = AtomicBool::new(false);
        let serve = &serve;
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0.. {
                    let Ok((socket, _)) = self.listener.accept() else { return };
                    if done.load(Ordering::SeqCst) {
                        return;
                    }
                    // One that was made ahead of need says nothing, and must not keep the next one waiting.
                    scope.spawn(move || Peer::new(socket, self.tls).and_then(|mut peer| serve(number, &mut peer)));
                }
            });
            let _over = Over(|| {
                done.store(true, Ordering::SeqCst);
                let _ = TcpStream::connect(("127.0.0.1", self.port));
            });
            call()
        })
    }

    fn place(&self, expect: bool) -> Presigned {
        let scheme = if self.tls { "https" } else { "http" };
        let headers = if expect { r#"{"Expect":"100-continue"}"# } else { "{}" };
        let json = place(&format!("{scheme}://127.0.0.1:{}", self.port), headers);
        Presigned::parse(json.as_bytes()).expect("a place")
    }

    fn put(&self, place: &Presigned, bytes: &[u8]) -> Result<(), Error> {
        let options = UploadOptions { call: bounded(), ..UploadOptions::default() };
        in_time(|| self.client.upload_presigned(place, Source::Bytes(bytes), options)).map(drop)
    }
}

/// Ends the server, also when a call panics.
struct Over<F: Fn()>(F);

impl<F: Fn()> Drop for Over<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn place(origin: &str, headers: &str) -> String {
    format!(
        r#"{{"attachment_id":"a","upload_url":"{origin}/b/o?{QUERY}","download_url":"https://d/","http_method":"PUT",
        "expires_at":"2040-01-15T10:45:00Z","required_headers":{headers}}}"#
    )
}

fn bounded() -> CallOptions<'static> {
    CallOptions { timeout: Some(TIMEOUT), ..CallOptions::default() }
}

fn in_time<T>(call: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let began = Instant::now();
    let result = call();
    assert!(began.elapsed() < TIMEOUT + MARGIN, "the call took {:?}", began.elapsed());
    result
}

fn put_failed(result: Result<(), Error>) {
    use ErrorKind::{Expired, Network, Protocol, Storage, Timeout, Tls};
    if let Err(error) = result {
        check::error(Server::Storage, &error);
        assert!([Expired, Network, Protocol, Storage, Timeout, Tls].contains(&error.kind), "{error:?}");
    }
}

fn call_failed(result: Result<(), Error>) {
    use ErrorKind::{Api, Network, NotFound, Protocol, RateLimited, Timeout, Tls, Unauthorized};
    if let Err(error) = result {
        check::error(Server::Linq, &error);
        let known = [Api, Network, NotFound, Protocol, RateLimited, Timeout, Tls, Unauthorized];
        assert!(known.contains(&error.kind), "{error:?}");
    }
}

/// What a storage does during a PUT. The first byte: 1 a large body, 2 with `Expect`, 4 on a warm connection.
pub fn put(input: &[u8]) {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    put_on(STAGE.get_or_init(|| Stage::new(false)), input);
}

/// The same inside TLS.
pub fn put_tls(input: &[u8]) {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    put_on(STAGE.get_or_init(|| Stage::new(true)), input);
}

fn put_on(stage: &Stage, input: &[u8]) {
    // More than the kernel takes while nobody reads.
    static BODY: [u8; 6 << 20] = [b'a'; 6 << 20];
    let Some((flags, script)) = input.split_first() else { return };
    let (large, expect, warm) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
    let body = if large { &BODY[..] } else { &BODY[..1000] };
    let serve = |number, peer: &mut Peer| {
        if warm && number == 0 {
            peer.read_request()?;
            peer.send(OK)?;
        }
        peer.perform(script)
    };
    let result = stage.run(serve, || {
        if warm {
            let _ = stage.put(&stage.place(false), &BODY[..1000]);
        }
        stage.put(&stage.place(expect), body)
    });
    put_failed(result);
}

/// What Linq does during a call. The first byte: the rest by 4 chooses the call, 4 on a warm connection.
pub fn api(input: &[u8]) {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    api_on(STAGE.get_or_init(|| Stage::new(false)), input);
}

/// The same inside TLS.
pub fn api_tls(input: &[u8]) {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    api_on(STAGE.get_or_init(|| Stage::new(true)), input);
}

fn api_on(stage: &Stage, input: &[u8]) {
    let Some((flags, script)) = input.split_first() else { return };
    let warm = flags & 4 != 0;
    let serve = |number, peer: &mut Peer| {
        if warm && number == 0 {
            peer.read_request()?;
            peer.send(OK)?;
        }
        peer.perform(script)
    };
    let client = &stage.client;
    let file = FileInfo { filename: "a.txt", content_type: None, size_bytes: 1000 };
    let result = stage.run(serve, || {
        if warm {
            let _ = client.delete_attachment("a", bounded());
        }
        in_time(|| match flags & 3 {
            0 | 1 => client.presign(file, bounded()).map(drop),
            2 => client.attachment("a", bounded()).map(drop),
            _ => client.delete_attachment("a", bounded()),
        })
    });
    call_failed(result);
}

/// The head of an answer, all at once, to a PUT that was read whole.
pub fn head(input: &[u8]) {
    answered(input);
}

/// The body of an answer. The first byte: the rest by 3 chooses how it is framed, 4 or more: a refusal.
pub fn body(input: &[u8]) {
    let Some((how, body)) = input.split_first() else { return };
    let status = if how & 4 == 0 { "200 OK" } else { "403 Forbidden" };
    let framing = match how % 3 {
        0 => "Transfer-Encoding: chunked\r\n",
        1 => "Content-Length: 100\r\n",
        _ => "",
    };
    answered(&[format!("HTTP/1.1 {status}\r\n{framing}\r\n").as_bytes(), body].concat());
}

fn answered(answer: &[u8]) {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    let stage = STAGE.get_or_init(|| Stage::new(false));
    let serve = |_, peer: &mut Peer| {
        peer.read_request()?;
        peer.send(answer)?;
        peer.perform(b"")
    };
    put_failed(stage.run(serve, || stage.put(&stage.place(false), &[b'a'; 1000])));
}

/// The JSON that answers a reservation.
pub fn reservation(input: &[u8]) {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    let stage = STAGE.get_or_init(|| Stage::new(false));
    let json = with_secrets(Server::Linq, input);
    let serve = |_, peer: &mut Peer| {
        peer.read_request()?;
        peer.send(format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n", json.len()).as_bytes())?;
        peer.send(&json)?;
        peer.perform(b"")
    };
    let file = FileInfo { filename: "a.txt", content_type: None, size_bytes: 1000 };
    match stage.run(serve, || in_time(|| stage.client.presign(file, bounded()))) {
        Ok(place) => {
            assert_eq!(place.size_bytes, Some(1000));
            assert_eq!(place.content_type.as_deref(), Some("text/plain"));
            crate::pure::sound(&place);
        }
        Err(error) => call_failed(Err(error)),
    }
}

/// What the library said.
static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// What the libraries inside said to a host that listens to the `log` crate.
static INNER_LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A logger that takes everything.
struct Host;

impl log::Log for Host {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        INNER_LINES.lock().unwrap().push(format!("{}: {}", record.target(), record.args()));
    }

    fn flush(&self) {}
}

/// No secret in any error or log line, whatever servers repeat: answers of Linq and of the storage, with 0xFF between.
pub fn redaction(input: &[u8]) {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    static LISTENS: Once = Once::new();
    let stage = STAGE.get_or_init(|| Stage::new(false));
    LISTENS.call_once(|| {
        let on_line = |_, line: &str| LINES.lock().unwrap().push(line.to_owned());
        assert!(set_log(Level::Debug, Some(Box::new(on_line))));
        // Hosts in Rust may listen to what the library is made of.
        log::set_logger(&Host).expect("the only one");
        log::set_max_level(log::LevelFilter::Trace);
    });
    let mut answers = input.split(|byte| *byte == 0xff);
    let mut answer = |server| with_secrets(server, answers.next().unwrap_or_default());
    let (from_linq, from_storage) = (answer(Server::Linq), answer(Server::Storage));
    let json = place(&format!("http://127.0.0.1:{}", stage.port), "{}");
    let reserved = format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n{json}", json.len());
    // By the method, as connections have no fixed order: some are made ahead of need.
    let serve = |_, peer: &mut Peer| {
        let method = peer.read_request()?;
        peer.send(match &*method {
            "GET" => &from_linq,
            "POST" => reserved.as_bytes(),
            _ => &from_storage,
        })?;
        peer.perform(b"")
    };
    let options = UploadOptions { filename: Some("a.txt"), call: bounded(), ..UploadOptions::default() };
    let results = stage.run(serve, || {
        let asked = stage.client.attachment("a", bounded()).map(drop);
        (asked, stage.client.upload(Source::Bytes(b"hello"), options).map(drop))
    });
    let lines = std::mem::take(&mut *LINES.lock().unwrap());
    let inner_lines = std::mem::take(&mut *INNER_LINES.lock().unwrap());
    let answers = String::from_utf8_lossy(&[from_linq, from_storage].concat()).into_owned();
    for (server, result) in [(Server::Linq, results.0), (Server::Storage, results.1)] {
        if let Err(error) = result {
            check::error(server, &error);
        }
        for line in &lines {
            check::no_secret(server, line);
        }
        // They repeat what servers say, but must not know what servers were sent.
        if !check::is_secret_in(server, &answers) {
            inner_lines.iter().for_each(|line| check::no_secret(server, line));
        }
    }
    check::no_secret(Server::Linq, &format!("{:?}", stage.client));
}
