//! Targets that need no connection.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use linq::fuzzing::{self, Reply};
use linq::{ErrorKind, Presigned, content_type};

use crate::check::{self, KEY, QUERY, Server};

/// The JSON that a phone was given.
pub fn presigned(input: &[u8]) {
    match Presigned::parse(input) {
        Ok(place) => sound(&place),
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::InvalidArgument, "{error}");
            assert!(!error.message.contains(char::is_control), "{error:?}");
            // Only names of headers are repeated, and they hold no such character.
            assert!(!error.message.contains('='), "{error}");
        }
    }
}

/// An upload URL and the headers it asks for: the URL, then a header on each line.
pub fn urls(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut lines = text.split('\n');
    let url = lines.next().unwrap_or_default();
    if fuzzing::base_url(url).is_ok_and(|plain| plain) {
        assert!(is_loopback(url.trim()), "the key would be sent in plain text to {url}");
    }
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: Vec<_> =
        headers.map(|(name, value)| format!("{}:{}", quoted(name), quoted(value))).collect();
    let json = format!(
        r#"{{"attachment_id":"a","upload_url":{},"download_url":"https://d/","http_method":"PUT",
        "expires_at":"2040-01-15T10:45:00Z","required_headers":{{{}}}}}"#,
        quoted(url),
        headers.join(",")
    );
    match Presigned::parse(json.as_bytes()) {
        Ok(place) => sound(&place),
        Err(error) => assert_eq!(error.kind, ErrorKind::InvalidArgument, "{error}"),
    }
}

/// What holds for every place that was accepted.
pub fn sound(place: &Presigned) {
    let url = &place.upload_url;
    let (scheme, rest) = url.split_once("://").unwrap_or_else(|| panic!("{url}"));
    assert!(scheme.eq_ignore_ascii_case("https") || is_loopback(url), "{url}");
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    assert!(!authority.is_empty() && !authority.contains(['@', ' ', '\\']), "{url}");
    let id = &place.attachment_id;
    assert!(!id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{id}");
    for (name, value) in &place.headers {
        let bad = ["authorization", "transfer-encoding"].iter().any(|bad| name.eq_ignore_ascii_case(bad));
        assert!(!bad && !name.is_empty() && !name.contains([':', ' ', '\r', '\n']), "{name}");
        assert!(!value.contains(['\r', '\n', '\0']), "{value:?}");
        let same = |(other, _): &&(String, String)| other.eq_ignore_ascii_case(name);
        assert!(place.headers.iter().filter(same).all(|(_, other)| other == value), "{name} twice");
    }
    let again = Presigned::parse(place.to_json().as_bytes()).expect("its own JSON");
    let mut expected = place.clone();
    // What is signed counts, whatever was asked for.
    if let Some((_, signed)) =
        place.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        expected.content_type = Some(signed.clone());
    }
    assert_eq!(again, expected);
    if let Some((_, query)) = url.split_once('?').filter(|(_, query)| query.len() > 12) {
        let texts = [Some(&place.expires_at), place.filename.as_ref(), place.content_type.as_ref()];
        let elsewhere = texts.into_iter().flatten().any(|text| format!("{text:?}").contains(query));
        assert!(elsewhere || !format!("{place:?}").contains(query), "{place:?}");
    }
}

fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.split_once(']') {
        Some((v6, _)) => v6.trim_start_matches('['),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A refusal as text: the status, a header on each line, a blank line, the body.
struct Refusal {
    status: u16,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

impl Refusal {
    fn read(server: Server, input: &[u8]) -> Option<Self> {
        let input = check::with_secrets(server, input);
        let (head, body) = match input.windows(2).position(|end| end == b"\n\n") {
            Some(end) => (&input[..end], &input[end + 2..]),
            None => (&input[..], &[][..]),
        };
        let mut lines = head.split(|byte| *byte == b'\n');
        let status: u16 = std::str::from_utf8(lines.next()?).ok()?.parse().ok()?;
        let header = |line: &[u8]| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((line[..colon].to_vec(), line[colon + 1..].trim_ascii().to_vec()))
        };
        let headers = lines.filter_map(header).collect();
        (100..600).contains(&status).then(|| Refusal { status, headers, body: body.to_vec() })
    }

    fn reply(&self) -> Reply<'_> {
        let headers = self.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        Reply { status: self.status, headers, body: &self.body }
    }
}

/// A refusal by Linq: its JSON envelope, its headers.
pub fn api_error(input: &[u8]) {
    let Some(refusal) = Refusal::read(Server::Linq, input) else { return };
    let Some(error) = fuzzing::api_error(KEY, "api.example", &refusal.reply()) else { return };
    check::error(Server::Linq, &error);
    assert_eq!(error.details.http_status, Some(refusal.status));
    use ErrorKind::{Api, NotFound, Protocol, RateLimited, Unauthorized};
    assert!([Api, NotFound, Protocol, RateLimited, Unauthorized].contains(&error.kind), "{error:?}");
}

