//! What the rows share.
#![allow(dead_code, unused_macros, unused_imports)] // tests/timing uses some of it

use std::fmt::Debug;
use std::ops::Range;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use linq::{Attachment, CancelToken, Config, Error, ErrorKind};
use serde_json::{Value, json};

use crate::common::{BOTH, Sandbox, jpeg};

/// More than all the buffers between here and a server that does not read can hold.
pub static BIG: LazyLock<Vec<u8>> = LazyLock::new(|| jpeg(24 << 20));

/// Two tests of one check, so that plain and TLS are distinguished by name.
macro_rules! plain_and_tls {
    ($($plain:ident, $tls:ident => $check:expr;)*) => {$(
        #[test]
        fn $plain() {
            $check(false)
        }

        #[test]
        fn $tls() {
            $check(true)
        }
    )*};
}
pub(crate) use plain_and_tls;

/// Says in which case a test failed.
struct Case<T: Debug>(T);

impl<T: Debug> Drop for Case<T> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("this was the case {:?}", self.0);
        }
    }
}

/// Runs a check for each case, all at the same time: most of them wait for most of their time.
pub fn each<T: Debug + Sync>(cases: &[T], check: impl Fn(&T) + Sync) {
    let check = &check;
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || {
                let _case = Case(case);
                check(case);
            });
        }
    });
}

/// Runs a check plain and with TLS, at the same time.
pub fn both(check: impl Fn(bool) + Sync) {
    each(&BOTH, |tls| check(*tls));
}

/// A client's configuration whose stalls are short.
pub fn stalling(sandbox: &Sandbox, tls: bool, stall: Duration) -> Config {
    Config { stall_timeout: stall, ..sandbox.config(tls) }
}

/// The error of a call that had to fail. It holds no secret, whatever it is.
#[track_caller]
pub fn failed<T: Debug>(sandbox: &Sandbox, result: Result<T, Error>) -> Error {
    let error = result.expect_err("it cannot have worked");
    let everything = format!("{error:?} {error}");
    assert!(!everything.contains(&sandbox.get("key")), "the key is in {everything}");
    for secret in ["X-Amz-", "Signature=", "Bearer"] {
        assert!(!everything.contains(secret), "{secret} is in {everything}");
    }
    error
}

/// Kind, HTTP status, attempts, and whether the same call may work later.
#[track_caller]
pub fn assert_is(error: &Error, kind: ErrorKind, status: Option<u16>, attempts: u32, retryable: bool) {
    let details = &error.details;
    let got = (error.kind, details.http_status, details.attempts, details.retryable);
    assert_eq!(got, (kind, status, attempts, retryable), "{error}");
}

/// A refusal as S3 writes one.
pub fn s3(status: u16, code: &str, message: &str) -> Value {
    json!({"status": status, "code": code, "message": message})
}

/// Asserts that a call took so many attempts and that exactly these bytes are there, once.
#[track_caller]
pub fn assert_stored_after(sandbox: &Sandbox, attempts: u32, attachment: &Attachment, bytes: &[u8]) {
    assert_eq!(attachment.attempts, attempts);
    sandbox.assert_only(attachment, bytes);
}

/// How much processor time this thread has used.
pub fn thread_cpu() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(used.tv_sec as u64, used.tv_nsec as u32)
}

/// The port of a URL of the sandbox.
pub fn port(url: &str) -> u16 {
    let authority = url.split('/').nth(2).unwrap();
    authority.rsplit(':').next().unwrap().parse().unwrap()
}

/// How long a call may go on after it was cancelled.
pub const CANCEL_PROMISE: Range<Duration> = Duration::ZERO..Duration::from_millis(10);

/// Cancels a call after so long, and tells how long it went on after that. Never ten seconds, however busy this
/// machine may be.
pub fn cancelled_after<T>(token: &CancelToken, delay: Duration, call: impl FnOnce() -> T) -> (Duration, T) {
    thread::scope(|scope| {
        let cancel = scope.spawn(|| {
            thread::sleep(delay);
            let at = Instant::now();
            token.cancel();
            at
        });
        let result = call();
        let ended = Instant::now();
        let at = cancel.join().unwrap();
        assert!(ended > at, "it ended before it was cancelled");
        assert!(ended - at < Duration::from_secs(10), "it went on for {:?}", ended - at);
        (ended - at, result)
    })
}
