//! While the bytes are being sent: rows 30 to 44.

mod broken;
mod cancelled;
mod early_response;
mod expect;
mod file;
mod network_change;
mod reader;
mod slow;
mod suspend;
mod system_calls;
