//! From a name to a connected socket: every address, both families, none waited for alone (RFC 8305).

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use socket2::{Domain, Protocol, Socket, Type};

use crate::call::Call;
use crate::error::{Error, network, reason, timeout};
use crate::sys;

/// How long an address may keep silent before the next is tried beside it.
const STAGGER: Duration = Duration::from_millis(250);

/// What the kernel may hold that it has not sent, so that progress and stalls tell the truth.
const UNSENT: u32 = 128 * 1024;

/// Loopback's own segments have 64 KB, and a slow reader acknowledges nothing before there is room for a whole one: at
/// 5 KB/s that looks like a stall. With segments as on an Ethernet a slow server on this machine looks slow, as anywhere.
const LOOPBACK_SEGMENT: u32 = 1460;

/// Connects to whichever of `addresses` answers first. `host` is for the message.
pub(crate) fn connect(
    call: &Call,
    host: &str,
    addresses: &[SocketAddr],
    limit: Option<Instant>,
) -> Result<Socket, Error> {
    let mut queue = interleave(addresses).into_iter();
    let mut pending: Vec<Socket> = Vec::new();
    // The resolver's first choice failed for the more telling reason.
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
            // What is forbidden here stays so: a sandboxed app, iOS without leave for the local network.
            error.details.retryable = why.kind() != io::ErrorKind::PermissionDenied;
            return Err(error);
        }
        let wanted: Vec<_> = pending.iter().map(|s| (s.as_fd(), PollFlags::OUT)).collect();
        let ready = call.wait(&wanted, [next_start, limit].into_iter().flatten().min())?;
        if limit.is_some_and(|limit| limit <= Instant::now()) {
            return Err(timeout(format!("connecting to {host} took longer than the connect timeout")));
        }
        for at in (0..ready.len()).rev().filter(|at| !ready[*at].is_empty()) {
            let socket = pending.remove(at);
            match socket.take_error() {
                Ok(None) => return Ok(socket),
                Ok(Some(e)) | Err(e) => {
                    first.get_or_insert(e);
                    next_start = next_start.and(Some(Instant::now())); // somebody else's turn at once
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
    if address.ip().is_loopback() {
        let _ = socket.set_tcp_mss(LOOPBACK_SEGMENT); // best effort
    }
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
    fn refused_is_said_at_once_and_a_second_address_serves() {
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
