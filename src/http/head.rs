//! The head of a response, and how its body is framed.

use ureq::http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use super::body::Framing;

/// What the bytes received so far begin with.
#[derive(Debug)]
pub(super) enum Parsed {
    /// The head is incomplete. `is_final`: it cannot become a 1xx head any more.
    Partial { is_final: bool },
    /// A complete 1xx head: an interim response that answers nothing.
    Interim { length: usize, status: u16 },
    /// A complete head of the response itself.
    Final { length: usize, head: Head },
}

/// The head of a final response.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) framing: Framing,
    /// Whether the server keeps the connection open after this response.
    pub(super) keep_alive: bool,
}

/// The bytes are not an HTTP/1 response.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotHttp;

/// Parses the head at the start of `input`. `to_head`: the request was HEAD, whose response has no body.
pub(super) fn parse(input: &[u8], to_head: bool) -> Result<Parsed, NotHttp> {
    // As many headers as there are lines: the input buffer is the only limit.
    let lines = memchr::memchr_iter(b'\n', input).count();
    let mut slots = Box::new_uninit_slice(lines + 1);
    let mut response = httparse::Response::new(&mut []);
    let parsed = lenient().parse_response_with_uninit_headers(&mut response, input, &mut slots);
    let httparse::Status::Complete(length) = parsed.map_err(|_| NotHttp)? else {
        return Ok(Parsed::Partial { is_final: begins_final(input) });
    };
    let status = response.code.ok_or(NotHttp)?;
    match status {
        100..200 => return Ok(Parsed::Interim { length, status }),
        200..1000 => {}
        _ => return Err(NotHttp),
    }
    let mut headers = HeaderMap::new();
    for header in response.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| NotHttp)?;
        let value = HeaderValue::from_bytes(&unfolded(header.value)).map_err(|_| NotHttp)?;
        headers.try_append(name, value).map_err(|_| NotHttp)?;
    }
    let framing = framing(status, to_head, &headers)?;
    let named = |token| tokens(&headers, CONNECTION).any(|found| found.eq_ignore_ascii_case(token));
    let is_http_1_1 = response.version == Some(1);
    let keep_alive = !named("close")
        && (is_http_1_1 || named("keep-alive"))
        && framing != Framing::UntilClose
        && !is_ambiguous(status, to_head, is_http_1_1, &headers);
    Ok(Parsed::Final { length, head: Head { status, headers, framing, keep_alive } })
}

/// Whether the end of the body is ambiguous, so that what follows may be a smuggled response.
fn is_ambiguous(status: u16, to_head: bool, is_http_1_1: bool, headers: &HeaderMap) -> bool {
    let encoded = headers.contains_key(TRANSFER_ENCODING);
    let length = headers.get(CONTENT_LENGTH);
    let unexpected_body =
        !to_head && matches!(status, 204 | 205) && length.is_some_and(|length| length != "0");
    unexpected_body || encoded && (length.is_some() || !is_http_1_1 || matches!(status, 204 | 205))
}

/// Accepts everything that RFC 9112 asks a client to tolerate.
fn lenient() -> httparse::ParserConfig {
    let mut config = httparse::ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    config.allow_spaces_after_header_name_in_responses(true);
    config.allow_multiple_spaces_in_response_status_delimiters(true);
    config
}

/// Whether an incomplete head already shows a status that is not 1xx.
fn begins_final(input: &[u8]) -> bool {
    let line = input.trim_ascii_start();
    line.starts_with(b"HTTP/1.")
        && line
            .get(8..)
            .is_some_and(|rest| rest.trim_ascii_start().first().is_some_and(|digit| *digit != b'1'))
}

/// A value that was folded over several lines, as one line.
fn unfolded(value: &[u8]) -> Vec<u8> {
    if !value.contains(&b'\n') {
        return value.to_vec();
    }
    let lines = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(&b' ')
}

/// The elements of a comma-separated header, from all its lines.
fn tokens(headers: &HeaderMap, name: HeaderName) -> impl DoubleEndedIterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().map(|value| value.to_str().unwrap_or("?"));
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

