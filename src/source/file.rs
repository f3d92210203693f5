//! A file as a source, opened by its path or given as a descriptor.

use std::cmp::Ordering;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::error::{failed, file_error};
use crate::error::{Error, shown};

/// A descriptor of our own for the same open file.
pub(crate) fn duplicate(fd: BorrowedFd<'_>) -> Result<OwnedFd, Error> {
    fd.try_clone_to_owned().map_err(|e| failed("the descriptor cannot be used".to_owned(), &e))
}

/// An open regular file, or a part of one.
pub(super) struct FileSource<'a> {
    /// What messages call it.
    pub(super) name: String,
    file: File,
    path: Option<&'a Path>,
    offset: u64,
    pub(super) size: u64,
    /// The metadata when it was opened.
    opened: Metadata,
}

impl<'a> FileSource<'a> {
    pub(super) fn by_path(path: &'a Path) -> Result<Self, Error> {
        if path.as_os_str().is_empty() {
            return Err(file_error("the path is empty; give that of a file".to_owned()));
        }
        let name = shown(path);
        // Without these flags a FIFO without a writer would block the call, and a terminal could become the host's own.
        let flags = libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_NOCTTY;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
        let file = file.map_err(|e| failed(format!("{name} cannot be opened"), &e))?;
        let opened = regular(&name, &file, "")?;
        Ok(FileSource { name, file, path: Some(path), offset: 0, size: opened.len(), opened })
    }

    pub(super) fn by_descriptor(fd: BorrowedFd<'_>, offset: u64, length: Option<u64>) -> Result<Self, Error> {
        let name = "the descriptor".to_owned();
        // A descriptor of our own for the same open file, so that a `File` can own it.
        let file = File::from(duplicate(fd)?);
        let opened = regular(&name, &file, "; use a reader instead")?;
        let rest = opened.len().checked_sub(offset);
        let rest =
            rest.ok_or_else(|| file_error(format!("the file of {name} ends before offset {offset}")))?;
        let size = length.unwrap_or(rest);
        if size > rest {
            let message = format!("the file of {name} has {rest} bytes from offset {offset} on, not {size}");
            return Err(file_error(message));
        }
        Ok(FileSource { name, file, path: None, offset, size, opened })
    }

    /// Messages call it by the name that it is declared under, unless it has a path.
    pub(super) fn rename(&mut self, name: &str) {
        if self.path.is_none() {
            self.name = name.to_owned();
        }
    }

    /// Fills `buffer` from `position`.
    pub(super) fn read_at(&self, buffer: &mut [u8], position: u64) -> Result<(), Error> {
        let mut filled = 0;
        while filled < buffer.len() {
            let at = self.offset + position + filled as u64;
            match self.file.read_at(&mut buffer[filled..], at) {
                Ok(0) => return Err(self.changed("became shorter")),
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(failed(format!("{} cannot be read", self.name), &e)),
            }
        }
        Ok(())
    }

    /// Fails if it is not as it was when it was opened.
    pub(super) fn check_unchanged(&self) -> Result<(), Error> {
        let now = metadata(&self.name, &self.file)?;
        let modified = |file: &Metadata| (file.mtime(), file.mtime_nsec());
        match now.len().cmp(&self.opened.len()) {
            Ordering::Less => Err(self.changed("became shorter")),
            Ordering::Greater => Err(self.changed("grew")),
            Ordering::Equal if modified(&now) != modified(&self.opened) => Err(self.changed("was modified")),
            Ordering::Equal if self.was_replaced() => Err(self.changed("was replaced")),
            Ordering::Equal => Ok(()),
        }
    }

    /// Whether the path now names another file. A file that was only deleted can still be read whole.
    fn was_replaced(&self) -> bool {
        let now = self.path.and_then(|path| std::fs::metadata(path).ok());
        now.is_some_and(|now| (now.dev(), now.ino()) != (self.opened.dev(), self.opened.ino()))
    }

    fn changed(&self, how: &str) -> Error {
        let advice = "upload it again when it is finished";
        file_error(format!("{} {how} while it was being sent; {advice}", self.name))
    }
}

fn metadata(name: &str, file: &File) -> Result<Metadata, Error> {
    file.metadata().map_err(|e| failed(format!("{name} cannot be looked at"), &e))
}

/// The metadata of what must be a regular file.
fn regular(name: &str, file: &File, advice: &str) -> Result<Metadata, Error> {
    let metadata = metadata(name, file)?;
    if metadata.is_file() {
        return Ok(metadata);
    }
    let kind = metadata.file_type();
    let kind = match kind {
        _ if kind.is_dir() => "a directory",
        _ if kind.is_fifo() => "a FIFO",
        _ if kind.is_char_device() || kind.is_block_device() => "a device",
        _ if kind.is_socket() => "a socket",
        _ => "something else",
    };
    Err(file_error(format!("{name} is {kind}, not a regular file{advice}")))
}
