//! A sandbox to test, and a client that shows every byte.
#![allow(dead_code)]

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

#[path = "../../../tests/common/process.rs"]
mod process;

use process::Process;

pub struct Sandbox(Process);

impl Sandbox {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    pub fn start_with(args: &[&str]) -> Self {
        Self(Process::start(Path::new(env!("CARGO_BIN_EXE_linq-sandbox")), args))
    }

    /// A text of the ready line.
    pub fn get(&self, name: &str) -> String {
        self.0.get(name).to_owned()
    }

    pub fn ready(&self) -> &Value {
        &self.0.ready
    }

    pub fn connect(&self, url: &str) -> Client {
        Client::connect(url, &self.get("ca_file")).expect("connected")
    }

    pub fn try_connect(&self, url: &str) -> io::Result<Client> {
        Client::connect(url, &self.get("ca_file"))
    }

    pub fn send(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.connect(url).send(method, url, headers, body).expect("an answer")
    }

    pub fn control(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}{path}", self.get("control"));
        let body = body.map(|b| b.to_string()).unwrap_or_default();
        let reply = self.send(method, &url, &[], body.as_bytes());
        assert!(reply.status < 300, "{method} {path}: {} {}", reply.status, reply.text());
        serde_json::from_slice(&reply.body).unwrap_or(Value::Null)
    }

    pub fn fault(&self, side: &str, fault: Value) -> u64 {
        self.arm(json!({"side": side, "fault": fault}))
    }

    pub fn arm(&self, spec: Value) -> u64 {
        self.control("POST", "/faults", Some(spec))["id"].as_u64().unwrap()
    }

    pub fn requests(&self) -> Vec<Value> {
        self.control("GET", "/requests", None).as_array().unwrap().clone()
    }

    pub fn last_request(&self, side: &str) -> Value {
        self.requests().into_iter().rfind(|r| r["side"] == side).expect("a request was logged")
    }

    pub fn connections(&self, side: &str) -> Value {
        self.control("GET", "/connections", None)[side].clone()
    }

    /// A call of the API with the key.
    pub fn call(&self, base: &str, method: &str, path: &str, body: Option<Value>) -> Reply {
        let key = format!("Bearer {}", self.get("key"));
        let body = body.map(|b| b.to_string()).unwrap_or_default();
        let headers = [("Authorization", key.as_str()), ("Content-Type", "application/json")];
        self.send(method, &format!("{base}/v3{path}"), &headers, body.as_bytes())
    }

    pub fn reserve_at(&self, base: &str, size: usize) -> Value {
        let file = json!({"filename": "photo 1.jpg", "content_type": "image/jpeg", "size_bytes": size});
        let reply = self.call(base, "POST", "/attachments", Some(file));
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    pub fn reserve(&self, tls: bool, size: usize) -> Value {
        self.reserve_at(&self.get(if tls { "api_tls" } else { "api" }), size)
    }

    pub fn put(&self, reserved: &Value, body: &[u8]) -> io::Result<Reply> {
        let url = reserved["upload_url"].as_str().unwrap();
        self.try_connect(url)?.send("PUT", url, &[("Content-Type", "image/jpeg")], body)
    }

    pub fn objects(&self) -> Vec<Value> {
        self.control("GET", "/objects", None).as_array().unwrap().clone()
    }
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Reads what has arrived even where what is still to be written cannot be; rustls's own stream then fails.
struct Tls(StreamOwned<ClientConnection, TcpStream>);

impl Read for Tls {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let StreamOwned { conn, sock } = &mut self.0;
        loop {
            match conn.reader().read(buf) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            conn.read_tls(sock)?;
            conn.process_new_packets().map_err(io::Error::other)?;
        }
    }
}

impl Write for Tls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// One connection.
pub struct Client {
    stream: Box<dyn Stream>,
    pub tcp: TcpStream,
    ahead: Vec<u8>,
}

impl Client {
    pub fn connect(url: &str, ca_file: &str) -> io::Result<Self> {
        let (scheme, rest) = url.split_once("://").unwrap();
        let authority = rest.split('/').next().unwrap();
        let tcp = TcpStream::connect(authority.replace("localhost", "127.0.0.1"))?;
        Self::over(tcp, (scheme == "https").then_some(authority.split(':').next().unwrap()), ca_file)
    }

