//! Which proxy to use for which host, by curl's rules, and the tunnel through it.
//!
//! Only https is ever proxied, by CONNECT: plain http goes to loopback alone, and loopback is never proxied.

use std::fmt;
use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;

use super::limits::MAX_HEAD;
use crate::error::{Error, ErrorKind};
use crate::host::{address, is_loopback};

/// An HTTP proxy.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The value of `Proxy-Authorization`.
    authorization: Option<String>,
    /// The environment variable that names it.
    variable: Option<String>,
}

/// Which hosts to reach through which proxy.
#[derive(Clone)]
pub(crate) struct Proxies {
    proxy: Option<Result<Proxy, String>>,
    exceptions: Vec<String>,
}

impl Proxies {
    pub(crate) fn none() -> Self {
        Proxies { proxy: None, exceptions: Vec::new() }
    }

    /// The proxy of the caller's own choice; an empty URL for none.
    pub(crate) fn explicit(url: &str) -> Result<Self, Error> {
        if url.is_empty() {
            return Ok(Proxies::none());
        }
        let proxy = parse(url).map_err(|why| Error::invalid(format!("the proxy {why}")))?;
        Ok(Proxies { proxy: Some(Ok(proxy)), exceptions: Vec::new() })
    }

    /// The proxy from the environment. If it is not usable, the requests that need it fail; they never bypass it.
    pub(crate) fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first =
            |names: [&str; 2]| names.into_iter().find_map(|name| Some((name.to_owned(), variable(name)?)));
        let named = first(["https_proxy", "HTTPS_PROXY"]).or_else(|| first(["all_proxy", "ALL_PROXY"]));
        let proxy = named.map(|(name, url)| match parse(&url) {
            Ok(proxy) => Ok(Proxy { variable: Some(name), ..proxy }),
            Err(why) => Err(format!("the proxy in {name} {why}")),
        });
        let exceptions = first(["no_proxy", "NO_PROXY"]).map(|(_, list)| list).unwrap_or_default();
        let entries = exceptions.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
        Proxies { proxy, exceptions: entries.map(str::to_ascii_lowercase).collect() }
    }

    /// The proxy for `host`; none for loopback.
    pub(crate) fn pick(&self, host: &str, port: u16) -> Result<Option<&Proxy>, Error> {
        if is_loopback(host) || self.exceptions.iter().any(|exception| covers(exception, host, port)) {
            return Ok(None);
        }
        match &self.proxy {
            None => Ok(None),
            Some(Ok(proxy)) => Ok(Some(proxy)),
            Some(Err(message)) => Err(Error::new(ErrorKind::Network, message.clone())),
        }
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy {}:{}", self.host, self.port)?;
        self.variable.as_ref().map_or(Ok(()), |name| write!(f, " (from {name})"))
    }
}

impl Proxy {
    /// The CONNECT request. Some proxies refuse one without a User-Agent.
    pub(crate) fn request(&self, host: &str, port: u16, user_agent: &str) -> String {
        let target = format!("{host}:{port}");
        let authorization = match &self.authorization {
            Some(value) => format!("Proxy-Authorization: {value}\r\n"),
            None => String::new(),
        };
        format!(
            "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: {user_agent}\r\n{authorization}\r\n"
        )
    }

    /// Whether `answer` opens the tunnel.
    pub(crate) fn accepted(&self, answer: &[u8]) -> Result<(), Error> {
        let status = if is_whole(answer) { status(answer) } else { None };
        let (why, retryable) = match status {
            Some(200..300) => return Ok(()),
            Some(407) => {
                let other = if self.authorization.is_some() { "other " } else { "" };
                (format!("wants {other}credentials (407) in its URL"), false)
            }
            Some(status) => {
                (format!("refused the tunnel with status {status}"), matches!(status, 408 | 429 | 500..))
            }
            None => ("did not answer as an HTTP proxy does".to_owned(), false),
        };
        let mut error = Error::new(ErrorKind::Network, format!("{self} {why}"));
        error.details.http_status = status;
        error.details.retryable = retryable;
        Err(error)
    }
}

