//! The errors of sources.

use std::io;

use crate::error::{Error, ErrorKind, reason};

pub(super) fn file_error(message: String) -> Error {
    Error::new(ErrorKind::File, message)
}

/// The system, or the caller's reader, failed.
pub(super) fn failed(what: String, e: &io::Error) -> Error {
    let why = match e.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => reason(e),
    };
    file_error(format!("{what}: {why}")).caused_by(e)
}
