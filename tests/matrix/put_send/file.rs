//! Rows 40 and 41: the file changes while it is being sent.

use std::cell::{Cell, RefCell};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use linq::{Error, ErrorKind, Source, UploadOptions};
use serde_json::json;

use crate::common::{Folder, Sandbox, in_time, jpeg};
use crate::support::{BIG, assert_is, failed, plain_and_tls, thread_cpu};

/// What it took from the change to the end of the call.
struct Took {
    wall: Duration,
    cpu: Duration,
}

/// Uploads a file that is changed in the middle of its body.
fn changed_by(tls: bool, change: fn(&Path)) -> (Sandbox, PathBuf, Error, Took) {
    let (sandbox, folder) = (Sandbox::start(), Folder::new());
    let path = folder.file("photo.jpg", &BIG);
    let fault = sandbox.on_put(json!({"slow_read": {"bytes_per_s": 30_000_000}}));
    let at = Rc::new(RefCell::new(None));
    let (noted, file) = (at.clone(), path.clone());
    let changed = Cell::new(false);
    let progress = move |sent: u64, _: u64| {
        if sent > 0 && !changed.replace(true) {
            change(&file);
            noted.replace(Some((Instant::now(), thread_cpu())));
        }
        true
    };
    let options = UploadOptions { progress: Some(Box::new(progress)), ..UploadOptions::default() };
    let error = failed(&sandbox, sandbox.client(tls).upload(Source::Path(&path), options));
    let cpu = thread_cpu();
    let (began, before) = at.take().expect("the file was changed while it was being sent");
    let took = Took { wall: began.elapsed(), cpu: cpu.saturating_sub(before) };
    fault.assert_injected(1);
    (sandbox, path, error, took)
}

#[track_caller]
fn assert_noticed(sandbox: &Sandbox, path: &Path, error: &Error, how: &str) {
    assert_is(error, ErrorKind::File, None, 1, false);
    let end =
        format!("{} {how} while it was being sent; upload it again when it is finished", path.display());
    assert!(error.message.ends_with(&end), "{error}");
    sandbox.assert_nothing_stored();
    let puts = sandbox.puts();
    let [put] = &puts[..] else { panic!("tried once: {puts:?}") };
    assert!(put.number("body_bytes") < BIG.len() as u64, "nothing was padded: {put:?}");
}

/// Row 40. An idle machine takes a millisecond.
fn truncated(tls: bool) {
    in_time(Duration::ZERO..Duration::from_millis(100), || {
        let (sandbox, path, error, took) =
            changed_by(tls, |path| File::options().write(true).open(path).unwrap().set_len(1000).unwrap());
        assert_noticed(&sandbox, &path, &error, "became shorter");
        assert!(took.cpu < Duration::from_millis(100), "it span: {:?}", took.cpu);
        (took.wall, ())
    });
}

/// Row 41.
fn changed(tls: bool, how: &str, change: fn(&Path)) {
    let (sandbox, path, error, _) = changed_by(tls, change);
    assert_noticed(&sandbox, &path, &error, how);
}

fn grows(path: &Path) {
    File::options().write(true).open(path).unwrap().set_len(BIG.len() as u64 + 1).unwrap();
}

fn is_modified(path: &Path) {
    File::options().write(true).open(path).unwrap().write_at(b"x", 10).unwrap();
}

fn is_replaced(path: &Path) {
    fs::write(path.with_extension("new"), jpeg(1000)).unwrap();
    fs::rename(path.with_extension("new"), path).unwrap();
}

plain_and_tls! {
    row_40_plain_file_truncated, row_40_tls_file_truncated => truncated;
    row_41_plain_file_grows, row_41_tls_file_grows => |tls| changed(tls, "grew", grows);
    row_41_plain_file_modified, row_41_tls_file_modified => |tls| changed(tls, "was modified", is_modified);
    row_41_plain_file_replaced, row_41_tls_file_replaced => |tls| changed(tls, "was replaced", is_replaced);
}
