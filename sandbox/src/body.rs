//! Reading a request's body: counted, hashed, and as slowly or as far as a fault says.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ring::digest::{Context, SHA256};
use tokio::time::{Instant, sleep, sleep_until};

use crate::connection::{CHUNK, Conn};
use crate::fault::Fault;
use crate::fault_list::Faults;
use crate::head::{Framing, Head};
use crate::log::Entry;
use crate::util::hex;

/// Why an exchange ended without a response of ours.
pub enum Stop {
    PeerClosed,
    PeerReset,
    /// A fault held the connection until the peer left or the faults were cleared.
    Held,
}

impl From<io::Error> for Stop {
    fn from(e: io::Error) -> Self {
        match e.kind() {
            io::ErrorKind::UnexpectedEof => Self::PeerClosed,
            _ => Self::PeerReset,
        }
    }
}

impl Stop {
    pub fn name(&self) -> &'static str {
        match self {
            Self::PeerClosed => "peer_closed",
            Self::PeerReset => "peer_reset",
            Self::Held => "held",
        }
    }
}

pub struct BodyReader<'a> {
    pub entry: Arc<Entry>,
    fault: &'a Fault,
    faults: &'a Faults,
    left: u64,
    read: u64,
    hash: Option<Context>,
    /// 100 Continue is owed before the first read.
    owes_100: bool,
    stalled: bool,
    slow_since: Option<Instant>,
}

impl<'a> BodyReader<'a> {
    pub fn new(head: &Head, fault: &'a Fault, faults: &'a Faults, entry: Arc<Entry>) -> Self {
        let left = match head.framing() {
            Framing::Length(n) => n,
            _ => 0,
        };
        let unhashed = fault.respond.as_ref().is_some_and(|r| r.no_hash);
        let owes_100 = head.expects_continue() || fault.late_100.is_some() || fault.two_100;
        let hash = (!unhashed).then(|| Context::new(&SHA256));
        let mut body =
            Self { entry, fault, faults, left, read: 0, hash, owes_100, stalled: false, slow_since: None };
        if left == 0 {
            body.finish();
        }
        body
    }

    /// Bytes that are still to come.
    pub fn left(&self) -> u64 {
        self.left
    }

    pub fn read(&self) -> u64 {
        self.read
    }

    /// The next piece, `None` at the end; never beyond `limit` bytes of the body in all.
    pub async fn next(&mut self, conn: &mut Conn, limit: u64) -> Result<Option<Bytes>, Stop> {
        if self.left == 0 || self.read >= limit {
            return Ok(None);
        }
        if std::mem::take(&mut self.owes_100) {
            self.send_100(conn).await?;
        }
        let max = self.wait(conn).await?.min(limit - self.read);
        if conn.buf.is_empty() && conn.fill(max as usize).await? == 0 {
            return Err(Stop::PeerClosed);
        }
        let n = conn.buf.len().min(max as usize);
        let piece = conn.buf.split_to(n).freeze();
        let before = self.read;
        self.read += n as u64;
        self.left -= n as u64;
        self.entry.body_bytes.store(self.read, Relaxed);
        if let Some(hash) = &mut self.hash {
            hash.update(&piece);
        }
        if let Some(every) = self.fault.key_update
            && before / every.max(1) != self.read / every.max(1)
        {
            conn.update_keys().await?;
        }
        if self.left == 0 {
            self.finish();
        }
        Ok(Some(piece))
    }

    /// Reads and drops up to `limit` bytes of the body.
    pub async fn discard(&mut self, conn: &mut Conn, limit: u64) -> Result<(), Stop> {
        while self.next(conn, limit).await?.is_some() {}
        Ok(())
    }

    /// The whole body, where it is at most `max` bytes long.
    pub async fn collect(&mut self, conn: &mut Conn, max: u64) -> Result<Option<BytesMut>, Stop> {
        if self.left > max {
            return Ok(None);
        }
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next(conn, u64::MAX).await? {
            whole.extend_from_slice(&piece);
        }
        Ok(Some(whole))
    }

    fn finish(&mut self) {
        if let Some(hash) = self.hash.take() {
            self.entry.sha256(hex(hash.finish().as_ref()));
        }
    }

    async fn send_100(&self, conn: &mut Conn) -> Result<(), Stop> {
        if let Some(ms) = self.fault.late_100 {
            sleep(Duration::from_millis(ms)).await;
        }
        for _ in 0..=usize::from(self.fault.two_100) {
            conn.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        Ok(())
    }

    /// Waits as the fault says, and tells how many bytes may be read then.
    async fn wait(&mut self, conn: &mut Conn) -> Result<u64, Stop> {
        let mut max = self.left.min(CHUNK as u64);
        if let Some(at) = self.fault.stall_after
            && !self.stalled
        {
            if self.read >= at {
                self.stalled = true;
                hold(conn, self.faults, self.fault.for_ms).await;
                if self.fault.for_ms.is_none() {
                    return Err(Stop::Held);
                }
            } else {
                max = max.min(at - self.read);
            }
        }
        if let Some(pauses) = self.fault.pauses {
            let every = pauses.every.max(1);
            if self.read > 0 && self.read.is_multiple_of(every) {
                sleep(Duration::from_millis(pauses.ms)).await;
            }
            max = max.min(every - self.read % every);
        }
        if let Some(slow) = self.fault.slow_read {
            if self.read < slow.from {
                return Ok(max.min(slow.from - self.read));
            }
            let since = *self.slow_since.get_or_insert_with(Instant::now);
            let rate = slow.bytes_per_s.max(1);
            let due = (self.read - slow.from) as f64 / rate as f64;
            sleep_until(since + Duration::from_secs_f64(due)).await;
            // About 20 pieces a second.
            max = max.min((rate / 20).max(1));
        }
        Ok(max)
    }
}

/// Keeps the connection without reading, until the peer is gone, the time is over or the faults are cleared.
pub async fn hold(conn: &Conn, faults: &Faults, for_ms: Option<u64>) {
    tokio::select! {
        () = conn.peer_gone() => {}
        () = faults.until_cleared() => {}
        () = sleep(Duration::from_millis(for_ms.unwrap_or(u64::MAX / 2))) => {}
    }
}
