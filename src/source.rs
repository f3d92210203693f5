//! Where the bytes come from: a file, a descriptor, memory, or a reader. Always an exact length, and never a change
//! that goes unnoticed.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use crate::content_type::{FURTHER, HEAD, probe};
use crate::error::{Error, ErrorKind, reason};

/// The API takes files of 1 byte up to this: "100MB" in its documents means MiB.
pub const MAX_SIZE: u64 = 104_857_600;

/// How far into a reader a closer look may go: it is read again from the start afterwards.
const LOOK_AHEAD: u64 = 1 << 20;

/// Bytes of somebody's file: overwritten before they are released.
type Contents = Zeroizing<Vec<u8>>;

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

/// A reader that may be able to begin again.
pub trait Reader {
    /// Reads the next bytes; 0 at the end. Returning more than `buffer` holds is an error.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Whether [`rewind`](Self::rewind) works. One that cannot is not tried again once its bytes were sent, and not
    /// looked into beyond its first 4 KiB to tell what it is.
    fn can_rewind(&self) -> bool {
        false
    }

    /// Begins again at the first byte.
    fn rewind(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A body of a known length, read as it is sent.
pub(crate) trait Stream {
    /// How many bytes there are.
    fn length(&self) -> u64;
    /// The next bytes; never none before `length` of them were given. Checks what it can about the source before it
    /// gives the last.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error>;
    /// Begins again at the first byte; `false` where that cannot be done.
    fn rewind(&mut self) -> Result<bool, Error>;
    /// Whether `rewind` will work after all of it was read.
    fn can_rewind(&self) -> bool;
}

/// A source that was opened and looked at.
pub(crate) struct Opened<'a> {
    /// What messages call it.
    name: String,
    kind: Kind<'a>,
    size: u64,
    position: u64,
}

enum Kind<'a> {
    /// `path`: where it was found, if by a path. `seen`: what it was then.
    File {
        file: File,
        path: Option<&'a Path>,
        offset: u64,
        seen: Metadata,
    },
    Bytes(&'a [u8]),
    /// `head` was read before there was anywhere to send it; `taken` counts what the reader has given in all.
    Reader {
        reader: &'a mut dyn Reader,
        head: Contents,
        taken: u64,
    },
}

impl<'a> Source<'a> {
    /// The file's own name, where there is one.
    pub(crate) fn file_name(&self) -> Option<&'a OsStr> {
        match self {
            Source::Path(path) => path.file_name(),
            _ => None,
        }
    }

    /// Opens it and checks what can be checked before any network.
    pub(crate) fn open(self) -> Result<Opened<'a>, Error> {
        let (name, kind, size) = match self {
            Source::Path(path) => open_path(path)?,
            Source::Descriptor { fd, offset, length } => open_descriptor(fd, offset, length)?,
            Source::Bytes(bytes) => ("the data".to_owned(), Kind::Bytes(bytes), bytes.len() as u64),
            Source::Reader { reader, size } => (
                "the reader".to_owned(),
                Kind::Reader { reader, head: Zeroizing::new(Vec::new()), taken: 0 },
                size,
            ),
        };
        check_size(&name, size)?;
        Ok(Opened { name, kind, size, position: 0 })
    }
}

/// 1 to [`MAX_SIZE`].
pub(crate) fn check_size(name: &str, size: u64) -> Result<(), Error> {
    let why = match size {
        0 => "is empty".to_owned(),
        1..=MAX_SIZE => return Ok(()),
        _ => format!("has {size} bytes"),
    };
    let message = format!("{name} {why}; Linq takes files of 1 to {MAX_SIZE} bytes");
    Err(Error::new(ErrorKind::Unsupported, message))
}

fn open_path(path: &Path) -> Result<(String, Kind<'_>, u64), Error> {
    if path.as_os_str().is_empty() {
        return Err(file_error("the path is empty; give that of a file"));
    }
    let name = path.display().to_string();
    // A FIFO without a writer would otherwise hold the call for ever, and a terminal become the host's own.
    let flags = libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file.map_err(|e| failed(format!("{name} cannot be opened"), &e))?;
    let seen = look(&name, &file)?;
    if !seen.is_file() {
        return Err(file_error(&format!("{name} is {}, not a regular file", kind_of(&seen))));
    }
    let size = seen.len();
    Ok((name, Kind::File { file, path: Some(path), offset: 0, seen }, size))
}

