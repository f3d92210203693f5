//! Changes of the network, which the host reports, and what they mean to a running call.
//!
//! Every wait of a call may include a descriptor of the client's, which becomes readable when the network changes. Each change
//! has a descriptor of its own, which is made when a call waits.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::error::{Error, network};
use crate::process::PerProcess;
use crate::sys;

/// Bytes that were sent before the network changed, or since, and that nobody has acknowledged for so long, are lost.
const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(3);

/// What the calls of a client know of the network.
pub(crate) struct Network {
    changes: AtomicU64,
    /// The time since the last change. Owned by the calls that wait.
    current: PerProcess<Mutex<Weak<Epoch>>>,
}

/// The time from one change of the network to the next.
struct Epoch {
    /// Readable when it is over. `None` if descriptors ran out: then a wait does not end early.
    over: OnceLock<Option<Signal>>,
}

/// A descriptor that becomes readable once and stays so.
struct Signal {
    read: OwnedFd,
    /// The end to write to, if that is another descriptor.
    write: Option<OwnedFd>,
}

impl Signal {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn new() -> io::Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        Ok(Signal { read: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?, write: None })
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn new() -> io::Result<Self> {
        let (read, write) = io::pipe()?;
        Ok(Signal { read: read.into(), write: Some(write.into()) })
    }

    /// Does not block: it is called once, so there is room.
    fn raise(&self) {
        let _ = rustix::io::write(self.write.as_ref().unwrap_or(&self.read), &1_u64.to_ne_bytes());
    }
}

impl Network {
    pub(crate) fn new() -> Self {
        Network { changes: AtomicU64::new(0), current: PerProcess::new() }
    }

    /// The network changed: every wait that wants to know wakes. Never blocks.
    pub(crate) fn changed(&self) {
        let over = {
            let mut current = self.lock();
            self.changes.fetch_add(1, Ordering::SeqCst);
            std::mem::take(&mut *current).upgrade()
        };
        fence(Ordering::SeqCst); // with that in `with_readable`: this sees the signal, or the waiter sees the change
        if let Some(Some(signal)) = over.as_ref().and_then(|epoch| epoch.over.get()) {
            signal.raise();
        }
    }

    /// How often it changed.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    fn epoch(&self) -> (u64, Arc<Epoch>) {
        let mut current = self.lock();
        let epoch = current.upgrade().unwrap_or_else(|| {
            let epoch = Arc::new(Epoch { over: OnceLock::new() });
            *current = Arc::downgrade(&epoch);
            epoch
        });
        (self.changes(), epoch)
    }

    fn lock(&self) -> MutexGuard<'_, Weak<Epoch>> {
        self.current.get(|| Mutex::new(Weak::new())).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one call makes of it.
pub(crate) struct Watch {
    network: Arc<Network>,
    /// How many changes it has taken note of.
    seen: Cell<u64>,
    epoch: RefCell<Arc<Epoch>>,
    doubt: Cell<Option<Doubt>>,
    /// What is being done must not be done again, so no change ends it.
    left_alone: Cell<bool>,
}

/// The network changed, and it is not known yet whether the connection outlived that.
#[derive(Clone, Copy)]
struct Doubt {
    /// What its peer had acknowledged.
    acknowledged: u64,
    /// When bytes that wait to be acknowledged will have waited for too long; `None`: none wait.
    until: Option<Instant>,
}

impl Watch {
    pub(crate) fn new(network: &Arc<Network>) -> Self {
        let (seen, epoch) = network.epoch();
        Watch {
            network: network.clone(),
            seen: Cell::new(seen),
            epoch: RefCell::new(epoch),
            doubt: Cell::new(None),
            left_alone: Cell::new(false),
        }
    }

    /// A request begins, over the network as it is now.
    pub(crate) fn begin(&self) {
        self.take_note();
        self.doubt.set(None);
        self.left_alone.set(false);
    }

    pub(crate) fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// Whether what follows may not be done again.
    pub(crate) fn leave_alone(&self, alone: bool) {
        self.left_alone.set(alone);
    }

    /// Whether the network changed since the last look.
    pub(crate) fn has_changed(&self) -> bool {
        self.network.changes() != self.seen.get()
    }

    /// Takes note of a change, if there was one since the last look.
    pub(crate) fn take_note(&self) -> bool {
        let changed = self.has_changed();
        if changed {
            let (seen, epoch) = self.network.epoch();
            self.seen.set(seen);
            self.epoch.replace(epoch);
        }
        changed
    }

