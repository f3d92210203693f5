//! The retry policy: what is retried, and when. Pure: no clock, no network; the same for every request.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::error::{Details, Error, ErrorKind};

/// The longest wait that a server may ask for. If it asks for more, the call ends and its error has the wait.
pub(crate) const MAX_HINT: Duration = Duration::from_secs(60);

const BASE: Duration = Duration::from_millis(500);
const THROTTLED_BASE: Duration = Duration::from_secs(1);
const MAX_BACKOFF: Duration = Duration::from_secs(8);

/// Whether a refusal is temporary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The same request would be refused again.
    Final,
    /// It may succeed later.
    Transient,
    /// It may succeed later, and the server is overloaded now.
    Throttled,
}

/// The parts of a refusal that decide whether to retry.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Refusal<'a> {
    pub(crate) status: u16,
    /// `error.code` of Linq's envelope.
    pub(crate) api_code: Option<u32>,
    /// `<Code>` of S3's error.
    pub(crate) storage_code: Option<&'a str>,
    /// The header `x-should-retry`.
    pub(crate) should_retry: Option<bool>,
    /// The request must not be executed twice, so it is retried only if the refusal says that it was not executed.
    pub(crate) once: bool,
}

/// The one place that knows which refusals are temporary.
pub(crate) fn classify(refusal: Refusal<'_>) -> Class {
    let by_content = match (refusal.status, refusal.api_code, refusal.storage_code) {
        (_, _, Some("SlowDown")) | (429, _, _) => Class::Throttled,
        (_, _, Some("RequestTimeout" | "IncompleteBody" | "InternalError")) => Class::Transient,
        (_, _, Some("OperationAborted" | "ConditionalRequestConflict")) => Class::Transient,
        (408 | 500 | 502 | 503 | 504, _, _) => Class::Transient,
        (520..=524, _, _) => Class::Transient, // a CDN that could not reach the server
        (409, Some(2009), _) => Class::Transient, // the chat is still being created
        (404, Some(2007), _) => Class::Transient, // the attachment is still being processed
        _ => Class::Final,
    };
    let not_yet = matches!(refusal.api_code, Some(2007 | 2009));
    let by_content = match by_content {
        Class::Transient if refusal.once && !not_yet => Class::Final,
        class => class,
    };
    match (refusal.should_retry, by_content) {
        (Some(false), _) => Class::Final,
        (Some(true), Class::Final) => Class::Transient,
        _ => by_content,
    }
}

/// How long to wait before attempt number `next` (2 is the first retry). `random` is uniform over `u32`.
pub(crate) fn backoff(next: u32, throttled: bool, random: u32) -> Duration {
    let base = if throttled { THROTTLED_BASE } else { BASE };
    let ceiling = base.saturating_mul(1 << next.saturating_sub(2).min(16)).min(MAX_BACKOFF);
    // Full jitter: a thousand clients that failed together do not retry together.
    ceiling.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

/// How long to wait after attempt number `made` if Linq documents the duration: a few seconds until an attachment
/// (2007) or a chat (2009) is ready, half a minute until a service is back (4004). Up to a quarter more, at random.
fn known_wait(error: &Error, made: u32, random: u32) -> Option<Duration> {
    let waits = match error.details.api_code? {
        2007 | 2009 => [1500, 3000, 6000],
        4004 => [5000, 10_000, 15_000],
        _ => return None,
    };
    let index = (made.saturating_sub(1) as usize).min(waits.len() - 1);
    Some(Duration::from_millis(waits[index]).mul_f64(1.0 + 0.25 * f64::from(random) / f64::from(u32::MAX)))
}

/// What to do about a failed attempt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Wait that long, then try again; `renew`: with a new place, because this one has expired.
    Again { wait: Duration, renew: bool },
    /// End, because of this.
    End(Why),
}

/// Why there is no further attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// It would fail again.
    Final,
    /// That was the last attempt allowed.
    Attempts,
    /// The server asks for a longer wait than this library takes.
    LongWait,
    /// The call's own deadline would pass first.
    Deadline,
    /// The retry budget is used up.
    Budget,
    /// The place that replaced an expired one was refused as expired too.
    ExpiredAgain,
}

/// The attempts of one call so far.
pub(crate) struct State<'a> {
    /// Attempts allowed.
    pub(crate) max: u32,
    /// Attempts made.
    pub(crate) made: u32,
    budget: &'a Budget,
    /// The network changed once already.
    excused: bool,
}

