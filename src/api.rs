//! Linq's API: the base URL, the key, JSON both ways.

use std::rc::Rc;

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;
use zeroize::Zeroizing;

use crate::call::Call;
use crate::error::{Error, ErrorKind};
use crate::host::is_loopback;
use crate::http::{Body, Http, Request, Response};
use crate::http::{Method, Uri};
use crate::page;
use crate::redact::{Secrets, without_bom};
use crate::refusal;
use crate::report::Step;

/// Linq's API, as one client uses it.
pub(crate) struct Api {
    base: String,
    host: String,
    key: Option<Zeroizing<String>>,
    pub(crate) http: Http,
}

/// The parts of a base URL that are needed.
pub(crate) struct Base {
    url: String,
    host: String,
    /// Plain http, which is allowed to loopback only.
    pub(crate) plain: bool,
}

impl Base {
    /// A trailing `/` or `/v3` is ignored: both are found in people's configurations.
    /// `origin` is what an error's message begins with.
    pub(crate) fn parse(url: &str, origin: &str) -> Result<Self, Error> {
        Self::read(url).map_err(|why| Error::invalid(format!("{origin}the base URL {why}")))
    }

    fn read(url: &str) -> Result<Self, &'static str> {
        let trimmed = url.trim().trim_end_matches('/');
        let trimmed = trimmed.strip_suffix("/v3").unwrap_or(trimmed).trim_end_matches('/');
        let uri: Uri = trimmed.parse().map_err(|_| match has_international_host(trimmed) {
            true => INTERNATIONAL_HOST,
            false => "is not a URL",
        })?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or("names no host")?.to_owned();
        let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        if authority.contains('@') || uri.query().is_some() || trimmed.contains('#') {
            return Err("must be scheme, host and path alone, without user, password or query");
        }
        let plain = match uri.scheme_str() {
            Some("https") => false,
            Some("http") if is_loopback(&host) => true,
            Some("http") => {
                return Err("must be https: plain http would show the API key to the network");
            }
            _ => return Err("must begin with https://"),
        };
        if !has_valid_port(&uri) {
            return Err("has an invalid port");
        }
        Ok(Base { url: trimmed.to_owned(), host, plain })
    }
}

/// One request to the API.
pub(crate) struct ApiRequest<'a> {
    pub(crate) method: Method,
    /// What follows `/v3/`, with the query.
    pub(crate) path: &'a str,
    pub(crate) json: Option<&'a [u8]>,
    pub(crate) idempotency_key: Option<&'a str>,
    /// Whether it may be executed twice.
    pub(crate) repeatable: bool,
}

impl<'a> ApiRequest<'a> {
    pub(crate) fn new(method: Method, path: &'a str) -> Self {
        ApiRequest { method, path, json: None, idempotency_key: None, repeatable: true }
    }
}

impl Api {
    pub(crate) fn new(base: Base, key: Option<Zeroizing<String>>, http: Http) -> Result<Self, Error> {
        let sendable = |key: &str| key.bytes().all(|b| b.is_ascii_graphic());
        if key.as_ref().is_some_and(|key| !sendable(key)) {
            return Err(Error::invalid(
                "the API key holds characters that cannot be sent; was it copied whole?",
            ));
        }
        Ok(Api { base: base.url, host: base.host, key, http })
    }

