//! A connection: a non-blocking socket, with or without TLS, which never raises SIGPIPE.

use std::io::{self, BufRead, IoSlice, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use rustix::buffer::spare_capacity;
use rustix::event::PollFlags;
use rustls::ClientConnection;
use socket2::Socket;

use super::proxy::Answer;
use super::tls;
use crate::call::Call;
use crate::error::{Error, ErrorKind, network, reason, timeout};
use crate::process::{self, ProcessId};
use crate::sys;
use crate::zeroizing::ZeroizingBytes;

/// How much is read from a socket at a time: more than most responses have, and little to zero afterwards.
const READ: usize = 2 * 1024;

/// How often an idle connection is read before it counts as dead: an idle server does not keep sending TLS records.
const IDLE_READS: usize = 4;

pub(super) struct Link {
    socket: Socket,
    /// The server's host name.
    pub(super) host: String,
    tls: Option<Box<ClientConnection>>,
    /// A TLS error that is reported once the content that came before it was read.
    broken: Option<rustls::Error>,
    /// Whether the peer ever sent content.
    answered: bool,
    /// A forked child must not send close_notify on its parent's connections.
    process: ProcessId,
    /// How many bytes were written to the socket, and read from it.
    pub(super) sent: u64,
    pub(super) received: u64,
}

/// The result of one read from the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    /// Content.
    Bytes,
    /// Part of a TLS record, or one that holds no content; there may be more.
    Records,
    /// Nothing is available now.
    Blocked,
    /// The peer will send nothing more.
    End,
}

impl Link {
    pub(super) fn new(socket: Socket, host: &str) -> Self {
        Link {
            socket,
            host: host.to_owned(),
            tls: None,
            broken: None,
            answered: false,
            process: process::id(),
            sent: 0,
            received: 0,
        }
    }

    pub(super) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// How many bytes the peer acknowledged; where the system does not tell, how many the kernel took.
    pub(super) fn acknowledged(&self) -> u64 {
        match sys::unacknowledged(self.socket.as_fd()) {
            Some(waiting) => self.sent.saturating_sub(waiting),
            None => sys::acknowledged(self.socket.as_fd()).map_or(self.sent, |bytes| bytes.min(self.sent)),
        }
    }

    /// Makes the TLS handshake. With TLS 1.3, the client's last message goes with the first request, or by `flush`: in a
    /// packet of its own it would take the place of a full one in the first round trip.
    pub(super) fn start_tls(
        &mut self,
        call: &Call,
        client: ClientConnection,
        limit: Option<Instant>,
    ) -> Result<(), Error> {
        let tls = self.tls.insert(Box::new(client));
        // Enough for a whole output buffer as records, so that rustls takes it in one call.
        tls.set_buffer_limit(Some(256 * 1024));
        loop {
            if !tls.is_handshaking() {
                return Ok(());
            }
            if tls.wants_write() {
                match write_tls(tls, &self.socket, &mut self.sent) {
                    Ok(()) => {}
                    Err(e) if would_block(&e) => {}
                    Err(e) => return Err(lost(&self.host, "during the TLS handshake", &e)),
                }
            }
            let flags = if tls.wants_write() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
            let ready = call.wait(&[(self.socket.as_fd(), flags)], limit)?;
            if ready[0].is_empty() {
                let what = "the TLS handshake took longer than the connect timeout";
                return Err(timeout(format!("no secure connection to {}: {what}", self.host)));
            }
            if ready[0] != PollFlags::OUT {
                match read_tls(tls, &self.socket, &self.host, &mut self.received) {
                    Ok(0) => {
                        let what = "it closed the connection during the TLS handshake";
                        return Err(network(format!("no secure connection to {}: {what}", self.host)));
                    }
                    Ok(_) => {}
                    Err(ReadError::Fatal(e)) => {
                        let _ = write_tls(tls, &self.socket, &mut self.sent); // the alert that tells the server why
                        return Err(e);
                    }
                    Err(ReadError::Io(e)) if would_block(&e) => {}
                    Err(ReadError::Io(e)) => return Err(lost(&self.host, "during the TLS handshake", &e)),
                }
            }
        }
    }

