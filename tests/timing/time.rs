//! Limits in time: deadlines, stalls, short bodies.

use std::io;
use std::time::{Duration, Instant};

use linq::{CallOptions, Client, Config, ErrorKind, Reader, Source, UploadOptions};
use serde_json::{Value, json};

use super::{machine, ms};
use crate::child::{here, ran_alone};
use crate::common::{BOTH, Sandbox, in_time, jpeg, upload, upload_with};
use crate::support::{BIG, both, failed, port, stalling, thread_cpu};

const DEADLINE: Duration = Duration::from_millis(400);

/// How far from the deadline a call ended, in each phase.
#[test]
#[ignore = "measures time"]
fn deadline_errors() {
    let _machine = machine();
    if ran_alone(here!(), &[]) {
        return;
    }
    let sandbox = Sandbox::start();
    let at = |base_url: String| Config { base_url: Some(base_url), ..sandbox.config(true) };
    let every = |side: &str, fault: Value| Some(json!({"side": side, "times": 0, "fault": fault}));
    let silent = json!({"side": "api_tls", "on": "connect", "times": 0, "fault": {"connect": "silent"}});
    let again = json!({"reset_after": 0});
    let phases = [
        ("DNS", None, at("https://hang.linq.test:1/x".to_owned())),
        ("connect", None, at(format!("http://127.0.0.1:{}/x", port(&sandbox.get("black_hole"))))),
        ("TLS handshake", Some(silent), sandbox.config(true)),
        ("sending, plain", every("storage", json!({"stall_after": 100_000})), sandbox.config(false)),
        ("sending, TLS", every("storage", json!({"stall_after": 100_000})), sandbox.config(true)),
        ("answer, plain", every("storage", json!({"no_answer": true})), sandbox.config(false)),
        ("answer, TLS", every("storage", json!({"no_answer": true})), sandbox.config(true)),
    ];
    let bytes = &**BIG;
    for (phase, fault, config) in phases {
        fault.map(|fault| sandbox.plant(fault));
        let bytes = if phase.starts_with("sending") { bytes } else { &bytes[..1000] };
        let client = Client::new(config).unwrap();
        let call = CallOptions { timeout: Some(DEADLINE), ..CallOptions::default() };
        let took = in_time(DEADLINE..DEADLINE + Duration::from_millis(50), || {
            let began = Instant::now();
            let error = failed(&sandbox, upload_with(&client, bytes, call));
            let took = began.elapsed();
            assert_eq!(error.kind, ErrorKind::Timeout, "{phase}: {error}");
            (took, took)
        });
        sandbox.clear_faults();
        println!("figure: deadline of 400 ms during {phase:<16} {} late", ms(took - DEADLINE));
    }
    // A wait that would pass the deadline is not begun: such calls end before it, with their cause.
    sandbox.plant(json!({"side": "api", "times": 0, "fault": again}));
    let call = CallOptions { timeout: Some(DEADLINE), ..CallOptions::default() };
    let client = Client::new(Config { max_attempts: 50, ..sandbox.config(false) }).unwrap();
    let (took, kind) = in_time(Duration::ZERO..DEADLINE + Duration::from_millis(50), || {
        let began = Instant::now();
        let error = failed(&sandbox, upload_with(&client, &bytes[..1000], call));
        let took = began.elapsed();
        (took, (took, error.kind))
    });
    println!("figure: deadline of 400 ms while trying again: ended after {}, {kind:?}", ms(took));
}

/// A stall counts from the last byte that the peer acknowledged.
#[test]
#[ignore = "measures time"]
fn stall_exactness() {
    let _machine = machine();
    both(|tls| {
        let sandbox = Sandbox::start();
        let stall = Duration::from_secs(2);
        let client = Client::new(Config { max_attempts: 1, ..stalling(&sandbox, tls, stall) }).unwrap();
        let bytes = &**BIG;
        // Seen from outside, so a little early or late.
        let ended = in_time(Duration::ZERO..Duration::from_millis(250), || {
            let fault = sandbox.on_put(json!({"stall_after": 500_000}));
            let (began, mut stalled) = (Instant::now(), None);
            let error = std::thread::scope(|scope| {
                let uploading = scope.spawn(|| failed(&sandbox, upload(&client, bytes)));
                let mut before = 0;
                while !uploading.is_finished() {
                    let now = sandbox.puts().last().map_or(0, |put| put.number("body_bytes"));
                    if now != before || stalled.is_none() {
                        (before, stalled) = (now, Some(Instant::now()));
                    }
                    std::thread::sleep(Duration::from_millis(10));
                }
                uploading.join().unwrap()
            });
            let ended = stalled.unwrap().elapsed();
            fault.assert_injected(1);
            assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
            assert!(began.elapsed() > stall);
            sandbox.clear_faults();
            (ended.abs_diff(stall), ended)
        });
        let how = if tls { "TLS" } else { "plain" };
        println!("figure: stall timeout of 2 s, {how:<5} fired {} after the server stopped", ms(ended));
    });
}

/// Ends after a part of what it declared.
struct Short<'a>(&'a [u8]);

impl Reader for Short<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        io::Read::read(&mut self.0, buffer)
    }
}

/// An error at once, without spinning.
#[test]
#[ignore = "measures time"]
fn short_bodies() {
    let _machine = machine();
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        let bytes = jpeg(500_000);
        upload(&client, &bytes).unwrap(); // the trust store is read, connections are there
        let (wall, cpu) = in_time(Duration::ZERO..Duration::from_millis(100), || {
            let (began, used) = (Instant::now(), thread_cpu());
            let mut reader = Short(&bytes);
            let source = Source::Reader { reader: &mut reader, size: 10_000_000 };
            let options = UploadOptions { filename: Some("photo.jpg"), ..UploadOptions::default() };
            let error = failed(&sandbox, client.upload(source, options));
            let spent = thread_cpu().saturating_sub(used);
            assert_eq!((error.kind, error.details.attempts), (ErrorKind::File, 1), "{error}");
            assert!(error.message.contains("ended after 500000 of the 10000000 bytes declared"), "{error}");
            assert!(spent < Duration::from_millis(100), "it span: {spent:?}");
            let wall = began.elapsed();
            (wall, (wall, spent))
        });
        let how = if tls { "TLS" } else { "plain" };
        println!("figure: short body, {how:<5} an error after {}, {} of CPU", ms(wall), ms(cpu));
        assert!(sandbox.objects().len() == 1, "nothing more was stored");
    }
}
