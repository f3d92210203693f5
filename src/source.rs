//! Where the bytes come from: a file, a descriptor, memory, or a reader. The length is always exact, and a change while
//! sending is always detected.

mod error;
mod file;
mod reader;

use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::path::Path;

use crate::content_type::{FURTHER, HEAD, probe};
use crate::error::{Error, ErrorKind};
use crate::zeroizing::ZeroizingBytes;
use file::FileSource;
#[cfg(feature = "capi")]
pub(crate) use file::duplicate;
pub use reader::Reader;
use reader::ReaderSource;

/// The API takes files of 1 byte up to this: "100MB" in its documents means MiB.
pub const MAX_SIZE: u64 = 104_857_600;

/// Bytes of somebody's file: overwritten before they are released.
type Contents = ZeroizingBytes;

/// What to upload.
pub enum Source<'a> {
    /// A file on disk, opened once. Must be a regular file; symbolic links are followed.
    Path(&'a Path),
    /// Part of an open regular file, read from `offset` without moving the descriptor's own position.
    Descriptor {
        /// The open file. Borrowed for the call.
        fd: BorrowedFd<'a>,
        /// The first byte to send.
        offset: u64,
        /// How many bytes to send; `None`: up to the end of the file.
        length: Option<u64>,
    },
    /// Bytes in memory.
    Bytes(&'a [u8]),
    /// Bytes from a reader.
    Reader {
        /// Gives the bytes.
        reader: &'a mut dyn Reader,
        /// Exactly how many bytes the reader will give.
        size: u64,
    },
}

/// A body of a known length, read as it is sent.
pub(crate) trait Stream {
    /// How many bytes there are.
    fn length(&self) -> u64;
    /// Reads the next bytes; never 0 of them before the end. Checks the source, as far as it can, before it returns the
    /// last.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error>;
    /// Begins again at the first byte; `false` if that is not possible.
    fn rewind(&mut self) -> Result<bool, Error>;
    /// Whether `rewind` will work after all of it was read.
    fn can_rewind(&self) -> bool;
}

/// A source that was opened and checked.
pub(crate) struct Opened<'a> {
    kind: Kind<'a>,
    size: u64,
    position: u64,
}

enum Kind<'a> {
    File(FileSource<'a>),
    Bytes(&'a [u8]),
    Reader(ReaderSource<'a>),
}

impl<'a> Source<'a> {
    /// The file's own name, if it has one.
    pub(crate) fn file_name(&self) -> Option<&'a OsStr> {
        match self {
            Source::Path(path) => path.file_name(),
            _ => None,
        }
    }

    /// Opens it and checks what can be checked before any network.
    pub(crate) fn open(self) -> Result<Opened<'a>, Error> {
        let kind = match self {
            Source::Path(path) => Kind::File(FileSource::by_path(path)?),
            Source::Descriptor { fd, offset, length } => {
                Kind::File(FileSource::by_descriptor(fd, offset, length)?)
            }
            Source::Bytes(bytes) => Kind::Bytes(bytes),
            Source::Reader { reader, size } => Kind::Reader(ReaderSource::new(reader, size)),
        };
        let size = kind.size();
        check_size(kind.name(), size)?;
        Ok(Opened { kind, size, position: 0 })
    }
}

impl Kind<'_> {
    fn size(&self) -> u64 {
        match self {
            Kind::File(file) => file.size,
            Kind::Bytes(bytes) => bytes.len() as u64,
            Kind::Reader(reader) => reader.size,
        }
    }

    /// What messages call it.
    fn name(&self) -> &str {
        match self {
            Kind::File(file) => &file.name,
            Kind::Bytes(_) => "the data",
            Kind::Reader(reader) => &reader.name,
        }
    }
}

