//! Any other call of the API below `/v3/`, as the caller writes it.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;

use crate::api::{Api, ApiRequest, unreadable};
use crate::attempt::Attempts;
use crate::call::Call;
use crate::error::Error;
use crate::http::Method;

/// More JSON than this is neither sent nor read.
const MAX_JSON: usize = 1024 * 1024;

/// How often a path is decoded to see where it leads.
const MAX_DECODINGS: usize = 4;

/// A call of the API that has no function of its own here.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET`, `HEAD`, `PUT`, `DELETE`, `POST` or `PATCH`.
    pub method: &'a str,
    /// What follows the base URL, such as `/v3/chats/{id}/messages` with an id in it, and a query where there is one.
    pub path: &'a str,
    /// What to send; `None`: no body. At most 1 MiB.
    pub json: Option<&'a str>,
    /// Sent as the header `Idempotency-Key`, which only some paths honour. 1 to 255 printable ASCII characters.
    pub idempotency_key: Option<&'a str>,
    /// Whether a `POST` or `PATCH` may be executed twice. The other methods always may.
    pub repeatable: bool,
}

/// What Linq answered.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The body; `None` where there is none.
    pub json: Option<String>,
    /// Linq's trace id.
    pub trace_id: Option<String>,
    /// The status, from 200 to 299; 404 if a retried `DELETE` found that the first one had succeeded.
    pub http_status: u16,
}

/// Leaves out the body, which may contain signed URLs.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("trace_id", &self.trace_id)
            .field("http_status", &self.http_status)
            .finish_non_exhaustive()
    }
}

/// A request without mistakes.
pub(crate) struct Checked<'a> {
    method: Method,
    path: String,
    what: String,
    json: Option<&'a [u8]>,
    idempotency_key: Option<&'a str>,
    repeatable: bool,
}

/// Finds mistakes without the network.
pub(crate) fn check<'a>(request: &Request<'a>) -> Result<Checked<'a>, Error> {
    let method = method(request.method)?;
    let path = below_v3(request.path)?;
    if let Some(json) = request.json {
        check_json(&method, json)?;
    }
    if let Some(key) = request.idempotency_key {
        let printable = key.bytes().all(|byte| byte.is_ascii_graphic());
        if !printable || !(1..=255).contains(&key.len()) {
            let message = "the request's idempotency key must be 1 to 255 printable ASCII characters";
            return Err(Error::invalid(message));
        }
    }
    Ok(Checked {
        // A query is the caller's data and stays out of messages.
        what: format!("{method} /v3/{}", path.split('?').next().unwrap_or_default()),
        repeatable: request.repeatable || !matches!(method, Method::POST | Method::PATCH),
        method,
        path,
        json: request.json.map(str::as_bytes),
        idempotency_key: request.idempotency_key,
    })
}

/// Makes the call, with retries where they help and are allowed.
pub(crate) fn send(
    api: &Api,
    attempts: &Attempts,
    call: &Rc<Call>,
    request: &Checked<'_>,
) -> Result<Response, Error> {
    let arrived = Cell::new(false);
    let result = attempts.run(call, |attempt| {
        once(api, call, request, attempt.again).map_err(|mut error| {
            arrived.set(arrived.get() || error.may_have_arrived());
            // It may be sent again only if nothing was sent, or if Linq says that it was not executed.
            error.details.retryable &= request.repeatable || !error.details.sent;
            error
        })
    });
    result.map_err(|mut error| {
        if !arrived.get() {
            return error;
        }
        error.details.idempotency_key = request.idempotency_key.map(str::to_owned);
        if !request.repeatable {
            error.details.retryable = false;
            error.message.push_str("; it may have been done all the same, so it was not sent again");
        }
        error
    })
}

