//! What a phone asks for: little memory with many uploads at once, and few wake-ups.

use std::fs;
use std::sync::Barrier;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;
use std::time::Duration;

use linq::{Progress, Source, UploadOptions};
use serde_json::json;

use super::machine;
use crate::child::{here, is_alone, ran_under};
use crate::common::{Folder, Sandbox, jpeg, upload};

/// A line of /proc/self/status, or of a thread's.
fn status(path: &str, name: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} in {path}"));
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn rss(name: &str) -> u64 {
    status("/proc/self/status", name)
}

#[test]
#[ignore = "measures memory"]
fn sixty_four_uploads_at_once() {
    const COUNT: usize = 64;
    let _machine = machine();
    if !is_alone() {
        ran_under(here!(), &["env"], |_, _| {});
        return;
    }
    let (sandbox, folder) = (Sandbox::start(), Folder::new());
    let path = folder.file("photo.jpg", &jpeg(1 << 20));
    let client = sandbox.client(true);
    let options = || UploadOptions::default();
    client.upload(Source::Path(&path), options()).unwrap(); // the certificates are read
    sandbox.plant(json!({"side": "storage", "method": "PUT", "times": 0,
                         "fault": {"slow_read": {"bytes_per_s": 300_000}}}));
    let before = rss("VmRSS:");
    let (all, begun) = (Barrier::new(COUNT + 1), Barrier::new(COUNT + 1));
    let mut most = 0;
    thread::scope(|scope| {
        let uploads: Vec<_> = (0..COUNT)
            .map(|_| {
                scope.spawn(|| {
                    all.wait();
                    begun.wait();
                    client.upload(Source::Path(&path), options()).unwrap()
                })
            })
            .collect();
        all.wait();
        begun.wait();
        while uploads.iter().any(|upload| !upload.is_finished()) {
            most = most.max(sandbox.counter("storage_tls", "open"));
            thread::sleep(Duration::from_millis(50));
        }
        assert!(uploads.into_iter().all(|upload| upload.join().is_ok()));
    });
    let grown = rss("VmHWM:").saturating_sub(before);
    println!(
        "figure: {COUNT} uploads over TLS at once ({most} connections): {:.1} MiB more",
        grown as f64 / 1024.0
    );
    assert!(most >= COUNT as u64 * 9 / 10, "they were at once: {most}");
    assert!(grown < 20 * 1024, "{grown} KiB");
}

/// How often a second a thread slept and woke while this runs.
fn wake_ups(thread: i32, seconds: u64) -> f64 {
    let path = format!("/proc/self/task/{thread}/status");
    let before = status(&path, "voluntary_ctxt_switches:");
    thread::sleep(Duration::from_secs(seconds));
    (status(&path, "voluntary_ctxt_switches:") - before) as f64 / seconds as f64
}

#[test]
#[ignore = "takes half a minute"]
fn wake_ups_a_second() {
    let _machine = machine();
    if !is_alone() {
        ran_under(here!(), &["env"], |_, _| {});
        return;
    }
    for tls in [false, true] {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        let bytes = jpeg(3_000_000);
        let of = |fault| {
            let fault = sandbox.on_put(fault);
            let thread = AtomicI32::new(0);
            let found = thread::scope(|scope| {
                let uploading = scope.spawn(|| {
                    // SAFETY: gives a number.
                    thread.store(unsafe { libc::gettid() }, Ordering::SeqCst);
                    let quiet: Progress = Box::new(|_, _| true);
                    let options = UploadOptions {
                        filename: Some("a.jpg"),
                        progress: Some(quiet),
                        ..UploadOptions::default()
                    };
                    client.upload(Source::Bytes(&bytes), options).unwrap()
                });
                while sandbox.puts().last().is_none_or(|put| !put.0["ended"].is_null()) {
                    thread::sleep(Duration::from_millis(5));
                }
                thread::sleep(Duration::from_millis(1500));
                let found = wake_ups(thread.load(Ordering::SeqCst), 4);
                assert_eq!(uploading.join().unwrap().attempts, 1);
                found
            });
            fault.assert_injected(1);
            found
        };
        // 3 MB less what the kernel holds.
        let sending = of(json!({"slow_read": {"bytes_per_s": 300_000}}));
        let waiting = of(json!({"respond": {"status": 200, "delay_ms": 7000}}));
        upload(&client, &bytes).unwrap();
        // Nobody is there to wake up: the library has no thread while no call runs.
        let threads = fs::read_dir("/proc/self/task").unwrap().count();
        let how = if tls { "TLS" } else { "plain" };
        println!(
            "figure: wake-ups a second, {how:<5}: {sending:.1} sending 300 KB/s, {waiting:.1} waiting, none idle"
        );
        assert!(sending < 40.0 && waiting <= 2.0, "{sending} {waiting}");
        assert_eq!(threads, 2, "the test's, and the one that runs it");
    }
}