/// A refusal by the storage: S3's XML, its headers.
pub fn storage_error(input: &[u8]) {
    let Some(refusal) = Refusal::read(Server::Storage, input) else { return };
    let url = format!("https://s3.example/b/o?{QUERY}");
    let Some(error) = fuzzing::storage_error(&url, "s3.example", &refusal.reply()) else { return };
    check::error(Server::Storage, &error);
    assert_eq!(error.details.http_status, Some(refusal.status));
    use ErrorKind::{Expired, Protocol, Storage};
    assert!([Expired, Protocol, Storage].contains(&error.kind), "{error:?}");
}

/// `Retry-After`, `retry-after-ms` and `Date`, each on a line, empty where it is not sent.
pub fn retry_after(input: &[u8]) {
    let mut lines = input.split(|byte| *byte == b'\n');
    let names: [&[u8]; 3] = [b"retry-after", b"retry-after-ms", b"date"];
    let sent = names.map(|name| (name, lines.next().unwrap_or_default()));
    let headers = sent.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let reply = Reply { status: 429, headers, body: b"" };
    let Some(error) = fuzzing::api_error(KEY, "api.example", &reply) else { return };
    check::error(Server::Linq, &error);
    let whole = |text: &[u8]| -> Option<u64> {
        let text = std::str::from_utf8(text).ok()?;
        let digits = (1..10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    };
    let [(_, seconds), (_, milliseconds), _] = sent;
    if let Some(milliseconds) = whole(milliseconds) {
        assert_eq!(error.details.retry_after, Some(Duration::from_millis(milliseconds)));
    } else if let (true, Some(seconds)) = (milliseconds.is_empty(), whole(seconds)) {
        assert_eq!(error.details.retry_after, Some(Duration::from_secs(seconds)));
    }
}

/// A proxy, NO_PROXY and a host, each on a line; then what the proxy answers.
pub fn no_proxy(input: &[u8]) {
    const PASSWORD: &str = "pa55:word";
    let mut lines = input.splitn(4, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let [proxy, list, host] = [line(), line(), line()].map(String::from_utf8_lossy);
    if let Err(error) = fuzzing::tunnel(line()) {
        assert_eq!(error.kind, ErrorKind::Network, "{error}");
    }
    // As a URL's parser leaves it.
    if host.is_empty() || !host.bytes().all(|byte| byte.is_ascii_graphic()) {
        return;
    }
    let ask = |list: &str, host: &str| fuzzing::proxy(&proxy, list, host, 443);
    let passed = |list: &str, host: &str| matches!(ask(list, host), Ok(None));
    match ask(&list, &host) {
        Ok(Some(request)) => {
            let ends = request.matches("\r\n").count();
            assert!(request.ends_with("\r\n\r\n") && (4..=5).contains(&ends), "{request:?}");
            assert_eq!(request.matches(['\r', '\n']).count(), 2 * ends, "{request:?}");
        }
        Ok(None) => {}
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::Network);
            assert!(!error.message.contains(PASSWORD), "{error}");
            assert!(!error.message.contains(char::is_control), "{error:?}");
        }
    }
    if host.eq_ignore_ascii_case("localhost") || host.starts_with("127.") && host.parse::<Ipv4Addr>().is_ok()
    {
        assert!(passed(&list, &host), "{host} is loopback");
    }
    assert_eq!(passed(&list, &host), passed(&list, &host.to_ascii_uppercase()), "{list} {host}");
    assert!(!passed(&list, &host) || passed(&format!("{list},other.example"), &host), "{list} {host}");
    assert!(passed("*", &host), "{host}");
    if let (Some((network, bits)), Ok(address)) = (list.split_once('/'), host.parse::<Ipv4Addr>())
        && let (Ok(network), Ok(bits @ 1..=32)) = (network.parse::<Ipv4Addr>(), bits.parse::<u32>())
    {
        let part = |address: Ipv4Addr| u32::from(address) >> (32 - bits);
        let expected = part(network) == part(address) || address.is_loopback();
        assert_eq!(passed(&list, &host), expected, "{list} {host}");
    }
}

/// A file: its name, the type that the caller declares (or nothing), each on a line; then its bytes.
pub fn sniff(input: &[u8]) {
    let mut lines = input.splitn(3, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let [name, declared] = [line(), line()].map(String::from_utf8_lossy);
    let bytes = line();
    if name.contains(|c: char| c.is_control() || "/\\".contains(c)) {
        return; // refused before anybody looks at the bytes
    }
    let detected = fuzzing::declare(None, &name, bytes);
    assert_eq!(content_type(Some(&name), bytes), detected.as_ref().ok().copied(), "{detected:?}");
    let claimed = Some(&*declared).filter(|declared| !declared.is_empty());
    let decided = fuzzing::declare(claimed, &name, bytes);
    for refusal in [&detected, &decided].into_iter().filter_map(|result| result.as_ref().err()) {
        assert!(!refusal.is_empty() && refusal.len() < 2000 + 4 * (name.len() + declared.len()), "{refusal}");
    }
    if let Ok(detected) = detected {
        let again = fuzzing::declare(Some(detected), &name, bytes);
        assert_eq!(again.as_deref(), Ok(detected), "what it is taken for may be declared");
    }
    if bytes.starts_with(b"\x7fELF") {
        assert!(decided.is_err(), "a program passes as {decided:?}");
    }
}
