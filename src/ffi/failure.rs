//! Why a call failed, before it becomes an error block for C.

use super::types::*;
use crate::log;
use crate::{Error, ErrorKind, Level};

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// A mistake that only a C caller can make; the text names the argument.
    Argument(String),
    /// An error of the core.
    Core(Error),
    /// A block could not be allocated.
    NoMemory,
    /// A panic in this library that was caught.
    Panic,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Core(error)
    }
}

impl Failure {
    pub(super) fn status(&self) -> linq_status {
        match self {
            Failure::Argument(_) => LINQ_INVALID_ARGUMENT,
            Failure::Core(error) => error.kind as linq_status,
            Failure::NoMemory => LINQ_NO_MEMORY,
            Failure::Panic => LINQ_INTERNAL,
        }
    }

    /// The core's error for what failed in the middle of a call.
    pub(super) fn into_error(self) -> Error {
        match self {
            Failure::Argument(message) => Error::invalid(message),
            Failure::Core(error) => error,
            Failure::NoMemory => Error::new(ErrorKind::NoMemory, "memory ran out"),
            Failure::Panic => Error::new(ErrorKind::Internal, "a bug in liblinq was caught"),
        }
    }

    /// Logs the failure: as an error, or as information if the caller cancelled the call.
    pub(super) fn log(&self) {
        let level = if self.status() == LINQ_CANCELLED { Level::Info } else { Level::Error };
        log::line(level, || match self {
            Failure::Argument(message) => message.clone(),
            Failure::Core(error) => error.message.clone(),
            Failure::NoMemory => "out of memory".to_owned(),
            Failure::Panic => "a bug in liblinq was caught".to_owned(),
        });
    }
}

/// An invalid argument.
pub(super) fn invalid(message: impl Into<String>) -> Failure {
    Failure::Argument(message.into())
}
