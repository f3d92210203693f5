//! Answers without an end. tests/timing uses them too.

use std::thread;
use std::time::Duration;

use super::host::{Connection, Host};

/// An answer that never ends.
#[derive(Debug, Clone, Copy)]
pub struct Flow {
    pub name: &'static str,
    start: &'static str,
    /// Comes again and again; empty: session tickets.
    piece: &'static str,
    /// What messages say where it comes so fast that a bound ends it.
    pub bound: &'static str,
    /// Whether it is the body of a 200.
    pub is_body: bool,
}

impl Flow {
    pub fn needs_tls(&self) -> bool {
        self.piece.is_empty()
    }

    /// Sends it in large pieces until the client is gone.
    pub fn fast(&self, connection: &mut Connection) {
        let output = &mut connection.output;
        output.say(self.start.as_bytes());
        if self.needs_tls() {
            // 200,000 of them have 51 MB.
            (0..200).all(|_| output.tickets(1000));
        } else {
            let block = self.piece.repeat(16_384 / self.piece.len());
            while output.say(block.as_bytes()) {}
        }
        connection.drain();
    }

    /// Sends a piece each millisecond: there is always something to read, and never much.
    pub fn slow(&self, connection: &mut Connection) {
        let output = &mut connection.output;
        output.say(self.start.as_bytes());
        // Interim heads have a bound of twenty, which a busy machine must not reach before the call is cancelled.
        let whole = !self.start.is_empty();
        let pause = || thread::sleep(Duration::from_millis(if whole || self.needs_tls() { 1 } else { 3 }));
        if self.needs_tls() {
            while output.tickets(1) {
                pause();
            }
        } else {
            let pieces = if whole { self.piece.len() } else { 1 };
            let mut all = self.piece.as_bytes().chunks(pieces).cycle();
            while all.next().is_some_and(|piece| output.say(piece)) {
                pause();
            }
        }
    }

    /// A host that reads each request and then answers so.
    pub fn after_the_request(self, tls: bool, fast: bool) -> Host {
        Host::start(tls, move |connection, _| {
            if connection.read_request().is_some() {
                if fast { self.fast(connection) } else { self.slow(connection) }
            }
        })
    }

    /// A host that reads no more than the request's head.
    pub fn after_the_head(self, tls: bool, fast: bool) -> Host {
        Host::start(tls, move |connection, _| {
            if connection.read_head().is_some() {
                if fast { self.fast(connection) } else { self.slow(connection) }
            }
        })
    }
}

const HEADERS: &str = "sent more than 32 KiB of headers";
pub const ENDLESS: &str = "sends bytes without an end";
const INTERIM: &str = "sends interim answers without an end";
pub const LARGE: &str = "the server's answer is larger than 1 MiB";

const fn flow(
    name: &'static str,
    start: &'static str,
    piece: &'static str,
    bound: &'static str,
    is_body: bool,
) -> Flow {
    Flow { name, start, piece, bound, is_body }
}

/// Before there is a final answer.
pub const HEADS: [Flow; 4] = [
    flow("tickets", "", "", ENDLESS, false),
    flow("interim heads", "", "HTTP/1.1 102 Processing\r\n\r\n", INTERIM, false),
    flow("headers of an interim head", "HTTP/1.1 103 Early Hints\r\n", "X-Header: y\r\n", HEADERS, false),
    flow("empty lines", "\r\n", "\r\n", HEADERS, false),
];

/// Behind the begin of a 200.
pub const ANSWERS: [Flow; 8] = [
    flow("headers", "HTTP/1.1 200 OK\r\n", "X-Header: y\r\n", HEADERS, false),
    flow(
        "trailers",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        "X-Trailer: y\r\n",
        "sent more than 32 KiB of trailers",
        true,
    ),
    flow(
        "a chunk extension",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3",
        ";name=value",
        "sent a chunked body that is malformed",
        true,
    ),
    flow(
        "chunks",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "20;a=b\r\n01234567890123456789012345678901\r\n",
        LARGE,
        true,
    ),
    flow(
        "chunks with little in them",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "1;name=01234567890123456789012345678901234567890123456789\r\nx\r\n",
        ENDLESS,
        true,
    ),
    flow("a body of a length", "HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n", "xy", LARGE, true),
    flow("a body without a length", "HTTP/1.1 200 OK\r\n\r\n", "xy", LARGE, true),
    flow("tickets in a body", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "", ENDLESS, true),
];
