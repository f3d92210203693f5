//! Names to addresses, without a thread for each: a few threads that live while there is something to ask.
//!
//! The system's resolver cannot be interrupted, so it runs elsewhere and the caller waits on a pipe, together with
//! its token and its deadline. A caller that goes away leaves nothing behind but a slot that is freed when the
//! system answers.

use std::collections::VecDeque;
use std::io::{self, PipeReader, PipeWriter, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Instant;

use rustix::event::PollFlags;

use super::call::Call;
use super::exchange::{network, timeout};
use crate::error::Error;
use crate::process::PerProcess;
use crate::sys::{self, Unknown};

/// More names than this are not asked for at the same time, in the whole process.
const MAX_THREADS: usize = 4;

static RESOLVER: PerProcess<Mutex<Resolver>> = PerProcess::new();

struct Resolver {
    waiting: VecDeque<Weak<Lookup>>,
    threads: usize,
}

struct Lookup {
    host: String,
    port: u16,
    answer: Mutex<Option<Result<Vec<SocketAddr>, Unknown>>>,
    /// Both ends live as long as either side does: writing into a pipe that nobody can read raises SIGPIPE.
    done: (PipeReader, PipeWriter),
}

/// The addresses of `host`, asked for within `limit`.
pub(crate) fn resolve(
    call: &Call,
    host: &str,
    port: u16,
    limit: Option<Instant>,
) -> Result<Vec<SocketAddr>, Error> {
    if let Some(addresses) = literal(host) {
        return Ok(addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect());
    }
    let trouble = |e: io::Error| network(format!("cannot look up {host}: {e}"));
    let done = io::pipe().map_err(trouble)?;
    let lookup = Arc::new(Lookup { host: host.to_owned(), port, answer: Mutex::new(None), done });
    enqueue(&lookup).map_err(trouble)?;
    answer(call, &lookup, limit)
}

fn answer(call: &Call, lookup: &Lookup, limit: Option<Instant>) -> Result<Vec<SocketAddr>, Error> {
    let host = &lookup.host;
    let ready = call.wait(&[(lookup.done.0.as_fd(), PollFlags::IN)], limit)?;
    if ready[0].is_empty() {
        return Err(timeout(format!(
            "looking up {host} took longer than the connect timeout; check the DNS settings"
        )));
    }
    match lock(&lookup.answer).take() {
        Some(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
        Some(Err(Unknown { why, certain })) => {
            let mut error =
                network(format!("cannot look up {host}: {why}; check the name and the connection"));
            error.details.retryable = !certain;
            Err(error)
        }
        _ => Err(network(format!("{host} has no address"))),
    }
}

/// What needs no asking: addresses, and localhost, which is loopback everywhere.
fn literal(host: &str) -> Option<Vec<IpAddr>> {
    if host.eq_ignore_ascii_case("localhost") {
        return Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    Some(vec![bare.parse().ok()?])
}

fn enqueue(lookup: &Arc<Lookup>) -> io::Result<()> {
    let mut resolver = lock(state());
    resolver.waiting.retain(|waiting| waiting.strong_count() > 0);
    resolver.waiting.push_back(Arc::downgrade(lookup));
    if resolver.threads < MAX_THREADS {
        let thread = thread::Builder::new().name("linq-dns".to_owned()).stack_size(1024 * 1024);
        match sys::without_signals(|| thread.spawn(work)) {
            Ok(_) => resolver.threads += 1,
            Err(e) if resolver.threads == 0 => return Err(e),
            Err(_) => {} // those that run will get to it
        }
    }
    Ok(())
}

fn work() {
    loop {
        let next = {
            let mut resolver = lock(state());
            match resolver.waiting.pop_front() {
                Some(next) => next.upgrade(),
                None => {
                    resolver.threads -= 1;
                    return;
                }
            }
        };
        if let Some(lookup) = next {
            *lock(&lookup.answer) = Some(sys::look_up(&lookup.host, lookup.port));
            let _ = (&lookup.done.1).write(&[1]); // nobody may be waiting any more
        }
    }
}

fn state() -> &'static Mutex<Resolver> {
    RESOLVER.get(|| Mutex::new(Resolver { waiting: VecDeque::new(), threads: 0 }))
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
    fn addresses_and_localhost_ask_nobody() {
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
