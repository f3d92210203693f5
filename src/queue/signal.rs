//! A pipe that holds one byte while an event waits.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::ioctl_fionbio;

pub(super) struct Signal(PipeReader, PipeWriter);

impl Signal {
    pub(super) fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        // Never blocks, even if the host reads the byte although it must not.
        ioctl_fionbio(&reader, true)?;
        ioctl_fionbio(&writer, true)?;
        Ok(Signal(reader, writer))
    }

    /// To be called only while it is not raised.
    pub(super) fn raise(&self) {
        let _ = retry(|| (&self.1).write(&[1]));
    }

    /// To be called only while it is raised.
    pub(super) fn lower(&self) {
        let _ = retry(|| (&self.0).read(&mut [0]));
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn retry(mut act: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match act() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
