//! The promises of time, measured and printed: `cargo test --test timing -- --ignored --show-output`.
//!
//! One after another, so that they have the machine for themselves; only the slow link, which mostly waits, is beside
//! them. Where the machine is busy with something else all the same, a figure is taken again.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

#[path = "../matrix/child.rs"]
mod child;
#[path = "../matrix/hostile/server/mod.rs"]
mod server;
#[path = "../matrix/support.rs"]
mod support;

mod cancel;
mod early_response;
mod floods;
mod phones;
mod slow;
mod time;
mod warm;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// To be held while something is measured.
fn machine() -> MutexGuard<'static, ()> {
    static MACHINE: Mutex<()> = Mutex::new(());
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Milliseconds with three digits.
fn ms(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1000.0)
}

/// The value below which `percent` of the samples lie.
fn percentile(samples: &mut [Duration], percent: usize) -> Duration {
    samples.sort();
    samples[(samples.len() * percent).div_ceil(100).saturating_sub(1)]
}