    /// Sends one request that may be executed twice; `what` is for messages, such as "reserving a place for photo.jpg".
    /// A refusal is an error.
    pub(crate) fn send(
        &self,
        call: &Rc<Call>,
        what: &str,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Response, Error> {
        let json = body.map(serde_json::to_vec).transpose().map_err(|_| cannot_be_made(what))?;
        let response =
            self.request(call, what, ApiRequest { json: json.as_deref(), ..ApiRequest::new(method, path) })?;
        match response.is_success() {
            true => Ok(response),
            false => Err(self.refused(what, &response, true)),
        }
    }

    /// Sends one request, and returns the response whatever its status.
    pub(crate) fn request(
        &self,
        call: &Rc<Call>,
        what: &str,
        request: ApiRequest<'_>,
    ) -> Result<Response, Error> {
        let key = self.key.as_ref().ok_or_else(|| {
            let message = "set LINQ_API_V3_API_KEY, or give the client an API key; your Linq representative provides \
                           them: https://docs.linqapp.com/getting-started/authentication/";
            Error::new(ErrorKind::Unauthorized, message)
        })?;
        let ApiRequest { method, path, json, idempotency_key, repeatable } = request;
        let url: Uri = format!("{}/v3/{path}", self.base).parse().map_err(|_| cannot_be_made(what))?;
        let authorization = Zeroizing::new(format!("Bearer {}", key.as_str()));
        let mut headers = vec![("authorization", &**authorization), ("accept", "application/json")];
        headers.extend(json.map(|_| ("content-type", "application/json")));
        headers.extend(idempotency_key.map(|key| ("idempotency-key", key)));
        let body = json.map_or(Body::Nothing, Body::Bytes);
        let step = match path == "attachments" && method == Method::POST {
            true => Step::Reserve,
            false => Step::Other,
        };
        let request = Request { method, url: &url, headers, body, repeatable, ahead: None, step };
        let response = self.http.send(call, request).map_err(|e| e.on(what))?;
        call.recorder.request_id(self.trace_id(&response));
        if response.is_success() && page::is_page(&response) {
            let why = "answer is a web page; is something in between, such as a captive portal, or is the base URL \
                       wrong (LINQ_API_V3_BASE_URL)?";
            let mut error = self.broken(what, why, &response);
            error.details.http_status = Some(response.status);
            error.details.retryable = true;
            return Err(error);
        }
        Ok(response)
    }

    /// Makes a connection for the next request.
    pub(crate) fn connect(&self, call: &Call) -> Result<(), Error> {
        let url = format!("{}/v3/", self.base).parse().map_err(|_| cannot_be_made("connecting"))?;
        self.http.connect_api(call, &url)
    }

    /// The error for a response that is not a success.
    pub(crate) fn refused(&self, what: &str, response: &Response, repeatable: bool) -> Error {
        refusal::by_api(what, &self.host, response, repeatable, &self.secrets())
    }

    fn secrets(&self) -> Secrets {
        self.key.as_ref().map(|key| Secrets::key(key)).unwrap_or_default()
    }

    /// The body of a successful response, which must be JSON.
    pub(crate) fn json_text(&self, what: &str, response: &Response) -> Result<String, Error> {
        self.read::<IgnoredAny>(what, response)?;
        String::from_utf8(without_bom(&response.body).to_vec())
            .map_err(|_| self.broken(what, "answer is not UTF-8", response))
    }

    pub(crate) fn trace_id(&self, response: &Response) -> Option<String> {
        refusal::header(response, "x-trace-id", &self.secrets())
    }

    /// The value in a successful response.
    pub(crate) fn read<T: DeserializeOwned>(&self, what: &str, response: &Response) -> Result<T, Error> {
        serde_json::from_slice(without_bom(&response.body)).map_err(|e| {
            let why = match page::compression(response, &self.secrets()) {
                Some(name) if !e.is_data() => {
                    format!("answer is compressed with {name}, which was not asked for")
                }
                _ if !without_bom(&response.body).trim_ascii_start().starts_with(b"{") => {
                    refusal::with_base_url_hint(format!("answer {}", unreadable(&e)))
                }
                _ => format!("answer {}", unreadable(&e)),
            };
            let mut error = self.broken(what, &why, response);
            error.details.http_status = Some(response.status);
            error
        })
    }

    /// The error for a response that breaks Linq's contract.
    pub(crate) fn broken(&self, what: &str, why: &str, response: &Response) -> Error {
        let mut error = Error::new(ErrorKind::Protocol, format!("{what}: Linq's {why}"));
        error.details.trace_id = self.trace_id(response);
        error
    }
}

fn cannot_be_made(what: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("{what}: the request could not be made"))
}

/// Whether the port is valid, if there is one: an invalid one would be taken for the default.
pub(crate) fn has_valid_port(uri: &Uri) -> bool {
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    let host = uri.host().unwrap_or_default();
    uri.port_u16().is_some_and(|port| port > 0) || authority.rsplit('@').next() == Some(host)
}

/// What a message says of a URL with such a host.
pub(crate) const INTERNATIONAL_HOST: &str =
    "has an international host name, which must be in its ASCII form (xn--...)";

/// Whether a text fails to parse as a URL because its host is not ASCII.
pub(crate) fn has_international_host(url: &str) -> bool {
    let after = url.split_once("://").map_or("", |(_, after)| after);
    !after.split(['/', '?', '#']).next().unwrap_or_default().is_ascii()
}

/// Whether it can be an attachment's: it becomes part of a path, so it may contain nothing that has a meaning there.
pub(crate) fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=255).contains(&id.len()) && id.bytes().all(plain)
}

/// Why JSON could not be read. serde quotes values, which may be signed URLs, so only the names of missing and
/// duplicate fields are passed on.
pub(crate) fn unreadable(e: &serde_json::Error) -> String {
    let text = e.to_string();
    let place = format!("(line {}, column {})", e.line(), e.column());
    match e.classify() {
        Category::Data if text.starts_with("missing field `") || text.starts_with("duplicate field `") => {
            format!("has a {}", text.split(" at line ").next().unwrap_or_default())
        }
        Category::Data => format!("has a field of the wrong type {place}"),
        _ => format!("is not JSON {place}"),
    }
}

/// No body at all.
pub(crate) const NOTHING: Option<&()> = None;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_as_people_write_them() {
        let expected = "https://api.linqapp.com/api/partner";
        for tail in ["", "/", "/v3", "/v3/", "//"] {
            assert_eq!(Base::parse(&format!(" {expected}{tail} "), "").unwrap().url, expected, "{tail}");
        }
        assert!(Base::parse("http://127.0.0.1:8080/api", "").unwrap().plain);
        assert!(Base::parse("http://[::1]:8080", "").unwrap().plain);
        let refused = [
            (
                "http://example.com",
                "the base URL must be https: plain http would show the API key to the network",
            ),
            ("ftp://example.com", "the base URL must begin with https://"),
            (
                "https://u:p@example.com",
                "the base URL must be scheme, host and path alone, without user, password or query",
            ),
            ("https://example.com:99999", "the base URL has an invalid port"),
            ("https://example.com:0", "the base URL has an invalid port"),
            ("https://example.com:", "the base URL has an invalid port"),
            (
                "https://example.com/a#b",
                "the base URL must be scheme, host and path alone, without user, password or query",
            ),
            ("example.com", "the base URL must begin with https://"),
            ("https://", "the base URL must begin with https://"),
            ("", "the base URL is not a URL"),
            (
                "https://b\u{fc}cher.example",
                "the base URL has an international host name, which must be in its ASCII form (xn--...)",
            ),
        ];
        for (url, message) in refused {
            let error = Base::parse(url, "").err().expect(url);
            assert_eq!((error.kind, &*error.message), (ErrorKind::InvalidArgument, message), "{url}");
        }
    }
}