    /// Readable from the moment the network changes. Ask [`has_changed`](Self::has_changed) after this.
    pub(crate) fn with_readable<R>(&self, act: impl FnOnce(Option<BorrowedFd<'_>>) -> R) -> R {
        let epoch = self.epoch.borrow().clone();
        let over = epoch.over.get_or_init(|| Signal::new().ok());
        fence(Ordering::SeqCst);
        act(over.as_ref().map(|signal| signal.read.as_fd()))
    }

    pub(crate) fn is_left_alone(&self) -> bool {
        self.left_alone.get()
    }

    /// Fails where the network changed and what waits for these descriptors cannot have outlived that. When to look again
    /// at the latest, if it is not known yet.
    pub(crate) fn check<'a>(
        &self,
        waiting: impl Iterator<Item = BorrowedFd<'a>> + Clone,
        now: Instant,
    ) -> Result<Option<Instant>, Error> {
        let acknowledged = || waiting.clone().filter_map(sys::acknowledged).sum();
        if self.take_note() {
            let mut gone = waiting.clone().map(address_is_gone).peekable();
            if gone.peek().is_some() && gone.all(|gone| gone) {
                return Err(lost("the connection's address is gone"));
            }
            self.doubt.set(Some(Doubt { acknowledged: acknowledged(), until: None }));
        }
        let Some(mut doubt) = self.doubt.get() else { return Ok(None) };
        if acknowledged() != doubt.acknowledged {
            self.doubt.set(None);
            return Ok(None);
        }
        doubt.until = match waiting.clone().any(sys::awaits_acknowledgement) {
            true => doubt.until.or_else(|| now.checked_add(ACKNOWLEDGE_TIMEOUT)),
            false => None,
        };
        if doubt.until.is_some_and(|until| until <= now) {
            return Err(lost("nothing was acknowledged since"));
        }
        self.doubt.set(Some(doubt));
        Ok(doubt.until)
    }
}

fn lost(why: &str) -> Error {
    let mut error = network(format!("the network changed, and {why}"));
    error.details.network_changed = true;
    error
}

/// Whether no interface has the socket's local address any more; false if that cannot be found out.
fn address_is_gone(socket: BorrowedFd<'_>) -> bool {
    let address = SockRef::from(&socket).local_addr().ok().and_then(|address| address.as_socket());
    let Some(mut address) = address.filter(|address| !address.ip().is_unspecified()) else { return false };
    address.set_port(0);
    UdpSocket::bind(address).is_err_and(|e| e.kind() == io::ErrorKind::AddrNotAvailable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    fn fds<'a>(socket: &'a impl AsFd) -> impl Iterator<Item = BorrowedFd<'a>> + Clone {
        std::iter::once(socket.as_fd())
    }

    #[test]
    fn a_change_is_seen_once_by_each_call() {
        let network = Arc::new(Network::new());
        network.changed(); // nobody waits
        let (one, other) = (Watch::new(&network), Watch::new(&network));
        assert!(!one.has_changed() && !one.take_note());
        network.changed();
        assert!(one.take_note() && !one.take_note() && other.has_changed());
        other.begin();
        assert!(!other.take_note());
    }

    #[test]
    fn waits_of_all_calls_wake_and_a_later_one_does_not() {
        use rustix::event::{PollFd, PollFlags, poll};
        let readable = |watch: &Watch| {
            watch.with_readable(|fd| {
                let mut fds = [PollFd::from_borrowed_fd(fd.unwrap(), PollFlags::IN)];
                poll(&mut fds, Some(&Default::default())).unwrap() == 1
            })
        };
        let network = Arc::new(Network::new());
        let (one, other) = (Watch::new(&network), Watch::new(&network));
        assert!(!readable(&one) && !readable(&other));
        network.changed();
        network.changed();
        assert!(readable(&one) && readable(&other) && readable(&one));
        assert!(!readable(&Watch::new(&network)));
        assert!(one.take_note() && !readable(&one) && readable(&other));
    }

    #[test]
    fn a_connection_that_has_its_address_and_owes_nothing_goes_on() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let network = Arc::new(Network::new());
        let watch = Watch::new(&network);
        let now = Instant::now();
        assert_eq!(watch.check(fds(&stream), now), Ok(None));
        network.changed();
        assert_eq!(watch.check(fds(&stream), now), Ok(None), "everything is acknowledged");
        assert_eq!(watch.check(fds(&stream), now + ACKNOWLEDGE_TIMEOUT * 2), Ok(None));
        assert!(!address_is_gone(stream.as_fd()));
    }

    /// As a lookup: no socket tells whether anything will come of it.
    #[test]
    fn what_cannot_be_known_has_three_seconds() {
        let (reader, _writer) = io::pipe().unwrap();
        let network = Arc::new(Network::new());
        let watch = Watch::new(&network);
        let now = Instant::now();
        network.changed();
        assert_eq!(watch.check(fds(&reader), now), Ok(Some(now + ACKNOWLEDGE_TIMEOUT)));
        assert_eq!(
            watch.check(fds(&reader), now + ACKNOWLEDGE_TIMEOUT / 2),
            Ok(Some(now + ACKNOWLEDGE_TIMEOUT))
        );
        let error = watch.check(fds(&reader), now + ACKNOWLEDGE_TIMEOUT).unwrap_err();
        assert!(error.details.network_changed && error.details.retryable, "{error}");
        watch.begin();
        assert_eq!(watch.check(fds(&reader), now + ACKNOWLEDGE_TIMEOUT), Ok(None));
    }
}
