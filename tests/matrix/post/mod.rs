//! Reserving a place: rows 21 to 29.

mod broken;
mod hints;
mod lies;
mod refused;
