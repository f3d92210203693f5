//! Limits in time: deadlines, stalls, short bodies, and a slow link that is no stall.

use std::io;
use std::process::Command;
use std::time::{Duration, Instant};

use linq::{Attachment, CallOptions, Client, Config, ErrorKind, Reader, Source, UploadOptions};
use serde_json::{Value, json};

use super::ms;
use crate::child::{case, here, ip, may_unshare, ran_alone, ran_under};
use crate::common::{BOTH, Sandbox, jpeg, upload, upload_with};
use crate::support::{BIG, assert_stored_after, both, each, failed, fastest, port, stalling, thread_cpu};

const DEADLINE: Duration = Duration::from_millis(400);

/// How far from the deadline a call ended, in each phase; the best of three.
#[test]
fn deadline_errors() {
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
        let call = CallOptions { timeout: Some(DEADLINE), cancel: None };
        let (took, error) = fastest(3, || failed(&sandbox, upload_with(&client, bytes, call)));
        sandbox.clear_faults();
        assert_eq!(error.kind, ErrorKind::Timeout, "{phase}: {error}");
        let over = took.checked_sub(DEADLINE).expect("no earlier than the deadline");
        println!("figure: deadline of 400 ms during {phase:<16} {} late", ms(over));
        assert!(over < Duration::from_millis(50), "{phase}: {over:?}");
    }
    // A wait that would pass the deadline is not begun: such calls end before it, with their cause.
    sandbox.plant(json!({"side": "api", "times": 0, "fault": again}));
    let call = CallOptions { timeout: Some(DEADLINE), cancel: None };
    let client = Client::new(Config { max_attempts: 50, ..sandbox.config(false) }).unwrap();
    let (took, error) = fastest(3, || failed(&sandbox, upload_with(&client, &bytes[..1000], call)));
    println!("figure: deadline of 400 ms while trying again: ended after {}, {:?}", ms(took), error.kind);
    assert!(took < DEADLINE + Duration::from_millis(50), "{took:?}");
}

/// A stall counts from the last byte that the peer acknowledged.
#[test]
fn stall_exactness() {
    both(|tls| {
        let sandbox = Sandbox::start();
        let stall = Duration::from_secs(2);
        let client = Client::new(Config { max_attempts: 1, ..stalling(&sandbox, tls, stall) }).unwrap();
        let bytes = &**BIG;
        let mut best = Duration::MAX;
        for _ in 0..2 {
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
            best = if ended.abs_diff(stall) < best.abs_diff(stall) { ended } else { best };
            sandbox.clear_faults();
        }
        let how = if tls { "TLS" } else { "plain" };
        println!("figure: stall timeout of 2 s, {how:<5} fired {} after the server stopped", ms(best));
        assert!(best.abs_diff(stall) < Duration::from_millis(250), "{best:?}");
    });
}

/// The slow one: about a minute. 300 KB over a link that carries 5 KB/s, with the default stall timeout. The link is
/// a loopback of its own with an Ethernet's packets; where that cannot be made, the server reads slowly instead.
#[test]
fn slow_link() {
    if let Some(case) = case() {
        return over_a_slow_link(case == "TLS");
    }
    if !may_unshare() {
        return both(to_a_slow_reader);
    }
    each(&["plain", "TLS"], |how| {
        ran_under(here!(), &["unshare", "-n", "env", &format!("MATRIX_CASE={how}")], |_, _| {});
    });
}

fn to_a_slow_reader(tls: bool) {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(300_000));
    let fault = sandbox.on_put(json!({"slow_read": {"bytes_per_s": 5000}}));
    let began = Instant::now();
    let attachment = upload(&sandbox.client_once(tls), &bytes).unwrap();
    fault.assert_injected(1);
    assert_slow(&sandbox, &attachment, &bytes, tls, began.elapsed());
}

fn over_a_slow_link(tls: bool) {
    let tc = |arguments: &str| {
        assert!(
            Command::new("tc").args(arguments.split(' ')).status().expect("iproute2").success(),
            "{arguments}"
        );
    };
    ip("link set lo up mtu 1500");
    let (sandbox, bytes) = (Sandbox::start(), jpeg(300_000));
    let client = sandbox.client_once(tls);
    tc("qdisc add dev lo root tbf rate 40kbit burst 3000 latency 400ms");
    let began = Instant::now();
    let result = upload(&client, &bytes);
    let took = began.elapsed();
    tc("qdisc del dev lo root");
    assert_slow(&sandbox, &result.unwrap(), &bytes, tls, took);
}

fn assert_slow(sandbox: &Sandbox, attachment: &Attachment, bytes: &[u8], tls: bool, took: Duration) {
    assert_stored_after(sandbox, 1, attachment, bytes);
    let how = if tls { "TLS" } else { "plain" };
    println!("figure: 300 KB at 5 KB/s, {how:<5} stored after {:.1} s", took.as_secs_f64());
    assert!(took > Duration::from_secs(50), "it was not slow: {took:?}");
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
fn short_bodies() {
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        let bytes = jpeg(500_000);
        upload(&client, &bytes).unwrap(); // the trust store is read, connections are there
        let (mut wall, mut cpu) = (Duration::MAX, Duration::MAX);
        for _ in 0..5 {
            let (began, used) = (Instant::now(), thread_cpu());
            let mut reader = Short(&bytes);
            let source = Source::Reader { reader: &mut reader, size: 10_000_000 };
            let options = UploadOptions { filename: Some("photo.jpg"), ..UploadOptions::default() };
            let error = failed(&sandbox, client.upload(source, options));
            let spent = thread_cpu().saturating_sub(used);
            assert_eq!((error.kind, error.details.attempts), (ErrorKind::File, 1), "{error}");
            assert!(error.message.contains("ended after 500000 of the 10000000 bytes declared"), "{error}");
            assert!(spent < Duration::from_millis(50), "it span: {spent:?}");
            wall = wall.min(began.elapsed());
            cpu = cpu.min(spent);
        }
        let how = if tls { "TLS" } else { "plain" };
        println!("figure: short body, {how:<5} an error after {}, {} of CPU", ms(wall), ms(cpu));
        assert!(wall < Duration::from_millis(100), "{wall:?}");
        assert!(sandbox.objects().len() == 1, "nothing more was stored");
    }
}