fn open_descriptor(
    fd: BorrowedFd<'_>,
    offset: u64,
    length: Option<u64>,
) -> Result<(String, Kind<'_>, u64), Error> {
    let name = "the descriptor".to_owned();
    // A descriptor of our own for the same open file: nothing below has to care who owns it.
    let file = fd.try_clone_to_owned().map(File::from);
    let file = file.map_err(|e| failed(format!("{name} cannot be used"), &e))?;
    let seen = look(&name, &file)?;
    if !seen.is_file() {
        return Err(file_error(&format!("{name} is {}, not a regular file", kind_of(&seen))));
    }
    let rest = seen.len().checked_sub(offset);
    let rest = rest.ok_or_else(|| file_error(&format!("the file of {name} ends before offset {offset}")))?;
    let size = length.unwrap_or(rest);
    if size > rest {
        let message = format!("the file of {name} has {rest} bytes from offset {offset} on, not {size}");
        return Err(file_error(&message));
    }
    Ok((name, Kind::File { file, path: None, offset, seen }, size))
}

impl<'a> Opened<'a> {
    /// The bytes at the start, and those a closer look needs: see [`probe`]. `check` fails once the call is over.
    pub(crate) fn peek(
        &mut self,
        check: impl Fn() -> Result<(), Error>,
    ) -> Result<(Contents, Contents), Error> {
        let wanted = HEAD.min(usize::try_from(self.size).unwrap_or(HEAD));
        let head = if let Kind::Reader { .. } = &self.kind {
            self.read_head(wanted)?
        } else {
            let mut head = Zeroizing::new(vec![0; wanted]);
            self.read_at(&mut head, 0)?;
            head
        };
        let further = probe(&head, self.size, |at| {
            let length = self.size.saturating_sub(at).min(FURTHER as u64) as usize;
            let mut further = Zeroizing::new(vec![0; length]);
            let seen = match &self.kind {
                _ if length == 0 => false,
                Kind::Reader { .. } => self.look_ahead(&mut further, at, &check)?,
                _ => self.read_at(&mut further, at).map(|()| true)?,
            };
            Ok(if seen { further } else { Contents::default() })
        })?;
        Ok((head, further))
    }

    /// Reads a reader on to `position`, fills `buffer` from there, and begins again. Where it cannot begin again, or all
    /// of it was read already, it is left alone.
    fn look_ahead(
        &mut self,
        buffer: &mut [u8],
        position: u64,
        check: &dyn Fn() -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let Kind::Reader { reader, head, taken } = &mut self.kind else { return Ok(false) };
        // Before anything is read that could not be had again: one that says it can may still fail.
        if self.size <= HEAD as u64
            || position > LOOK_AHEAD
            || !reader.can_rewind()
            || reader.rewind().is_err()
        {
            return Ok(false);
        }
        head.clear();
        *taken = 0;
        let mut passed = Zeroizing::new(vec![0; HEAD]);
        let mut left = position;
        while left > 0 {
            check()?;
            let room = passed.len().min(usize::try_from(left).unwrap_or(HEAD));
            left -= self.ask(&mut passed[..room])? as u64;
        }
        let mut filled = 0;
        while filled < buffer.len() {
            filled += self.ask(&mut buffer[filled..])?;
        }
        self.rewind()
    }

