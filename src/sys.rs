//! The few system calls that no safe crate offers on every target, each in a few lines.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// A clock that goes on while the device sleeps, since some moment in the past.
pub(crate) fn sleepless_clock() -> Duration {
    // On Apple the monotonic clock is the one that counts sleep; on Linux it stops.
    #[cfg(target_vendor = "apple")]
    let clock = rustix::time::ClockId::Monotonic;
    #[cfg(not(target_vendor = "apple"))]
    let clock = rustix::time::ClockId::Boottime;
    let now = rustix::time::clock_gettime(clock);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// How many bytes the kernel holds that the peer has not acknowledged.
pub(crate) fn unacknowledged(socket: BorrowedFd<'_>) -> u64 {
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
    if ok { u64::try_from(bytes).unwrap_or(0) } else { 0 }
}

/// Lets the kernel take no more than `bytes` that it has not yet sent: what we count as sent stays near the truth.
pub(crate) fn limit_unsent(socket: &socket2::Socket, bytes: u32) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket.set_tcp_notsent_lowat(bytes); // an old kernel goes without
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
        libc::pthread_sigmask(libc::SIG_SETMASK, &old, std::ptr::null_mut());
        result
    }
}
