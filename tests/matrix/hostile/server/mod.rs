//! Servers for tests, down to TLS's records.
#![allow(dead_code)] // tests/timing and tests/idle.rs use some of it

mod connection;
pub mod flow;
pub mod host;
mod records;
