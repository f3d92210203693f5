//! The state of a queue: uploads that wait, that run, and that have an event.

use std::collections::{HashMap, VecDeque};
use std::thread::JoinHandle;
use std::time::Duration;

use super::event::{Event, EventKind};
use super::signal::Signal;
use super::upload::QueuedUpload;
use crate::attachment::Attachment;
use crate::call::Stage;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorKind, reason};
use crate::log::Level;
use crate::report;

/// The most log lines that wait for a call of `next`: the oldest are dropped.
const MAX_LINES: usize = 256;

/// An event that waits needs no memory: `add` has reserved the room for it.
#[derive(Default)]
pub(super) struct State {
    /// Every upload whose last event was not fetched.
    uploads: HashMap<u64, Upload>,
    /// Those that have not started, and their tags.
    waiting: VecDeque<(u64, u64)>,
    running: Vec<Running>,
    /// Those with an event, in the order of the events.
    ready: VecDeque<u64>,
    next_id: u64,
    pub(super) workers: usize,
    pub(super) threads: Vec<JoinHandle<()>>,
    lines: VecDeque<(Level, String)>,
    pub(super) closed: bool,
}

struct Running {
    id: u64,
    tag: u64,
    /// Cancels this upload only.
    own: CancelToken,
}

/// An upload that starts.
pub(super) struct Begun {
    pub(super) id: u64,
    pub(super) upload: Box<QueuedUpload>,
    /// Cancels this upload only.
    pub(super) own: CancelToken,
}

pub(super) struct Upload {
    tag: u64,
    sent: u64,
    total: u64,
    attempt: u32,
    max_attempts: u32,
    request: Option<report::Step>,
    /// Why the attempt failed, the number of the next, and how long the upload waits for it; `None`: it does not wait.
    retry: Option<(Error, u32, Duration)>,
    is_ready: bool,
    step: Step,
}

pub(super) enum Step {
    Waiting(Box<QueuedUpload>),
    Running,
    Over(Result<Attachment, Error>),
}

impl State {
    pub(super) fn add(&mut self, upload: QueuedUpload, max_attempts: u32) -> Result<u64, Error> {
        let room = self.uploads.len() + 1;
        let reserved = self.uploads.try_reserve(1).is_ok()
            && self.waiting.try_reserve(1).is_ok()
            && self.ready.try_reserve(room - self.ready.len()).is_ok();
        if !reserved {
            return Err(Error::new(ErrorKind::NoMemory, "memory ran out"));
        }
        let id = self.next_id;
        self.next_id += 1;
        let tag = upload.tag;
        let step = Step::Waiting(Box::new(upload));
        let upload = Upload {
            tag,
            sent: 0,
            total: 0,
            attempt: 0,
            max_attempts,
            request: None,
            retry: None,
            is_ready: false,
            step,
        };
        self.uploads.insert(id, upload);
        self.waiting.push_back((id, tag));
        Ok(id)
    }

    /// Removes an upload that was just added.
    pub(super) fn withdraw(&mut self, id: u64) {
        self.waiting.pop_back();
        self.uploads.remove(&id);
    }

    /// Starts the next upload; `None` if none waits.
    pub(super) fn begin(&mut self, signal: &Signal) -> Option<Begun> {
        while let Some((id, tag)) = self.waiting.pop_front() {
            let own = match CancelToken::new() {
                Ok(own) => own,
                Err(e) => {
                    let message = format!("no descriptors for an upload: {}", reason(&e));
                    self.finish(id, Err(Error::new(ErrorKind::NoMemory, message).caused_by(&e)), signal);
                    continue;
                }
            };
            let Some(upload) = self.uploads.get_mut(&id) else { continue };
            if let Step::Waiting(its) = std::mem::replace(&mut upload.step, Step::Running) {
                self.running.push(Running { id, tag, own: own.clone() });
                return Some(Begun { id, upload: its, own });
            }
        }
        None
    }

    pub(super) fn progress(&mut self, id: u64, sent: u64, total: u64, signal: &Signal) {
        let Some(upload) = self.uploads.get_mut(&id) else { return };
        (upload.sent, upload.total) = (sent, total);
        self.announce(id, signal);
    }

