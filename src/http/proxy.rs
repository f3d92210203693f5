//! Which proxy to use for which host, by curl's rules, and the tunnel through it.
//!
//! Only https is ever proxied, by CONNECT: plain http goes to loopback alone, and loopback is never proxied.

use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::error::{Error, ErrorKind};

/// A proxy that can be asked for a tunnel.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The value of `Proxy-Authorization`.
    authorization: Option<String>,
}

/// What was configured.
#[derive(Clone)]
pub(crate) struct Proxies {
    proxy: Option<Result<Proxy, String>>,
    exceptions: Vec<String>,
}

impl Proxies {
    pub(crate) fn none() -> Self {
        Proxies { proxy: None, exceptions: Vec::new() }
    }

    /// The caller's own choice; empty for none.
    pub(crate) fn explicit(url: &str) -> Result<Self, Error> {
        if url.is_empty() {
            return Ok(Proxies::none());
        }
        let proxy = parse(url).map_err(|why| Error::invalid(format!("the proxy {why}")))?;
        Ok(Proxies { proxy: Some(Ok(proxy)), exceptions: Vec::new() })
    }

    /// What the environment says. A proxy that cannot be used is an error when it would be, not a way around it.
    pub(crate) fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first =
            |names: [&str; 2]| names.into_iter().find_map(|name| Some((name.to_owned(), variable(name)?)));
        let named = first(["https_proxy", "HTTPS_PROXY"]).or_else(|| first(["all_proxy", "ALL_PROXY"]));
        let proxy = named.map(|(name, url)| parse(&url).map_err(|why| format!("the proxy in {name} {why}")));
        let exceptions = first(["no_proxy", "NO_PROXY"]).map(|(_, list)| list).unwrap_or_default();
        let words = exceptions.split([',', ' ', '\t']).filter(|word| !word.is_empty());
        Proxies { proxy, exceptions: words.map(str::to_ascii_lowercase).collect() }
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

impl Proxy {
    /// What to say to the proxy.
    pub(crate) fn request(&self, host: &str, port: u16) -> String {
        let target = format!("{host}:{port}");
        let authorization = match &self.authorization {
            Some(value) => format!("Proxy-Authorization: {value}\r\n"),
            None => String::new(),
        };
        format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n")
    }

    /// Whether `answer` opens the tunnel.
    pub(crate) fn accepted(&self, answer: &[u8]) -> Result<(), Error> {
        let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let status: Option<u16> = match line.strip_prefix("HTTP/1.") {
            Some(rest) => rest.get(2..5).and_then(|digits| digits.parse().ok()),
            None => None,
        };
        let (why, retryable) = match status {
            Some(200..300) => return Ok(()),
            Some(407) => ("wants other credentials (407)".to_owned(), false),
            Some(status) => (format!("refused the tunnel with status {status}"), status >= 500),
            None => ("did not answer as an HTTP proxy does".to_owned(), false),
        };
        let mut error =
            Error::new(ErrorKind::Network, format!("the proxy {}:{} {why}", self.host, self.port));
        error.details.http_status = status;
        error.details.retryable = retryable;
        Err(error)
    }
}

/// Loopback by its very name: nothing that would have to be looked up.
pub(crate) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || address(host).is_some_and(|ip| ip.is_loopback())
}

fn address(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host).parse().ok()
}

/// `[http://][user[:password]@]host[:port]`; port 1080 as in curl. The message never repeats the text: it may
/// hold a password.
fn parse(url: &str) -> Result<Proxy, String> {
    let (scheme, rest) = url.trim().split_once("://").unwrap_or(("http", url.trim()));
    if !scheme.eq_ignore_ascii_case("http") {
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
        Some(port) => port.parse().map_err(|_| "has a port that is no number".to_owned())?,
        None => 1080,
    };
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("names no host".to_owned());
    }
    let authorization = user.map(|user| format!("Basic {}", BASE64_STANDARD.encode(percent_decoded(user))));
    Ok(Proxy { host: host.to_owned(), port, authorization })
}

/// `host:port`, `[v6]:port`, or a bare host or address.
fn split_port(place: &str) -> (&str, Option<&str>) {
    match place.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (place, None),
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}

/// Whether one word of NO_PROXY speaks of `host`.
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
mod tests {
    use super::*;

