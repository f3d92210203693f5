//! Answers, and writing them in every shape a fault may ask for.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use time::OffsetDateTime;
use tokio::io::AsyncReadExt;

use crate::connection::{CHUNK, Conn};
use crate::util::http_date;

pub enum Body {
    Bytes(Bytes),
    File(tokio::fs::File, u64),
    Repeat(Bytes, u64),
    /// Until the peer goes away.
    Endless,
}

/// How the response's body is delimited.
#[derive(Clone, Copy, Default, PartialEq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frame {
    #[default]
    Length,
    Chunked,
    /// By nothing: it ends where the connection does.
    None,
}

pub struct Response {
    pub status: u16,
    pub reason: Option<String>,
    pub headers: Vec<(String, String)>,
    pub body: Body,
    pub frame: Frame,
}

impl Response {
    pub fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self { status, reason: None, headers, body: Body::Bytes(body.into()), frame: Frame::Length }
    }

    pub fn empty(status: u16) -> Self {
        let body = Body::Bytes(Bytes::new());
        Self { status, reason: None, headers: Vec::new(), body, frame: Frame::Length }
    }

    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json", value.to_string())
    }

    pub fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
    }

    /// Sets a header, in the place of any of that name.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
    }

    /// Sets a header unless it is there.
    pub fn default(&mut self, name: &str, value: impl Into<String>) {
        if !self.has(name) {
            self.headers.push((name.to_owned(), value.into()));
        }
    }

    fn head(&mut self) -> BytesMut {
        let len = match &self.body {
            Body::Bytes(bytes) => Some(bytes.len() as u64),
            Body::File(_, len) => Some(*len),
            Body::Repeat(text, count) => Some(text.len() as u64 * count),
            Body::Endless => None,
        };
        self.default("Date", http_date(OffsetDateTime::now_utc()));
        match (self.frame, len) {
            (Frame::Chunked, _) => self.default("Transfer-Encoding", "chunked"),
            (Frame::Length, Some(len)) if self.status != 204 => {
                self.default("Content-Length", len.to_string())
            }
            _ => {}
        }
        let reason = self.reason.as_deref().or_else(|| {
            http::StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason())
        });
        let mut out = format!("HTTP/1.1 {} {}\r\n", self.status, reason.unwrap_or("Unknown"));
        for (name, value) in &self.headers {
            out.push_str(&format!("{name}: {value}\r\n"));
        }
        out.push_str("\r\n");
        BytesMut::from(out.as_bytes())
    }
}

/// Writes a response; `head_only` for HEAD requests.
pub async fn write_response(
    conn: &mut Conn,
    mut response: Response,
    drip: Option<Duration>,
    head_only: bool,
) -> io::Result<()> {
    let mut out = response.head();
    let mut body = Writer { conn, drip, chunked: response.frame == Frame::Chunked };
    match response.body {
        _ if head_only => body.raw(&out).await,
        // One write for head and body: most answers are small.
        Body::Bytes(bytes) if !body.chunked => {
            out.extend_from_slice(&bytes);
            body.raw(&out).await
        }
        Body::Bytes(bytes) => {
            body.raw(&out).await?;
            if !bytes.is_empty() {
                body.piece(&bytes).await?;
            }
            body.end().await
        }
        Body::File(mut file, mut left) => {
            body.raw(&out).await?;
            let mut buf = vec![0; CHUNK];
            while left > 0 {
                let n = file.read(&mut buf).await?;
                if n == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                left = left.saturating_sub(n as u64);
                body.piece(&buf[..n]).await?;
            }
            body.end().await
        }
        Body::Repeat(text, count) => {
            body.raw(&out).await?;
            let per_piece = (64 * 1024 / text.len().max(1)).max(1) as u64;
            let piece = text.repeat(per_piece.min(count) as usize);
            let mut left = count;
            while left > 0 {
                let n = left.min(per_piece);
                body.piece(&piece[..n as usize * text.len()]).await?;
                left -= n;
            }
            body.end().await
        }
        Body::Endless => {
            body.raw(&out).await?;
            let piece = vec![b' '; 64 * 1024];
            loop {
                body.piece(&piece).await?;
            }
        }
    }
}

struct Writer<'a> {
    conn: &'a mut Conn,
    drip: Option<Duration>,
    chunked: bool,
}

impl Writer<'_> {
    async fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        write_dripping(self.conn, bytes, self.drip).await
    }

    async fn piece(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.chunked {
            return self.raw(bytes).await;
        }
        self.raw(format!("{:x}\r\n", bytes.len()).as_bytes()).await?;
        self.raw(bytes).await?;
        self.raw(b"\r\n").await
    }

    async fn end(&mut self) -> io::Result<()> {
        if self.chunked { self.raw(b"0\r\n\r\n").await } else { Ok(()) }
    }
}

/// Writes at once, or one byte every `drip`.
pub async fn write_dripping(conn: &mut Conn, bytes: &[u8], drip: Option<Duration>) -> io::Result<()> {
    let Some(drip) = drip else { return conn.write(bytes).await };
    for byte in bytes.chunks(1) {
        conn.write(byte).await?;
        tokio::time::sleep(drip).await;
    }
    Ok(())
}
