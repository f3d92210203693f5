//! What comes out of a queue.

use crate::attachment::Attachment;
use crate::error::Error;

/// What happened to an upload.
#[derive(Debug, Clone)]
pub struct Event {
    /// The tag of the upload.
    pub tag: u64,
    /// The bytes sent so far in this attempt.
    pub sent: u64,
    /// The size of the file; 0 while it is not known.
    pub total: u64,
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
    /// The upload succeeded. Its last event.
    Finished(Attachment),
    /// The upload failed or was cancelled. Its last event.
    Failed(Error),
}
