//! HTTP as this library needs it: one request, one bounded answer, one error that says what happened.
//!
//! Every request goes through the one loop in `exchange`, over a `link`. The PUT is handed to it directly; the API's
//! calls come through ureq (`agent`), the only place that names ureq's machinery.
//!
//! `Expect: 100-continue` is never sent of our own accord. It would cost every upload a round trip: over one of 50 ms,
//! 10 kB took 112 ms instead of 61. What it would save is what leaves before a refusal arrives, and since early
//! answers are heard while sending, that is what the link holds: 1 MB of 50, on that same link (`benches/expect`).
//! A storage that requires the header gets it, and is waited for, for a second.

mod agent;
mod body;
mod connect;
mod dial;
mod exchange;
mod head;
mod limits;
mod link;
mod pool;
mod proxy;
mod put;
mod request;
mod resolve;
#[cfg(not(any(target_os = "android", target_vendor = "apple")))]
mod roots;
mod service;
mod settings;
mod stall;
mod tls;

pub(crate) use proxy::Proxies;
pub(crate) use request::{Body, Request, Response};
pub(crate) use service::Http;
pub(crate) use settings::Settings;
pub(crate) use tls::Trust;
pub(crate) use ureq::http::{Method, Uri, header};