/// Where the body ends (RFC 9112, 6.3).
fn framing(status: u16, to_head: bool, headers: &HeaderMap) -> Result<Framing, NotHttp> {
    if to_head || matches!(status, 204 | 205 | 304) {
        return Ok(Framing::None);
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        let last = tokens(headers, TRANSFER_ENCODING).next_back();
        let chunked = last.is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
        return Ok(if chunked { Framing::Chunked } else { Framing::UntilClose });
    }
    let mut length = None;
    for token in tokens(headers, CONTENT_LENGTH) {
        let digits = token.bytes().all(|byte| byte.is_ascii_digit());
        let found: u64 = token.parse().ok().filter(|_| digits).ok_or(NotHttp)?;
        if length.replace(found).is_some_and(|other| other != found) {
            return Err(NotHttp);
        }
    }
    Ok(length.map_or(Framing::UntilClose, Framing::Length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        match parse(text.as_bytes(), false) {
            Ok(Parsed::Final { length, head }) => {
                assert_eq!(length, text.len(), "{text}");
                head
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn interim_heads_are_told_from_the_response() {
        let not_yet =
            ["", "H", "HTTP/1.1 ", "HTTP/1.1 1", "HTTP/1.1 100 Continue\r\nA: b\r\n", "\r\nHTTP/1.1  1"];
        for text in not_yet {
            let parsed = parse(text.as_bytes(), false);
            assert!(matches!(parsed, Ok(Parsed::Partial { is_final: false })), "{text:?}: {parsed:?}");
        }
        for text in ["HTTP/1.1 4", "HTTP/1.0 200 OK\r\nA: b\r\n", "\r\nHTTP/1.1  5"] {
            let parsed = parse(text.as_bytes(), false);
            assert!(matches!(parsed, Ok(Parsed::Partial { is_final: true })), "{text:?}: {parsed:?}");
        }
        for (text, expected) in [
            ("HTTP/1.1 100 Continue\r\n\r\n", 100),
            ("HTTP/1.1 100\r\nServer: x\r\nDate: y\r\n\r\n", 100),
            ("HTTP/1.1 103 Early Hints\nLink: </a>\n\n", 103),
            ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", 101),
        ] {
            let more = format!("{text}HTTP/1.1 200 OK\r\n\r\n");
            match parse(more.as_bytes(), false) {
                Ok(Parsed::Interim { length, status }) => {
                    assert_eq!((length, status), (text.len(), expected))
                }
                other => panic!("{text:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_not_http_is_refused_at_its_first_bytes() {
        for text in [
            "2",
            "220 smtp.example ready\r\n",
            "SSH-2.0-OpenSSH_9.6\r\n",
            "HTTP/2",
            "HTTP/1.1 abc",
            "HTTP/1.1 099 No\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA\0: b\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        ] {
            assert_eq!(parse(text.as_bytes(), false).unwrap_err(), NotHttp, "{text:?}");
        }
    }

    #[test]
    fn everything_that_is_legal_is_understood() {
        let folded =
            head("HTTP/1.1 200 OK\r\nServer: a\r\n  b\r\n\tc\r\nX-Blank : d\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(folded.headers["server"], "a b c");
        assert_eq!(folded.headers["x-blank"], "d");
        let many: String = (0..2000).map(|n| format!("X-{n}: {n}\r\n")).collect();
        let many = head(&format!("HTTP/1.1 200 OK\r\n{many}Content-Length: 5\r\n\r\n"));
        assert_eq!((many.headers.len(), many.framing), (2001, Framing::Length(5)));
        assert_eq!(many.headers["x-1999"], "1999");
    }

    #[test]
    fn where_the_body_ends_and_whether_the_connection_stays() {
        use Framing::*;
        // status line and headers, framing, keep-alive
        let table = [
            ("1.1 200 OK|Content-Length: 3", Length(3), true),
            ("1.1 200 OK|Content-Length: 3, 3|Content-Length: 3", Length(3), true),
            ("1.1 200 OK|Content-Length: 3|Connection: x, Close", Length(3), false),
            ("1.0 200 OK|Content-Length: 3", Length(3), false),
            ("1.0 200 OK|Content-Length: 3|Connection: Keep-Alive", Length(3), true),
            ("1.0 200 OK|Content-Length: 3|Connection: keep-alive, close", Length(3), false),
            ("1.1 200 OK|Transfer-Encoding: gzip, Chunked", Chunked, true),
            ("1.1 200 OK|Transfer-Encoding: chunked|Content-Length: 3", Chunked, false),
            ("1.1 200 OK|Transfer-Encoding: gzip", UntilClose, false),
            ("1.1 200 OK", UntilClose, false),
            ("1.1 204 No", None, true),
            ("1.1 205 Reset|Content-Length: 0", None, true),
            ("1.1 205 Reset|Content-Length: 3", None, false),
            ("1.1 205 Reset|Transfer-Encoding: chunked", None, false),
            ("1.0 200 OK|Transfer-Encoding: chunked|Connection: keep-alive", Chunked, false),
            ("1.1 304 Same|Content-Length: 3", None, true),
            ("1.1 403 No|Content-Length: 0", Length(0), true),
        ];
        for (text, framing, keep_alive) in table {
            let found = head(&format!("HTTP/{}\r\n\r\n", text.replace('|', "\r\n")));
            assert_eq!((found.framing, found.keep_alive), (framing, keep_alive), "{text}");
        }
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
        let Ok(Parsed::Final { head, .. }) = parse(text, true) else { panic!() };
        assert_eq!((head.framing, head.keep_alive), (None, true));
    }
}