    /// Over a socket that is connected, with TLS where a server name is given.
    pub fn over(tcp: TcpStream, tls: Option<&str>, ca_file: &str) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(Duration::from_secs(20)))?;
        tcp.set_write_timeout(Some(Duration::from_secs(20)))?;
        let stream: Box<dyn Stream> = match tls {
            None => Box::new(tcp.try_clone()?),
            Some(name) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_file(ca_file).unwrap()).unwrap();
                let provider = Arc::new(rustls::crypto::ring::default_provider());
                let config = ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()
                    .unwrap()
                    .with_root_certificates(roots)
                    .with_no_client_auth();
                let name = ServerName::try_from(name.to_owned()).unwrap();
                let session = ClientConnection::new(Arc::new(config), name).unwrap();
                let mut stream = StreamOwned::new(session, tcp.try_clone()?);
                while stream.conn.is_handshaking() {
                    stream.conn.complete_io(&mut stream.sock)?;
                }
                Box::new(Tls(stream))
            }
        };
        Ok(Self { stream, tcp, ahead: Vec::new() })
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    pub fn head(method: &str, url: &str, headers: &[(&str, &str)], length: usize) -> String {
        let rest = url.split_once("://").unwrap().1;
        let (host, path) = rest.split_at(rest.find('/').unwrap());
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if length > 0 {
            head.push_str(&format!("Content-Length: {length}\r\n"));
        }
        head + "\r\n"
    }

    pub fn send(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Reply> {
        self.write(Self::head(method, url, headers, body.len()).as_bytes())?;
        // An answer may come before the body is gone; what it says counts, not that writing failed.
        let written = self.write(body);
        match self.reply() {
            Ok(reply) => Ok(reply),
            Err(e) => written.and(Err(e)),
        }
    }

    /// Reads some more; 0 at the end.
    pub fn more(&mut self) -> io::Result<usize> {
        let mut buf = [0; 64 * 1024];
        let n = self.stream.read(&mut buf)?;
        self.ahead.extend_from_slice(&buf[..n]);
        Ok(n)
    }

    /// Everything until the server closes.
    pub fn rest(&mut self) -> io::Result<Vec<u8>> {
        while self.more()? > 0 {}
        Ok(std::mem::take(&mut self.ahead))
    }

    /// One answer, interim ones included.
    pub fn reply(&mut self) -> io::Result<Reply> {
        let mut reply = loop {
            if let Some(reply) = self.parse() {
                break reply;
            }
            if self.more()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let length = reply.header("content-length").map(|v| v.parse::<usize>().unwrap());
        if reply.header("transfer-encoding").is_some()
            || (length.is_none() && reply.status >= 200 && reply.status != 204)
        {
            reply.body = self.rest()?;
            return Ok(reply);
        }
        let length = length.unwrap_or(0);
        while self.ahead.len() < length {
            if self.more()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        reply.body = self.ahead.drain(..length).collect();
        Ok(reply)
    }

    fn parse(&mut self) -> Option<Reply> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(n) = response.parse(&self.ahead).expect("HTTP") else { return None };
        let status = response.code.unwrap();
        let headers = response
            .headers
            .iter()
            .map(|h| (h.name.to_owned(), String::from_utf8_lossy(h.value).into_owned()))
            .collect();
        self.ahead.drain(..n);
        Some(Reply { status, headers, body: Vec::new() })
    }
}

/// Bytes without a pattern that a mistake could hide in.
pub fn noise(len: usize) -> Vec<u8> {
    let mut x = 0x9e37_79b9_7f4a_7c15_u64;
    (0..len)
        .map(|_| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x as u8
        })
        .collect()
}

pub fn sha256(bytes: &[u8]) -> String {
    ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// Tries for some seconds: what happens on the other side may show a little later.
pub fn eventually(what: &str, check: impl Fn() -> bool) {
    for _ in 0..250 {
        if check() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("never: {what}");
}