impl<'a> State<'a> {
    pub(crate) fn new(max: u32, budget: &'a Budget) -> Self {
        State { max, made: 0, budget, excused: false }
    }

    /// Decides after an attempt failed with `error`. `left`: what is left of the call's time; `random`: uniform over
    /// `u32`.
    pub(crate) fn next(&mut self, error: &Error, left: Option<Duration>, random: u32) -> Next {
        // A captive portal may be gone for a later call, but hardly within this one.
        let out_of_time = error.kind == ErrorKind::Timeout && left.is_some_and(|left| left.is_zero());
        if !error.details.retryable || error.kind == ErrorKind::Protocol || out_of_time {
            return Next::End(Why::Final);
        }
        if error.details.network_changed && !self.excused {
            self.excused = true;
            self.made = self.made.saturating_sub(1);
            return Next::Again { wait: Duration::ZERO, renew: false };
        }
        let renew = error.kind == ErrorKind::Expired;
        if renew && error.details.renewed {
            return Next::End(Why::ExpiredAgain);
        }
        if self.made >= self.max {
            return Next::End(Why::Attempts);
        }
        let own = || match renew || error.details.network_changed {
            true => Duration::ZERO, // it was the URL or the network; the server is not overloaded
            false => known_wait(error, self.made, random)
                .unwrap_or_else(|| backoff(self.made + 1, throttled(error), random)),
        };
        let wait = error.details.retry_after.unwrap_or_else(own);
        if wait > MAX_HINT {
            return Next::End(Why::LongWait);
        }
        if left.is_some_and(|left| left <= wait) {
            return Next::End(Why::Deadline);
        }
        if !self.budget.spend() {
            return Next::End(Why::Budget);
        }
        Next::Again { wait, renew }
    }
}

fn throttled(error: &Error) -> bool {
    let Details { storage_code, .. } = &*error.details;
    error.kind == ErrorKind::RateLimited || storage_code.as_deref() == Some("SlowDown")
}

/// A token bucket: each retry takes five, each success gives one back. When a service is down, a thousand uploads soon
/// make one attempt each, not four.
#[derive(Debug)]
pub(crate) struct Budget(AtomicU32);

impl Budget {
    const FULL: u32 = 500;
    const COST: u32 = 5;

    pub(crate) const fn new() -> Self {
        Budget(AtomicU32::new(Self::FULL))
    }

    fn spend(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(Self::COST)).is_ok()
    }

    pub(crate) fn earn(&self) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            (left < Self::FULL).then_some(left + 1)
        });
    }
}

