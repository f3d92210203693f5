//! A connection, as ureq's `Transport`: a non-blocking socket with or without TLS, and one wait that watches the
//! socket, the cancel token and the deadline together.
//!
//! ureq sends a whole request before it looks for an answer. Servers do not wait that long: they refuse early and
//! close. So while sending, this looks for an answer too; once one is there, the rest of the body goes nowhere
//! ([`Exchange::sink`]) and ureq arrives at the answer by itself. What a peer says before it closes or resets is
//! still in the socket, and is read.

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustls::ClientConnection;
use socket2::Socket;
use ureq::Timeout;
use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport};
use zeroize::{Zeroize, Zeroizing};

use super::exchange::{Exchange, network, timeout};
use super::{MAX_HEAD, tls};
use crate::error::{Error, ErrorKind};
use crate::sys;

/// An idle connection older than this is not used again: S3 closes them at five seconds.
const MAX_IDLE: Duration = Duration::from_secs(4);

/// While nothing can be written or read, what the peer acknowledged is looked at this often at first, then less.
const FIRST_SAMPLE: Duration = Duration::from_millis(50);
const MAX_SAMPLE: Duration = Duration::from_secs(1);

/// Room for the largest head that is accepted, and some more: a full buffer could never be parsed.
const INPUT: usize = MAX_HEAD + 4 * 1024;
/// Larger is slower: the bytes have left the processor's cache by the time they are encrypted and sent.
const OUTPUT: usize = 64 * 1024;

pub(crate) struct Wire {
    socket: Socket,
    host: String,
    tls: Option<Box<ClientConnection>>,
    buffers: LazyBuffers,
    /// The request's head, kept back to leave together with the first bytes of the body.
    held: Zeroizing<Vec<u8>>,
    /// Whether a next request may use this connection.
    usable: bool,
    /// Bytes that arrived and that ureq was not yet told of.
    untold: bool,
    last_use: Duration,
    /// A child must not say goodbye on its parent's connections.
    process: u32,
    written: u64,
    moved: Moved,
}

/// When bytes last moved, and what had reached the peer then.
struct Moved {
    at: Instant,
    acknowledged: u64,
}

impl Wire {
    pub(crate) fn new(socket: Socket, host: &str) -> Self {
        Wire {
            socket,
            host: host.to_owned(),
            tls: None,
            buffers: LazyBuffers::new(INPUT, OUTPUT),
            held: Zeroizing::new(Vec::new()),
            usable: true,
            untold: false,
            last_use: sys::sleepless_clock(),
            process: std::process::id(),
            written: 0,
            moved: Moved { at: Instant::now(), acknowledged: 0 },
        }
    }

