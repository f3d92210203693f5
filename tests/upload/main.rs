//! Uploads, from the public verbs to the bytes that a real S3 server got.

#[path = "../common/mod.rs"]
mod common;

mod attempts;
mod calls;
mod cancel;
mod declared;
mod early_response;
mod expiry;
mod handshakes;
mod presigned;
mod progress;
mod refusals;
mod renew;
mod requests;
mod retry;
mod retry_after;
mod secrets;
mod sizes;
mod sources;
