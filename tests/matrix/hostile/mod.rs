//! Rows 58 to 76: bytes that no server should send, and bytes that every client should take.

mod cut;
mod early;
mod floods;
mod interim;
mod legal;
mod reuse;
mod server;
mod time;
