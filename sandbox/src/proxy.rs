//! An HTTP proxy: CONNECT tunnels, and plain requests passed on. Whatever host is asked for, it goes to 127.0.0.1, so
//! nothing ever leaves this machine, and a made-up name reaches the sandbox's own listeners.

use std::sync::atomic::Ordering::Relaxed;

use tokio::io::{AsyncWriteExt, copy_bidirectional_with_sizes};
use tokio::net::TcpStream;

use crate::connection::{Conn, reset};
use crate::head::Head;
use crate::log::Entry;
use crate::response::{Response, write_response};

const BUFFER: usize = 64 * 1024;

pub async fn run(head: &Head, mut conn: Conn, entry: &Entry) {
    let tunnel = head.method == "CONNECT";
    let upstream = match target(head) {
        Some((port, _)) => TcpStream::connect(("127.0.0.1", port)).await.ok(),
        None => None,
    };
    let Some(mut upstream) = upstream else {
        entry.status(502);
        entry.ended("complete");
        let _ = write_response(&mut conn, Response::new(502, "text/plain", "no such target\n"), None, false)
            .await;
        return conn.close(true).await;
    };
    let _ = upstream.set_nodelay(true);
    entry.status(200);
    entry.ended("complete");
    let opening = if tunnel {
        conn.write(b"HTTP/1.1 200 Connection established\r\n\r\n").await
    } else {
        upstream.write_all(forwarded(head).as_bytes()).await
    };
    let Some((mut client, ahead)) = conn.into_plain() else { return };
    if opening.is_err() || upstream.write_all(&ahead).await.is_err() {
        return;
    }
    match copy_bidirectional_with_sizes(&mut client, &mut upstream, BUFFER, BUFFER).await {
        Ok((up, _)) => entry.body_bytes.store(up + ahead.len() as u64, Relaxed),
        // A reset on one side is a reset on the other.
        Err(_) => {
            reset(&client);
            reset(&upstream);
        }
    }
}

/// Port and, for a plain request, the path of what is asked for.
fn target(head: &Head) -> Option<(u16, &str)> {
    let (authority, path) = if head.method == "CONNECT" {
        (head.target.as_str(), "")
    } else {
        let rest = head.target.strip_prefix("http://")?;
        rest.find('/').map_or((rest, "/"), |at| rest.split_at(at))
    };
    let port = match authority.rsplit_once(':') {
        Some((_, port)) => port.parse().ok()?,
        None => 80,
    };
    Some((port, path))
}

/// The head of a plain request as the target sees it. One request per connection keeps this simple.
fn forwarded(head: &Head) -> String {
    let path = target(head).map_or("/", |(_, path)| path);
    let mut out = format!("{} {path} HTTP/1.1\r\n", head.method);
    for (name, value) in &head.headers {
        let hop = name.eq_ignore_ascii_case("connection") || name.to_ascii_lowercase().starts_with("proxy-");
        if !hop {
            out.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    out.push_str("Connection: close\r\n\r\n");
    out
}
