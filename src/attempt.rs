//! Makes attempts until one succeeds or none is left. The last error also names the first cause.

use std::rc::Rc;

use crate::call::{Call, Stage};
use crate::error::{Details, Error, ErrorKind};
use crate::log::{self, Level};
use crate::random;
use crate::retry::{Budget, Next, State, Why};

/// One attempt of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt {
    /// From 1.
    pub(crate) number: u32,
    /// Whether it is a further try. After one that a change of the network ended, the number is the same.
    pub(crate) again: bool,
    /// The place of the previous attempt was refused as expired, so a new one is needed.
    pub(crate) renew: bool,
}

/// The number of attempts that a call may make, and the client's retry budget.
#[derive(Debug)]
pub(crate) struct Attempts {
    max: u32,
    budget: Budget,
}

impl Attempts {
    pub(crate) fn new(max: u32) -> Self {
        Attempts { max: max.max(1), budget: Budget::new() }
    }

    pub(crate) fn max(&self) -> u32 {
        self.max
    }

    /// Calls `attempt` until it succeeds or a retry would not help, and waits in between.
    pub(crate) fn run<T>(
        &self,
        call: &Rc<Call>,
        mut attempt: impl FnMut(Attempt) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut state = State::new(self.max, &self.budget);
        let mut first: Option<String> = None;
        let mut before = None;
        let mut renew = false;
        loop {
            state.made += 1;
            let again = first.is_some();
            call.recorder.number(state.made);
            call.is_at(Stage::Attempt(state.made));
            let mut error = match attempt(Attempt { number: state.made, again, renew }) {
                Ok(value) => {
                    call.recorder.tell(None);
                    self.budget.earn();
                    return Ok(value);
                }
                Err(error) => {
                    call.recorder.fail(&error);
                    with_what_was_known(error, call, before.take())
                }
            };
            let made = state.made;
            let next = state.next(&error, call.left(), u32::from_ne_bytes(random::bytes()));
            let again_in = match next {
                Next::Again { wait, .. } => Some(wait),
                Next::End(_) => None,
            };
            call.recorder.tell(again_in);
            let wait = match next {
                Next::End(why) => return Err(last(call, error, state.made, why, first)),
                Next::Again { wait, renew: expired } => {
                    renew = expired;
                    wait
                }
            };
            error.details.attempts = attempts(call, state.made);
            call.is_at(Stage::Retry(&error, state.made + 1, wait));
            log::line(Level::Warn, || {
                let max = self.max;
                let asked = error.details.retry_after.map_or("", |_| ", as the server asks");
                format!("attempt {made} of {max} failed: {error}; again in {} ms{asked}", wait.as_millis())
            });
            first.get_or_insert_with(|| error.message.clone());
            // After a failure of the network, another network may work at once. A wait that a server asked for is not cut short.
            let until_change = matches!(error.kind, ErrorKind::Network | ErrorKind::Timeout)
                && error.details.retry_after.is_none();
            before = Some(error.details);
            if let Err(end) = call.sleep(wait, until_change) {
                let end = with_what_was_known(end, call, before);
                return Err(last(call, end, state.made, Why::Final, first));
            }
        }
    }
}

/// The error of a call that was cancelled, ran out of time or got no other place keeps the details of the attempt
/// `before`.
fn with_what_was_known(mut error: Error, call: &Call, before: Option<Box<Details>>) -> Error {
    let tells_nothing = match error.kind {
        ErrorKind::Cancelled => true,
        ErrorKind::Timeout => call.check().is_err(),
        ErrorKind::Expired => error.details.http_status.is_none(),
        _ => false,
    };
    if let Some(before) = before.filter(|_| tells_nothing) {
        error.details.complete(*before);
    }
    error
}

/// How many attempts count: none before the first request.
fn attempts(call: &Call, made: u32) -> u32 {
    if call.has_asked() { made.max(1) } else { 0 }
}

