//! Looks up host names, each in a thread, which ends when there is nothing more to look up.
//!
//! The system's resolver cannot be interrupted, so it runs in another thread, and the caller waits on a pipe, together
//! with its token and its deadline. Equal names share a lookup. When the last caller gives up on a lookup, only its
//! thread remains, until the system answers.

use std::collections::VecDeque;
use std::io::{self, PipeReader, PipeWriter, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use crate::call::Call;
use crate::error::{Error, network, reason, timeout};
use crate::host::bare;
use crate::process::PerProcess;
use crate::sys::{self, LookupError};

/// A lookup that hangs keeps its thread after all callers have given up. The next caller starts another, as the network
/// may be back, but a name that keeps hanging must not use up all threads.
const MAX_PER_NAME: usize = 4;

/// In the whole process. Eight names that hang at the same time delay no other, and an upload needs two. Each thread
/// costs some pages of its stack.
const MAX_THREADS: usize = 32;

/// A lookup that takes longer may have lost a packet, for which the system waits five seconds, so a later caller does
/// not share it but starts another.
const SHARED_FOR: Duration = Duration::from_secs(1);

static RESOLVER: PerProcess<Mutex<Resolver>> = PerProcess::new();

struct Resolver {
    /// Lookups that no thread has started.
    queue: VecDeque<Weak<Lookup>>,
    /// Lookups in the system's resolver, the newest last.
    active: Vec<Active>,
    threads: usize,
}

struct Active {
    host: String,
    lookup: Weak<Lookup>,
    since: Instant,
}

/// Owned by the callers that wait for it, and by nothing else until there is an answer.
struct Lookup {
    host: String,
    result: Mutex<Option<Result<Vec<SocketAddr>, LookupError>>>,
    /// Both ends live as long as either side does: writing into a pipe without a reader raises SIGPIPE.
    done: (PipeReader, PipeWriter),
}

/// The addresses of `host`, looked up before `limit`.
pub(crate) fn resolve(
    call: &Call,
    host: &str,
    port: u16,
    limit: Option<Instant>,
) -> Result<Vec<SocketAddr>, Error> {
    if let Some(addresses) = literal(host) {
        return Ok(addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect());
    }
    let lookup =
        look_up(host).map_err(|e| network(format!("cannot look up {host}: {}", reason(&e))).caused_by(&e))?;
    let mut addresses = response(call, &lookup, limit)?;
    addresses.iter_mut().for_each(|address| address.set_port(port));
    Ok(addresses)
}

fn response(call: &Call, lookup: &Lookup, limit: Option<Instant>) -> Result<Vec<SocketAddr>, Error> {
    let host = &lookup.host;
    let ready = call.wait(&[(lookup.done.0.as_fd(), PollFlags::IN)], limit)?;
    if ready[0].is_empty() {
        return Err(timeout(format!(
            "looking up {host} took longer than the connect timeout; check the DNS settings"
        )));
    }
    match lock(&lookup.result).clone() {
        Some(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
        Some(Err(LookupError { message, nxdomain })) => {
            let mut error =
                network(format!("cannot look up {host}: {message}; check the name and the connection"));
            error.details.retryable = !nxdomain;
            Err(error)
        }
        _ => Err(network(format!("{host} has no address"))),
    }
}

/// Needs no lookup: addresses, and localhost, which is loopback everywhere.
fn literal(host: &str) -> Option<Vec<IpAddr>> {
    if host.eq_ignore_ascii_case("localhost") {
        return Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    Some(vec![bare(host).parse().ok()?])
}

/// The lookup of `host` that another caller waits for already, or a new one.
fn look_up(host: &str) -> io::Result<Arc<Lookup>> {
    let mut resolver = lock(state());
    resolver.queue.retain(|queued| queued.strong_count() > 0);
    if let Some(shared) = resolver.shared(host) {
        return Ok(shared);
    }
    let lookup = Arc::new(Lookup { host: host.to_owned(), result: Mutex::new(None), done: io::pipe()? });
    resolver.queue.push_back(Arc::downgrade(&lookup));
    if resolver.threads < MAX_THREADS && !resolver.is_full(host) {
        let thread = thread::Builder::new().name("linq-dns".to_owned()).stack_size(1024 * 1024);
        match sys::without_signals(|| thread.spawn(work)) {
            Ok(_) => resolver.threads += 1,
            Err(e) if resolver.threads == resolver.abandoned() => return Err(e),
            Err(_) => {} // a running thread will take it
        }
    }
    Ok(lookup)
}

impl Resolver {
    fn shared(&self, host: &str) -> Option<Arc<Lookup>> {
        let queued = self.queue.iter().filter_map(Weak::upgrade);
        let any_age = self.is_full(host);
        let shareable = |active: &&Active| any_age || active.since.elapsed() < SHARED_FOR;
        let active = self.of(host).rev().filter(shareable).filter_map(|active| active.lookup.upgrade());
        queued.filter(|queued| queued.host.eq_ignore_ascii_case(host)).chain(active).next()
    }

    /// How many threads run lookups that no caller waits for any more; they may never return.
    fn abandoned(&self) -> usize {
        self.active.iter().filter(|active| active.lookup.strong_count() == 0).count()
    }

    fn is_full(&self, host: &str) -> bool {
        self.of(host).count() >= MAX_PER_NAME
    }

    fn of(&self, host: &str) -> impl DoubleEndedIterator<Item = &Active> {
        self.active.iter().filter(move |active| active.host.eq_ignore_ascii_case(host))
    }

    /// Takes the first lookup of the queue that a caller waits for and whose name has not too many threads.
    fn next(&mut self) -> Option<(String, Weak<Lookup>)> {
        let ready = |(at, queued): (usize, &Weak<Lookup>)| {
            let host = queued.upgrade()?.host.clone();
            (!self.is_full(&host)).then_some((at, host))
        };
        let (at, host) = self.queue.iter().enumerate().find_map(ready)?;
        let lookup = self.queue.remove(at)?;
        self.active.push(Active { host: host.clone(), lookup: lookup.clone(), since: Instant::now() });
        Some((host, lookup))
    }
}

fn work() {
    loop {
        let (host, lookup) = {
            let mut resolver = lock(state());
            match resolver.next() {
                Some(next) => next,
                None => {
                    resolver.threads -= 1;
                    return;
                }
            }
        };
        let result = sys::look_up(&host);
        lock(state()).active.retain(|active| !active.lookup.ptr_eq(&lookup));
        if let Some(lookup) = lookup.upgrade() {
            *lock(&lookup.result) = Some(result);
            let _ = (&lookup.done.1).write(&[1]); // never read, so that every caller sees it
        }
    }
}

fn state() -> &'static Mutex<Resolver> {
    RESOLVER.get(|| Mutex::new(Resolver { queue: VecDeque::new(), active: Vec::new(), threads: 0 }))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use std::time::Duration;

    #[test]
    fn addresses_and_localhost_need_no_lookup() {
        let call = Call::new(None, None, None);
        let one = |host| {
            resolve(&call, host, 80, None).unwrap().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(one("127.0.0.1"), ["127.0.0.1:80"]);
        assert_eq!(one("[::1]"), ["[::1]:80"]);
        assert_eq!(one("LocalHost"), ["127.0.0.1:80", "[::1]:80"]);
        assert_eq!(literal("localhost.example"), None);
    }

    #[test]
    fn a_name_that_does_not_exist_says_so() {
        let call = Call::new(None, Some(Duration::from_secs(20)), None);
        let error = resolve(&call, "no-such-name.invalid", 80, None).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Network);
        assert!(error.message.starts_with("cannot look up no-such-name.invalid: "), "{}", error.message);
    }
}
