//! The server's time. A device's own wall clock may be years off, but not the `Date` of a reply.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

/// The server's time at a moment of [`crate::sys::boottime`], which goes on while the device sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServerClock {
    shown: i64,
    at: Duration,
}

impl ServerClock {
    /// From the `Date` of a reply that has just arrived.
    pub(crate) fn read(date: &str, boottime: Duration) -> Option<Self> {
        Some(ServerClock { shown: http_date(date)?, at: boottime })
    }

    /// The server's time at another moment, in Unix milliseconds.
    pub(crate) fn at(&self, boottime: Duration) -> i64 {
        let passed = boottime.saturating_sub(self.at).as_millis();
        self.shown.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX))
    }
}

/// A date as HTTP writes it (`Sun, 06 Nov 1994 08:49:37 GMT`, or in one of the two obsolete forms) or as JSON does, in
/// Unix milliseconds.
pub(crate) fn http_date(text: &str) -> Option<i64> {
    let text = text.trim();
    let gmt = text.strip_suffix("UTC").map(|date| format!("{date}GMT"));
    let text = gmt.as_deref().unwrap_or(text);
    let now = OffsetDateTime::parse(text, &Rfc2822).ok().map(milliseconds);
    let now = now.or_else(|| httpdate::parse_http_date(text).ok().and_then(unix_milliseconds));
    now.or_else(|| json_date(text))
}

/// This device's own clock, which may be wrong, in Unix milliseconds.
pub(crate) fn device_clock() -> Option<i64> {
    unix_milliseconds(SystemTime::now())
}

fn unix_milliseconds(time: SystemTime) -> Option<i64> {
    i64::try_from(time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis()).ok()
}

/// A date as JSON writes it (`2024-01-15T10:45:00Z`), in Unix milliseconds. Without a zone it is UTC, which may also be
/// written `UTC`, `+00` or `+0000`.
pub(crate) fn json_date(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.strip_suffix("UTC").map_or(text, str::trim_end);
    let parse = |text: String| OffsetDateTime::parse(&text, &Rfc3339).ok();
    let (start, minutes) = text.split_at_checked(text.len().saturating_sub(2)).unwrap_or_default();
    let forms = [text.to_owned(), format!("{text}Z"), format!("{text}:00"), format!("{start}:{minutes}")];
    forms.into_iter().find_map(parse).map(milliseconds)
}

fn milliseconds(date: OffsetDateTime) -> i64 {
    (date.unix_timestamp_nanos() / 1_000_000) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777_000));
        for obsolete in
            ["Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", " Sun Nov  6 08:49:37 1994 "]
        {
            assert_eq!(http_date(obsolete), Some(784_111_777_000), "{obsolete}");
        }
        for none in ["soon", "", "1994", "Sun, 99 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-1994 08:49:37"] {
            assert_eq!(http_date(none), None, "{none}");
        }
        assert_eq!(json_date("2024-01-15T10:45:00Z"), Some(1_705_315_500_000));
        assert_eq!(json_date("2024-01-15T11:45:00.250+01:00"), Some(1_705_315_500_250));
        for utc in ["2024-01-15T10:45:00", "2024-01-15 10:45:00", " 2024-01-15t10:45:00.000z "] {
            assert_eq!(json_date(utc), Some(1_705_315_500_000), "{utc}");
        }
        for zoned in [
            "2024-01-15T10:45:00+0000",
            "2024-01-15T11:45:00+0100",
            "2024-01-15 11:45:00+01",
            "2024-01-15T05:15:00-0530",
            "2024-01-15T10:45:00.000000Z",
            "2024-01-15T10:45:00-00:00",
            "2024-01-15 10:45:00 UTC",
        ] {
            assert_eq!(json_date(zoned), Some(1_705_315_500_000), "{zoned}");
        }
        for none in ["2024-13-15T10:45:00Z", "2024-01-15T10:45", "2024-01-15", "Z", ""] {
            assert_eq!(json_date(none), None, "{none}");
        }
    }

    #[test]
    fn the_servers_clock_goes_on() {
        let second = Duration::from_secs(1);
        let clock = ServerClock::read("Sun, 06 Nov 1994 08:49:37 GMT", second * 100).unwrap();
        assert_eq!(clock.at(second * 100), 784_111_777_000);
        assert_eq!(clock.at(second * 700), 784_112_377_000);
        assert_eq!(clock.at(Duration::MAX), i64::MAX);
    }
}
