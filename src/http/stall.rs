//! Whether bytes move between here and the peer, and when it has been too long since one did.
//!
//! The time is passed in.

use std::time::{Duration, Instant};

pub(super) struct Stall {
    timeout: Duration,
    moved_at: Instant,
    acknowledged: u64,
    /// Since when TLS messages come without content.
    records_since: Option<Instant>,
    /// When the final response began.
    answer_since: Option<Instant>,
}

impl Stall {
    /// `acknowledged`: how many bytes the peer of this connection had acknowledged before.
    pub(super) fn new(timeout: Duration, acknowledged: u64, now: Instant) -> Self {
        Stall { timeout, moved_at: now, acknowledged, records_since: None, answer_since: None }
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The kernel took bytes, or content came.
    pub(super) fn moved(&mut self, now: Instant) {
        self.moved_at = now;
        self.records_since = None;
    }

    /// Part of a TLS record came, or one without content: movement, but not for ever.
    pub(super) fn records(&mut self, now: Instant) {
        let since = *self.records_since.get_or_insert(now);
        if now.saturating_duration_since(since) < self.timeout {
            self.moved_at = now;
        }
    }

    /// So many bytes are acknowledged now; the last look was `ago`.
    pub(super) fn acknowledged(&mut self, bytes: u64, ago: Duration, now: Instant) {
        if bytes > self.acknowledged {
            self.acknowledged = bytes;
            // They moved at some moment since the last look; the middle is never far off.
            self.moved(self.moved_at.max(now.checked_sub(ago / 2).unwrap_or(now)));
        }
    }

    /// The final response begins; or, as it turns out, that was an interim one.
    pub(super) fn response(&mut self, begins: bool, now: Instant) {
        self.answer_since = begins.then(|| self.answer_since.unwrap_or(now));
    }

    /// The host's own code ran for `took`, which is no stall of the network.
    pub(super) fn exclude(&mut self, took: Duration) {
        self.moved_at += took;
        self.answer_since = self.answer_since.map(|since| since + took);
    }

    /// When nothing will have moved for the whole timeout.
    pub(super) fn stalls_at(&self) -> Option<Instant> {
        self.moved_at.checked_add(self.timeout)
    }

    /// When the answer will have taken too long. It is small: one that takes longer than a stall may last would
    /// otherwise hold the call for hours.
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
