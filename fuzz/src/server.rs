//! A server that does what an input says.
//!
//! An input is what the server sends, with commands between: 0xFF and a letter.
//!
//! | | |
//! |---|---|
//! | `.` | what follows is sent by itself |
//! | `p` | pause for two milliseconds |
//! | `r` | read a MiB more of the request |
//! | `R` | read the rest of it |
//! | `*` N | send what was sent last again, N times 8 |
//! | `h` | close for writing |
//! | `c` | close |
//! | `x` | reset |
//! | `s` | stall until the other side has gone |
//! | `t` | below TLS: what follows is sent outside of its records, up to the next `t` |
//!
//! At its end, the server closes.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};
use socket2::SockRef;

const COMMAND: u8 = 0xff;
const TIMEOUT: Duration = Duration::from_millis(80);

/// A certificate for loopback that trusts itself.
pub struct Certificate {
    pub pem: String,
    config: Arc<ServerConfig>,
}

/// Made once for the process.
pub fn certificate() -> &'static Certificate {
    static MADE: OnceLock<Certificate> = OnceLock::new();
    MADE.get_or_init(|| {
        let key = KeyPair::generate().expect("a key");
        let names = vec!["127.0.0.1".to_owned()];
        let own =
            CertificateParams::new(names).and_then(|params| params.self_signed(&key)).expect("a certificate");
        let private = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![own.der().clone()], private)
            .expect("a server");
        Certificate { pem: own.pem(), config: Arc::new(config) }
    })
}

/// Listens on loopback, with small buffers: a body of a megabyte is then still being sent when an answer arrives.
pub fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    SockRef::from(&listener).set_recv_buffer_size(16 * 1024).expect("a small buffer");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

/// Never raises SIGPIPE, which Rust does not ignore under libFuzzer; `TcpStream::write_vectored` would. So if it is raised,
/// it was the library.
struct Quiet<'a>(&'a TcpStream);

impl Read for Quiet<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Quiet<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One connection, with or without TLS.
pub struct Peer {
    socket: TcpStream,
    tls: Option<Box<ServerConnection>>,
    /// How much of the request at hand was read, where it ends, and its head.
    read: usize,
    end: Option<usize>,
    head: Vec<u8>,
}

impl Peer {
    pub fn new(socket: TcpStream, tls: bool) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(TIMEOUT))?;
        socket.set_write_timeout(Some(TIMEOUT))?;
        let tls = tls.then(|| ServerConnection::new(certificate().config.clone()));
        let tls = tls.transpose().map_err(io::Error::other)?.map(Box::new);
        Ok(Peer { socket, tls, read: 0, end: None, head: Vec::new() })
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => {
                for piece in bytes.chunks(16 * 1024) {
                    let mut socket = Quiet(&self.socket);
                    let mut stream = rustls::Stream::new(&mut **tls, &mut socket);
                    stream.write_all(piece)?;
                    stream.flush()?;
                }
                Ok(())
            }
            None => self.socket.write_all(bytes),
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(&mut **tls, &mut Quiet(&self.socket)).read(buffer),
            None => self.socket.read(buffer),
        }
    }

    /// Reads a request to its end, or at least `most` bytes more of it.
    fn read_on(&mut self, most: usize) -> io::Result<()> {
        let wanted = self.read.saturating_add(most);
        let mut buffer = [0; 64 * 1024];
        while self.end.is_none_or(|end| self.read < end.min(wanted)) {
            let n = self.receive(&mut buffer)?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.read += n;
            if self.end.is_none() {
                self.head.extend_from_slice(&buffer[..n]);
                if let Some(at) = self.head.windows(4).position(|end| end == b"\r\n\r\n") {
                    let head = String::from_utf8_lossy(&self.head[..at]).to_ascii_lowercase();
                    let length =
                        head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                    self.end = Some(at + 4 + length.unwrap_or(0));
                }
            }
        }
        Ok(())
    }

    /// Reads what is left of a request, and returns its method; after it comes the next.
    pub fn read_request(&mut self) -> io::Result<String> {
        self.read_on(usize::MAX)?;
        (self.read, self.end) = (0, None);
        let head = std::mem::take(&mut self.head);
        let method = head.split(|byte| *byte == b' ').next().unwrap_or_default();
        Ok(String::from_utf8_lossy(method).into_owned())
    }

    fn finish(&mut self, how: Shutdown) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = tls.complete_io(&mut Quiet(&self.socket));
        }
        let _ = self.socket.shutdown(how);
    }

    /// Does what `input` says.
    pub fn perform(&mut self, input: &[u8]) -> io::Result<()> {
        let mut rest = input;
        let (mut last, mut bare) = (&[][..], false);
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == COMMAND).unwrap_or(rest.len());
            if end > 0 {
                last = &rest[..end];
                if bare { self.socket.write_all(last)? } else { self.send(last)? }
            }
            let command = rest.get(end + 1).copied();
            let count = rest.get(end + 2).copied().unwrap_or(0);
            rest = rest.get(end + 2..).unwrap_or_default();
            match command {
                Some(b'p') => thread::sleep(Duration::from_millis(2)),
                Some(b'r') => self.read_on(1 << 20)?,
                Some(b'R') => drop(self.read_request()?),
                Some(b'*') => {
                    for _ in 0..usize::from(count) * 8 {
                        self.send(last)?;
                    }
                    rest = rest.get(1..).unwrap_or_default();
                }
                Some(b'h') => self.finish(Shutdown::Write),
                Some(b'c') => break,
                Some(b'x') => return SockRef::from(&self.socket).set_linger(Some(Duration::ZERO)),
                Some(b's') => while self.receive(&mut [0; 64 * 1024]).is_ok_and(|n| n > 0) {},
                Some(b't') => bare = !bare,
                _ => {}
            }
        }
        self.finish(Shutdown::Both);
        Ok(())
    }
}
