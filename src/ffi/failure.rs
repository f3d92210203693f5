//! Why a call has no result, before it becomes an error block of C's.

use super::types::*;
use crate::log;
use crate::{Error, Level};

/// Why a call gave nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// C's own mistakes; the text names the argument.
    Argument(String),
    /// The core's word.
    Core(Error),
    /// A block could not be allocated.
    NoMemory,
    /// A bug in this library, caught.
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

    /// A call that failed is worth a line; one that the caller cancelled is no failure of anybody's.
    pub(super) fn log(&self) {
        let level = if self.status() == LINQ_CANCELLED { Level::Info } else { Level::Error };
        log::line(level, || match self {
            Failure::Argument(message) => message.clone(),
            Failure::Core(error) => error.message.clone(),
            Failure::NoMemory => "memory ran out".to_owned(),
            Failure::Panic => "a bug in liblinq was caught".to_owned(),
        });
    }
}

/// A mistake of the caller's.
pub(super) fn invalid(message: impl Into<String>) -> Failure {
    Failure::Argument(message.into())
}
