use std::cell::{Cell, RefCell};

use super::*;

/// The fault to inject into the next allocations of this thread.
#[derive(Clone, Copy, PartialEq)]
pub(in super::super) enum Fault {
    None,
    NoMemory,
    Panic,
}

thread_local! {
    pub(in super::super) static FAULT: Cell<Fault> = const { Cell::new(Fault::None) };
    pub(in super::super) static LAST_RELEASED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn inject_fault() -> Result<(), Failure> {
    match FAULT.get() {
        Fault::None => Ok(()),
        Fault::NoMemory => Err(Failure::NoMemory),
        Fault::Panic => panic!("an injected fault"),
    }
}

/// Keeps the contents of a block at the moment it is freed.
pub(super) fn record(at: *const u8, size: usize) {
    // SAFETY: not freed yet.
    LAST_RELEASED.set(unsafe { std::slice::from_raw_parts(at, size) }.to_vec());
}