/// The error of the last attempt, with the first cause if that was a different one.
fn last(call: &Call, mut error: Error, made: u32, why: Why, first: Option<String>) -> Error {
    let mut notes = Vec::new();
    if made > 1 {
        notes.push(format!("after {made} attempts"));
    }
    match why {
        Why::LongWait => notes.push("the server asks to wait longer than a minute".to_owned()),
        Why::Deadline => notes.push("the call's timeout leaves no time for another attempt".to_owned()),
        Why::Budget => notes.push("not tried again: too many calls of this client failed lately".to_owned()),
        Why::ExpiredAgain => {
            notes.push("it was renewed just now, so another would not help".to_owned());
            error.details.retryable = false;
        }
        Why::Final | Why::Attempts => {}
    }
    if let Some(first) = first.filter(|first| *first != error.message) {
        notes.push(format!("the first attempt failed with: {first}"));
    }
    if !notes.is_empty() {
        error.message = format!("{} ({})", error.message, notes.join("; "));
    }
    error.details.attempts = attempts(call, made);
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn failure(text: &str, wait: u64) -> Error {
        let mut error = Error::new(ErrorKind::Network, text);
        error.details.retryable = true;
        error.details.retry_after = Some(Duration::from_millis(wait));
        error
    }

    #[test]
    fn the_first_cause_is_kept_beside_the_last() {
        let call = Call::new(None, None, None);
        let result: Result<(), _> = Attempts::new(1).run(&call, |_| Err(failure("nothing was asked", 0)));
        assert_eq!(result.unwrap_err().details.attempts, 0);
        call.asks();
        let result: Result<(), _> =
            Attempts::new(3).run(&call, |n| Err(failure(&format!("cause {}", n.number), 0)));
        let error = result.unwrap_err();
        assert_eq!(error.message, "cause 3 (after 3 attempts; the first attempt failed with: cause 1)");
        assert_eq!(error.details.attempts, 3);
        let once: Result<(), _> = Attempts::new(1).run(&call, |_| Err(failure("cause", 0)));
        assert_eq!(once.unwrap_err().message, "cause");
        assert_eq!(
            Attempts::new(3).run(&call, |n| if n.number == 2 { Ok(2) } else { Err(failure("x", 0)) }),
            Ok(2)
        );
    }

    #[test]
    fn a_wait_past_the_deadline_ends_with_the_cause() {
        let call = Call::new(None, Some(Duration::from_millis(500)), None);
        let result: Result<(), _> = Attempts::new(3).run(&call, |_| Err(failure("busy", 5000)));
        let error = result.unwrap_err();
        assert_eq!(error.message, "busy (the call's timeout leaves no time for another attempt)");
        assert_eq!(error.details.retry_after, Some(Duration::from_secs(5)));
    }

    /// No wait is sat out: one that would pass the deadline is not begun, and any other is cancelled.
    #[test]
    fn waits_are_random_between_nothing_and_the_longest() {
        for limit in [100, 400] {
            let mut ended = [0, 0];
            for _ in 0..200 {
                let token = crate::CancelToken::new().unwrap();
                let call = Call::new(Some(&token), Some(Duration::from_millis(limit)), None);
                let result: Result<(), _> = Attempts::new(2).run(&call, |_| {
                    token.cancel();
                    let mut error = failure("busy", 0);
                    error.details.retry_after = None;
                    Err(error)
                });
                ended[usize::from(result.unwrap_err().kind == ErrorKind::Cancelled)] += 1;
            }
            let [longer, shorter] = ended;
            assert!(longer > 0 && shorter > 0, "{limit} ms: {longer} longer, {shorter} shorter");
        }
    }

    #[test]
    fn successes_earn_further_attempts() {
        let call = Call::new(None, None, None);
        call.asks();
        let attempts = Attempts::new(2);
        let made = || {
            let result: Result<(), _> = attempts.run(&call, |_| Err(failure("busy", 0)));
            result.unwrap_err().details.attempts
        };
        assert!((0..100).all(|_| made() == 2));
        assert_eq!(made(), 1, "nothing is left");
        for _ in 0..5 {
            attempts.run(&call, |_| Ok(())).unwrap();
        }
        assert_eq!([made(), made()], [2, 1], "five successes are worth one");
    }

    fn refused() -> Error {
        let mut error = failure("busy", 5000);
        error.details.http_status = Some(503);
        error.details.storage_code = Some("SlowDown".to_owned());
        error.details.trace_id = Some("t".to_owned());
        error.details.attachment_id = Some("a".to_owned());
        error
    }

    #[track_caller]
    fn assert_still_known(error: &Error, attempts: u32) {
        let details = &*error.details;
        let known = [&details.storage_code, &details.trace_id, &details.attachment_id].map(Option::as_deref);
        assert_eq!(known, [Some("SlowDown"), Some("t"), Some("a")], "{error}");
        assert_eq!((details.http_status, details.attempts), (Some(503), attempts), "{error}");
    }

    /// Whether it ends while it waits, or in an attempt that knows nothing of its own.
    #[test]
    fn a_call_that_ends_tells_what_was_known_of_the_last_attempt() {
        let token = crate::CancelToken::new().unwrap();
        let call = Call::new(Some(&token), None, None);
        call.asks();
        let result: Result<(), _> = Attempts::new(3).run(&call, |_| {
            token.cancel();
            Err(refused())
        });
        let error = result.unwrap_err();
        assert_eq!((error.kind, error.details.retryable), (ErrorKind::Cancelled, false));
        assert_still_known(&error, 1);

        let token = crate::CancelToken::new().unwrap();
        let call = Call::new(Some(&token), None, None);
        call.asks();
        let result: Result<(), _> = Attempts::new(3).run(&call, |attempt| {
            if attempt.number == 2 {
                token.cancel();
                call.check()?;
            }
            let mut error = refused();
            error.details.retry_after = Some(Duration::ZERO);
            Err(error)
        });
        let error = result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Cancelled);
        assert_still_known(&error, 2);

        let call = Call::new(None, Some(Duration::from_millis(50)), None);
        call.asks();
        let result: Result<(), _> = Attempts::new(3).run(&call, |attempt| {
            if attempt.number == 2 {
                call.sleep(Duration::from_secs(5), false)?;
            }
            let mut error = refused();
            error.details.retry_after = Some(Duration::ZERO);
            Err(error)
        });
        let error = result.unwrap_err();
        assert_eq!((error.kind, error.details.retryable), (ErrorKind::Timeout, true));
        assert_still_known(&error, 2);
    }

    /// What another attempt says for itself is not mixed with what the one before it said.
    #[test]
    fn a_later_failure_speaks_for_itself() {
        let call = Call::new(None, None, None);
        call.asks();
        let result: Result<(), _> = Attempts::new(2).run(&call, |attempt| match attempt.number {
            1 => Err(Error {
                details: Box::new(crate::Details { retry_after: None, ..*refused().details }),
                ..refused()
            }),
            _ => Err(failure("it broke", 0)),
        });
        let error = result.unwrap_err();
        assert_eq!((error.kind, error.details.http_status), (ErrorKind::Network, None), "{error}");
        assert_eq!(error.details.storage_code, None);
    }

    #[test]
    fn cancelling_while_waiting_keeps_the_cause() {
        let token = crate::CancelToken::new().unwrap();
        let call = Call::new(Some(&token), None, None);
        let result: Result<(), _> = Attempts::new(3).run(&call, |_| {
            token.cancel();
            Err(failure("busy", 5000))
        });
        let error = result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Cancelled);
        assert_eq!(error.message, "the call was cancelled (the first attempt failed with: busy)");
    }
}