    /// Shakes hands; the connection speaks TLS from then on.
    pub(crate) fn start_tls(
        &mut self,
        exchange: &Exchange,
        client: ClientConnection,
        limit: Option<Instant>,
    ) -> Result<(), Error> {
        let tls = self.tls.insert(Box::new(client));
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
    pub(crate) fn converse(
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

    /// Sends what is held and the first `amount` bytes of the output buffer, all of it, unless an answer comes first.
    fn transmit(&mut self, exchange: &Exchange, amount: usize) -> Result<(), Error> {
        if exchange.sink.get() {
            return Ok(());
        }
        let held = std::mem::take(&mut self.held);
        let mut queue = Queue { held: &held, sent: 0, amount };
        loop {
            self.listen(exchange)?;
            if exchange.sink.get() {
                return Ok(());
            }
            match self.write(&mut queue) {
                Ok(true) => break,
                Ok(false) => self.moved.at = Instant::now(),
                Err(e) if would_block(&e) => self.pause(exchange, PollFlags::IN | PollFlags::OUT, None)?,
                Err(e) => {
                    // The answer may be in the socket although nothing can be written any more.
                    self.usable = false;
                    self.listen_to_the_end(exchange);
                    if exchange.sink.get() {
                        return Ok(());
                    }
                    return Err(lost(&self.host, "while sending", &e));
                }
            }
        }
        self.moved.at = Instant::now();
        exchange.tell(|| self.waiting())
    }

    /// Writes what is left of `queue`; true once everything is with the kernel.
    fn write(&mut self, queue: &mut Queue<'_>) -> io::Result<bool> {
        let output = &self.buffers.output()[..queue.amount];
        match &mut self.tls {
            None => {
                let [head, body] = queue.rest(output);
                if head.is_empty() && body.is_empty() {
                    return Ok(true);
                }
                let n = send(&self.socket, &[IoSlice::new(head), IoSlice::new(body)])?;
                queue.sent += n;
                self.written += n as u64;
            }
            Some(tls) => {
                // rustls takes as much as it has room for; its records leave before it takes more.
                let [head, body] = queue.rest(output);
                queue.sent += tls.writer().write_vectored(&[IoSlice::new(head), IoSlice::new(body)])?;
                while tls.wants_write() {
                    self.written += tls.write_tls(&mut Vectored(&self.socket))? as u64;
                }
            }
        }
        let [head, body] = queue.rest(output);
        Ok(head.is_empty() && body.is_empty())
    }

    /// Takes what has arrived. While a body is being sent, an answer turns the rest of it away.
    fn listen(&mut self, exchange: &Exchange) -> Result<(), Error> {
        match self.fill() {
            Ok(0) => {
                self.usable = false;
                Err(lost(&self.host, "while sending", &io::ErrorKind::UnexpectedEof.into()))
            }
            Ok(_) => {
                self.note_early_answer(exchange);
                Ok(())
            }
            Err(Trouble::Io(e)) if would_block(&e) => Ok(()),
            Err(Trouble::Io(e)) => {
                self.usable = false;
                Err(lost(&self.host, "while sending", &e))
            }
            Err(Trouble::Fatal(e)) => Err(e),
        }
    }

    /// Takes everything that is still to be had of a connection that cannot be written to any more.
    fn listen_to_the_end(&mut self, exchange: &Exchange) {
        while let Ok(1..) = self.fill() {
            self.note_early_answer(exchange);
        }
    }

    fn note_early_answer(&mut self, exchange: &Exchange) {
        loop {
            let input = self.buffers.input();
            match interim(input) {
                Some(length) => {
                    self.buffers.input_consume(length); // 100 Continue and its kind answer nothing
                    self.untold = !self.buffers.input().is_empty();
                }
                None => break,
            }
        }
        if is_final(self.buffers.input()) {
            exchange.heard(true);
            exchange.sink.set(true);
            self.usable = false; // the server expects the rest of a body that will not come
        }
    }

    /// Reads what is there into the input buffer, without waiting; 0 when the peer will send nothing more.
    fn fill(&mut self) -> Result<usize, Trouble> {
        let buffer = self.buffers.input_append_buf();
        if buffer.is_empty() {
            let message = format!("{} sent more headers than are accepted", self.host);
            return Err(Trouble::Fatal(Error::new(ErrorKind::Protocol, message)));
        }
        let n = match &mut self.tls {
            None => (&self.socket).read(buffer).map_err(Trouble::Io)?,
            Some(tls) => loop {
                let wire = read_tls(tls, &self.socket, &self.host);
                match tls.reader().read(buffer) {
                    Ok(n) => break n,
                    Err(e) if would_block(&e) => match wire {
                        Ok(0) => break 0,
                        Ok(_) => {} // part of a record, or one that says nothing: there may be more
                        Err(trouble) => return Err(trouble),
                    },
                    Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => break 0,
                    Err(e) => return Err(Trouble::Io(e)),
                }
            },
        };
        if n > 0 {
            self.buffers.input_appended(n);
            self.untold = true;
            self.moved.at = Instant::now();
        }
        Ok(n)
    }

    /// Waits until the socket is ready for one of `flags`, or until `limit`. Fails when nothing has moved for the
    /// stall timeout.
    fn pause(&mut self, exchange: &Exchange, flags: PollFlags, limit: Option<Instant>) -> Result<(), Error> {
        let mut sample = FIRST_SAMPLE;
        self.look(Duration::ZERO);
        loop {
            let stalled = self.moved.at.checked_add(exchange.stall_timeout);
            let next = [stalled, Instant::now().checked_add(sample), limit].into_iter().flatten().min();
            if !exchange.call.wait(&[(self.socket.as_fd(), flags)], next)?[0].is_empty() {
                return Ok(());
            }
            if limit.is_some_and(|limit| limit <= Instant::now()) {
                return Ok(());
            }
            self.look(sample);
            exchange.tell(|| self.waiting())?;
            if self.moved.at.elapsed() >= exchange.stall_timeout {
                self.usable = false;
                let seconds = exchange.stall_timeout.as_secs_f64();
                let what = format!("nothing moved between here and {} for {seconds} s", self.host);
                return Err(timeout(what));
            }
            sample = (sample * 2).min(MAX_SAMPLE);
        }
    }

    /// Whether the peer acknowledged more since the last look, which was `ago`.
    fn look(&mut self, ago: Duration) {
        let acknowledged = self.written.saturating_sub(self.waiting());
        if acknowledged > self.moved.acknowledged {
            self.moved.acknowledged = acknowledged;
            // It moved at some moment since the last look; the middle is never far off.
            self.moved.at =
                self.moved.at.max(Instant::now().checked_sub(ago / 2).unwrap_or_else(Instant::now));
        }
    }

    fn waiting(&self) -> u64 {
        sys::unacknowledged(self.socket.as_fd())
    }

    /// Waits for bytes of the answer; for no longer than `limit`, where there is one. `None` when that passed.
    fn receive(&mut self, exchange: &Exchange, limit: Option<Instant>) -> Result<Option<bool>, Error> {
        if !self.held.is_empty() {
            self.transmit(exchange, 0)?;
        }
        if std::mem::take(&mut self.untold) && !self.buffers.input().is_empty() {
            return Ok(Some(true));
        }
        loop {
            if exchange.answer_is_late_at().is_some_and(|late| late <= Instant::now()) {
                self.usable = false;
                return Err(timeout(format!("the answer of {} began but came too slowly", self.host)));
            }
            match self.fill() {
                Ok(0) if exchange.answered.get().is_some() => return Ok(Some(false)), // ureq knows whether that was all
                Ok(0) => {
                    self.usable = false;
                    let what = io::ErrorKind::UnexpectedEof.into();
                    return Err(lost(&self.host, "before it answered", &what));
                }
                Ok(_) => {
                    exchange.heard(has_begun(self.buffers.input()));
                    self.untold = false;
                    return Ok(Some(true));
                }
                Err(Trouble::Io(e)) if would_block(&e) => {
                    if limit.is_some_and(|limit| limit <= Instant::now()) {
                        return Ok(None);
                    }
                    let limit = [limit, exchange.answer_is_late_at()].into_iter().flatten().min();
                    self.pause(exchange, PollFlags::IN, limit)?;
                }
                Err(Trouble::Io(e)) => {
                    self.usable = false;
                    return Err(lost(&self.host, "while waiting for its answer", &e));
                }
                Err(Trouble::Fatal(e)) => {
                    self.usable = false;
                    return Err(e);
                }
            }
        }
    }
}

impl Transport for Wire {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), ureq::Error> {
        let exchange = Exchange::current().ok_or(ureq::Error::ConnectionFailed)?;
        if !exchange.started.replace(true) {
            self.moved = Moved { at: Instant::now(), acknowledged: self.written };
            self.held.extend_from_slice(&self.buffers.output()[..amount]);
            return Ok(());
        }
        self.transmit(&exchange, amount).map_err(|e| exchange.fail(e))
    }

    fn await_input(&mut self, next: NextTimeout) -> Result<bool, ureq::Error> {
        let exchange = Exchange::current().ok_or(ureq::Error::ConnectionFailed)?;
        // The one limit of ureq's that is in use: for a 100 Continue, should a storage require Expect.
        let limit = match next.reason {
            Timeout::Await100 => Instant::now().checked_add(*next.after),
            _ => None,
        };
        let received = self.receive(&exchange, limit).map_err(|e| exchange.fail(e))?;
        // ureq leaves a refusal it meets while it waits for the 100 where it is, and asks for it again.
        self.untold |= limit.is_some() && is_whole_final_head(self.buffers.input());
        received.ok_or(ureq::Error::Timeout(next.reason))
    }

    /// Asked before a pooled connection is used, and before this one goes into the pool.
    fn is_open(&mut self) -> bool {
        let before_use = Exchange::current().is_some_and(|exchange| !exchange.started.get());
        if before_use {
            let unwanted = Exchange::current().is_some_and(|exchange| exchange.fresh);
            let idle = sys::sleepless_clock().saturating_sub(self.last_use);
            if unwanted || idle >= MAX_IDLE {
                return false;
            }
        }
        self.last_use = sys::sleepless_clock();
        // Anything that arrives between an answer and the next request is a close, or nothing we asked for.
        // TLS tickets are the exception: they leave no plaintext behind.
        self.usable && matches!(self.fill(), Err(Trouble::Io(e)) if would_block(&e))
    }

    fn is_tls(&self) -> bool {
        self.tls.is_some()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.written > 0 {
            // They held the key and part of a file.
            self.buffers.output().zeroize();
            self.buffers.input_append_buf().zeroize();
        }
        if let (true, Some(tls)) = (self.usable && self.process == std::process::id(), &mut self.tls) {
            tls.send_close_notify();
            let _ = write_tls(tls, &self.socket); // as far as it goes without waiting
        }
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("host", &self.host).finish_non_exhaustive()
    }
}

/// What is to be sent: the held head, then part of the output buffer.
struct Queue<'a> {
    held: &'a [u8],
    sent: usize,
    amount: usize,
}

