//! The smallest HTTP/1.1 that serves, the reading half: request heads. [`crate::response`] is the writing half.

use std::io;
use std::time::Duration;

use crate::connection::Conn;

/// Far above what any server takes, so that a client's own limits are what tests see.
const MAX_HEAD: usize = 256 * 1024;
const MAX_HEADERS: usize = 128;

/// A request head, names and values as they came.
pub struct Head {
    pub method: String,
    pub target: String,
    pub minor: u8,
    pub headers: Vec<(String, String)>,
}

/// How the request's body is delimited.
#[derive(Clone, Copy, PartialEq)]
pub enum Framing {
    None,
    Length(u64),
    Chunked,
    Bad,
}

impl Head {
    /// The value of a header, its name compared without case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub fn count(&self, name: &str) -> usize {
        self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).count()
    }

    /// Path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The value of a query parameter, as it was sent.
    pub fn query(&self, name: &str) -> Option<&str> {
        let query = self.target.split_once('?')?.1;
        query.split('&').filter_map(|pair| pair.split_once('=')).find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    pub fn expects_continue(&self) -> bool {
        self.get("expect").is_some_and(|v| v.eq_ignore_ascii_case("100-continue"))
    }

    pub fn wants_close(&self) -> bool {
        let connection = self.get("connection").unwrap_or_default().to_ascii_lowercase();
        connection.contains("close") || (self.minor == 0 && !connection.contains("keep-alive"))
    }

    /// Two lengths are refused even where they agree: a client of ours must never send two.
    pub fn framing(&self) -> Framing {
        if self.get("transfer-encoding").is_some() {
            return Framing::Chunked;
        }
        match (self.count("content-length"), self.get("content-length")) {
            (0, _) => Framing::None,
            (1, Some(value)) => value.parse().map_or(Framing::Bad, Framing::Length),
            _ => Framing::Bad,
        }
    }

    fn parse(bytes: &[u8]) -> Result<Option<(usize, Self)>, httparse::Error> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(len) = request.parse(bytes)? else { return Ok(None) };
        let head = Self {
            method: request.method.unwrap_or_default().to_owned(),
            target: request.path.unwrap_or_default().to_owned(),
            minor: request.version.unwrap_or(1),
            headers: request
                .headers
                .iter()
                .map(|h| (h.name.to_owned(), String::from_utf8_lossy(h.value).into_owned()))
                .collect(),
        };
        Ok(Some((len, head)))
    }
}

pub enum Incoming {
    Head(Head),
    /// The peer closed, or was idle for too long, between two requests.
    End,
    /// Not HTTP, or a head beyond all bounds.
    Bad(u16),
    /// `cut` said yes to this request line.
    Cut(Head),
}

/// Reads the next request head. `cut` is asked as soon as the request line is there, before the rest is.
pub async fn read_head(
    conn: &mut Conn,
    idle: Option<Duration>,
    cut: impl Fn(&str, &str) -> bool,
) -> io::Result<Incoming> {
    let mut asked = false;
    loop {
        if !asked && let Some((method, target)) = request_line(&conn.buf) {
            asked = true;
            if cut(&method, &target) {
                return Ok(Incoming::Cut(Head { method, target, minor: 1, headers: Vec::new() }));
            }
        }
        match Head::parse(&conn.buf) {
            Ok(Some((len, head))) => {
                let _ = conn.buf.split_to(len);
                return Ok(Incoming::Head(head));
            }
            Err(httparse::Error::TooManyHeaders) => return Ok(Incoming::Bad(431)),
            Err(_) => return Ok(Incoming::Bad(400)),
            Ok(None) if conn.buf.len() > MAX_HEAD => return Ok(Incoming::Bad(431)),
            Ok(None) => {}
        }
        let read = conn.fill(64 * 1024);
        let n = match idle {
            Some(idle) => match tokio::time::timeout(idle, read).await {
                Ok(n) => n?,
                Err(_) => return Ok(Incoming::End),
            },
            None => read.await?,
        };
        if n == 0 {
            return Ok(Incoming::End);
        }
    }
}

fn request_line(bytes: &[u8]) -> Option<(String, String)> {
    let end = bytes.iter().position(|&b| b == b'\r')?;
    let line = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut words = line.split(' ');
    Some((words.next()?.to_owned(), words.next()?.to_owned()))
}
