//! One call: its cancel token, its deadline and its progress callback.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, reason, timeout};
use crate::network::{Network, Watch};
use crate::report::{Observer, Recorder, Step};
use crate::sys::boottime;

/// A progress callback: gets the number of bytes that the other side has, and the total. Returning `false` cancels.
pub type Progress = Box<dyn FnMut(u64, u64) -> bool>;

/// What an upload does, for the events of a queue.
pub(crate) enum Stage<'a> {
    /// An attempt begins: its number, from 1.
    Attempt(u32),
    /// A request of it begins; the source has so many bytes.
    Request(Step, u64),
    /// The attempt failed. The next has this number, and begins after this time.
    Retry(&'a Error, u32, Duration),
}

/// Called at each stage, on the thread of the call.
pub(crate) type Follow = Box<dyn Fn(Stage<'_>)>;

/// The shortest time between two progress reports.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(50);

/// What every layer below a call shares.
pub(crate) struct Call {
    /// Any of these cancels it.
    cancel: [Option<CancelToken>; 2],
    /// By the clock that also counts while the device sleeps.
    deadline: Option<Duration>,
    timeout: Option<Duration>,
    progress: RefCell<Option<Progress>>,
    follow: Option<Follow>,
    told: Cell<Option<(u64, Instant)>>,
    asked: Cell<bool>,
    pub(crate) recorder: Recorder,
    pub(crate) network: Watch,
}

impl Call {
    #[cfg(test)]
    pub(crate) fn new(
        cancel: Option<&CancelToken>,
        timeout: Option<Duration>,
        progress: Option<Progress>,
    ) -> Rc<Self> {
        Self::observed(cancel, timeout, progress, None, &Arc::new(Network::new()))
    }

    /// A call whose requests are reported to `observer`.
    pub(crate) fn observed(
        cancel: Option<&CancelToken>,
        timeout: Option<Duration>,
        progress: Option<Progress>,
        observer: Option<&Observer>,
        network: &Arc<Network>,
    ) -> Rc<Self> {
        Self::with_tokens([cancel, None], timeout, progress, None, observer, network)
    }

    /// An upload of a queue, which has a token of the queue's besides the caller's.
    pub(crate) fn of_queue(
        cancel: [Option<&CancelToken>; 2],
        timeout: Option<Duration>,
        progress: Progress,
        follow: Follow,
        network: &Arc<Network>,
    ) -> Rc<Self> {
        Self::with_tokens(cancel, timeout, Some(progress), Some(follow), None, network)
    }

    fn with_tokens(
        cancel: [Option<&CancelToken>; 2],
        timeout: Option<Duration>,
        progress: Option<Progress>,
        follow: Option<Follow>,
        observer: Option<&Observer>,
        network: &Arc<Network>,
    ) -> Rc<Self> {
        Rc::new(Call {
            cancel: cancel.map(Option::<&CancelToken>::cloned),
            deadline: timeout.and_then(|t| boottime().checked_add(t)),
            timeout,
            progress: RefCell::new(progress),
            follow,
            told: Cell::new(None),
            asked: Cell::new(false),
            recorder: Recorder::new(observer.cloned()),
            network: Watch::new(network),
        })
    }

    pub(crate) fn is_at(&self, stage: Stage<'_>) {
        if let Some(follow) = &self.follow {
            follow(stage);
        }
    }

    /// A request is about to be made: from here on the attempt counts.
    pub(crate) fn asks(&self) {
        self.asked.set(true);
    }

    pub(crate) fn has_asked(&self) -> bool {
        self.asked.get()
    }

    /// Fails once the call is cancelled or its deadline has passed.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.cancel.iter().flatten().any(CancelToken::is_cancelled) {
            return Err(Error::cancelled());
        }
        match self.left() {
            Some(Duration::ZERO) => Err(self.too_late()),
            _ => Ok(()),
        }
    }

    fn too_late(&self) -> Error {
        let limit = self.timeout.unwrap_or_default().as_millis();
        timeout(format!("the call's timeout of {limit} ms passed"))
    }

    /// The time that is left; `None` without a deadline.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_sub(boottime()))
    }

    /// Waits for one of `wanted`, for `limit`, or for the end of the call, whichever comes first. Returns what is ready for
    /// each; all empty when `limit` passed. Fails where the network changes and nothing can come any more.
    pub(crate) fn wait(
        &self,
        wanted: &[(BorrowedFd<'_>, PollFlags)],
        limit: Option<Instant>,
    ) -> Result<Vec<PollFlags>, Error> {
        loop {
            self.check()?;
            let alone = self.network.is_left_alone();
            let look_again = match alone {
                true => None,
                false => self.network.check(wanted.iter().map(|(fd, _)| *fd), Instant::now())?,
            };
            let until = [limit, look_again].into_iter().flatten().min();
            let ready = self.poll(wanted, until, !alone)?;
            let over = limit.is_some_and(|limit| limit <= Instant::now());
            if over || ready.iter().any(|flags| !flags.is_empty()) {
                self.check()?;
                return Ok(ready);
            }
        }
    }

    /// Waits once. It may be over for no reason.
    fn poll(
        &self,
        wanted: &[(BorrowedFd<'_>, PollFlags)],
        limit: Option<Instant>,
        for_network: bool,
    ) -> Result<Vec<PollFlags>, Error> {
        self.network.with_readable(|changed| {
            let mut fds: Vec<PollFd<'_>> =
                wanted.iter().map(|(fd, flags)| PollFd::from_borrowed_fd(*fd, *flags)).collect();
            let cancelled = self.cancel.iter().flatten().filter_map(CancelToken::readable);
            for fd in cancelled.chain(changed.filter(|_| for_network)) {
                fds.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
            }
            self.check()?;
            let limit = limit.map(|limit| limit.saturating_duration_since(Instant::now()));
            let timeout = match for_network && self.network.has_changed() {
                true => Some(Duration::ZERO),
                false => [limit, self.left()].into_iter().flatten().min(),
            };
            let timeout = timeout
                .map(|t| Timespec { tv_sec: t.as_secs().min(1 << 20) as _, tv_nsec: t.subsec_nanos() as _ });
            match poll(&mut fds, timeout.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => {
                    let e = io::Error::from(e);
                    let message = format!("cannot wait for the network: {}", reason(&e));
                    return Err(Error::new(ErrorKind::Network, message).caused_by(&e));
                }
            }
            Ok(fds[..wanted.len()].iter().map(PollFd::revents).collect())
        })
    }

    /// Sleeps, unless the call ends first; or, where that ends it, until the network changes.
    pub(crate) fn sleep(&self, duration: Duration, until_change: bool) -> Result<(), Error> {
        let limit = Instant::now().checked_add(duration);
        loop {
            self.check()?;
            let woken = until_change && self.network.take_note();
            if woken || limit.is_some_and(|limit| limit <= Instant::now()) {
                return Ok(());
            }
            self.poll(&[], limit, until_change)?;
        }
    }

    pub(crate) fn reports_progress(&self) -> bool {
        self.progress.try_borrow().is_ok_and(|progress| progress.is_some())
    }

    /// For a new attempt: progress counts from 0 again.
    pub(crate) fn restart_progress(&self, total: u64) -> Result<(), Error> {
        self.told.set(None);
        self.tell(0, total)
    }

    /// Reports progress, unless it has not advanced or the last report is too recent.
    pub(crate) fn tell(&self, sent: u64, total: u64) -> Result<(), Error> {
        let now = Instant::now();
        if let Some((before, when)) = self.told.get() {
            let soon = now.duration_since(when) < PROGRESS_INTERVAL && sent < total;
            if sent <= before || soon {
                return Ok(());
            }
        }
        self.told.set(Some((sent, now)));
        // The callback is running further up this stack; it is never called recursively.
        let Ok(mut progress) = self.progress.try_borrow_mut() else { return Ok(()) };
        let go_on = progress.as_mut().is_none_or(|tell| tell(sent, total));
        drop(progress);
        if !go_on {
            return Err(Error::new(ErrorKind::Cancelled, "the progress callback cancelled the call"));
        }
        self.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_at_the_deadline_and_says_so() {
        // A machine that is busy with something else may come late to one of them, but not to all.
        let in_time = (0..20).any(|_| {
            let start = Instant::now();
            let call = Call::new(None, Some(Duration::from_millis(30)), None);
            let error = call.sleep(Duration::from_secs(10), false).unwrap_err();
            let took = start.elapsed().as_millis();
            assert_eq!(error.kind, ErrorKind::Timeout);
            assert_eq!(error.message, "the call's timeout of 30 ms passed");
            assert!(took >= 30, "{took} ms are too early");
            took < 80
        });
        assert!(in_time, "always more than 50 ms late");
    }

    #[test]
    fn a_wait_ends_when_cancelled() {
        let token = CancelToken::new().unwrap();
        let call = Call::new(Some(&token), None, None);
        let start = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(30));
                token.cancel();
                Instant::now()
            });
            let error = call.sleep(Duration::from_secs(10), false).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Cancelled);
            Instant::now()
        });
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn progress_is_told_at_both_ends_and_never_goes_back() {
        let told = Rc::new(RefCell::new(Vec::new()));
        let reports = told.clone();
        let progress: Progress = Box::new(move |sent, total| {
            reports.borrow_mut().push((sent, total));
            true
        });
        let call = Call::new(None, None, Some(progress));
        call.restart_progress(100).unwrap();
        for sent in [10, 5, 20, 100, 100] {
            call.tell(sent, 100).unwrap();
        }
        assert_eq!(*told.borrow(), [(0, 100), (100, 100)]);
    }

    #[test]
    fn progress_that_says_stop_cancels() {
        let call = Call::new(None, None, Some(Box::new(|_, _| false)));
        let error = call.restart_progress(1).unwrap_err();
        assert_eq!(
            (error.kind, &*error.message),
            (ErrorKind::Cancelled, "the progress callback cancelled the call")
        );
    }
}
