//! The PUT: a body of the caller's, over a connection from our own pool.

use std::rc::Rc;
use std::time::Duration;

use ureq::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::ahead::{Ahead, Storage};
use super::dial::{Origin, dial};
use super::exchange::{self, Failed, Outbound, Outcome};
use super::link::Link;
use super::request::{Body, Broken, Connection, Request, Response};
use super::settings::Settings;
use crate::call::Call;
use crate::error::{Error, ErrorKind};
use crate::zeroizing::ZeroizingBytes;

/// After a PUT, an answer without a length that is silent for so long is over.
const SILENCE: Duration = Duration::from_secs(1);

/// A body of the caller's, over a connection from our own pool.
pub(super) fn put(
    settings: &Settings,
    storage: &Storage,
    call: &Rc<Call>,
    request: &mut Request<'_>,
    connection: Connection,
) -> Result<Response, Broken> {
    let Request { method, url, headers, body: Body::Stream(stream), ahead, .. } = request else {
        return Err(unmade().into());
    };
    let origin = Origin::of(url);
    let total = stream.length();
    let head = head(method, url, headers, total, &settings.user_agent)?;
    call.restart_progress(total)?;
    let generation = storage.pool.generation();
    let pooled = if connection == Connection::Any { storage.pool.take(&origin) } else { None };
    let reused = pooled.is_some();
    let mut link = match pooled {
        Some(link) => {
            call.recorder.reused();
            link
        }
        None => new(settings, call, *ahead, &origin)?,
    };
    let expects_continue = headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("expect") && value.eq_ignore_ascii_case("100-continue")
    });
    let outbound = Outbound {
        head: &head,
        repeatable: stream.can_rewind(),
        body: Some(&mut **stream),
        to_head: false,
        expects_continue,
        silence: Some(SILENCE),
    };
    let response = exchange::run(&mut link, call, settings.stall_timeout, outbound)
        .map_err(|Failed { error, saw_bytes }| Broken::new(error, reused, saw_bytes))?;
    storage.learn(&origin);
    match response.reusable {
        true => storage.pool.put(origin, link, generation),
        false if response.cut.is_none() && !response.early => link.close(),
        false => {}
    }
    let response = stored(response)?;
    if response.is_success() {
        // The object is stored, so a callback that cancels now comes too late.
        let _ = call.tell(total, total);
    }
    Ok(response)
}

/// A new connection: the one that is being made for this request, or another.
fn new(settings: &Settings, call: &Call, ahead: Option<&Ahead>, origin: &Origin) -> Result<Link, Error> {
    let begun = ahead.map(|ahead| ahead.take(call, origin)).transpose()?.flatten();
    begun.map_or_else(|| dial(settings, call, origin), Ok)
}

fn unmade() -> Error {
    Error::new(ErrorKind::Internal, "the request could not be made")
}

/// The head of a PUT: every header once.
fn head(
    method: &Method,
    url: &Uri,
    required: &[(&str, &str)],
    length: u64,
    user_agent: &str,
) -> Result<ZeroizingBytes, Error> {
    let length = length.to_string();
    let host = url.authority().map_or("", |authority| authority.as_str());
    let ours = [("content-length", &*length), ("host", host), ("user-agent", user_agent)];
    let mut headers = HeaderMap::new();
    for (name, value) in required.iter().chain(&ours) {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unmade())?;
        let value = HeaderValue::from_str(value).map_err(|_| unmade())?;
        if !headers.contains_key(&name) {
            headers.try_append(name, value).map_err(|_| unmade())?;
        }
    }
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let length: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    // All of it at once: growing would leave copies of the signed URL behind.
    let mut head = ZeroizingBytes::new(Vec::with_capacity(length + path.len() + 64));
    for part in [method.as_str(), " ", path, " HTTP/1.1\r\n"] {
        head.extend_from_slice(part.as_bytes());
    }
    for (name, value) in &headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    head.extend_from_slice(b"\r\n");
    Ok(head)
}

/// The response of a storage. Once the whole body was sent, a 2xx is a success even if its own body is cut off: the
/// object is stored.
fn stored(response: Outcome) -> Result<Response, Error> {
    // What is only too long was read as far as it counts.
    let malformed = |cut: &Error| cut.kind == ErrorKind::Protocol && !response.too_long;
    match response.cut {
        Some(cut) if malformed(&cut) && (200..300).contains(&response.status) => Err(cut),
        _ => Ok(Response {
            status: response.status,
            headers: response.headers,
            body: response.body,
            replayed: false,
        }),
    }
}