/// `retry-after-ms`, else `Retry-After` in seconds, else in the body; a date was turned into seconds before. Negative
/// or unreadable hints are ignored.
pub(crate) fn hint(milliseconds: Option<&str>, seconds: Option<f64>, body: Option<f64>) -> Option<Duration> {
    let sound = |seconds: f64| {
        (seconds.is_finite() && seconds >= 0.0)
            .then(|| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    };
    let milliseconds = milliseconds.and_then(|text| text.trim().parse::<f64>().ok());
    milliseconds
        .and_then(|ms| sound(ms / 1000.0))
        .or_else(|| seconds.and_then(sound))
        .or_else(|| body.and_then(sound))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, api: u32, storage: &str, should: Option<bool>) -> Class {
        classify(Refusal {
            status,
            api_code: (api != 0).then_some(api),
            storage_code: (!storage.is_empty()).then_some(storage),
            should_retry: should,
            once: false,
        })
    }

    #[test]
    fn which_refusals_are_temporary() {
        use Class::{Final, Throttled, Transient};
        let table = [
            (408, 0, "", None, Transient),
            (429, 1007, "", None, Throttled),
            (500, 3006, "", None, Transient),
            (502, 0, "", None, Transient),
            (503, 4004, "", None, Transient),
            (503, 0, "SlowDown", None, Throttled),
            (503, 0, "ServiceUnavailable", None, Transient),
            (504, 3005, "", None, Transient),
            (400, 0, "RequestTimeout", None, Transient),
            (400, 0, "IncompleteBody", None, Transient),
            (409, 0, "OperationAborted", None, Transient),
            (409, 0, "ConditionalRequestConflict", None, Transient),
            (409, 0, "", None, Final),
            (519, 0, "", None, Final),
            (520, 0, "", None, Transient),
            (524, 0, "", None, Transient),
            (525, 0, "", None, Final),
            (200, 0, "InternalError", None, Transient),
            (200, 0, "SlowDown", None, Throttled),
            (409, 2009, "", None, Transient),
            (409, 2013, "", None, Final),
            (404, 2007, "", None, Transient),
            (404, 2003, "", None, Final),
            (400, 1001, "", None, Final),
            (401, 2004, "", None, Final),
            (403, 0, "SignatureDoesNotMatch", None, Final),
            (400, 0, "EntityTooLarge", None, Final),
            (404, 0, "NoSuchBucket", None, Final),
            (413, 5001, "", None, Final),
            (501, 0, "NotImplemented", None, Final),
            (505, 0, "", None, Final),
            (400, 1001, "", Some(true), Transient),
            (500, 3006, "", Some(false), Final),
            (429, 1007, "", Some(true), Throttled),
        ];
        for (status, api, storage, should, expected) in table {
            assert_eq!(
                refusal(status, api, storage, should),
                expected,
                "{status} {api} {storage} {should:?}"
            );
        }
    }

    #[test]
    fn what_must_not_be_executed_twice_is_retried_only_if_it_was_not_executed() {
        use Class::{Final, Throttled, Transient};
        for (status, api_code, should_retry, expected) in [
            (429, Some(1007), None, Throttled),
            (404, Some(2007), None, Transient),
            (409, Some(2009), None, Transient),
            (503, None, Some(true), Transient),
            (400, None, Some(true), Transient),
            (429, None, Some(false), Final),
            (408, None, None, Final),
            (500, Some(3006), None, Final),
            (503, Some(4004), None, Final),
            (504, None, None, Final),
            (400, Some(1001), None, Final),
        ] {
            let refusal = Refusal { status, api_code, storage_code: None, should_retry, once: true };
            assert_eq!(classify(refusal), expected, "{status} {api_code:?} {should_retry:?}");
        }
    }

    #[test]
    fn waits_double_up_to_eight_seconds_with_full_jitter() {
        let ceilings: Vec<_> = (2..9).map(|next| backoff(next, false, u32::MAX).as_millis()).collect();
        assert_eq!(ceilings, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
        assert_eq!(backoff(2, true, u32::MAX), Duration::from_secs(1));
        assert_eq!(backoff(u32::MAX, true, u32::MAX), Duration::from_secs(8));
        assert_eq!(backoff(3, false, 0), Duration::ZERO);
        assert_eq!(backoff(3, false, u32::MAX / 2).as_millis(), 500);
    }

    fn failed(retry_after: Option<u64>) -> Error {
        let mut error = Error::new(ErrorKind::Network, "it broke");
        error.details.retryable = true;
        error.details.retry_after = retry_after.map(Duration::from_secs);
        error
    }

    fn after(made: u32, budget: &Budget) -> State<'_> {
        State { made, ..State::new(4, budget) }
    }

    #[test]
    fn an_expired_place_is_renewed_at_once_but_not_one_that_was_renewed_just_now() {
        let budget = Budget::new();
        let mut expired = failed(None);
        expired.kind = ErrorKind::Expired;
        let renewed = Next::Again { wait: Duration::ZERO, renew: true };
        assert_eq!(after(1, &budget).next(&expired, None, u32::MAX), renewed);
        assert_eq!(after(3, &budget).next(&expired, None, u32::MAX), renewed, "it may have aged meanwhile");
        assert_eq!(after(4, &budget).next(&expired, None, 7), Next::End(Why::Attempts));
        expired.details.renewed = true;
        assert_eq!(after(2, &budget).next(&expired, None, 7), Next::End(Why::ExpiredAgain));
        expired.details.retryable = false;
        assert_eq!(after(1, &budget).next(&expired, None, 7), Next::End(Why::Final));
    }

    #[test]
    fn hints_are_obeyed_up_to_a_minute_and_the_deadline() {
        let budget = Budget::new();
        let second = Duration::from_secs;
        assert_eq!(
            after(1, &budget).next(&failed(Some(60)), None, 7),
            Next::Again { wait: second(60), renew: false }
        );
        assert_eq!(
            after(1, &budget).next(&failed(Some(0)), None, 7),
            Next::Again { wait: second(0), renew: false }
        );
        assert_eq!(after(1, &budget).next(&failed(Some(61)), None, 7), Next::End(Why::LongWait));
        assert_eq!(after(1, &budget).next(&failed(Some(3)), Some(second(2)), 7), Next::End(Why::Deadline));
        assert_eq!(
            after(1, &budget).next(&failed(None), None, u32::MAX),
            Next::Again { wait: Duration::from_millis(500), renew: false }
        );
        assert_eq!(after(4, &budget).next(&failed(None), None, 7), Next::End(Why::Attempts));
        assert_eq!(after(1, &budget).next(&Error::cancelled(), None, 7), Next::End(Why::Final));
    }

    #[test]
    fn waits_double_from_attempt_to_attempt_and_are_twice_as_long_for_throttling() {
        let storage = |code: &str| {
            let mut error = failed(None);
            error.kind = ErrorKind::Storage;
            error.details.storage_code = Some(code.to_owned());
            error
        };
        let limited = Error { kind: ErrorKind::RateLimited, ..failed(None) };
        let table = [
            (failed(None), [500, 1000, 2000]),
            (storage("ServiceUnavailable"), [500, 1000, 2000]),
            (storage("SlowDown"), [1000, 2000, 4000]),
            (limited, [1000, 2000, 4000]),
        ];
        for (error, waits) in table {
            for (made, wait) in (1..).zip(waits) {
                let found = after(made, &Budget::new()).next(&error, None, u32::MAX);
                assert_eq!(
                    found,
                    Next::Again { wait: Duration::from_millis(wait), renew: false },
                    "{made}: {error:?}"
                );
            }
        }
    }

    /// Linq says how long these take: a few seconds, and about half a minute.
    #[test]
    fn waits_for_what_takes_a_known_time() {
        let refused = |code| {
            let mut error = failed(None);
            error.kind = ErrorKind::Api;
            error.details.api_code = Some(code);
            error
        };
        let wait = |error: &Error, made, random| match (State { made, ..State::new(9, &Budget::new()) })
            .next(error, None, random)
        {
            Next::Again { wait, .. } => wait.as_millis(),
            end => panic!("{end:?}"),
        };
        for (code, waits) in [
            (2007, [1500, 3000, 6000, 6000]),
            (2009, [1500, 3000, 6000, 6000]),
            (4004, [5000, 10_000, 15_000, 15_000]),
        ] {
            for (made, shortest) in (1..).zip(waits) {
                let error = refused(code);
                assert_eq!(wait(&error, made, 0), shortest, "{code} after attempt {made}");
                assert_eq!(wait(&error, made, u32::MAX), shortest * 5 / 4, "{code} after attempt {made}");
            }
            // What the server asks for comes first.
            let mut hinted = refused(code);
            hinted.details.retry_after = Some(Duration::from_millis(70));
            assert_eq!(wait(&hinted, 1, u32::MAX), 70);
        }
        assert_eq!(wait(&refused(3006), 1, u32::MAX), 500);
    }

    #[test]
    fn a_failing_service_soon_gets_no_second_attempts() {
        let budget = Budget::new();
        let again = (0..1000).filter(|_| budget.spend()).count();
        assert_eq!(again, 100);
        (0..4).for_each(|_| budget.earn());
        assert!(!budget.spend());
        budget.earn();
        assert!(budget.spend());
        (0..2000).for_each(|_| budget.earn());
        assert_eq!(budget.0.load(Ordering::Relaxed), Budget::FULL);
    }

    #[test]
    fn hints_have_an_order_and_nonsense_is_ignored() {
        assert_eq!(hint(Some("250"), Some(2.0), Some(3.0)), Some(Duration::from_millis(250)));
        assert_eq!(hint(None, Some(2.0), Some(3.0)), Some(Duration::from_secs(2)));
        assert_eq!(hint(None, None, Some(3.0)), Some(Duration::from_secs(3)));
        assert_eq!(hint(Some("-5"), None, None), None);
        assert_eq!(hint(Some("soon"), Some(1.5), None), Some(Duration::from_millis(1500)));
        assert_eq!(hint(None, Some(f64::NAN), None), None);
        assert_eq!(hint(None, Some(1e300), None), Some(Duration::MAX));
    }
}