    fn environment(pairs: &'static [(&str, &str)]) -> Proxies {
        Proxies::from_environment(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn picked(proxies: &Proxies, host: &str) -> Option<String> {
        proxies.pick(host, 443).unwrap().map(|proxy| format!("{}:{}", proxy.host, proxy.port))
    }

    #[test]
    fn lower_case_comes_first_and_https_before_all() {
        let all = &[("ALL_PROXY", "all:1"), ("HTTPS_PROXY", "upper:2"), ("https_proxy", "http://lower:3/")];
        assert_eq!(picked(&environment(all), "example.com").as_deref(), Some("lower:3"));
        assert_eq!(picked(&environment(&all[..2]), "example.com").as_deref(), Some("upper:2"));
        assert_eq!(picked(&environment(&all[..1]), "example.com").as_deref(), Some("all:1"));
        assert_eq!(
            picked(&environment(&[("HTTP_PROXY", "no:1"), ("http_proxy", "no:2")]), "example.com"),
            None
        );
        assert_eq!(
            picked(&environment(&[("https_proxy", "proxy")]), "example.com").as_deref(),
            Some("proxy:1080")
        );
    }

    #[test]
    fn loopback_is_never_proxied() {
        let proxies = Proxies::explicit("proxy:8080").unwrap();
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "[::1]", "::1"] {
            assert_eq!(picked(&proxies, host), None, "{host}");
        }
        assert_eq!(picked(&proxies, "localhost.example").as_deref(), Some("proxy:8080"));
    }

    #[test]
    fn no_proxy_by_curls_rules() {
        // word, host, port, whether the proxy is passed by
        let table = [
            ("example.com", "example.com", 443, true),
            ("example.com", "EXAMPLE.com", 443, true),
            ("example.com", "www.example.com", 443, true),
            ("example.com", "notexample.com", 443, false),
            (".example.com", "www.example.com", 443, true),
            (".example.com", "example.com", 443, true),
            ("*.example.com", "www.example.com", 443, true),
            ("example.com.", "example.com", 443, true),
            ("example.com:443", "example.com", 443, true),
            ("example.com:8443", "example.com", 443, false),
            ("10.0.0.1", "10.0.0.1", 443, true),
            ("10.0.0.1", "10.0.0.10", 443, false),
            ("10.0.0.0/8", "10.200.3.4", 443, true),
            ("10.0.0.0/8", "11.0.0.1", 443, false),
            ("10.0.0.0/8", "example.com", 443, false),
            ("0.0.0.0/0", "11.0.0.1", 443, true),
            ("10.0.0.0/33", "10.0.0.1", 443, false),
            ("2001:db8::/32", "[2001:db8:1::5]", 443, true),
            ("2001:db8::/32", "[2001:db9::5]", 443, false),
            ("2001:db8::5", "[2001:db8::5]", 443, true),
            ("*", "anything.example", 443, true),
            (".", "example.com", 443, false),
        ];
        for (word, host, port, expected) in table {
            assert_eq!(covers(word, host, port), expected, "{word} {host}:{port}");
        }
        let spaced = environment(&[("all_proxy", "p:1"), ("no_proxy", "foo, example.com\tbar  baz")]);
        for host in ["foo", "example.com", "bar", "baz"] {
            assert_eq!(picked(&spaced, host), None, "{host}");
        }
        assert_eq!(picked(&spaced, "qux").as_deref(), Some("p:1"));
    }

    #[test]
    fn what_cannot_be_used_is_refused_and_not_passed_by() {
        let socks = environment(&[("ALL_PROXY", "socks5h://me:secret@proxy:1080")]);
        let error = socks.pick("example.com", 443).err().unwrap();
        let expected = "the proxy in ALL_PROXY is a socks5h:// one, which liblinq does not support; \
                        use an http:// one, or none";
        assert_eq!((error.kind, &*error.message), (ErrorKind::Network, expected));
        for bad in ["https://proxy", "socks4://p", "http://", "http://p:x", "http://p:99999", "http://a b"] {
            let error = Proxies::explicit(bad).err().expect(bad);
            assert_eq!(error.kind, ErrorKind::InvalidArgument, "{bad}");
        }
        assert_eq!(picked(&Proxies::explicit("").unwrap(), "example.com"), None);
    }

    #[test]
    fn the_tunnel_is_asked_for_with_credentials() {
        let proxy = parse("http://us%40er:p%3Ass@proxy:8080/").unwrap();
        let expected = "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\
                        Proxy-Authorization: Basic dXNAZXI6cDpzcw==\r\n\r\n";
        assert_eq!(proxy.request("example.com", 443), expected);
        assert_eq!(parse("[::1]:3128").map(|p| (p.host, p.port)), Ok(("[::1]".to_owned(), 3128)));
    }

    #[test]
    fn answers_of_a_proxy() {
        let proxy = parse("proxy:1").unwrap();
        assert_eq!(proxy.accepted(b"HTTP/1.1 200 Connection established\r\n\r\n"), Ok(()));
        let table: [(&[u8], &str, bool); 4] = [
            (b"HTTP/1.1 407 Who?\r\n\r\n", "the proxy proxy:1 wants other credentials (407)", false),
            (b"HTTP/1.0 502 Bad\r\n\r\n", "the proxy proxy:1 refused the tunnel with status 502", true),
            (b"HTTP/1.1 403 No\r\n\r\n", "the proxy proxy:1 refused the tunnel with status 403", false),
            (b"SSH-2.0-hello\r\n\r\n", "the proxy proxy:1 did not answer as an HTTP proxy does", false),
        ];
        for (answer, message, retryable) in table {
            let error = proxy.accepted(answer).unwrap_err();
            assert_eq!((&*error.message, error.details.retryable), (message, retryable));
        }
    }
}
