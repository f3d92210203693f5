use std::cell::Cell;
thread_local! { pub(super) static OUT_OF_MEMORY: Cell<bool> = const { Cell::new(false) }; }
