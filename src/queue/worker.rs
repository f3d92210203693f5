//! The threads of a queue: each runs waiting uploads, one after another, and ends when none waits.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use super::shared::Shared;
use super::state::{Begun, State};
use super::upload::QueuedUpload;
use crate::attachment::Attachment;
use crate::call::{Call, Follow, Progress};
use crate::error::{Error, ErrorKind};
use crate::log::{self, Level};
use crate::sys;

/// Makes a thread for a waiting upload, unless there are `max_in_flight` of them.
pub(super) fn start(shared: &Arc<Shared>, state: &mut State) -> io::Result<()> {
    for ended in state.threads.extract_if(.., |thread| thread.is_finished()) {
        let _ = ended.join();
    }
    if state.workers >= shared.max_in_flight {
        return Ok(());
    }
    let its = shared.clone();
    let thread = thread::Builder::new().name("linq-queue".to_owned());
    match sys::without_signals(|| thread.spawn(move || work(&its))) {
        Ok(thread) => {
            state.workers += 1;
            state.threads.push(thread);
            Ok(())
        }
        Err(_) if state.workers > 0 => Ok(()), // one of them will run it
        Err(e) => Err(e),
    }
}

fn work(shared: &Arc<Shared>) {
    let sink = {
        let shared = shared.clone();
        move |level, text| {
            shared.lock().push_line(level, text);
            shared.news.notify_all();
        }
    };
    log::hand_over(sink, || while work_once(shared) {});
}

/// Runs the next upload; `false` if none waits.
fn work_once(shared: &Arc<Shared>) -> bool {
    let begun = {
        let mut state = shared.lock();
        let begun = state.begin(&shared.signal);
        state.workers -= usize::from(begun.is_none());
        begun
    };
    shared.news.notify_all(); // some may have failed to start
    let Some(begun) = begun else { return false };
    let id = begun.id;
    let result = catch_unwind(AssertUnwindSafe(|| run(shared, begun))).unwrap_or_else(|payload| {
        std::mem::forget(payload); // dropping it may panic too
        let message =
            "a bug in liblinq was caught, and the upload was abandoned; the process may go on. Please report it";
        Err(Error::new(ErrorKind::Internal, message))
    });
    if let Err(error) = &result {
        let level = if error.kind == ErrorKind::Cancelled { Level::Info } else { Level::Error };
        log::line(level, || error.message.clone());
    }
    shared.lock().finish(id, result, &shared.signal);
    shared.news.notify_all();
    true
}

fn run(shared: &Arc<Shared>, begun: Begun) -> Result<Attachment, Error> {
    let Begun { id, upload, own } = begun;
    let progress: Progress = {
        let shared = shared.clone();
        Box::new(move |sent, total| {
            shared.lock().progress(id, sent, total, &shared.signal);
            shared.news.notify_all();
            true
        })
    };
    let follow: Follow = {
        let shared = shared.clone();
        Box::new(move |stage| {
            shared.lock().stage(id, stage, &shared.signal);
            shared.news.notify_all();
        })
    };
    let QueuedUpload { source, place, filename, content_type, cancel, timeout, tag: _ } = &*upload;
    let cancel = [Some(&own), cancel.as_ref()];
    let call = Call::of_queue(cancel, *timeout, progress, follow, shared.client.network());
    let (filename, content_type) = (filename.as_deref(), content_type.as_deref());
    shared.client.upload_queued(&call, place.as_ref(), source.core(), filename, content_type)
}
