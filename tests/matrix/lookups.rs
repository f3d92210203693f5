//! Rows 80 to 82: many lookups at once, and lookups that hang.

use std::thread;
use std::time::{Duration, Instant};

use linq::{CallOptions, CancelToken, Client, Config, ErrorKind};

use crate::child::{descriptors, here, ran_alone, shimmed};
use crate::common::{Sandbox, jpeg, upload, upload_with};
use crate::dns::{named, once, presign, resolvers};
use crate::support::{assert_is, assert_stored_after, cancelled_after, failed};

/// Waits until the system was asked so often for a name below linq.test.
fn until_asked(label: &str, times: usize) {
    let began = Instant::now();
    while shimmed(&format!("lookup {label}.linq.test")) < times {
        assert!(began.elapsed() < Duration::from_secs(10), "{label} was not asked for {times} times");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Four attempts, whose lookups hang for ever, and then another name.
#[test]
fn row_80_lookups_that_hang_do_not_hold_up_another_name() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
    let error = failed(&sandbox, upload(&Client::new(named(&sandbox, "hang")).unwrap(), &bytes));
    assert_is(&error, ErrorKind::Timeout, None, 4, true);
    assert_eq!((shimmed("lookup hang.linq.test"), resolvers()), (4, 4), "each attempt asked, and hangs");
    let attachment = upload(&once(named(&sandbox, "ok")), &bytes).unwrap();
    assert_stored_after(&sandbox, 1, &attachment, &bytes);
}

/// The same while somebody still waits for each of them.
#[test]
fn row_80_names_that_are_waited_for_do_not_hold_up_another() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let (sandbox, bytes, token) = (Sandbox::start(), jpeg(1000), CancelToken::new().unwrap());
    let dead: Vec<_> = (0..8).map(|n| format!("hang.{n}")).collect();
    thread::scope(|scope| {
        for label in &dead {
            let config = Config { connect_timeout: Duration::from_secs(15), ..named(&sandbox, label) };
            let call = CallOptions { cancel: Some(&token), ..CallOptions::default() };
            let (sandbox, client) = (&sandbox, once(config));
            scope.spawn(move || {
                let error = failed(sandbox, presign(&client, call));
                assert_is(&error, ErrorKind::Cancelled, None, 1, false);
            });
        }
        dead.iter().for_each(|label| until_asked(label, 1));
        let attachment = upload(&once(named(&sandbox, "ok")), &bytes);
        token.cancel();
        assert_stored_after(&sandbox, 1, &attachment.unwrap(), &bytes);
    });
}

/// Names that hang, far more of them than there may be threads.
#[test]
fn row_80_threads_have_a_limit() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let (sandbox, before) = (Sandbox::start(), descriptors());
    for n in 0..50 {
        let call = CallOptions { timeout: Some(Duration::from_millis(10)), ..CallOptions::default() };
        let error = failed(&sandbox, presign(&once(named(&sandbox, &format!("hang.{n}"))), call));
        assert_eq!(error.kind, ErrorKind::Timeout);
    }
    assert_eq!(resolvers(), 32);
    assert!(descriptors() <= before + 2, "each lookup's pipe is closed: {before}, {}", descriptors());
}

/// Two servers under one name that takes 300 ms to look up.
#[test]
fn row_81_equal_names_are_asked_for_once() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let sandboxes = [Sandbox::start(), Sandbox::start()];
    let configs = sandboxes.each_ref().map(|sandbox| named(sandbox, "slow"));
    let token = CancelToken::new().unwrap();
    let clients: Vec<_> = (0..8).map(|n| once(configs[n % 2].clone())).collect();
    thread::scope(|scope| {
        for client in &clients {
            scope.spawn(move || presign(client, CallOptions::default()).unwrap());
        }
        until_asked("slow", 1);
        let call = CallOptions { cancel: Some(&token), ..CallOptions::default() };
        let leaving = once(configs[0].clone());
        let (late, result) = cancelled_after(&token, Duration::from_millis(20), || presign(&leaving, call));
        assert_eq!(result.unwrap_err().kind, ErrorKind::Cancelled);
        assert!(
            late < Duration::from_millis(200),
            "a call that leaves does not wait for the others: {late:?}"
        );
    });
    assert_eq!(shimmed("lookup slow.linq.test"), 1);
    for sandbox in &sandboxes {
        assert_eq!(sandbox.reservations().len(), 4, "each at its own port");
    }
    presign(&clients[0], CallOptions::default()).unwrap();
    presign(&once(configs[1].clone()), CallOptions::default()).unwrap();
    assert_eq!(shimmed("lookup slow.linq.test"), 2, "an answer is not kept for later");
}

/// The first lookup hangs for ever, as one whose packet was lost does for seconds; the next are answered.
#[test]
fn row_82_a_lookup_that_hangs_is_made_anew() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let (sandbox, bytes) = (Sandbox::start(), jpeg(1000));
    let attachment = upload(&Client::new(named(&sandbox, "hangonce")).unwrap(), &bytes).unwrap();
    assert_stored_after(&sandbox, 2, &attachment, &bytes);
}

#[test]
fn row_82_also_while_somebody_waits_for_it() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let (sandbox, bytes, token) = (Sandbox::start(), jpeg(1000), CancelToken::new().unwrap());
    let config = Config { connect_timeout: Duration::from_secs(15), ..named(&sandbox, "hangonce") };
    thread::scope(|scope| {
        let client = once(config.clone());
        let call = CallOptions { cancel: Some(&token), ..CallOptions::default() };
        let waiting = scope.spawn(move || presign(&client, call).unwrap_err());
        until_asked("hangonce", 1);
        thread::sleep(Duration::from_millis(1100));
        let call = CallOptions { timeout: Some(Duration::from_secs(10)), ..CallOptions::default() };
        let attachment = upload_with(&once(config), &bytes, call);
        token.cancel();
        assert_stored_after(&sandbox, 1, &attachment.unwrap(), &bytes);
        assert_eq!(waiting.join().unwrap().kind, ErrorKind::Cancelled);
    });
}

/// However often it is asked for, and waited for, a dead name has four threads at most.
#[test]
fn row_82_not_without_end() {
    if ran_alone(here!(), &[]) {
        return;
    }
    let sandbox = Sandbox::start();
    let client = once(named(&sandbox, "hang"));
    for _ in 0..6 {
        assert_eq!(failed(&sandbox, presign(&client, CallOptions::default())).kind, ErrorKind::Timeout);
    }
    assert_eq!((shimmed("lookup hang.linq.test"), resolvers()), (4, 4));
}
