//! The token that ends a call from anywhere.

use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends every call it was given to, at once and for good.
///
/// Clones are the same token. Cancelling is one atomic store and one byte into a pipe that nobody reads:
/// the pipe stays readable, so every wait that includes it wakes, now and later.
#[derive(Debug, Clone)]
pub struct CancelToken(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cancelled: AtomicBool,
    reader: PipeReader,
    writer: PipeWriter,
}

impl CancelToken {
    /// A fresh token. Fails where memory or descriptors ran out.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(CancelToken(Arc::new(Inner { cancelled: AtomicBool::new(false), reader, writer })))
    }

    /// Cancels. Final, never blocks, and safe in a signal handler: no lock, no allocation.
    pub fn cancel(&self) {
        if self.0.cancelled.swap(true, Ordering::SeqCst) {
            return; // the pipe holds its byte already, so it can never fill up and block
        }
        while let Err(e) = (&self.0.writer).write(&[1]) {
            if e.kind() != io::ErrorKind::Interrupted {
                break; // the flag alone still ends the call at its next step
            }
        }
    }

    /// Whether [`cancel`](Self::cancel) was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Readable from the moment the token is cancelled.
    pub(crate) fn readable(&self) -> BorrowedFd<'_> {
        self.0.reader.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, poll};

    fn readable(token: &CancelToken) -> bool {
        let mut fds = [PollFd::from_borrowed_fd(token.readable(), PollFlags::IN)];
        poll(&mut fds, Some(&Default::default())).unwrap() == 1
    }

    #[test]
    fn cancelling_is_final_and_wakes_every_clone() {
        let token = CancelToken::new().unwrap();
        let other = token.clone();
        assert!(!other.is_cancelled() && !readable(&other));
        token.cancel();
        assert!(other.is_cancelled() && readable(&other));
    }

    #[test]
    fn cancelling_a_hundred_thousand_times_never_blocks() {
        let token = CancelToken::new().unwrap();
        for _ in 0..100_000 {
            token.cancel();
        }
        assert!(readable(&token));
    }
}
