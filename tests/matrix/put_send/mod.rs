//! While the bytes are being sent: rows 30 to 44.

mod broken;
mod early;
mod file;
mod slow;
