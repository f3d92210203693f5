//! What comes out of a queue.

use std::time::Duration;

use crate::attachment::Attachment;
use crate::error::Error;
use crate::report::Step;

/// What happened to an upload.
#[derive(Debug, Clone)]
pub struct Event {
    /// The tag of the upload.
    pub tag: u64,
    /// The bytes sent so far in this attempt.
    pub sent: u64,
    /// The size of the file; 0 if the upload failed before it was known.
    pub total: u64,
    /// The number of the attempt that runs, from 1; of a retry, that of the next one. 0: none was made.
    pub attempt: u32,
    /// How many attempts the client makes at most.
    pub max_attempts: u32,
    /// Which request runs, or failed; `None`: none was made.
    pub step: Option<Step>,
    /// How many uploads will still have a last event after this event.
    pub remaining: u64,
    /// What happened.
    pub kind: EventKind,
}

/// What an [`Event`] reports.
#[derive(Debug, Clone)]
pub enum EventKind {
    /// Progress. Only the newest of an upload waits.
    Progress,
    /// An attempt failed with this error, and the next begins after this time.
    Retry(Error, Duration),
    /// The upload succeeded. Its last event.
    Finished(Attachment),
    /// The upload failed or was cancelled. Its last event.
    Failed(Error),
}
