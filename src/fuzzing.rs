//! What the targets in fuzz/ reach besides the public functions. Compiled with `--cfg fuzzing` only.
#![allow(missing_docs)]

use ureq::http::HeaderMap;

use crate::api::Base;
use crate::content_type::{self, FURTHER, HEAD};
use crate::error::Error;
use crate::http::header::{HeaderName, HeaderValue};
use crate::http::{Proxies, Response};
use crate::redact::Secrets;
use crate::refusal;
use crate::zeroizing::ZeroizingBytes;

/// A complete response of a server.
pub struct Reply<'a> {
    pub status: u16,
    pub headers: Vec<(&'a [u8], &'a [u8])>,
    pub body: &'a [u8],
}

impl Reply<'_> {
    /// `None` where the HTTP layer would not have let it through.
    fn response(&self) -> Option<Response> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?);
        }
        Some(Response {
            status: self.status,
            headers,
            body: ZeroizingBytes::new(self.body.to_vec()),
            replayed: false,
        })
    }
}

/// What a refusal by Linq becomes.
pub fn api_error(key: &str, host: &str, reply: &Reply<'_>) -> Option<Error> {
    Some(refusal::by_api("asking", host, &reply.response()?, true, &Secrets::key(key)))
}

/// What a refusal by the storage behind `url` becomes.
pub fn storage_error(url: &str, host: &str, reply: &Reply<'_>) -> Option<Error> {
    let url = url.parse().ok()?;
    Some(refusal::by_storage("uploading", host, &reply.response()?, &Secrets::query(&url), false))
}

/// Whether `base` may be a client's base URL, and whether it is plain http.
pub fn base_url(base: &str) -> Result<bool, Error> {
    Base::parse(base, "").map(|base| base.plain)
}

/// The CONNECT request for `host`; `None` where it is reached without one.
pub fn proxy(proxy: &str, no_proxy: &str, host: &str, port: u16) -> Result<Option<String>, Error> {
    let variable = |name: &str| match name {
        "https_proxy" => Some(proxy.to_owned()),
        "no_proxy" => Some(no_proxy.to_owned()),
        _ => None,
    };
    let proxies = Proxies::from_environment(variable);
    Ok(proxies.pick(host, port)?.map(|proxy| proxy.request(host, port, "liblinq")))
}

/// Whether a proxy that answered `response` has opened the tunnel.
pub fn tunnel(response: &[u8]) -> Result<(), Error> {
    let proxies = Proxies::explicit("http://user:password@proxy.example:3128")?;
    match proxies.pick("storage.example", 443)? {
        Some(proxy) => proxy.accepted(response),
        None => Ok(()),
    }
}

/// The type that an upload of these bytes under this name would declare.
pub fn declare(declared: Option<&str>, name: &str, bytes: &[u8]) -> Result<&'static str, String> {
    let head = &bytes[..bytes.len().min(HEAD)];
    let read = |at: u64| {
        let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
        Ok::<_, String>(&rest[..rest.len().min(FURTHER)])
    };
    let further = content_type::probe(head, bytes.len() as u64, read)?;
    content_type::decide(declared, name, head, further, true).map(|found| found.name())
}
