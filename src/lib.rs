//! Pre-upload attachments to the Linq messaging API.
//!
//! This is the Rust core of liblinq. Programs in C and every language that can call C use it through
//! `include/linq.h`; Rust programs may use it directly:
//!
//! ```no_run
//! use linq::{Client, Config, Source, UploadOptions};
//! use std::path::Path;
//!
//! let client = Client::new(Config::default())?; // the key from LINQ_API_V3_API_KEY
//! let photo = client.upload(Source::Path(Path::new("photo.jpg")), UploadOptions::default())?;
//! println!("{}", photo.attachment_id);
//! # Ok::<(), linq::Error>(())
//! ```
#![deny(missing_docs, unsafe_code)]

#[cfg(not(unix))]
compile_error!("liblinq supports Linux, Android, macOS and iOS; see the platforms in README.md");

#[cfg(all(feature = "capi", panic = "abort"))]
compile_error!(
    "liblinq's C library needs panic = \"unwind\": a panic must become LINQ_INTERNAL, not an abort"
);

mod api;
mod attachment;
mod attempt;
mod call;
mod cancel;
mod certificates;
mod client;
mod clock;
mod content_type;
mod crypto;
mod declare;
mod error;
#[cfg(feature = "capi")]
mod ffi;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod host;
mod http;
mod json;
mod log;
mod message;
mod network;
mod page;
mod presign;
mod process;
mod queue;
mod random;
mod redact;
mod refusal;
mod report;
mod request;
mod retry;
mod source;
mod storage_error;
mod stored;
#[allow(unsafe_code)]
mod sys;
mod upload;
mod zeroizing;

pub use attachment::{Attachment, AttachmentInfo};
pub use call::Progress;
pub use cancel::CancelToken;
pub use client::{
    API_KEY_VARIABLE, BASE_URL_VARIABLE, CallOptions, Client, Config, DEFAULT_BASE_URL, UploadOptions,
};
pub use content_type::content_type;
pub use error::{Details, Error, ErrorKind};
pub use log::{Level, set_log};
pub use message::{Message, Receipt};
pub use presign::{FileInfo, Presigned, Renew};
pub use queue::{Event, EventKind, Queue, QueuedSource, QueuedUpload};
pub use report::{AttemptReport, Observer, Step};
pub use request::{Request, Response};
pub use source::{MAX_SIZE, Reader, Source};
