//! What goes into a queue.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use crate::cancel::CancelToken;
use crate::presign::Presigned;
use crate::source::Source;

/// What to upload, owned by the queue until the upload has ended.
pub enum QueuedSource {
    /// A file on disk, opened when the upload starts.
    Path(PathBuf),
    /// Part of an open regular file.
    Descriptor {
        /// The open file.
        fd: OwnedFd,
        /// The first byte to send.
        offset: u64,
        /// How many bytes to send; `None`: up to the end of the file.
        length: Option<u64>,
    },
    /// Bytes in memory.
    Bytes(Box<dyn AsRef<[u8]> + Send>),
}

/// One upload for a [`Queue`](crate::Queue).
pub struct QueuedUpload {
    /// What to upload.
    pub source: QueuedSource,
    /// The place to upload to; `None`: one is reserved.
    pub place: Option<Presigned>,
    /// The name to declare; else the file's own. Required for sources without one.
    pub filename: Option<String>,
    /// The type to declare; else from the bytes, else from the name.
    pub content_type: Option<String>,
    /// Cancels it: at once while it runs, and when it would start while it waits.
    pub cancel: Option<CancelToken>,
    /// Limits the whole upload from its start, including all attempts and waits.
    pub timeout: Option<Duration>,
    /// The caller's own. Uploads with the same tag are cancelled together.
    pub tag: u64,
}

impl QueuedSource {
    pub(super) fn core(&self) -> Source<'_> {
        match self {
            QueuedSource::Path(path) => Source::Path(path),
            QueuedSource::Descriptor { fd, offset, length } => {
                Source::Descriptor { fd: fd.as_fd(), offset: *offset, length: *length }
            }
            QueuedSource::Bytes(bytes) => Source::Bytes((**bytes).as_ref()),
        }
    }
}
