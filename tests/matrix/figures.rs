//! The figures that issue and design promise, printed: `cargo test --test matrix figures -- --nocapture`.
//!
//! A machine that is busy with other tests delays everything a little; the bounds asserted here leave room for that,
//! and the tables show what it really was.

mod cancel;
mod early;
mod time;
mod warm;

use std::time::Duration;

/// Milliseconds with three digits.
fn ms(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1000.0)
}

/// The value below which `percent` of the samples lie.
fn percentile(samples: &mut [Duration], percent: usize) -> Duration {
    samples.sort();
    samples[(samples.len() * percent).div_ceil(100).saturating_sub(1)]
}
