//! Rows 36 and 42: what the system does to reads and writes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use linq::{ErrorKind, Source, UploadOptions};
use serde_json::json;

use crate::child::{here, ran_alone, shimmed};
use crate::common::{Folder, Sandbox, jpeg, upload};
use crate::support::{assert_is, assert_stored_after, failed};

/// Four of five writes take nothing, the fifth up to 3000 bytes or just one; reads give single bytes.
#[test]
fn row_36_short_writes_and_eagain() {
    if ran_alone(here!(), &[("SHIM_PIECES", "1")]) {
        return;
    }
    for tls in [false, true] {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(700_000));
        let (eagain, short) = (shimmed("sendmsg EAGAIN"), shimmed("sendmsg short"));
        let client = sandbox.client(tls);
        let attachment = upload(&client, &bytes).unwrap();
        assert_stored_after(&sandbox, 1, &attachment, &bytes);
        assert_eq!(upload(&client, &bytes).unwrap().attempts, 1, "the connection is in order");
        let (eagain, short) = (shimmed("sendmsg EAGAIN") - eagain, shimmed("sendmsg short") - short);
        assert!(short > 500, "{short} short writes");
        assert!(eagain > 2 * short, "{eagain} times nothing could be sent");
    }
}

static SIGNALS: AtomicU64 = AtomicU64::new(0);

extern "C" fn on_signal(_: libc::c_int) {
    SIGNALS.fetch_add(1, Ordering::Relaxed);
}

/// A signal every millisecond, on the thread of the call, with a handler that does not ask for restarts.
#[test]
fn row_36_a_storm_of_signals() {
    if ran_alone(here!(), &[]) {
        return;
    }
    // SAFETY: the struct is whole, and the handler does nothing but count.
    let target = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_signal as *const () as usize;
        assert_eq!(libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut()), 0);
        libc::pthread_self()
    };
    for tls in [false, true] {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(8 << 20));
        let fault = sandbox.on_put(json!({"slow_read": {"bytes_per_s": 8_000_000}, "delay_ms": 200}));
        let client = sandbox.client(tls);
        let over = AtomicBool::new(false);
        let before = SIGNALS.load(Ordering::Relaxed);
        let attachment = thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    // SAFETY: the thread of the test outlives this scope.
                    unsafe { libc::pthread_kill(target, libc::SIGALRM) };
                    thread::sleep(Duration::from_millis(1));
                }
            });
            let attachment = upload(&client, &bytes);
            over.store(true, Ordering::Relaxed);
            attachment
        });
        let signals = SIGNALS.load(Ordering::Relaxed) - before;
        assert!(signals > 100, "{signals}");
        fault.assert_injected(1);
        assert_stored_after(&sandbox, 1, &attachment.unwrap(), &bytes);
    }
}

/// The disk fails under us: `SHIM_PREAD=errno:reads`.
fn disk_fails(name: &str) {
    let folder = Folder::new();
    let path = folder.file("photo.jpg", &jpeg(3 << 20));
    let sandbox = Sandbox::start();
    let error = failed(&sandbox, sandbox.client(false).upload(Source::Path(&path), UploadOptions::default()));
    assert_eq!(shimmed(&format!("pread {name}")), 1, "read no further");
    assert_is(&error, ErrorKind::File, None, 1, false);
    let message = format!("{} cannot be read: {name}", path.display());
    assert!(error.message.contains(&message) && !error.message.contains("os error"), "{error}");
    assert!([Some(libc::EIO), Some(libc::ESTALE)].contains(&error.details.system_error), "{error:?}");
    sandbox.assert_nothing_stored();
    let sent: u64 = sandbox.puts().iter().map(|put| put.number("body_bytes")).sum();
    assert!(sandbox.puts().len() == 1 && (1..3 << 20).contains(&sent), "in the middle of the body: {sent}");
}

#[test]
fn row_42_eio() {
    if !ran_alone(here!(), &[("SHIM_PREAD", &format!("{}:20", libc::EIO))]) {
        disk_fails("Input/output error");
    }
}

#[test]
fn row_42_estale() {
    if !ran_alone(here!(), &[("SHIM_PREAD", &format!("{}:20", libc::ESTALE))]) {
        disk_fails("Stale file handle");
    }
}

#[test]
fn row_42_tls_eio() {
    if ran_alone(here!(), &[("SHIM_PREAD", &format!("{}:20", libc::EIO))]) {
        return;
    }
    let folder = Folder::new();
    let path = folder.file("photo.jpg", &jpeg(3 << 20));
    let sandbox = Sandbox::start();
    let error = failed(&sandbox, sandbox.client(true).upload(Source::Path(&path), UploadOptions::default()));
    assert_is(&error, ErrorKind::File, None, 1, false);
    assert_eq!(shimmed("pread Input/output error"), 1);
    sandbox.assert_nothing_stored();
}

/// A file that root could read and nobody else can: the permission takes effect.
#[test]
fn row_42_permission_denied() {
    use std::os::unix::fs::PermissionsExt;
    if ran_alone(here!(), &[]) {
        return;
    }
    let (sandbox, folder) = (Sandbox::start(), Folder::new());
    let path = std::env::temp_dir().join(format!("linq-matrix-{}.jpg", std::process::id()));
    std::fs::write(&path, jpeg(1000)).unwrap();
    let unlink = path.clone();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    let client = sandbox.client(false);
    crate::child::become_nobody();
    let denied = std::fs::File::open(&path).unwrap_err();
    assert_eq!(denied.kind(), std::io::ErrorKind::PermissionDenied, "the permission takes effect");
    let error = failed(&sandbox, client.upload(Source::Path(&path), UploadOptions::default()));
    assert_eq!((error.kind, error.details.attempts), (ErrorKind::File, 0), "{error}");
    assert_eq!(error.message, format!("{} cannot be opened: permission denied", path.display()));
    assert!(sandbox.requests().is_empty(), "before any network");
    let _ = (std::fs::remove_file(unlink), folder);
}
