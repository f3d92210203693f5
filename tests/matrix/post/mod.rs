//! Reserving a place: rows 21 to 29.

mod broken;
mod invalid_replies;
mod redirects;
mod refusals;
mod retry_after;
