//! The one error type: what failed, on what, why, and what to do about it.

use std::io;
use std::path::Path;
use std::time::Duration;

/// What kind of failure it was. The numbers are those of `linq_status` in linq.h and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum ErrorKind {
    /// The caller passed an invalid value.
    InvalidArgument = 1,
    /// The source cannot be opened or read, is not a regular file, or changed while being sent.
    File = 2,
    /// A type, size or name that the API would refuse; found before any network.
    Unsupported = 3,
    /// DNS, connect, or a connection that broke.
    Network = 4,
    /// The TLS handshake failed, or the certificate is not trusted.
    Tls = 5,
    /// A stall, a connection that took too long, or the caller's own deadline.
    Timeout = 6,
    /// The caller cancelled.
    Cancelled = 7,
    /// No API key, or one that Linq does not accept.
    Unauthorized = 8,
    /// The requested object does not exist, or belongs to another account. An attachment may have been removed
    /// meanwhile.
    NotFound = 9,
    /// Linq asks to slow down.
    RateLimited = 10,
    /// Any other refusal by Linq.
    Api = 11,
    /// Any other refusal by the storage host.
    Storage = 12,
    /// The presigned URL expired and cannot be renewed.
    Expired = 13,
    /// The server broke its contract.
    Protocol = 14,
    /// Memory ran out.
    NoMemory = 15,
    /// A bug in this library.
    Internal = 16,
}

/// A failure, with everything that the servers sent about it.
///
/// Holds no secret: not the key, not the query of a presigned URL, nothing of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What kind of failure it was.
    pub kind: ErrorKind,
    /// A sentence for people: what failed, on what, why, what to do.
    pub message: String,
    /// What the servers sent, and what else is known. Boxed: most errors have none.
    pub details: Box<Details>,
}

/// The parts of an [`Error`] that only some failures have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// The HTTP status of the refusal.
    pub http_status: Option<u16>,
    /// `error.code` of Linq's envelope.
    pub api_code: Option<u32>,
    /// `<Code>` of S3's error document.
    pub storage_code: Option<String>,
    /// S3's request id, which its support asks for.
    pub storage_request_id: Option<String>,
    /// S3's second id (`x-amz-id-2`), which its support asks for too.
    pub storage_id_2: Option<String>,
    /// Linq's page about this code.
    pub doc_url: Option<String>,
    /// Linq's trace id, which its support asks for.
    pub trace_id: Option<String>,
    /// How long the server asked to wait before another try.
    pub retry_after: Option<Duration>,
    /// How many attempts were made, the last included. 0: it failed before any network.
    pub attempts: u32,
    /// Whether the same call may succeed later without a change.
    pub retryable: bool,
    /// The attachment that had been reserved when it failed.
    pub attachment_id: Option<String>,
    /// The idempotency key of a request that may have been executed although it failed. Sent again with this key, it is
    /// not executed twice.
    pub idempotency_key: Option<String>,
    /// The system's error number (`errno`), if a system call failed.
    pub system_error: Option<i32>,
    /// Whether part of the request was sent, if no response to it was read.
    pub(crate) sent: bool,
    /// Whether the place that it was sent to had just replaced an expired one.
    pub(crate) renewed: bool,
    /// Whether it was given up because the network changed.
    pub(crate) network_changed: bool,
}

impl Details {
    /// Fills in missing details from an earlier attempt.
    pub(crate) fn complete(&mut self, earlier: Details) {
        // No `..`, so that a new field does not compile until it is handled here.
        let Details {
            http_status,
            api_code,
            storage_code,
            storage_request_id,
            storage_id_2,
            doc_url,
            trace_id,
            retry_after,
            attempts: _,
            retryable: _,
            attachment_id,
            idempotency_key,
            system_error,
            sent: _,
            renewed: _,
            network_changed: _,
        } = earlier;
        self.http_status = self.http_status.or(http_status);
        self.api_code = self.api_code.or(api_code);
        self.storage_code = self.storage_code.take().or(storage_code);
        self.storage_request_id = self.storage_request_id.take().or(storage_request_id);
        self.storage_id_2 = self.storage_id_2.take().or(storage_id_2);
        self.doc_url = self.doc_url.take().or(doc_url);
        self.trace_id = self.trace_id.take().or(trace_id);
        self.retry_after = self.retry_after.or(retry_after);
        self.attachment_id = self.attachment_id.take().or(attachment_id);
        self.idempotency_key = self.idempotency_key.take().or(idempotency_key);
        self.system_error = self.system_error.or(system_error);
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), details: Box::default() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::InvalidArgument, message)
    }

    /// Puts what was being done in front of the message.
    pub(crate) fn on(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// Adds the system's error number.
    pub(crate) fn caused_by(mut self, e: &io::Error) -> Self {
        self.details.system_error = e.raw_os_error();
        self
    }

    /// Whether the request may have been executed although it failed. A refusal says that it was not.
    pub(crate) fn may_have_arrived(&self) -> bool {
        match self.details.http_status {
            Some(status) => status == 408 || !(400..500).contains(&status),
            None => self.details.sent,
        }
    }

    pub(crate) fn cancelled() -> Self {
        Error::new(ErrorKind::Cancelled, "the call was cancelled")
    }
}

/// A network failure; a later attempt may succeed.
pub(crate) fn network(message: String) -> Error {
    let mut error = Error::new(ErrorKind::Network, message);
    error.details.retryable = true;
    error
}

/// One of our own time limits passed; a later attempt may be faster.
pub(crate) fn timeout(message: String) -> Error {
    let mut error = Error::new(ErrorKind::Timeout, message);
    error.details.retryable = true;
    error
}

/// A path as it stands in a message: what would steer a terminal, or begin another line, is escaped.
pub(crate) fn shown(path: &Path) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    path.display().to_string().chars().map(escaped).collect()
}

/// The system's text for a failure, without the number, which [`Details::system_error`] has.
pub(crate) fn reason(e: &io::Error) -> String {
    let text = e.to_string();
    let number = e.raw_os_error().map(|number| format!(" (os error {number})")).unwrap_or_default();
    text.strip_suffix(&number).unwrap_or(&text).to_owned()
}
