//! How long a call goes on after it was cancelled, in each phase.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use linq::{CallOptions, CancelToken, Client, Config, ErrorKind};
use serde_json::{Value, json};

use super::{machine, ms, percentile};
use crate::child::{here, ran_alone};
use crate::common::{Sandbox, upload_with};
use crate::support::{BIG, CANCEL_PROMISE, cancelled_after, failed, port};

pub const SAMPLES: usize = 50;

/// A phase that lasts until it is cancelled: the fault that makes it so, and where the client goes.
fn phases(sandbox: &Sandbox) -> Vec<(&'static str, Option<Value>, Config)> {
    let at = |base_url: String| Config { base_url: Some(base_url), ..sandbox.config(true) };
    let every = |side: &str, fault: Value| Some(json!({"side": side, "times": 0, "fault": fault}));
    let silent = json!({"side": "api_tls", "on": "connect", "times": 0, "fault": {"connect": "silent"}});
    let unavailable = json!({"respond": {"status": 503, "headers": [["Retry-After", "30"]]}});
    vec![
        ("DNS", None, at("https://hang.linq.test:1/api/partner".to_owned())),
        ("connect", None, at(format!("http://127.0.0.1:{}/x", port(&sandbox.get("black_hole"))))),
        ("TLS handshake", Some(silent), sandbox.config(true)),
        ("sending, plain", every("storage", json!({"stall_after": 100_000})), sandbox.config(false)),
        ("sending, TLS", every("storage", json!({"stall_after": 100_000})), sandbox.config(true)),
        (
            "sending slowly",
            every("storage", json!({"slow_read": {"bytes_per_s": 2_000_000}})),
            sandbox.config(false),
        ),
        ("answer, plain", every("storage", json!({"no_answer": true})), sandbox.config(false)),
        ("answer, TLS", every("storage", json!({"no_answer": true})), sandbox.config(true)),
        ("waiting to try again", every("api", unavailable), sandbox.config(false)),
    ]
}

/// How long half of the calls, and nearly all, went on after they were cancelled; and the same of a thread that waits for
/// nothing but another one, for that is this machine's business.
fn round(sandbox: &Sandbox, client: &Client, bytes: &[u8]) -> [[Duration; 2]; 2] {
    let samples = (0..SAMPLES).map(|_| {
        let token = CancelToken::new().unwrap();
        let call = CallOptions { cancel: Some(&token), ..CallOptions::default() };
        let (late, result) =
            cancelled_after(&token, Duration::from_millis(40), || upload_with(client, bytes, call));
        assert_eq!(failed(sandbox, result).kind, ErrorKind::Cancelled);
        (late, woken())
    });
    let (late, machine): (Vec<_>, Vec<_>) = samples.unzip();
    [late, machine].map(|mut samples| [50, 99].map(|percent| percentile(&mut samples, percent)))
}

pub fn woken() -> Duration {
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            thread::sleep(Duration::from_millis(1));
            tell.send(Instant::now()).unwrap();
        });
        told.recv().unwrap().elapsed()
    })
}

/// Rounds until one keeps the promise. Half a minute without one is a failure, unless this machine wakes nobody in time,
/// whatever they wait for: then it has other guests, and only half of the calls can be held to anything.
pub fn promptly(phase: &str, mut round: impl FnMut() -> [[Duration; 2]; 2]) -> [[Duration; 2]; 2] {
    let (began, limit, mut busy) = (Instant::now(), CANCEL_PROMISE.end, false);
    loop {
        let figures = round();
        let [[half, most], [_, woken]] = figures;
        busy |= woken > limit / 2;
        if most < limit {
            return figures;
        }
        if began.elapsed() > Duration::from_secs(30) {
            assert!(busy && half < limit + woken, "{phase}: {figures:?}");
            println!("figure: the machine was too busy to hold the next to more than its p50");
            return figures;
        }
    }
}

/// In a process of its own, for the resolver that hangs; there also nothing else of the tests runs.
#[test]
#[ignore = "measures time"]
fn cancel_latency() {
    let _machine = machine();
    if ran_alone(here!(), &[]) {
        return;
    }
    let sandbox = Sandbox::start();
    let bytes = &**BIG;
    for (phase, fault, config) in phases(&sandbox) {
        let fault = fault.map(|fault| sandbox.plant(fault));
        let bytes = if phase.starts_with("sending") { bytes } else { &bytes[..1000] };
        // A client for each round: one that saw nothing but failures does not try again any more.
        let figures = promptly(phase, || round(&sandbox, &Client::new(config.clone()).unwrap(), bytes));
        if let Some(fault) = fault {
            assert!(fault.injected() as usize > SAMPLES * 9 / 10, "{phase}: the phase was reached");
        }
        sandbox.clear_faults();
        let [[half, most], [_, any]] = figures.map(|figures| figures.map(ms));
        println!("figure: cancel during {phase:<20} p50 {half:<9}  p99 {most:<9} (any thread {any})");
    }
}
