use std::cell::{Cell, RefCell};

use super::*;

/// What is to go wrong with the next allocations of this thread.
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

/// What is in a block at the moment it is given back.
pub(super) fn record(at: *const u8, size: usize) {
    // SAFETY: not yet given back.
    LAST_RELEASED.set(unsafe { std::slice::from_raw_parts(at, size) }.to_vec());
}
