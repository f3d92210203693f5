//! The fault matrix: everything that networks, servers, files and machines do on bad days, row by row, and what the
//! library does about it. MATRIX.md lists every row with its tests.
//!
//! Each test injects its fault into a sandbox of its own, proves that it was injected, and asserts what came of it.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod certificates;
mod changed;
mod child;
mod connect;
mod deadline;
mod dns;
mod hostile;
mod lookups;
mod panics;
mod post;
mod proxy;
mod put_answer;
mod put_send;
mod retry_budget;
mod support;
mod tls;
mod tunnel;