fn once(api: &Api, call: &Rc<Call>, request: &Checked<'_>, again: bool) -> Result<Response, Error> {
    let what = &*request.what;
    let response = api.request(
        call,
        what,
        ApiRequest {
            method: request.method.clone(),
            path: &request.path,
            json: request.json,
            idempotency_key: request.idempotency_key,
            repeatable: request.repeatable,
        },
    )?;
    let gone = response.status == 404 && request.method == Method::DELETE && (again || response.replayed);
    if !response.is_success() && !gone {
        return Err(api.refused(what, &response, request.repeatable));
    }
    let json = match response.body.iter().all(u8::is_ascii_whitespace) || gone {
        true => None,
        false => Some(api.json_text(what, &response)?),
    };
    Ok(Response { json, trace_id: api.trace_id(&response), http_status: response.status })
}

fn method(name: &str) -> Result<Method, Error> {
    let known = [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::POST, Method::PATCH];
    known
        .into_iter()
        .find(|method| method.as_str() == name)
        .ok_or_else(|| Error::invalid("the request's method must be GET, HEAD, PUT, DELETE, POST or PATCH"))
}

fn check_json(method: &Method, json: &str) -> Result<(), Error> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return Err(Error::invalid(format!("a {method} request takes no JSON")));
    }
    if json.len() > MAX_JSON {
        return Err(Error::invalid(format!(
            "the request's JSON has {} bytes; at most {MAX_JSON} are sent",
            json.len()
        )));
    }
    let read = serde_json::from_str::<IgnoredAny>(json).map(drop);
    read.map_err(|e| Error::invalid(format!("the request's JSON {}", unreadable(&e))))
}

