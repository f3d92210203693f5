//! The token that ends a call from anywhere.

use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use crate::process::PerProcess;

/// Ends every call it was given to, at once and for good.
///
/// Clones are the same token. Cancelling is one atomic store and one byte into a pipe that nobody reads:
/// the pipe stays readable, so every wait that includes it wakes, now and later.
#[derive(Debug, Clone)]
pub struct CancelToken(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cancelled: AtomicBool,
    /// PerProcess, because a byte from a forked child would keep its parent's waits awake. `None` if the child could
    /// not make a pipe of its own; then only the flag ends a call, at its next step.
    pipe: PerProcess<Option<(PipeReader, PipeWriter)>>,
}

impl CancelToken {
    /// A new token. Fails if memory or descriptors ran out.
    pub fn new() -> io::Result<Self> {
        let made = io::pipe()?;
        let pipe = PerProcess::new();
        pipe.get(|| Some(made));
        Ok(CancelToken(Arc::new(Inner { cancelled: AtomicBool::new(false), pipe })))
    }

    /// Cancels. Final, never blocks, and safe in a signal handler: no lock, no allocation.
    pub fn cancel(&self) {
        if self.0.cancelled.swap(true, Ordering::SeqCst) {
            return; // the pipe holds its byte already, so it can never fill up and block
        }
        fence(Ordering::SeqCst); // pairs with that in `readable`: this sees the pipe, or the waiter sees the flag
        let Some(Some((_, writer))) = self.0.pipe.existing() else { return };
        while let Err(e) = (&*writer).write(&[1]) {
            if e.kind() != io::ErrorKind::Interrupted {
                break; // the flag alone still ends the call at its next step
            }
        }
    }

    /// Whether [`cancel`](Self::cancel) was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Readable from the moment the token is cancelled. Check [`is_cancelled`](Self::is_cancelled) after this.
    pub(crate) fn readable(&self) -> Option<BorrowedFd<'_>> {
        let pipe = self.0.pipe.get(|| io::pipe().ok());
        fence(Ordering::SeqCst);
        pipe.as_ref().map(|(reader, _)| reader.as_fd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, poll};

    fn readable(token: &CancelToken) -> bool {
        let mut fds = [PollFd::from_borrowed_fd(token.readable().unwrap(), PollFlags::IN)];
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
