//! Detects stalls: notes when bytes last moved between here and the peer, and computes when that is too long ago.
//!
//! The clock is passed in.

use std::time::{Duration, Instant};

pub(super) struct Stall {
    timeout: Duration,
    moved_at: Instant,
    acknowledged: u64,
    /// Since when TLS records come without content.
    records_since: Option<Instant>,
    /// When the final response began.
    answer_since: Option<Instant>,
}

impl Stall {
    /// `acknowledged`: how many bytes the peer of this connection may have acknowledged before.
    pub(super) fn new(timeout: Duration, acknowledged: u64, now: Instant) -> Self {
        Stall { timeout, moved_at: now, acknowledged, records_since: None, answer_since: None }
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The kernel accepted bytes, or content arrived.
    pub(super) fn moved(&mut self, now: Instant) {
        self.moved_at = now;
        self.records_since = None;
    }

    /// TLS records without content arrived. They put off a stall for one timeout, not for ever.
    pub(super) fn records(&mut self, now: Instant) {
        let since = *self.records_since.get_or_insert(now);
        if now.saturating_duration_since(since) < self.timeout {
            self.moved_at = now;
        }
    }

    /// The peer has acknowledged so many bytes; the last sample was taken `ago`.
    pub(super) fn acknowledged(&mut self, bytes: u64, ago: Duration, now: Instant) {
        if bytes > self.acknowledged {
            self.acknowledged = bytes;
            // They moved at some moment since the last sample; the middle is a good guess.
            self.moved(self.moved_at.max(now.checked_sub(ago / 2).unwrap_or(now)));
        }
    }

    /// Call after each read; `begins`: bytes follow the 1xx heads.
    pub(super) fn response(&mut self, begins: bool, now: Instant) {
        self.answer_since = begins.then(|| self.answer_since.unwrap_or(now));
    }

    /// The host's own code ran for `took`, which does not count as a stall.
    pub(super) fn exclude(&mut self, took: Duration) {
        self.moved_at += took;
        self.answer_since = self.answer_since.map(|since| since + took);
    }

    /// When the connection will have stalled, if nothing moves.
    pub(super) fn stalls_at(&self) -> Option<Instant> {
        self.moved_at.checked_add(self.timeout)
    }

    /// When the response will have taken too long. It is small, but a byte now and then would otherwise keep the call
    /// waiting for hours.
    pub(super) fn answer_late_at(&self) -> Option<Instant> {
        self.answer_since?.checked_add(self.timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_counts_as_movement() {
        let start = Instant::now();
        let at = |seconds: u32| start + SECOND * seconds;
        let mut stall = Stall::new(SECOND * 10, 100, start);
        assert_eq!(stall.stalls_at(), Some(at(10)));
        stall.acknowledged(100, SECOND, at(5));
        assert_eq!(stall.stalls_at(), Some(at(10)));
        stall.acknowledged(101, SECOND * 2, at(6));
        assert_eq!(stall.stalls_at(), Some(at(15)));
        stall.acknowledged(102, SECOND * 6, at(7)); // not before what was seen already
        assert_eq!(stall.stalls_at(), Some(at(15)));
        stall.moved(at(9));
        stall.exclude(SECOND * 3);
        assert_eq!(stall.stalls_at(), Some(at(22)));
    }

    #[test]
    fn records_without_content_put_a_stall_off_once() {
        let start = Instant::now();
        let at = |seconds: u32| start + SECOND * seconds;
        let mut stall = Stall::new(SECOND * 10, 0, start);
        for second in 5..100 {
            stall.records(at(second));
        }
        assert_eq!(stall.stalls_at(), Some(at(14 + 10)));
        stall.moved(at(100));
        stall.records(at(105));
        assert_eq!(stall.stalls_at(), Some(at(115)));
    }

    #[test]
    fn an_answer_has_as_long_as_a_stall() {
        let start = Instant::now();
        let at = |seconds: u32| start + SECOND * seconds;
        let mut stall = Stall::new(SECOND * 10, 0, start);
        assert_eq!(stall.answer_late_at(), None);
        stall.response(true, at(1));
        stall.response(true, at(5));
        assert_eq!(stall.answer_late_at(), Some(at(11)));
        stall.exclude(SECOND);
        assert_eq!(stall.answer_late_at(), Some(at(12)));
        stall.response(false, at(6));
        assert_eq!(stall.answer_late_at(), None);
    }
}