/// What follows `/v3/`. No way of decoding it leads anywhere else.
fn below_v3(path: &str) -> Result<String, Error> {
    let bad = |why: &str| Err(Error::invalid(format!("the request's path {why}")));
    let (route, query) = match path.split_once('?') {
        Some((route, query)) => (route, Some(query)),
        None => (path, None),
    };
    if route.contains("://") || route.starts_with("//") {
        return bad("must not name a scheme or a host; give what follows the base URL");
    }
    let sendable = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:@/?".contains(&byte);
    if let Some(odd) = path.chars().find(|c| !u8::try_from(*c).is_ok_and(sendable)) {
        return bad(&format!("holds {odd:?}, which must be percent-encoded"));
    }
    let route = route.strip_prefix('/').unwrap_or(route);
    let route = route.strip_prefix("v3/").unwrap_or(route);
    let mut decoded = route.to_owned();
    // More than once, as boxes on the way may decode it too.
    for _ in 0..MAX_DECODINGS {
        decoded = percent_decode_str(&decoded).decode_utf8_lossy().into_owned();
        if decoded.contains(char::is_control) {
            return bad("holds a control character");
        }
        if decoded.split(['/', '\\']).any(|segment| segment == "." || segment == "..") {
            return bad("holds a . or .. segment");
        }
    }
    if route.split('/').any(str::is_empty) {
        return bad("is empty or has an empty segment; is an id missing?");
    }
    Ok(query.map_or_else(|| route.to_owned(), |query| format!("{route}?{query}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const GOOD: Request<'_> =
        Request { method: "POST", path: "/v3/chats", json: None, idempotency_key: None, repeatable: false };

    #[test]
    fn paths_as_people_write_them() {
        for (path, expected) in [
            ("/v3/chats", "chats"),
            ("v3/chats", "chats"),
            ("/chats", "chats"),
            ("chats/a-b/messages", "chats/a-b/messages"),
            ("/v3/chats?limit=5&next=https://h/../x", "chats?limit=5&next=https://h/../x"),
            ("phone_numbers/%2B15551234567", "phone_numbers/%2B15551234567"),
            ("a..b/...", "a..b/..."),
        ] {
            assert_eq!(below_v3(path).as_deref(), Ok(expected), "{path}");
        }
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        let host = "must not name a scheme or a host; give what follows the base URL";
        let dots = "holds a . or .. segment";
        let empty = "is empty or has an empty segment; is an id missing?";
        for (path, why) in [
            ("https://evil.example/v3/chats", host),
            ("//evil.example/chats", host),
            ("/v3/../../x", dots),
            ("chats/..", dots),
            ("chats/./x", dots),
            ("chats/%2e%2E/x", dots),
            ("chats/..%2f..%2fx", dots),
            ("chats/%2e%2e%5cx", dots),
            ("chats/%252e%252e/x", dots),
            ("chats/%25252e./x", dots),
            ("chats/..%252fx", dots),
            ("chats/x%250d%250aX", "holds a control character"),
            ("chats/%0d%0aX: y", "holds ' ', which must be percent-encoded"),
            ("chats/%0d%0aX", "holds a control character"),
            ("chats/%00", "holds a control character"),
            ("chats\r\nX-A: b", "holds '\\r', which must be percent-encoded"),
            ("chats/\u{7f}", "holds '\\u{7f}', which must be percent-encoded"),
            ("chats/{chatId}/messages", "holds '{', which must be percent-encoded"),
            ("chats/a b", "holds ' ', which must be percent-encoded"),
            ("chats#x", "holds '#', which must be percent-encoded"),
            ("chats\\..\\x", "holds '\\\\', which must be percent-encoded"),
            ("chats?q=\u{e4}", "holds '\u{e4}', which must be percent-encoded"),
            ("", empty),
            ("/", empty),
            ("/v3/", empty),
            ("?a=b", empty),
            ("chats//messages", empty),
            ("attachments/", empty),
        ] {
            let error = below_v3(path).unwrap_err();
            let expected = format!("the request's path {why}");
            assert_eq!((error.kind, error.message), (ErrorKind::InvalidArgument, expected), "{path:?}");
        }
    }

    #[test]
    fn mistakes_are_found_before_the_network() {
        let long = format!("\"{}\"", "x".repeat(MAX_JSON));
        let key = "the request's idempotency key must be 1 to 255 printable ASCII characters";
        let too_long = "k".repeat(256);
        for (request, message) in [
            (
                Request { method: "post", ..GOOD },
                "the request's method must be GET, HEAD, PUT, DELETE, POST or PATCH",
            ),
            (
                Request { method: "TRACE", ..GOOD },
                "the request's method must be GET, HEAD, PUT, DELETE, POST or PATCH",
            ),
            (Request { method: "GET", json: Some("{}"), ..GOOD }, "a GET request takes no JSON"),
            (Request { json: Some("{"), ..GOOD }, "the request's JSON is not JSON (line 1, column 1)"),
            (Request { json: Some(""), ..GOOD }, "the request's JSON is not JSON (line 1, column 0)"),
            (
                Request { json: Some(&long), ..GOOD },
                "the request's JSON has 1048578 bytes; at most 1048576 are sent",
            ),
            (Request { idempotency_key: Some(""), ..GOOD }, key),
            (Request { idempotency_key: Some("a\r\nb"), ..GOOD }, key),
            (Request { idempotency_key: Some(&too_long), ..GOOD }, key),
        ] {
            let error = check(&request).err().expect(message);
            assert_eq!((error.kind, &*error.message), (ErrorKind::InvalidArgument, message));
        }
    }

    #[test]
    fn what_may_be_repeated() {
        let repeatable =
            |method, repeatable| check(&Request { method, repeatable, ..GOOD }).unwrap().repeatable;
        for method in ["GET", "HEAD", "PUT", "DELETE"] {
            assert!(repeatable(method, false), "{method}");
        }
        for method in ["POST", "PATCH"] {
            assert!(!repeatable(method, false) && repeatable(method, true), "{method}");
        }
    }

    #[test]
    fn a_query_is_in_no_message() {
        let request = check(&Request { path: "/v3/chats?from=%2B1555", ..GOOD }).unwrap();
        assert_eq!((&*request.what, &*request.path), ("POST /v3/chats", "chats?from=%2B1555"));
    }
}
