//! The host's callbacks as closures and readers for the core, called with our silent panic hook off.

use std::ffi::{CString, c_void};
use std::sync::Arc;
use std::time::Duration;
use std::{io, ptr};

use super::block::step_of;
use super::boundary::call_host;
use super::types::*;
use crate::{AttemptReport, Level, Observer, Progress, Reader};

/// A progress callback with its user data.
pub(super) fn progress(callback: linq_progress_fn, user_data: *mut c_void) -> Option<Progress> {
    let callback = callback?;
    // SAFETY: the caller passed both and keeps linq.h's rules.
    Some(Box::new(move |sent, total| call_host(|| unsafe { callback(user_data, sent, total) }) == 0))
}

/// An attempt callback with its user data.
pub(super) fn attempt(callback: linq_attempt_fn, user_data: *mut c_void) -> Option<Observer> {
    let callback = callback?;
    let user_data = UserData(user_data);
    Some(Arc::new(move |report| {
        let UserData(user_data) = &user_data;
        let host = c_text(&report.host);
        let [request_id, reason] =
            [&report.request_id, &report.reason].map(|text| text.as_ref().map(|text| c_text(text)));
        let pointer = |text: &Option<CString>| text.as_ref().map_or(ptr::null(), |text| text.as_ptr());
        let attempt = linq_attempt {
            host: host.as_ptr(),
            request_id: pointer(&request_id),
            reason: pointer(&reason),
            ..without_texts(report)
        };
        // SAFETY: the caller passed both and keeps linq.h's rules; the texts live until the callback returns.
        call_host(|| unsafe { callback(*user_data, &attempt) })
    }))
}

fn without_texts(report: &AttemptReport) -> linq_attempt {
    let micros = |part: Duration| part.as_micros().try_into().unwrap_or(u64::MAX);
    linq_attempt {
        struct_size: size_of::<linq_attempt>(),
        host: ptr::null(),
        request_id: ptr::null(),
        reason: ptr::null(),
        bytes_sent: report.bytes_sent,
        bytes_received: report.bytes_received,
        lookup_us: micros(report.lookup),
        connect_us: micros(report.connect),
        proxy_us: micros(report.proxy),
        tls_us: micros(report.tls),
        send_us: micros(report.send),
        wait_us: micros(report.wait),
        receive_us: micros(report.receive),
        total_us: micros(report.total),
        step: step_of(report.step),
        number: report.number,
        http_status: report.http_status.unwrap_or(0).into(),
        status: report.kind.map_or(LINQ_OK, |kind| kind as linq_status),
        reused: report.reused.into(),
        again_in_ms: report.again_in.map_or(0, |wait| wait.as_millis().try_into().unwrap_or(u32::MAX)),
    }
}

/// C would see a text with a NUL in it cut short.
fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

/// A read callback and a rewind callback with their user data.
pub(super) struct CReader {
    pub(super) read: unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> i64,
    pub(super) rewind: linq_rewind_fn,
    pub(super) user_data: *mut c_void,
}

impl Reader for CReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let capacity = buffer.len();
        let at = buffer.as_mut_ptr().cast();
        // SAFETY: the buffer has `capacity` bytes; otherwise the caller keeps linq.h's rules.
        let count = call_host(|| unsafe { (self.read)(self.user_data, at, capacity) });
        match usize::try_from(count) {
            Ok(count) if count <= capacity => Ok(count),
            Ok(count) => Err(io::Error::other(format!(
                "the read callback returned {count} for a buffer of {capacity} bytes"
            ))),
            Err(_) => Err(io::Error::other(format!("the read callback failed with {count}"))),
        }
    }

    fn can_rewind(&self) -> bool {
        self.rewind.is_some()
    }

    fn rewind(&mut self) -> io::Result<()> {
        let Some(rewind) = self.rewind else { return Err(io::ErrorKind::Unsupported.into()) };
        // SAFETY: the caller keeps linq.h's rules.
        match call_host(|| unsafe { rewind(self.user_data) }) {
            0 => Ok(()),
            code => Err(io::Error::other(format!("the rewind callback failed with {code}"))),
        }
    }
}

/// The user data of a log or an attempt callback. linq.h says that several threads may be in a log callback at once; an
/// attempt callback runs on the thread of its call.
struct UserData(*mut c_void);

