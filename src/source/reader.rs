//! A reader of the caller's as a source.

use std::io;

use super::error::{failed, file_error};
use crate::content_type::HEAD;
use crate::error::Error;
use crate::zeroizing::ZeroizingBytes;

/// How far `look_ahead` may read into a reader, all of which is read again afterwards.
pub(super) const LOOK_AHEAD: u64 = 1 << 20;

/// A reader that may be able to begin again.
pub trait Reader {
    /// Reads the next bytes; 0 at the end. Returning more than `buffer` holds is an error.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Whether [`rewind`](Self::rewind) works. If not, an upload is not retried once bytes beyond the first 4 KiB were
    /// read, and its type is detected from those 4 KiB.
    fn can_rewind(&self) -> bool {
        false
    }

    /// Begins again at the first byte.
    fn rewind(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A reader, and its first bytes, which are read before there is anywhere to send them.
pub(super) struct ReaderSource<'a> {
    /// What messages call it.
    pub(super) name: String,
    reader: &'a mut dyn Reader,
    pub(super) size: u64,
    /// Read, and not yet sent.
    head: ZeroizingBytes,
    /// How many bytes the reader has returned since its start.
    taken: u64,
}

impl<'a> ReaderSource<'a> {
    pub(super) fn new(reader: &'a mut dyn Reader, size: u64) -> Self {
        ReaderSource {
            name: "the reader".to_owned(),
            reader,
            size,
            head: ZeroizingBytes::default(),
            taken: 0,
        }
    }

    /// Reads the first bytes, and keeps them.
    pub(super) fn read_head(&mut self, length: usize) -> Result<ZeroizingBytes, Error> {
        let mut head = ZeroizingBytes::new(vec![0; length]);
        self.fill(&mut head)?;
        self.head.clone_from(&head);
        Ok(head)
    }

    /// Reads `length` bytes from `position` on, and begins again. Reads nothing if it cannot begin again, or if `head`
    /// is all there is.
    pub(super) fn look_ahead(
        &mut self,
        position: u64,
        length: usize,
        check: impl Fn() -> Result<(), Error>,
    ) -> Result<ZeroizingBytes, Error> {
        let mut found = ZeroizingBytes::default();
        if self.size <= HEAD as u64 || position > LOOK_AHEAD || !self.reader.can_rewind() {
            return Ok(found);
        }
        // Tried before more is read, because a reader that says it can rewind may still fail.
        if self.reader.rewind().is_err() {
            return Ok(found);
        }
        self.head.clear();
        self.taken = 0;
        let mut skipped = ZeroizingBytes::new(vec![0; HEAD]);
        while self.taken < position {
            check()?;
            let left = usize::try_from(position - self.taken).unwrap_or(HEAD);
            self.read_some(&mut skipped[..left.min(HEAD)])?;
        }
        found.resize(length, 0);
        self.fill(&mut found)?;
        self.rewind()?;
        Ok(found)
    }

    /// Reads on from `position`: what was read before, then from the reader. At least one byte, or fails.
    pub(super) fn read(&mut self, buffer: &mut [u8], position: u64) -> Result<usize, Error> {
        let kept = usize::try_from(position).ok().and_then(|at| self.head.get(at..)).unwrap_or_default();
        if kept.is_empty() {
            return self.read_some(buffer);
        }
        let n = kept.len().min(buffer.len());
        buffer[..n].copy_from_slice(&kept[..n]);
        Ok(n)
    }

    /// Fails unless the reader is at its end.
    pub(super) fn check_end(&mut self) -> Result<(), Error> {
        let (name, size) = (&self.name, self.size);
        match self.reader.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(file_error(format!("{name} has more than the {size} bytes declared"))),
            Err(e) => Err(failed(format!("{name} cannot be read"), &e)),
        }
    }

    /// Whether another attempt can send it from its first byte: it can rewind, or nothing was read that is not kept.
    pub(super) fn can_repeat(&self) -> bool {
        self.reader.can_rewind() || self.taken <= self.head.len() as u64
    }

    /// Whether it can be sent again after all of it was read: it can rewind, or all of it is kept.
    pub(super) fn can_rewind(&self) -> bool {
        self.reader.can_rewind() || self.head.len() as u64 == self.size
    }

    /// Begins again at the first byte; `false` if that is not possible.
    pub(super) fn rewind(&mut self) -> Result<bool, Error> {
        if self.taken <= self.head.len() as u64 {
            return Ok(true);
        }
        if !self.reader.can_rewind() {
            return Ok(false);
        }
        self.reader.rewind().map_err(|e| failed(format!("{} cannot be rewound", self.name), &e))?;
        self.head.clear();
        self.taken = 0;
        Ok(true)
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        let mut filled = 0;
        while filled < buffer.len() {
            filled += self.read_some(&mut buffer[filled..])?;
        }
        Ok(())
    }

    /// Reads at least one byte, or fails.
    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let (name, size, taken) = (&self.name, self.size, self.taken);
        let n = self.reader.read(buffer).map_err(|e| failed(format!("{name} cannot be read"), &e))?;
        if n > buffer.len() {
            let room = buffer.len();
            return Err(file_error(format!("{name} claims to have read {n} bytes into a buffer of {room}")));
        }
        if n == 0 {
            return Err(file_error(format!("{name} ended after {taken} of the {size} bytes declared")));
        }
        self.taken += n as u64;
        Ok(n)
    }
}