impl<'a> Queue<'a> {
    fn rest<'b>(&self, output: &'b [u8]) -> [&'b [u8]; 2]
    where
        'a: 'b,
    {
        let head = &self.held[self.sent.min(self.held.len())..];
        let body = &output[self.sent.saturating_sub(self.held.len())..];
        [head, body]
    }
}

/// What may go wrong below: the socket, or what came through it.
enum Trouble {
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

fn would_block(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// A connection that broke, in words.
fn lost(host: &str, when: &str, e: &io::Error) -> Error {
    match e.kind() {
        io::ErrorKind::UnexpectedEof => network(format!("{host} closed the connection {when}")),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            network(format!("{host} broke the connection {when}"))
        }
        _ => network(format!("the connection to {host} broke {when}: {e}")),
    }
}

/// The length of a complete `1xx` head at the start of `input`.
fn interim(input: &[u8]) -> Option<usize> {
    if !(input.len() > 12 && input.starts_with(b"HTTP/1.") && input[9] == b'1') {
        return None;
    }
    input.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4)
}

/// Whether a complete head that is not a `1xx` one stands at the start of `input`.
fn is_whole_final_head(input: &[u8]) -> bool {
    is_final(input) && interim(input).is_none() && input.windows(4).any(|end| end == b"\r\n\r\n")
}

/// Whether anything stands behind the complete `1xx` heads at the start of `input`.
fn has_begun(mut input: &[u8]) -> bool {
    while let Some(length) = interim(input) {
        input = &input[length..];
    }
    !input.is_empty()
}

/// Whether `input` is, as far as it goes, the beginning of something else than a `1xx` head.
fn is_final(mut input: &[u8]) -> bool {
    while let Some(length) = interim(input) {
        input = &input[length..];
    }
    input.len() > 9 && !(input.starts_with(b"HTTP/1.") && input[9] == b'1')
}