    /// Ends the handshake of a connection that has no request yet; the server would wait for that, and give up.
    pub(super) fn flush(&mut self) {
        if let Some(tls) = &mut self.tls {
            let _ = write_tls(tls, &self.socket, &mut self.sent); // if it is broken, the first request meets that too
        }
    }

    /// Asks a proxy for a tunnel: sends the CONNECT and returns the head of the response.
    pub(super) fn converse(
        &mut self,
        call: &Call,
        proxy: &str,
        request: &[u8],
        limit: Option<Instant>,
    ) -> Result<Vec<u8>, Error> {
        let slow = || timeout(format!("the proxy {proxy} took longer than the connect timeout"));
        let broken =
            |e: &io::Error| lost(&format!("the proxy {proxy}"), "while it was asked for a tunnel", e);
        let (mut sent, mut answer) = (0, Answer::default());
        while !answer.is_over() {
            let flags = if sent < request.len() { PollFlags::OUT } else { PollFlags::IN };
            if call.wait(&[(self.socket.as_fd(), flags)], limit)?[0].is_empty() {
                return Err(slow());
            }
            if sent < request.len() {
                match send(&self.socket, &[IoSlice::new(&request[sent..])]) {
                    Ok(n) => {
                        sent += n;
                        self.sent += n as u64;
                    }
                    Err(e) if would_block(&e) => {}
                    Err(e) => return Err(broken(&e)),
                }
                continue;
            }
            let mut byte = [0]; // byte by byte: what follows the proxy's response is the server's
            match (&self.socket).read(&mut byte) {
                Ok(0) => return Err(broken(&io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {
                    self.received += 1;
                    answer.push(byte[0]);
                }
                Err(e) if would_block(&e) => {}
                Err(e) => return Err(broken(&e)),
            }
        }
        Ok(answer.head)
    }

    /// Writes some of `head` and then `body`, and adds to `taken` how much. With TLS, nothing is left inside when it
    /// returns without an error.
    pub(super) fn write(&mut self, head: &[u8], body: &[u8], taken: &mut usize) -> io::Result<()> {
        let slices = [IoSlice::new(head), IoSlice::new(body)];
        match &mut self.tls {
            None if head.is_empty() && body.is_empty() => {}
            None => {
                let n = send(&self.socket, &slices)?;
                *taken += n;
                self.sent += n as u64;
            }
            Some(tls) => {
                // rustls takes as much as it has room for; its records leave before it takes more.
                *taken += tls.writer().write_vectored(&slices)?;
                write_tls(tls, &self.socket, &mut self.sent)?;
            }
        }
        Ok(())
    }

    /// Reads once from the socket, without waiting, and appends that to `input`, up to `limit` bytes in all.
    pub(super) fn read_into(
        &mut self,
        input: &mut ZeroizingBytes,
        limit: usize,
    ) -> Result<Received, ReadError> {
        if input.len() == input.capacity() {
            let more = READ.min(limit.saturating_sub(input.len()));
            input.try_grow(more).map_err(|_| ReadError::Fatal(no_memory()))?;
        }
        let received = self.read(input)?;
        self.answered |= received == Received::Bytes;
        Ok(received)
    }

    fn read(&mut self, input: &mut Vec<u8>) -> Result<Received, ReadError> {
        let Some(tls) = &mut self.tls else {
            return match rustix::io::read(&self.socket, spare_capacity(input)).map_err(io::Error::from) {
                Ok(0) => Ok(Received::End),
                Ok(n) => {
                    self.received += n as u64;
                    Ok(Received::Bytes)
                }
                Err(e) => blocked(e),
            };
        };
        // What is already decrypted comes first: rustls takes no more before it has room.
        let found = take_content(tls, input)?;
        if found != Received::Blocked {
            return Ok(found);
        }
        if self.broken.is_none() {
            match tls.read_tls(&mut &self.socket) {
                Ok(n) => self.received += n as u64,
                Err(e) => return blocked(e),
            }
            let nothing_waited = !tls.wants_write();
            self.broken = tls.process_new_packets().err();
            if nothing_waited && tls.wants_write() {
                // A reply of TLS itself, for which the server may wait. What was not sent before stays unsent.
                let _ = write_tls(tls, &self.socket, &mut self.sent);
            }
            let found = take_content(tls, input)?;
            if found != Received::Blocked {
                return Ok(found);
            }
        }
        match self.broken.take() {
            Some(e) => Err(ReadError::Fatal(tls::broken(&self.host, &e, self.answered))),
            None => Ok(Received::Records),
        }
    }

    /// Whether an idle connection may carry another request. Not if it was closed, or if content arrived that answers
    /// no request; TLS session tickets have no content.
    pub(super) fn is_open(&mut self) -> bool {
        let mut unexpected = ZeroizingBytes::default();
        (0..IDLE_READS)
            .map(|_| self.read_into(&mut unexpected, 1))
            .find(|looked| !matches!(looked, Ok(Received::Records)))
            .is_some_and(|looked| matches!(looked, Ok(Received::Blocked)))
    }

    /// Sends close_notify, if that is possible without waiting.
    pub(super) fn close(&mut self) {
        if let (true, Some(tls)) = (self.process == process::id(), &mut self.tls) {
            tls.send_close_notify();
            let _ = write_tls(tls, &self.socket, &mut self.sent);
        }
    }
}

/// That nothing is available yet is no failure.
fn blocked(e: io::Error) -> Result<Received, ReadError> {
    if would_block(&e) { Ok(Received::Blocked) } else { Err(ReadError::Io(e)) }
}

/// Appends content that was decrypted, as far as there is room. `End` behind a close_notify, or where the connection
/// ended without one: the framing shows whether the response is complete.
fn take_content(tls: &mut ClientConnection, input: &mut Vec<u8>) -> Result<Received, ReadError> {
    let mut reader = tls.reader();
    let found = match reader.fill_buf() {
        Ok([]) => return Ok(Received::End),
        Ok(found) => found,
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(Received::End),
        Err(e) => return blocked(e),
    };
    let n = found.len().min(input.capacity() - input.len());
    input.extend_from_slice(&found[..n]);
    reader.consume(n);
    Ok(Received::Bytes)
}

/// The socket failed, or TLS did.
pub(super) enum ReadError {
    Io(io::Error),
    Fatal(Error),
}

/// Sends without ever raising SIGPIPE. `TcpStream::write_vectored` would.
fn send(socket: &Socket, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const FLAGS: i32 = libc::MSG_NOSIGNAL;
    #[cfg(target_vendor = "apple")]
    const FLAGS: i32 = 0; // socket2 sets SO_NOSIGPIPE on every socket it makes
    loop {
        match socket.send_vectored_with_flags(slices, FLAGS) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Gives rustls a writer that takes all its records in one system call, and counts.
struct Vectored<'a> {
    socket: &'a Socket,
    sent: &'a mut u64,
}

impl Write for Vectored<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let n = send(self.socket, bufs)?;
        *self.sent += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_tls(tls: &mut ClientConnection, socket: &Socket, sent: &mut u64) -> io::Result<()> {
    let mut writer = Vectored { socket, sent };
    while tls.wants_write() {
        tls.write_tls(&mut writer)?;
    }
    Ok(())
}

/// Reads records of the handshake, without waiting; 0 at the end. Adds to `received` how much that was.
fn read_tls(
    tls: &mut ClientConnection,
    socket: &Socket,
    host: &str,
    received: &mut u64,
) -> Result<usize, ReadError> {
    let n = tls.read_tls(&mut &*socket).map_err(ReadError::Io)?;
    *received += n as u64;
    let shaking = tls.is_handshaking();
    match tls.process_new_packets() {
        Ok(_) => Ok(n),
        Err(e) if shaking => Err(ReadError::Fatal(tls::refused(host, &e))),
        Err(e) => Err(ReadError::Fatal(tls::broken(host, &e, false))),
    }
}

pub(super) fn would_block(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

pub(super) fn no_memory() -> Error {
    Error::new(ErrorKind::NoMemory, "there is no memory for the connection's buffers")
}

/// The error of a connection that broke.
pub(super) fn lost(host: &str, when: &str, e: &io::Error) -> Error {
    let error = match e.kind() {
        // rustls says so of a message that is too long; the system never does.
        io::ErrorKind::InvalidData => return tls::refused(host, &rustls::Error::PeerSentOversizedRecord),
        io::ErrorKind::UnexpectedEof => network(format!("{host} closed the connection {when}")),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            network(format!("{host} broke the connection {when}"))
        }
        _ => network(format!("the connection to {host} broke {when}: {}", reason(e))),
    };
    error.caused_by(e)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind::WouldBlock;
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;
    use std::time::Duration;

    use rustls::crypto::ring::default_provider;
    use rustls::pki_types::PrivateKeyDer;
    use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection};

    use super::*;

    /// A link right after its handshake, and the server, which has sent all that it has to.
    fn handshake() -> (Link, TcpStream, ServerConnection) {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
        let provider = Arc::new(default_provider());
        let server = ServerConfig::builder_with_provider(provider.clone());
        let server = server.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let server = server.with_single_cert(vec![certified.cert.der().clone()], key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certified.cert.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let client = client.unwrap().with_root_certificates(roots).with_no_client_auth();
        let client = ClientConnection::new(Arc::new(client), "localhost".try_into().unwrap()).unwrap();

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = Socket::from(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        socket.set_nonblocking(true).unwrap();
        socket.set_tcp_nodelay(true).unwrap();
        let answer = std::thread::spawn(move || {
            let mut accepted = listener.accept().unwrap().0;
            let mut server = ServerConnection::new(Arc::new(server)).unwrap();
            while !server.wants_write() {
                server.read_tls(&mut accepted).unwrap();
                server.process_new_packets().unwrap();
            }
            while server.wants_write() {
                server.write_tls(&mut accepted).unwrap();
            }
            (accepted, server)
        });
        let mut link = Link::new(socket, "localhost");
        link.start_tls(&Call::new(None, None, None), client, None).unwrap_or_else(|e| panic!("{e}"));
        let (accepted, server) = answer.join().unwrap();
        accepted.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        (link, accepted, server)
    }

    #[test]
    fn the_handshake_ends_with_the_first_request() {
        let (mut link, mut accepted, mut server) = handshake();
        assert_eq!(server.read_tls(&mut accepted).unwrap_err().kind(), WouldBlock);
        link.write(b"PUT /", b" HTTP/1.1", &mut 0).unwrap();
        server.read_tls(&mut accepted).unwrap();
        server.process_new_packets().unwrap();
        let mut request = [0; 20];
        assert_eq!(server.reader().read(&mut request).unwrap(), 14);
        assert_eq!(&request[..14], b"PUT / HTTP/1.1");
    }

    #[test]
    fn the_handshake_ends_without_a_request() {
        let (mut link, mut accepted, mut server) = handshake();
        link.flush();
        server.read_tls(&mut accepted).unwrap();
        server.process_new_packets().unwrap();
        assert!(!server.is_handshaking());
    }

    #[test]
    fn what_tls_has_to_reply_is_sent_at_once() {
        let (mut link, mut accepted, mut server) = handshake();
        link.flush();
        server.read_tls(&mut accepted).unwrap();
        server.process_new_packets().unwrap();
        accepted.write_all(&[23, 3, 3, 0, 1, 0]).unwrap(); // a record that cannot be decrypted
        let mut input = ZeroizingBytes::default();
        let found = (0..1000).find_map(|_| link.read_into(&mut input, 1).err());
        assert!(matches!(found, Some(ReadError::Fatal(_))));
        server.read_tls(&mut accepted).unwrap();
        let alert = server.process_new_packets().unwrap_err();
        assert!(matches!(alert, rustls::Error::AlertReceived(_)), "{alert}");
    }
}
