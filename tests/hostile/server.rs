//! A server on loopback that does what its scripts say, one for each request; after the last it is polite.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, Stream};
use socket2::SockRef;

use crate::script::{Act, End, Moment, Script};

/// No flood and no wait is longer.
const TIMEOUT: Duration = Duration::from_secs(6);
const TICK: Duration = Duration::from_millis(20);

/// A certificate for loopback, made at the start, and servers with few or many session tickets.
pub struct Tls {
    pub pem: String,
    few: Arc<ServerConfig>,
    many: Arc<ServerConfig>,
}

impl Tls {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
        let config = |tickets| {
            let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            let mut config =
                ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
                    .with_safe_default_protocol_versions()
                    .unwrap()
                    .with_no_client_auth()
                    .with_single_cert(vec![own.der().clone()], private)
                    .unwrap();
            config.send_tls13_tickets = tickets;
            Arc::new(config)
        };
        Tls { pem: own.pem(), few: config(2), many: config(500) }
    }

    pub fn config(&self, many_tickets: bool) -> Arc<ServerConfig> {
        if many_tickets { self.many.clone() } else { self.few.clone() }
    }
}

pub struct Server {
    pub port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    tls: Option<Arc<ServerConfig>>,
    /// The last is the next.
    scripts: Mutex<Vec<Script>>,
    /// What the polite answer holds.
    polite: String,
    over: AtomicBool,
}

impl Server {
    pub fn start(tls: Option<Arc<ServerConfig>>, mut scripts: Vec<Script>, polite: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        SockRef::from(&listener).set_recv_buffer_size(32 * 1024).unwrap();
        let port = listener.local_addr().unwrap().port();
        scripts.reverse();
        let shared = Shared { tls, scripts: Mutex::new(scripts), polite, over: AtomicBool::new(false) };
        let shared = Arc::new(shared);
        let for_thread = shared.clone();
        let thread = thread::spawn(move || {
            thread::scope(|scope| {
                while let Ok((socket, _)) = listener.accept() {
                    if for_thread.over.load(Ordering::SeqCst) {
                        break;
                    }
                    scope.spawn(|| Connection::new(socket, &for_thread).and_then(|mut one| one.serve()));
                }
            });
        });
        Server { port, shared, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = self.thread.take().unwrap().join();
    }
}

struct Connection<'a> {
    socket: TcpStream,
    tls: Option<ServerConnection>,
    shared: &'a Shared,
    /// What was read of the request at hand, and where it ends.
    seen: Vec<u8>,
    end: Option<usize>,
    count: usize,
}

impl<'a> Connection<'a> {
    fn new(socket: TcpStream, shared: &'a Shared) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(TICK))?;
        socket.set_write_timeout(Some(TIMEOUT / 2))?;
        let tls = shared.tls.clone().map(ServerConnection::new).transpose().map_err(io::Error::other)?;
        Ok(Connection { socket, tls, shared, seen: Vec::new(), end: None, count: 0 })
    }

    /// Requests, one after the other.
    fn serve(&mut self) -> io::Result<()> {
        for number in 0.. {
            // Taken when there is something to answer: connections that are merely kept use none up.
            let at_once =
                self.shared.scripts.lock().unwrap().last().is_some_and(|s| s.moment == Moment::AtOnce);
            if number > 0 || !at_once || self.tls.is_some() {
                self.read_until(|one| !one.seen.is_empty())?;
            }
            let script = self.shared.scripts.lock().unwrap().pop();
            let end = match script {
                Some(script) => self.perform(script)?,
                None => {
                    self.read_all()?;
                    let body = &self.shared.polite;
                    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                    self.send(answer.as_bytes())?;
                    End::Next
                }
            };
            match end {
                End::Next => self.read_all()?,
                End::Deaf => self.wait(),
                End::Close => return self.shut(Shutdown::Both),
                End::HalfClose => {
                    self.shut(Shutdown::Write)?;
                    self.read_until(|_| false)?;
                }
                End::Reset => return SockRef::from(&self.socket).set_linger(Some(Duration::ZERO)),
            }
            (self.seen, self.end, self.count) = (Vec::new(), None, 0);
        }
        Ok(())
    }

    fn perform(&mut self, script: Script) -> io::Result<End> {
        match script.moment {
            Moment::AtOnce => {}
            Moment::InBody(size) => {
                self.read_until(|one| one.end.is_some_and(|end| one.count >= size.min(end)))?
            }
            Moment::AfterBody => self.read_all()?,
        }
        for act in script.acts {
            match act {
                Act::Send(bytes) => self.send(&bytes)?,
                Act::Pause(time) => thread::sleep(time),
                Act::Drip(bytes, time) => {
                    for byte in bytes {
                        self.send(&[byte])?;
                        thread::sleep(time);
                    }
                }
                Act::Flood(bytes) => {
                    let began = Instant::now();
                    while began.elapsed() < TIMEOUT {
                        self.send(&bytes)?;
                    }
                }
                Act::Bare(bytes) => self.socket.write_all(&bytes)?,
                Act::Read(count) => {
                    let wanted = self.count + count;
                    self.read_until(|one| {
                        one.count >= wanted || one.end.is_some_and(|end| one.count >= end)
                    })?;
                }
                Act::ReadAll => self.read_all()?,
            }
        }
        Ok(script.end)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => {
                let mut stream = Stream::new(tls, &mut self.socket);
                for piece in bytes.chunks(16 * 1024) {
                    stream.write_all(piece)?;
                    stream.flush()?;
                }
                Ok(())
            }
            None => self.socket.write_all(bytes),
        }
    }

    fn read_all(&mut self) -> io::Result<()> {
        self.read_until(|one| one.end.is_some_and(|end| one.count >= end))
    }

    /// Reads the request at hand until `enough`.
    fn read_until(&mut self, enough: impl Fn(&Self) -> bool) -> io::Result<()> {
        let began = Instant::now();
        let mut buffer = vec![0; 64 * 1024];
        while !enough(self) {
            let read = match &mut self.tls {
                Some(tls) => Stream::new(tls, &mut self.socket).read(&mut buffer),
                None => self.socket.read(&mut buffer),
            };
            match read {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => self.note(&buffer[..n]),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    if self.shared.over.load(Ordering::SeqCst) || began.elapsed() > TIMEOUT {
                        return Err(e);
                    }
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn note(&mut self, bytes: &[u8]) {
        self.count += bytes.len();
        if self.end.is_none() {
            self.seen.extend_from_slice(bytes);
            let Some(head) = self.seen.windows(4).position(|end| end == b"\r\n\r\n") else { return };
            let lines = String::from_utf8_lossy(&self.seen[..head]).to_ascii_lowercase();
            let length = lines.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            self.end = Some(head + 4 + length.unwrap_or(0));
        }
    }

    fn wait(&self) {
        let began = Instant::now();
        while !self.shared.over.load(Ordering::SeqCst) && began.elapsed() < TIMEOUT {
            thread::sleep(TICK);
        }
    }

    fn shut(&mut self, how: Shutdown) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = tls.complete_io(&mut self.socket);
        }
        self.socket.shutdown(how)
    }
}