/// 1 to [`MAX_SIZE`].
pub(crate) fn check_size(name: &str, size: u64) -> Result<(), Error> {
    let why = match size {
        0 => "is empty".to_owned(),
        1..=MAX_SIZE => return Ok(()),
        // Rounded up, or a byte too many would look like none.
        _ => format!("has {size} bytes ({:.1} MiB)", (size as f64 / 1024.0 / 1024.0 * 10.0).ceil() / 10.0),
    };
    let message = format!("{name} {why}; Linq takes files of 1 byte to 100 MiB");
    Err(Error::new(ErrorKind::Unsupported, message))
}

impl Opened<'_> {
    /// The bytes at the start, and those that [`probe`] needs further on. `check` fails once the call is over.
    pub(crate) fn peek(
        &mut self,
        check: impl Fn() -> Result<(), Error>,
    ) -> Result<(Contents, Contents), Error> {
        let size = self.size;
        let length = |at: u64, limit: usize| size.saturating_sub(at).min(limit as u64) as usize;
        let head = match &mut self.kind {
            Kind::Reader(reader) => reader.read_head(length(0, HEAD))?,
            Kind::File(file) => at_position(file, 0, length(0, HEAD))?,
            Kind::Bytes(bytes) => Contents::new(bytes[..length(0, HEAD)].to_vec()),
        };
        let further = probe(&head, size, |at| match (&mut self.kind, length(at, FURTHER)) {
            (_, 0) => Ok(Contents::default()),
            (Kind::Reader(reader), length) => reader.look_ahead(at, length, &check),
            (Kind::File(file), length) => at_position(file, at, length),
            (Kind::Bytes(bytes), length) => Ok(Contents::new(part(bytes, at, length).to_vec())),
        })?;
        Ok((head, further))
    }

    /// Calls it by the name that it is declared under.
    pub(crate) fn rename(&mut self, name: &str) {
        match &mut self.kind {
            Kind::File(file) => file.rename(name),
            Kind::Bytes(_) => {} // nothing is said of them once they are open
            Kind::Reader(reader) => reader.name = name.to_owned(),
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Whether another attempt can send it from its first byte.
    pub(crate) fn can_repeat(&self) -> bool {
        match &self.kind {
            Kind::Reader(reader) => reader.can_repeat(),
            Kind::File(_) | Kind::Bytes(_) => true,
        }
    }
}

fn at_position(file: &FileSource<'_>, position: u64, length: usize) -> Result<Contents, Error> {
    let mut contents = Contents::new(vec![0; length]);
    file.read_at(&mut contents, position)?;
    Ok(contents)
}

fn part(bytes: &[u8], position: u64, length: usize) -> &[u8] {
    &bytes[position as usize..][..length]
}

impl Stream for Opened<'_> {
    fn length(&self) -> u64 {
        self.size
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let left = self.size - self.position;
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = &mut buffer[..room];
        let n = match &mut self.kind {
            Kind::File(file) => file.read_at(buffer, self.position).map(|()| room)?,
            Kind::Bytes(bytes) => {
                buffer.copy_from_slice(part(bytes, self.position, room));
                room
            }
            Kind::Reader(reader) => reader.read(buffer, self.position)?,
        };
        self.position += n as u64;
        if self.position == self.size {
            match &mut self.kind {
                Kind::File(file) => file.check_unchanged()?,
                Kind::Bytes(_) => {} // borrowed, so they cannot change
                Kind::Reader(reader) => reader.check_end()?,
            }
        }
        Ok(n)
    }

    fn can_rewind(&self) -> bool {
        match &self.kind {
            Kind::Reader(reader) => reader.can_rewind(),
            Kind::File(_) | Kind::Bytes(_) => true,
        }
    }

    fn rewind(&mut self) -> Result<bool, Error> {
        let rewound = match &mut self.kind {
            Kind::Reader(reader) => reader.rewind()?,
            Kind::File(_) | Kind::Bytes(_) => true,
        };
        if rewound {
            self.position = 0;
        }
        Ok(rewound)
    }
}

#[cfg(test)]
mod tests;
