//! Connects to the first of several addresses that accepts, by RFC 8305 (Happy Eyeballs).

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use socket2::{Domain, Protocol, Socket, Type};

use crate::call::Call;
use crate::error::{Error, network, reason, timeout};
use crate::sys;

/// How long to wait for an address before the next is tried in parallel.
const STAGGER: Duration = Duration::from_millis(250);

/// How many unsent bytes the kernel may buffer, so that progress and stalls are accurate.
const UNSENT: u32 = 128 * 1024;

/// Connects to whichever of `addresses` answers first. `host` is for the message.
pub(crate) fn connect(
    call: &Call,
    host: &str,
    addresses: &[SocketAddr],
    limit: Option<Instant>,
) -> Result<Socket, Error> {
    let mut queue = interleave(addresses).into_iter();
    let mut pending: Vec<Socket> = Vec::new();
    // The error of the first address, which is the resolver's first choice, is the one to report.
    let mut first: Option<io::Error> = None;
    let mut next_start = Some(Instant::now());
    loop {
        if next_start.is_some_and(|at| at <= Instant::now()) {
            match queue.next().map(start) {
                Some(Ok(socket)) => {
                    pending.push(socket);
                    next_start = Some(Instant::now() + STAGGER);
                }
                Some(Err(e)) => {
                    first.get_or_insert(e);
                    continue; // the next one at once
                }
                None => next_start = None,
            }
        }
        if pending.is_empty() {
            let why = first.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into());
            let mut error = network(format!("cannot connect to {host}: {}", reason(&why))).caused_by(&why);
            // A retry would be forbidden too: a sandboxed app, or iOS without permission for the local network.
            error.details.retryable = why.kind() != io::ErrorKind::PermissionDenied;
            return Err(error);
        }
        let sockets: Vec<_> = pending.iter().map(|s| (s.as_fd(), PollFlags::OUT)).collect();
        let ready = call.wait(&sockets, [next_start, limit].into_iter().flatten().min())?;
        if limit.is_some_and(|limit| limit <= Instant::now()) {
            return Err(timeout(format!("connecting to {host} took longer than the connect timeout")));
        }
        for at in (0..ready.len()).rev().filter(|at| !ready[*at].is_empty()) {
            let socket = pending.remove(at);
            match socket.take_error() {
                Ok(None) => return Ok(socket),
                Ok(Some(e)) | Err(e) => {
                    first.get_or_insert(e);
                    next_start = next_start.and(Some(Instant::now())); // the next address at once
                }
            }
        }
    }
}

/// Both families in turn, the resolver's first choice first.
fn interleave(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else { return Vec::new() };
    let mut same = addresses.iter().filter(|a| a.is_ipv6() == first.is_ipv6());
    let mut other = addresses.iter().filter(|a| a.is_ipv6() != first.is_ipv6());
    let mut order = Vec::with_capacity(addresses.len());
    while order.len() < addresses.len() {
        order.extend(same.next().into_iter().chain(other.next()));
    }
    order
}

fn start(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    sys::limit_unsent(&socket, UNSENT);
    match socket.connect(&address.into()) {
        Ok(()) => Ok(socket),
        Err(e) if e.raw_os_error() == Some(libc::EINPROGRESS) => Ok(socket),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn parse(addresses: &[&str]) -> Vec<SocketAddr> {
        addresses.iter().map(|a| a.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns() {
        let mixed = parse(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"]);
        assert_eq!(interleave(&mixed), parse(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]));
        assert_eq!(interleave(&[]), []);
    }

    #[test]
    fn a_refusal_is_reported_at_once_and_the_second_address_is_used() {
        let call = Call::new(None, None, None);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let begin = Instant::now();
        let error = connect(&call, "example", &[closed], None).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Network);
        assert!(
            error.message.starts_with("cannot connect to example: Connection refused"),
            "{}",
            error.message
        );
        connect(&call, "example", &[closed, open], None).unwrap();
        assert!(begin.elapsed() < Duration::from_secs(5));
    }
}