// SAFETY: only passed on, never dereferenced; the host must make its data thread-safe.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

/// `linq_set_log`.
pub(super) fn set_log(callback: linq_log_fn, user_data: *mut c_void, level: u32) -> linq_status {
    let Some(callback) = callback else { return done(crate::set_log(Level::Error, None)) };
    let Some(level) = level_of(level) else { return LINQ_INVALID_ARGUMENT };
    let user_data = UserData(user_data);
    done(crate::set_log(
        level,
        Some(Box::new(move |level, line| {
            let UserData(user_data) = &user_data;
            let line = c_text(line);
            // SAFETY: the caller keeps linq.h's rules.
            call_host(|| unsafe { callback(*user_data, level as u32, line.as_ptr()) })
        })),
    ))
}

/// `set_log` refuses from inside a log callback, where it would wait for itself.
fn done(set: bool) -> linq_status {
    if set { LINQ_OK } else { LINQ_INVALID_ARGUMENT }
}

fn level_of(level: u32) -> Option<Level> {
    match level {
        LINQ_LOG_ERROR => Some(Level::Error),
        LINQ_LOG_WARN => Some(Level::Warn),
        LINQ_LOG_INFO => Some(Level::Info),
        LINQ_LOG_DEBUG => Some(Level::Debug),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" fn gives(user_data: *mut c_void, buffer: *mut c_void, capacity: usize) -> i64 {
        // SAFETY: the tests below hand over an i64.
        let count = unsafe { *user_data.cast::<i64>() };
        for at in 0..capacity.min(usize::try_from(count).unwrap_or(0)) {
            // SAFETY: below `capacity`.
            unsafe { buffer.cast::<u8>().add(at).write(b'x') };
        }
        count
    }

    fn read(mut count: i64) -> io::Result<Vec<u8>> {
        let mut reader = CReader { read: gives, rewind: None, user_data: (&raw mut count).cast() };
        let mut buffer = vec![0; 8];
        let count = reader.read(&mut buffer)?;
        buffer.truncate(count);
        Ok(buffer)
    }

    #[test]
    fn a_read_callback_returns_its_count() {
        assert_eq!(read(0).unwrap(), b"");
        assert_eq!(read(3).unwrap(), b"xxx");
        assert_eq!(read(8).unwrap(), b"xxxxxxxx");
    }

    #[test]
    fn a_failed_or_impossible_count_is_an_error() {
        for count in [-1, i64::MIN, 9, i64::MAX] {
            assert!(read(count).unwrap_err().to_string().contains(&count.to_string()));
        }
    }

    #[test]
    fn rewinding_is_possible_with_a_callback_that_succeeds() {
        unsafe extern "C" fn rewinds(user_data: *mut c_void) -> i32 {
            // SAFETY: the test hands over an i32.
            unsafe { *user_data.cast() }
        }
        for (answer, possible) in [(0, true), (1, false), (-1, false)] {
            let mut answer: i32 = answer;
            let user_data = (&raw mut answer).cast();
            let mut reader = CReader { read: gives, rewind: Some(rewinds), user_data };
            assert!(reader.can_rewind());
            assert_eq!(reader.rewind().is_ok(), possible);
            reader.rewind = None;
            assert!(!reader.can_rewind() && reader.rewind().is_err());
        }
    }

    #[test]
    fn progress_goes_on_while_the_callback_returns_zero() {
        unsafe extern "C" fn stops_at(user_data: *mut c_void, sent: u64, total: u64) -> i32 {
            assert_eq!(total, 10);
            // SAFETY: the test hands over a u64.
            i32::from(sent >= unsafe { *user_data.cast() }) * -5
        }
        let mut limit = 4_u64;
        let mut told = progress(Some(stops_at), (&raw mut limit).cast()).unwrap();
        assert!(told(0, 10) && told(3, 10) && !told(4, 10));
        assert!(progress(None, std::ptr::null_mut()).is_none());
    }

    #[test]
    fn an_unknown_log_level_is_refused() {
        unsafe extern "C" fn logs(_: *mut c_void, _: u32, _: *const std::ffi::c_char) {}
        for level in [0, 5, u32::MAX] {
            assert_eq!(set_log(Some(logs), std::ptr::null_mut(), level), LINQ_INVALID_ARGUMENT);
        }
    }
}
