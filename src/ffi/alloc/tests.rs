use std::cell::{Cell, RefCell};

use super::*;

/// What is to go wrong with the next allocations of this thread.
#[derive(Clone, Copy, PartialEq)]
pub(in super::super) enum Trouble {
    None,
    NoMemory,
    Panic,
}

thread_local! {
    pub(in super::super) static TROUBLE: Cell<Trouble> = const { Cell::new(Trouble::None) };
    pub(in super::super) static LAST_RELEASED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn trouble() -> Result<(), Failure> {
    match TROUBLE.get() {
        Trouble::None => Ok(()),
        Trouble::NoMemory => Err(Failure::NoMemory),
        Trouble::Panic => panic!("trouble was asked for"),
    }
}

/// What is in a block at the moment it is given back.
pub(super) fn look_at(at: *const u8, size: usize) {
    // SAFETY: not yet given back.
    LAST_RELEASED.set(unsafe { std::slice::from_raw_parts(at, size) }.to_vec());
}
