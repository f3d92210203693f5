//! The few system calls that no safe crate offers on every target, each in a few lines.

use std::ffi::{CStr, CString};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::time::Duration;

use crate::error::reason;

/// A monotonic clock that goes on while the device sleeps.
pub(crate) fn boottime() -> Duration {
    // On Apple the monotonic clock is the one that counts sleep; on Linux it stops.
    #[cfg(target_vendor = "apple")]
    let clock = rustix::time::ClockId::Monotonic;
    #[cfg(not(target_vendor = "apple"))]
    let clock = rustix::time::ClockId::Boottime;
    let now = rustix::time::clock_gettime(clock);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// How many bytes the kernel holds that the peer has not acknowledged; `None` where it does not report that (Android's
/// SELinux may forbid this ioctl).
pub(crate) fn unacknowledged(socket: BorrowedFd<'_>) -> Option<u64> {
    let mut bytes: libc::c_int = 0;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: the descriptor is open for the call, and TIOCOUTQ (SIOCOUTQ on a socket) writes one int.
    let ok = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &mut bytes) } == 0;
    #[cfg(target_vendor = "apple")]
    let ok = {
        let mut size = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: the descriptor is open for the call; SO_NWRITE writes at most `size` bytes, one int.
        unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_NWRITE,
                (&raw mut bytes).cast(),
                &mut size,
            ) == 0
        }
    };
    u64::try_from(bytes).ok().filter(|_| ok)
}

/// Whether anything that was sent is not acknowledged yet, also a request to connect. True if that is unknown, as for
/// what is not a socket.
pub(crate) fn awaits_acknowledgement(socket: BorrowedFd<'_>) -> bool {
    if socket2::SockRef::from(&socket).peer_addr().is_err() {
        return true;
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // tcpi_unacked: packets in flight. Bytes that wait for the peer's window do not count.
        const AT: usize = 24;
        tcp_info(socket).is_some_and(|info| info[AT..AT + 4] != [0; 4])
    }
    #[cfg(target_vendor = "apple")]
    {
        unacknowledged(socket).is_some_and(|bytes| bytes > 0)
    }
}

/// How many bytes the peer has acknowledged on this connection, by TCP_INFO; `None` where the system does not report
/// that.
pub(crate) fn acknowledged(socket: BorrowedFd<'_>) -> Option<u64> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // tcpi_bytes_acked of linux/tcp.h (since 4.1), which the C libraries' own structs lack.
        const AT: usize = 120;
        let info = tcp_info(socket)?;
        Some(u64::from_ne_bytes(info[AT..AT + 8].try_into().ok()?))
    }
    #[cfg(target_vendor = "apple")]
    {
        let _ = socket;
        None
    }
}

/// TCP_INFO, in the layout of linux/tcp.h, at least up to tcpi_bytes_acked.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn tcp_info(socket: BorrowedFd<'_>) -> Option<[u8; 256]> {
    const LEAST: usize = 128;
    let mut info = [0_u8; 256];
    let mut size = info.len() as libc::socklen_t;
    // SAFETY: the descriptor is open for the call; the kernel writes at most `size` bytes and says how many.
    let ok = unsafe {
        let (level, name) = (libc::IPPROTO_TCP, libc::TCP_INFO);
        libc::getsockopt(socket.as_raw_fd(), level, name, info.as_mut_ptr().cast(), &mut size) == 0
    };
    (ok && size as usize >= LEAST).then_some(info)
}

/// Limits the unsent bytes in the kernel's buffer, so that our count of sent bytes is close to the truth.
pub(crate) fn limit_unsent(socket: &socket2::Socket, bytes: u32) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket.set_tcp_notsent_lowat(bytes); // old kernels do not have it
    #[cfg(target_vendor = "apple")]
    {
        const TCP_NOTSENT_LOWAT: libc::c_int = 0x201;
        let bytes = bytes as libc::c_int;
        // SAFETY: the descriptor is open, and the option takes one int, which is given with its size.
        unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::IPPROTO_TCP,
                TCP_NOTSENT_LOWAT,
                (&raw const bytes).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            );
        }
    }
}

/// Runs `spawn` with every signal blocked, which the thread it starts inherits: a helper thread must not run the
/// host's handlers, not even before its first instruction.
pub(crate) fn without_signals<T>(spawn: impl FnOnce() -> T) -> T {
    // SAFETY: both sets are ours; sigfillset and pthread_sigmask initialise them, and the old mask is put back.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut old: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &all, &mut old);
        let result = spawn();
        libc::pthread_sigmask(libc::SIG_SETMASK, &old, ptr::null_mut());
        result
    }
}

/// Why a name has no address.
#[derive(Debug, Clone)]
pub(crate) struct LookupError {
    /// The system's message.
    pub(crate) message: String,
    /// Whether the name does not exist, as opposed to a lookup that failed.
    pub(crate) nxdomain: bool,
}

/// Looks up the addresses of `host`, at port 0; blocks as long as the system's resolver does. The standard library does
/// the same, but does not report whether the name does not exist or the lookup failed.
pub(crate) fn look_up(host: &str) -> Result<Vec<SocketAddr>, LookupError> {
    let name = CString::new(host)
        .map_err(|_| LookupError { message: "it is not a host name".to_owned(), nxdomain: true })?;
    let mut list: *mut libc::addrinfo = ptr::null_mut();
    // SAFETY: all zeros is a valid addrinfo: no flags, any family, no pointers.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_socktype = libc::SOCK_STREAM;
    // SAFETY: the name is NUL-terminated, the hints are initialised, and `list` is ours to be set.
    let code = unsafe { libc::getaddrinfo(name.as_ptr(), ptr::null(), &hints, &mut list) };
    if code != 0 {
        return Err(lookup_error(code));
    }
    let mut found = Vec::new();
    let mut next = list;
    // SAFETY: a list that getaddrinfo made, walked to its end and given back once.
    unsafe {
        while let Some(entry) = next.as_ref() {
            found.extend(address(entry));
            next = entry.ai_next;
        }
        libc::freeaddrinfo(list);
    }
    Ok(found)
}

fn lookup_error(code: libc::c_int) -> LookupError {
    let message = match code {
        libc::EAI_SYSTEM => reason(&io::Error::last_os_error()),
        // SAFETY: a static text for every code, known or not.
        _ => unsafe { CStr::from_ptr(libc::gai_strerror(code)) }.to_string_lossy().into_owned(),
    };
    // Elsewhere the code is the same for every name when there is no network.
    let nxdomain = cfg!(target_os = "linux") && code == libc::EAI_NONAME;
    LookupError { message, nxdomain }
}

/// # Safety
/// An entry of a list that getaddrinfo made.
unsafe fn address(entry: &libc::addrinfo) -> Option<SocketAddr> {
    match entry.ai_family {
        libc::AF_INET => {
            // SAFETY: an address of this family is a sockaddr_in.
            let v4 = unsafe { entry.ai_addr.cast::<libc::sockaddr_in>().read_unaligned() };
            Some((Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr)), 0).into())
        }
        libc::AF_INET6 => {
            // SAFETY: an address of this family is a sockaddr_in6.
            let v6 = unsafe { entry.ai_addr.cast::<libc::sockaddr_in6>().read_unaligned() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            Some(SocketAddrV6::new(ip, 0, 0, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}