    pub(super) fn stage(&mut self, id: u64, stage: Stage<'_>, signal: &Signal) {
        let Some(upload) = self.uploads.get_mut(&id) else { return };
        match stage {
            Stage::Attempt(number) => {
                upload.attempt = number;
                return; // its first request says more
            }
            Stage::Request(step, total) => {
                (upload.request, upload.sent, upload.total, upload.retry) = (Some(step), 0, total, None);
            }
            Stage::Retry(error, next, wait) => upload.retry = Some((error.clone(), next, wait)),
        }
        self.announce(id, signal);
    }

    pub(super) fn finish(&mut self, id: u64, result: Result<Attachment, Error>, signal: &Signal) {
        if let Some(at) = self.running.iter().position(|running| running.id == id) {
            self.running.swap_remove(at);
        }
        let Some(upload) = self.uploads.get_mut(&id) else { return };
        if let Ok(attachment) = &result {
            (upload.sent, upload.total) = (attachment.size_bytes, attachment.size_bytes);
        }
        upload.step = Step::Over(result);
        self.announce(id, signal);
    }

    fn announce(&mut self, id: u64, signal: &Signal) {
        let Some(upload) = self.uploads.get_mut(&id) else { return };
        if self.closed || std::mem::replace(&mut upload.is_ready, true) {
            return;
        }
        if self.ready.is_empty() {
            signal.raise();
        }
        self.ready.push_back(id);
    }

    pub(super) fn first_event(&self) -> Option<Event> {
        let upload = self.uploads.get(self.ready.front()?)?;
        let Upload { tag, sent, total, mut attempt, max_attempts, request: step, .. } = *upload;
        let (kind, is_last) = match (&upload.step, &upload.retry) {
            (Step::Over(Ok(attachment)), _) => (EventKind::Finished(attachment.clone()), true),
            (Step::Over(Err(error)), _) => (EventKind::Failed(error.clone()), true),
            (_, Some((error, next, wait))) => {
                attempt = *next;
                (EventKind::Retry(error.clone(), *wait), false)
            }
            (_, None) => (EventKind::Progress, false),
        };
        let remaining = (self.uploads.len() - usize::from(is_last)) as u64;
        Some(Event { tag, sent, total, attempt, max_attempts, step, remaining, kind })
    }

    pub(super) fn remove_first_event(&mut self, signal: &Signal) {
        let Some(id) = self.ready.pop_front() else { return };
        if self.ready.is_empty() {
            signal.lower();
        }
        if let Some(upload) = self.uploads.get_mut(&id) {
            upload.is_ready = false;
            if let Step::Over(_) = upload.step {
                self.uploads.remove(&id);
            }
        }
    }

    /// Cancels those with this tag; `None`: all. The result is to be dropped without the lock.
    pub(super) fn cancel(&mut self, tag: Option<u64>, signal: &Signal) -> Vec<Step> {
        let wanted = |its| tag.is_none_or(|tag| tag == its);
        let mut dropped = Vec::new();
        for running in self.running.iter().filter(|running| wanted(running.tag)) {
            running.own.cancel();
        }
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.retain(|&(id, tag)| {
            if !wanted(tag) {
                return true;
            }
            let Some(upload) = self.uploads.get_mut(&id) else { return false };
            let over = Step::Over(Err(Error::cancelled()));
            dropped.push(std::mem::replace(&mut upload.step, over));
            self.announce(id, signal);
            false
        });
        self.waiting = waiting;
        dropped
    }

    /// Cancels every upload. Returns the threads to join, and what is to be dropped without the lock.
    pub(super) fn close(&mut self) -> (Vec<JoinHandle<()>>, HashMap<u64, Upload>) {
        self.closed = true;
        self.waiting.clear();
        self.ready.clear();
        for running in &self.running {
            running.own.cancel();
        }
        (std::mem::take(&mut self.threads), std::mem::take(&mut self.uploads))
    }

    pub(super) fn push_line(&mut self, level: Level, text: String) {
        if self.lines.len() >= MAX_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back((level, text));
    }

    pub(super) fn take_lines(&mut self) -> VecDeque<(Level, String)> {
        std::mem::take(&mut self.lines)
    }
}
