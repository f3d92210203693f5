//! HTTP as this library needs it: one request, one bounded response, one error that says what happened.
//!
//! Every request goes through the one loop in `exchange`, over a `link`. The PUT is handed to it directly; the API's
//! calls come through ureq (`agent`), the only place that names ureq's machinery.
//!
//! ```text
//! service ──┬── put ────────────────┬── exchange ── link
//!           └── agent ── ureq ──────┘
//! exchange   one request and its response: parses the head (head) and the body (body), tells a stall (stall)
//! link       a socket, with or without TLS
//! dial       makes a link: lookup (resolve), connection (connect), tunnel (proxy), TLS (tls, roots)
//! pool       idle links; ahead makes one before there is a request for it
//! ```
//!
//! `Expect: 100-continue` is sent only if the signed headers require it. It would cost every upload a round trip: with
//! one of 50 ms, 10 kB took 112 ms instead of 61. It would save the bytes that leave before a refusal arrives. Early
//! answers are read while sending, so these are only what the connection buffers: 1 MB of 50 over that same connection
//! (`benches/expect`). A storage that requires the header gets it, and then the body waits for the 100 Continue for a
//! second.

mod agent;
mod ahead;
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

pub(crate) use ahead::Ahead;
pub(crate) use limits::MAX_ANSWER;
pub(crate) use proxy::Proxies;
pub(crate) use request::{Body, Request, Response};
pub(crate) use service::Http;
pub(crate) use settings::Settings;
pub(crate) use tls::Trust;
pub(crate) use ureq::http::{Method, Uri, header};
