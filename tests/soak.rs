//! Many threads, many sizes, a network that fails at random. Whatever was reported as stored is stored, byte for
//! byte, and nothing grows: no descriptor, no thread, no memory.
//!
//! `make soak` runs it for `LINQ_SOAK_SECONDS`, else that is a few seconds.

mod common;

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use common::{Sandbox, sha256};
use linq::{
    CallOptions, Client, Config, EventKind, Queue, QueuedSource, QueuedUpload, Source, UploadOptions,
};
use serde_json::{Value, json};

const THREADS: u64 = 32;
const MIB: usize = 1024 * 1024;

/// The whole process is measured, so one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
#[ignore = "make soak"]
fn nothing_is_lost_and_nothing_grows() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let seconds = env::var("LINQ_SOAK_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(5);
    let sandbox = Sandbox::start();
    let clients = [false, true].map(|tls| {
        let quick = Config {
            stall_timeout: Duration::from_millis(700),
            connect_timeout: Duration::from_millis(700),
            ..sandbox.config(tls)
        };
        Client::new(quick).unwrap()
    });
    let end = Instant::now() + Duration::from_secs(seconds);
    let tally = Tally::default();
    let (warm, cold) = thread::scope(|scope| {
        for number in 0..THREADS {
            let (client, sandbox, tally) = (&clients[number as usize % 2], &sandbox, &tally);
            scope.spawn(move || work(client, sandbox, tally, number, end));
        }
        scope.spawn(|| chaos(&sandbox, end));
        thread::sleep(Duration::from_secs(seconds) / 3);
        let warm = Usage::now();
        thread::sleep(end.saturating_duration_since(Instant::now()));
        (warm, Usage::now())
    });
    drop(clients);
    let after = Usage::now();
    let stored = tally.stored.load(Ordering::Relaxed);
    let again = tally.again.load(Ordering::Relaxed);
    let failed = tally.failed.into_inner().unwrap();
    println!("{seconds} s: {stored} uploads stored and compared, {again} of them after a failed attempt");
    println!("failures reported: {failed:?}");
    println!("warm {warm:?}, at the end {cold:?}, without the clients {after:?}");
    assert!(stored >= seconds * 5, "only {stored} uploads in {seconds} s");
    assert!(again > seconds, "faults that are never injected prove nothing");
    // Both clients may keep 16 idle connections to each of two hosts; what is in use differs from moment to moment.
    assert!(cold.descriptors <= warm.descriptors + 64, "{warm:?} {cold:?}");
    assert!(cold.threads <= warm.threads + 4, "{warm:?} {cold:?}");
    assert!(cold.resident <= warm.resident + 16 * MIB as u64, "{warm:?} {cold:?}");
    assert!(after.descriptors <= 16, "{after:?}");
}