/// The head of a proxy's response, read byte by byte, because what follows it is the server's.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) head: Vec<u8>,
    /// With the interim responses before it.
    length: usize,
}

impl Answer {
    pub(super) fn push(&mut self, byte: u8) {
        self.head.push(byte);
        self.length += 1;
        if is_whole(&self.head)
            && status(&self.head).is_some_and(|status| (100..200).contains(&status) && status != 101)
        {
            self.head.clear();
        }
    }

    /// Whether no further byte would change what [`Proxy::accepted`] returns.
    pub(super) fn is_over(&self) -> bool {
        let begin = &self.head[..self.head.len().min(HTTP.len())];
        is_whole(&self.head) || !HTTP.starts_with(begin) || self.length >= MAX_HEAD
    }
}

const HTTP: &[u8] = b"HTTP/1.";

/// Lines may end without a carriage return (RFC 9112, 2.2).
fn is_whole(head: &[u8]) -> bool {
    head.ends_with(b"\n\r\n") || head.ends_with(b"\n\n")
}

fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\n').next()?.strip_prefix(HTTP)?.trim_ascii_end();
    let [_, b' ', digits @ ..] = line else { return None };
    match digits.split(|byte| *byte == b' ').next()? {
        digits @ [_, _, _] => number(std::str::from_utf8(digits).ok()?),
        _ => None,
    }
}

/// `[http://][user[:password]@]host[:port]`; port 1080 as in curl. The message never repeats the text: it may
/// hold a password.
fn parse(url: &str) -> Result<Proxy, String> {
    let (scheme, rest) = url.trim().split_once("://").unwrap_or(("http", url.trim()));
    if !scheme.eq_ignore_ascii_case("http") {
        if !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) {
            return Err("is not a URL".to_owned());
        }
        let scheme = scheme.to_ascii_lowercase();
        return Err(format!(
            "is a {scheme}:// one, which liblinq does not support; use an http:// one, or none"
        ));
    }
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, place) = match rest.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, rest),
    };
    let (host, port) = split_port(place);
    let port = match port {
        Some(port) => number(port).ok_or("has an invalid port")?,
        None => 1080,
    };
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("names no host".to_owned());
    }
    let authorization = user.map(|user| {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        let plain = [name, ":", password].map(|text| percent_decode_str(text).collect::<Vec<u8>>()).concat();
        format!("Basic {}", BASE64_STANDARD.encode(plain))
    });
    Ok(Proxy { host: host.to_owned(), port, authorization, variable: None })
}

/// Digits only: `parse` accepts a sign as well.
fn number(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// `host:port`, `[v6]:port`, or a bare host or address.
fn split_port(place: &str) -> (&str, Option<&str>) {
    match place.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (place, None),
    }
}

/// Whether an entry of NO_PROXY covers `host`.
fn covers(exception: &str, host: &str, port: u16) -> bool {
    if exception == "*" {
        return true;
    }
    if let (Some((network, bits)), Some(ip)) = (exception.split_once('/'), address(host)) {
        return bits.parse().is_ok_and(|bits| in_network(network, bits, ip));
    }
    let (name, only) = split_port(exception);
    if only.is_some_and(|only| only.parse() != Ok(port)) {
        return false;
    }
    if let Some(ip) = address(name) {
        return address(host) == Some(ip);
    }
    let name = name.trim_start_matches('*').trim_start_matches('.').trim_end_matches('.');
    let host = host.to_ascii_lowercase();
    let host = host.trim_end_matches('.');
    !name.is_empty() && host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn in_network(network: &str, bits: u32, ip: IpAddr) -> bool {
    match (address(network), ip) {
        (Some(IpAddr::V4(network)), IpAddr::V4(ip)) if bits <= 32 => {
            (u32::from(network) ^ u32::from(ip)).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (Some(IpAddr::V6(network)), IpAddr::V6(ip)) if bits <= 128 => {
            (u128::from(network) ^ u128::from(ip)).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
