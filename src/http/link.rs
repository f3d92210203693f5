//! A non-blocking socket, with or without TLS: bytes in, bytes out, nobody waited for, SIGPIPE never raised.

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use rustix::event::PollFlags;
use rustls::ClientConnection;
use socket2::Socket;

use super::exchange::{Exchange, network, timeout};
use super::tls;
use crate::error::Error;
use crate::sys;

pub(super) struct Link {
    socket: Socket,
    /// Who is at the other end.
    pub(super) host: String,
    tls: Option<Box<ClientConnection>>,
    /// A child must not say goodbye on its parent's connections.
    process: u32,
    /// How many bytes the kernel took.
    pub(super) written: u64,
}

impl Link {
    pub(super) fn new(socket: Socket, host: &str) -> Self {
        Link { socket, host: host.to_owned(), tls: None, process: std::process::id(), written: 0 }
    }

    pub(super) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// How many bytes the peer has not acknowledged.
    pub(super) fn waiting(&self) -> u64 {
        sys::unacknowledged(self.socket.as_fd())
    }

    /// Shakes hands; the connection speaks TLS from then on.
    pub(super) fn start_tls(
        &mut self,
        exchange: &Exchange,
        client: ClientConnection,
        limit: Option<Instant>,
    ) -> Result<(), Error> {
        let tls = self.tls.insert(Box::new(client));
        // Room for a whole output buffer as records: what is given is taken at once.
        tls.set_buffer_limit(Some(256 * 1024));
        loop {
            if tls.wants_write() {
                match write_tls(tls, &self.socket) {
                    Ok(()) => {}
                    Err(e) if would_block(&e) => {}
                    Err(e) => return Err(lost(&self.host, "during the TLS handshake", &e)),
                }
            }
            if !tls.is_handshaking() && !tls.wants_write() {
                return Ok(());
            }
            let flags = if tls.wants_write() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
            let ready = exchange.call.wait(&[(self.socket.as_fd(), flags)], limit)?;
            if ready[0].is_empty() {
                let what = "the TLS handshake took longer than the connect timeout";
                return Err(timeout(format!("no secure connection to {}: {what}", self.host)));
            }
            if ready[0] != PollFlags::OUT {
                match read_tls(tls, &self.socket, &self.host) {
                    Ok(0) => {
                        let what = "it closed the connection during the TLS handshake";
                        return Err(network(format!("no secure connection to {}: {what}", self.host)));
                    }
                    Ok(_) => {}
                    Err(Trouble::Fatal(e)) => {
                        let _ = write_tls(tls, &self.socket); // the alert that tells the server why
                        return Err(e);
                    }
                    Err(Trouble::Io(e)) if would_block(&e) => {}
                    Err(Trouble::Io(e)) => return Err(lost(&self.host, "during the TLS handshake", &e)),
                }
            }
        }
    }

    /// Sends and receives without ureq, for the CONNECT of a proxy: until `enough` says so of what arrived.
    pub(super) fn converse(
        &mut self,
        exchange: &Exchange,
        proxy: &str,
        request: &[u8],
        limit: Option<Instant>,
        enough: impl Fn(&[u8]) -> bool,
    ) -> Result<Vec<u8>, Error> {
        let slow = || timeout(format!("the proxy {proxy} took longer than the connect timeout"));
        let broken =
            |e: &io::Error| lost(&format!("the proxy {proxy}"), "while it was asked for a tunnel", e);
        let (mut sent, mut answer) = (0, Vec::new());
        while !enough(&answer) {
            let flags = if sent < request.len() { PollFlags::OUT } else { PollFlags::IN };
            if exchange.call.wait(&[(self.socket.as_fd(), flags)], limit)?[0].is_empty() {
                return Err(slow());
            }
            if sent < request.len() {
                match send(&self.socket, &[IoSlice::new(&request[sent..])]) {
                    Ok(n) => sent += n,
                    Err(e) if would_block(&e) => {}
                    Err(e) => return Err(broken(&e)),
                }
                continue;
            }
            let mut byte = [0]; // not one more than the proxy's answer: what follows is the server's
            match (&self.socket).read(&mut byte) {
                Ok(0) => return Err(broken(&io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => answer.push(byte[0]),
                Err(e) if would_block(&e) => {}
                Err(e) => return Err(broken(&e)),
            }
        }
        Ok(answer)
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
                self.written += n as u64;
            }
            Some(tls) => {
                // rustls takes as much as it has room for; its records leave before it takes more.
                *taken += tls.writer().write_vectored(&slices)?;
                while tls.wants_write() {
                    self.written += tls.write_tls(&mut Vectored(&self.socket))? as u64;
                }
            }
        }
        Ok(())
    }

    /// Reads what is there; 0 when the peer will send nothing more.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Trouble> {
        let Some(tls) = &mut self.tls else { return (&self.socket).read(buffer).map_err(Trouble::Io) };
        loop {
            let wire = read_tls(tls, &self.socket, &self.host);
            match tls.reader().read(buffer) {
                Ok(n) => return Ok(n),
                Err(e) if would_block(&e) => match wire {
                    Ok(0) => return Ok(0),
                    Ok(_) => {} // part of a record, or one that says nothing: there may be more
                    Err(trouble) => return Err(trouble),
                },
                // No close_notify: ureq knows by the length whether the answer is whole.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                Err(e) => return Err(Trouble::Io(e)),
            }
        }
    }

    /// Says goodbye, as far as that goes without waiting.
    pub(super) fn close(&mut self) {
        if let (true, Some(tls)) = (self.process == std::process::id(), &mut self.tls) {
            tls.send_close_notify();
            let _ = write_tls(tls, &self.socket);
        }
    }
}

/// What may go wrong below: the socket, or what came through it.
pub(super) enum Trouble {
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

/// Gives rustls a writer that takes all its records in one system call.
struct Vectored<'a>(&'a Socket);

impl Write for Vectored<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        send(self.0, &[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        send(self.0, bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_tls(tls: &mut ClientConnection, socket: &Socket) -> io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(&mut Vectored(socket))?;
    }
    Ok(())
}

/// Reads records, without waiting; 0 at the end.
fn read_tls(tls: &mut ClientConnection, socket: &Socket, host: &str) -> Result<usize, Trouble> {
    let n = tls.read_tls(&mut &*socket).map_err(Trouble::Io)?;
    let shaking = tls.is_handshaking();
    match tls.process_new_packets() {
        Ok(_) => Ok(n),
        Err(e) if shaking => Err(Trouble::Fatal(tls::refused(host, &e))),
        // What was secure a moment ago may well be so again.
        Err(e) => Err(Trouble::Fatal(network(format!("the secure connection to {host} broke: {e}")))),
    }
}

pub(super) fn would_block(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// A connection that broke, in words.
pub(super) fn lost(host: &str, when: &str, e: &io::Error) -> Error {
    match e.kind() {
        io::ErrorKind::UnexpectedEof => network(format!("{host} closed the connection {when}")),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            network(format!("{host} broke the connection {when}"))
        }
        _ => network(format!("the connection to {host} broke {when}: {e}")),
    }
}
