//! Uploads, from the public verbs to the bytes that a real S3 server got.

#[path = "../common/mod.rs"]
mod common;

mod calls;
mod cancel;
mod declared;
mod early;
mod expiry;
mod hints;
mod presigned;
mod progress;
mod refused;
mod requests;
mod retry;
mod secrets;
mod sizes;
mod sources;