    /// Calls it by the name that it is declared under.
    pub(crate) fn rename(&mut self, name: &str) {
        if !matches!(&self.kind, Kind::File { path: Some(_), .. }) {
            self.name = name.to_owned();
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Whether another attempt can send it from its first byte: it can rewind, or nothing was read that is not kept.
    pub(crate) fn can_repeat(&self) -> bool {
        match &self.kind {
            Kind::Reader { reader, head, taken } => reader.can_rewind() || *taken <= head.len() as u64,
            _ => true,
        }
    }

    fn read_head(&mut self, wanted: usize) -> Result<Contents, Error> {
        let mut buffer = Zeroizing::new(vec![0; wanted]);
        let mut filled = 0;
        while filled < wanted {
            filled += self.ask(&mut buffer[filled..])?;
        }
        if let Kind::Reader { head, .. } = &mut self.kind {
            head.clone_from(&buffer);
        }
        Ok(buffer)
    }

    /// Asks the reader; it gives at least one byte or fails.
    fn ask(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let Kind::Reader { reader, taken, .. } = &mut self.kind else { return Ok(0) };
        let (name, size) = (&self.name, self.size);
        let n = reader.read(buffer).map_err(|e| failed(format!("{name} cannot be read"), &e))?;
        if n > buffer.len() {
            let room = buffer.len();
            return Err(file_error(&format!("{name} claims to have read {n} bytes into a buffer of {room}")));
        }
        if n == 0 {
            return Err(file_error(&format!("{name} ended after {taken} of the {size} bytes declared")));
        }
        *taken += n as u64;
        Ok(n)
    }

    /// Fills `buffer` from the file or the bytes at `position`.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> Result<(), Error> {
        match &self.kind {
            Kind::Bytes(bytes) => {
                let at = position as usize;
                buffer.copy_from_slice(&bytes[at..at + buffer.len()]);
            }
            Kind::File { file, offset, .. } => {
                let mut filled = 0;
                while filled < buffer.len() {
                    let at = offset + position + filled as u64;
                    match file.read_at(&mut buffer[filled..], at) {
                        Ok(0) => return Err(self.changed("became shorter")),
                        Ok(n) => filled += n,
                        Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                        Err(e) => {
                            return Err(failed(format!("{} cannot be read", self.name), &e));
                        }
                    }
                }
            }
            Kind::Reader { .. } => {}
        }
        Ok(())
    }

    fn changed(&self, how: &str) -> Error {
        file_error(&format!(
            "{} {how} while it was being sent; upload it again when it is finished",
            self.name
        ))
    }

    /// What the source can tell of itself before its last bytes are given: it is still what was opened.
    fn verify(&mut self) -> Result<(), Error> {
        match &mut self.kind {
            Kind::Bytes(_) => Ok(()),
            Kind::Reader { reader, .. } => {
                let more = reader.read(&mut [0]);
                match more.map_err(|e| failed(format!("{} cannot be read", self.name), &e))? {
                    0 => Ok(()),
                    _ => Err(file_error(&format!(
                        "{} has more than the {} bytes declared",
                        self.name, self.size
                    ))),
                }
            }
            Kind::File { file, path, seen, .. } => {
                let now = look(&self.name, file)?;
                let stamp = |file: &Metadata| (file.mtime(), file.mtime_nsec());
                let how = match now.len().cmp(&seen.len()) {
                    Ordering::Less => Some("became shorter"),
                    Ordering::Greater => Some("grew"),
                    Ordering::Equal if stamp(&now) != stamp(seen) => Some("was modified"),
                    Ordering::Equal if path.is_some_and(|path| was_replaced(path, seen)) => {
                        Some("was replaced")
                    }
                    Ordering::Equal => None,
                };
                how.map_or(Ok(()), |how| Err(self.changed(how)))
            }
        }
    }
}

impl Stream for Opened<'_> {
    fn length(&self) -> u64 {
        self.size
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let left = self.size - self.position;
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = &mut buffer[..room];
        let n = match &self.kind {
            Kind::Reader { head, .. } if self.position < head.len() as u64 => {
                let rest = &head[self.position as usize..];
                let n = rest.len().min(room);
                buffer[..n].copy_from_slice(&rest[..n]);
                n
            }
            Kind::Reader { .. } => self.ask(buffer)?,
            _ => {
                self.read_at(buffer, self.position)?;
                room
            }
        };
        self.position += n as u64;
        if self.position == self.size {
            self.verify()?;
        }
        Ok(n)
    }

    fn can_rewind(&self) -> bool {
        match &self.kind {
            // What was peeked at is kept; where that is all of it, the reader is not needed again.
            Kind::Reader { reader, head, .. } => reader.can_rewind() || head.len() as u64 == self.size,
            _ => true,
        }
    }

    fn rewind(&mut self) -> Result<bool, Error> {
        if let Kind::Reader { reader, head, taken } = &mut self.kind
            && *taken > head.len() as u64
        {
            if !reader.can_rewind() {
                return Ok(false);
            }
            reader.rewind().map_err(|e| failed(format!("{} cannot be rewound", self.name), &e))?;
            head.clear();
            *taken = 0;
        }
        self.position = 0;
        Ok(true)
    }
}

/// Whether the path now names another file. A file that was only deleted meanwhile is whole.
fn was_replaced(path: &Path, seen: &Metadata) -> bool {
    std::fs::metadata(path).is_ok_and(|now| (now.dev(), now.ino()) != (seen.dev(), seen.ino()))
}

fn look(name: &str, file: &File) -> Result<Metadata, Error> {
    file.metadata().map_err(|e| failed(format!("{name} cannot be looked at"), &e))
}

fn kind_of(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    match kind {
        _ if kind.is_dir() => "a directory",
        _ if kind.is_fifo() => "a FIFO",
        _ if kind.is_char_device() || kind.is_block_device() => "a device",
        _ if kind.is_socket() => "a socket",
        _ => "something else",
    }
}

/// The system, or the caller's reader, failed.
fn failed(what: String, e: &io::Error) -> Error {
    let why = match e.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => reason(e),
    };
    file_error(&format!("{what}: {why}")).caused_by(e)
}

fn file_error(message: &str) -> Error {
    Error::new(ErrorKind::File, message)
}

#[cfg(test)]
mod tests;