/// The same through queues: different threads add, cancel and fetch, and some queues are freed before the uploads have ended.
#[test]
#[ignore = "make soak"]
fn a_queue_loses_nothing_and_does_not_grow() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let seconds = env::var("LINQ_SOAK_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(5);
    let sandbox = Sandbox::start();
    let end = Instant::now() + Duration::from_secs(seconds);
    let tally = Tally::default();
    let freed = AtomicU64::new(0);
    let (warm, cold) = thread::scope(|scope| {
        for number in 0..4 {
            let (sandbox, tally, freed) = (&sandbox, &tally, &freed);
            scope.spawn(move || {
                let quick = Config {
                    stall_timeout: Duration::from_millis(700),
                    connect_timeout: Duration::from_millis(700),
                    ..sandbox.config(number % 2 == 0)
                };
                let client = Arc::new(Client::new(quick).unwrap());
                let mut random = Random(number + 100);
                while Instant::now() < end {
                    one_queue(&client, sandbox, tally, &mut random, end);
                    freed.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        scope.spawn(|| chaos(&sandbox, end));
        thread::sleep(Duration::from_secs(seconds) / 3);
        let warm = Usage::now();
        thread::sleep(end.saturating_duration_since(Instant::now()));
        (warm, Usage::now())
    });
    let after = Usage::now();
    let stored = tally.stored.load(Ordering::Relaxed);
    let again = tally.again.load(Ordering::Relaxed);
    let freed = freed.load(Ordering::Relaxed);
    let failed = tally.failed.into_inner().unwrap();
    println!(
        "{seconds} s: {stored} uploads of {freed} queues stored and compared, {again} after a failed attempt"
    );
    println!("failures reported: {failed:?}");
    println!("warm {warm:?}, at the end {cold:?}, without the queues {after:?}");
    assert!(stored >= seconds * 2, "only {stored} uploads in {seconds} s");
    assert!(again * 4 > seconds, "the faults had no effect");
    assert!(failed.contains_key("Cancelled"), "{failed:?}");
    // Four clients may keep 16 idle connections to each of two hosts, and each upload that runs has some descriptors.
    assert!(cold.descriptors <= warm.descriptors + 128, "{warm:?} {cold:?}");
    assert!(cold.threads <= warm.threads + 4 * 8, "{warm:?} {cold:?}");
    assert!(cold.resident <= warm.resident + 16 * MIB as u64, "{warm:?} {cold:?}");
    assert!(after.descriptors <= 16 && after.threads <= 4, "{after:?}");
}

/// A queue with up to a hundred uploads, some of which are cancelled; freed at the end or before. Each upload has one
/// last event, and what is reported as stored is stored.
fn one_queue(client: &Arc<Client>, sandbox: &Sandbox, tally: &Tally, random: &mut Random, end: Instant) {
    let queue = Queue::new(client.clone(), Some(1 + random.below(8) as usize)).unwrap();
    let uploads = 1 + random.below(100);
    let gives_up = random.below(8) == 0;
    let contents: Vec<Arc<Vec<u8>>> = (0..uploads)
        .map(|tag| Arc::new(format!("{tag} {}", "x".repeat(random.below(60_000) as usize)).into()))
        .collect();
    thread::scope(|scope| {
        scope.spawn(|| {
            for (tag, content) in contents.iter().enumerate() {
                queue.add(queued(tag as u64, content)).unwrap();
            }
        });
        let mut last = vec![0; contents.len()];
        let mut left = uploads;
        while left > 0 && !(gives_up && left < uploads / 2) && Instant::now() < end {
            let Some(event) = queue.next(Some(Duration::from_millis(100))).unwrap() else { continue };
            let tag = event.tag as usize;
            assert_eq!(last[tag], 0, "an event after the last of {tag}");
            match event.kind {
                EventKind::Progress => assert!(event.sent <= event.total, "{event:?}"),
                EventKind::Retry(..) => {
                    assert!((2..=event.max_attempts).contains(&event.attempt), "{event:?}")
                }
                EventKind::Finished(attachment) => {
                    (last[tag], left) = (1, left - 1);
                    let url = attachment.download_url.as_deref().unwrap();
                    assert_eq!(download(sandbox, url), sha256(&contents[tag]), "{attachment:?}");
                    tally.stored.fetch_add(1, Ordering::Relaxed);
                    tally.again.fetch_add(u64::from(attachment.attempts > 1), Ordering::Relaxed);
                    let _ = client.delete_attachment(&attachment.attachment_id, CallOptions::default());
                }
                EventKind::Failed(error) => {
                    (last[tag], left) = (1, left - 1);
                    *tally.failed.lock().unwrap().entry(format!("{:?}", error.kind)).or_default() += 1;
                }
            }
            if random.below(20) == 0 {
                queue.cancel(random.below(uploads));
            }
        }
    });
}

fn queued(tag: u64, content: &Arc<Vec<u8>>) -> QueuedUpload {
    struct Shared(Arc<Vec<u8>>);
    impl AsRef<[u8]> for Shared {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    QueuedUpload {
        source: QueuedSource::Bytes(Box::new(Shared(content.clone()))),
        place: None,
        filename: Some("soak.txt".to_owned()),
        content_type: None,
        cancel: None,
        timeout: None,
        tag,
    }
}

#[derive(Default)]
struct Tally {
    stored: AtomicU64,
    again: AtomicU64,
    failed: Mutex<BTreeMap<String, u64>>,
}

/// Uploads, compares, deletes, again.
fn work(client: &Client, sandbox: &Sandbox, tally: &Tally, number: u64, end: Instant) {
    let mut random = Random(number + 1);
    while Instant::now() < end {
        let size = match random.below(20) {
            0 => 1 + random.below(MIB as u64),
            1..4 => 1 + random.below(300_000),
            _ => 1 + random.below(20_000),
        };
        let bytes: Vec<u8> = (0..size).map(|_| b' ' + (random.next() % 90) as u8).collect();
        let options = UploadOptions { filename: Some("soak.txt"), ..UploadOptions::default() };
        match client.upload(Source::Bytes(&bytes), options) {
            Ok(attachment) => {
                assert_eq!(
                    download(sandbox, attachment.download_url.as_deref().unwrap()),
                    sha256(&bytes),
                    "{attachment:?}"
                );
                tally.stored.fetch_add(1, Ordering::Relaxed);
                tally.again.fetch_add(u64::from(attachment.attempts > 1), Ordering::Relaxed);
                let _ = client.delete_attachment(&attachment.attachment_id, CallOptions::default());
            }
            Err(error) => *tally.failed.lock().unwrap().entry(format!("{:?}", error.kind)).or_default() += 1,
        }
    }
}

/// The SHA-256 of what a download URL gives; over plain http, where the same objects are.
fn download(sandbox: &Sandbox, url: &str) -> String {
    let path = url.split_once("/cdn/").expect("a download URL of the sandbox").1;
    let base = sandbox.get("api");
    let origin = base.strip_suffix("/api/partner").unwrap();
    let mut body = Vec::new();
    let answer = ureq::get(format!("{origin}/cdn/{path}")).call().unwrap();
    answer.into_body().into_reader().read_to_end(&mut body).unwrap();
    sha256(&body)
}

/// Plants a fault, waits a little, plants another.
fn chaos(sandbox: &Sandbox, end: Instant) {
    let mut random = Random(4711);
    while Instant::now() < end {
        let at = random.below(100_000);
        let puts: [Value; 13] = [
            json!({"reset_after": at}),
            json!({"close_after": at}),
            json!({"stall_after": at}),
            json!({"no_answer": true, "for_ms": 2000}),
            json!({"die_before_answer": "reset"}),
            json!({"die_before_answer": "close"}),
            json!({"early": {"after": at, "status": 503, "code": "SlowDown", "then": "reset"}}),
            json!({"early": {"after": at, "status": 500, "code": "InternalError", "then": "close"}}),
            json!({"respond": {"status": 503, "code": "ServiceUnavailable"}}),
            json!({"close_idle": true}),
            json!({"rst_idle": true}),
            json!({"delay_ms": 300}),
            json!({"pauses": {"every": 20_000, "ms": 50}}),
        ];
        let reserves: [Value; 6] = [
            json!({"respond": {"status": 500, "code": 3006}}),
            json!({"respond": {"status": 429, "code": 1007, "headers": [["Retry-After", "0"]]}}),
            json!({"reset_after": -1}),
            json!({"expired": true}),
            json!({"close_idle": true}),
            json!({"drip_ms": 1}),
        ];
        let times = 1 + random.below(3);
        let mut spec = match random.below(3) {
            0 => json!({"side": "api", "method": "POST", "fault": reserves[random.below(6) as usize]}),
            _ => json!({"side": "storage", "method": "PUT", "fault": puts[random.below(13) as usize]}),
        };
        spec["times"] = times.into();
        sandbox.plant(spec);
        thread::sleep(Duration::from_millis(40));
    }
    sandbox.clear_faults();
}

/// What the process holds.
#[derive(Debug)]
struct Usage {
    descriptors: usize,
    threads: usize,
    resident: u64,
}

impl Usage {
    fn now() -> Self {
        let count = |path| fs::read_dir(path).unwrap().count();
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kibibytes: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
        Usage {
            descriptors: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
            resident: kibibytes * 1024,
        }
    }
}

/// Enough chance for a test, and the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
