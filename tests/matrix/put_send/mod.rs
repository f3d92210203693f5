//! While the bytes are being sent: rows 30 to 44.

mod broken;
mod cancelled;
mod device;
mod early;
mod expect;
mod file;
mod pieces;
mod reader;
mod slow;
