//! What a server does with a request, made from a seed.

use std::fmt;
use std::time::Duration;

use crate::reply::{self, Random};

/// When it begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Moment {
    /// When the connection is there: before anything of the request.
    AtOnce,
    /// When it has read the head and so much of the body.
    InBody(usize),
    /// When it has read all.
    AfterBody,
}

/// What it does then.
pub enum Act {
    Send(Vec<u8>),
    Pause(Duration),
    /// A byte at a time.
    Drip(Vec<u8>, Duration),
    /// The same again and again.
    Flood(Vec<u8>),
    /// Past TLS, where there is any.
    Bare(Vec<u8>),
    /// Reads so many bytes more of the request.
    Read(usize),
    /// Reads the rest of it.
    ReadAll,
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum End {
    /// Waits for the next request.
    Next,
    /// Neither reads nor closes.
    Deaf,
    Close,
    HalfClose,
    Reset,
}

/// One request's.
#[derive(Debug)]
pub struct Script {
    pub moment: Moment,
    pub acts: Vec<Act>,
    pub end: End,
}

/// What must come of a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expected {
    Anything,
    Success,
    /// This refusal.
    Status(u16),
}

impl Script {
    /// A legal success. `body`: what it must hold; `odd`: with what few servers write.
    pub fn success(random: &mut Random, body: Option<&str>, odd: bool) -> Self {
        let status = match body {
            Some(_) => [200, 201, 202][random.below(3)],
            None => [200, 200, 201, 204, 205, 299][random.below(6)],
        };
        let body = body.map_or_else(|| random.pick(&["", "stored", "{}"]).to_owned(), str::to_owned);
        let mut acts = Vec::new();
        let moment = if random.often(50) { Moment::InBody(random.below(3000)) } else { Moment::AfterBody };
        for _ in 0..random.below(3) {
            let interim = reply::interim(random);
            pieces(random, interim, &mut acts);
        }
        acts.push(Act::ReadAll);
        for _ in 0..random.below(3) {
            let interim = reply::interim(random);
            pieces(random, interim, &mut acts);
        }
        let answer = reply::legal(random, status, &body, odd);
        pieces(random, answer.bytes, &mut acts);
        let end = match answer.until_close {
            true => [End::Close, End::HalfClose][random.below(2)],
            false => [End::Next, End::Next, End::Close, End::HalfClose][random.below(4)],
        };
        Script { moment, acts, end }
    }

    /// A legal refusal, at any moment.
    pub fn refusal(random: &mut Random, status: u16, odd: bool) -> Self {
        let mut acts = Vec::new();
        let body = reply::refusal(random);
        let answer = reply::legal(random, status, &body, odd);
        pieces(random, answer.bytes, &mut acts);
        let moment = match random.below(3) {
            0 => Moment::AtOnce,
            1 => Moment::InBody(random.below(200_000)),
            _ => Moment::AfterBody,
        };
        let end = match (answer.until_close, moment) {
            (true, _) => [End::Close, End::HalfClose][random.below(2)],
            (_, Moment::AfterBody) => [End::Next, End::Close, End::HalfClose][random.below(3)],
            _ => [End::Deaf, End::Close, End::HalfClose][random.below(3)],
        };
        Script { moment, acts, end }
    }

    /// Anything.
    pub fn hostile(random: &mut Random) -> Self {
        let mut acts = Vec::new();
        let moment = match random.below(4) {
            0 => Moment::AtOnce,
            1 | 2 => Moment::InBody(random.below(500_000)),
            _ => Moment::AfterBody,
        };
        match random.often(20) {
            true => {
                full_buffer(random, &mut acts);
                acts.push(Act::ReadAll);
            }
            false => (0..random.below(4)).for_each(|_| act(random, &mut acts)),
        }
        let end = [End::Next, End::Deaf, End::Close, End::HalfClose, End::Reset][random.below(5)];
        Script { moment, acts, end }
    }
}

fn act(random: &mut Random, acts: &mut Vec<Act>) {
    match random.below(10) {
        0 => {
            let interim = reply::interim(random);
            pieces(random, interim, acts);
        }
        1 | 2 => {
            let status = random.pick(&[&200, &200, &204, &403, &503]);
            let body = reply::refusal(random);
            let answer = reply::legal(random, *status, &body, true).bytes;
            pieces(random, answer, acts);
        }
        3 | 4 => {
            let status = [101, 200, 200, 204, 307, 403, 429, 500, 503][random.below(9)];
            let body = reply::refusal(random);
            let answer = reply::legal(random, status, &body, true).bytes;
            let answer = reply::mutated(random, answer);
            pieces(random, answer, acts);
        }
        5 => {
            let bytes = reply::legal(random, 200, "stored", true).bytes;
            acts.push(Act::Drip(bytes, Duration::from_millis(random.within(1, 50) as u64)));
        }
        6 => flood(random, acts),
        7 => full_buffer(random, acts),
        8 => acts.push(Act::Bare(match random.below(4) {
            0 => b"\x15\x03\x03\x00\x02\x02\x28".to_vec(),
            1 => b"\x17\x03\x03\x40\x00garbage".to_vec(),
            2 => b"\x14\x03\x03\x00\x01\x01".repeat(random.within(1, 60)),
            _ => (0..random.within(1, 100)).map(|_| random.below(256) as u8).collect(),
        })),
        _ => acts.push(Act::Pause(Duration::from_millis(random.below(300) as u64))),
    }
}

/// Something that never ends.
fn flood(random: &mut Random, acts: &mut Vec<Act>) {
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (first, again) = match random.below(9) {
        0 => (format!("{CHUNKED}0\r\n"), "X-Trailer: endless\r\n"),
        1 => (CHUNKED.to_owned(), "1\r\na\r\n"),
        2 => (CHUNKED.to_owned(), "0000"),
        3 => (format!("{CHUNKED}1;"), "extension;"),
        4 => ("HTTP/1.1 200 OK\r\n".to_owned(), "X-Header: endless\r\n"),
        5 => ("HTTP/1.1 103 Early Hints\r\n".to_owned(), "X-Header: endless\r\n"),
        6 => (String::new(), "HTTP/1.1 102 Processing\r\n\r\n"),
        7 => ("HTTP/1.1 403 Forbidden\r\n\r\n".to_owned(), "endless "),
        _ => (String::new(), "\0\0\0\0"),
    };
    acts.push(Act::Send(first.into_bytes()));
    acts.push(Act::Flood(again.as_bytes().repeat(random.within(1, 2000))));
}

/// An unfinished interim head about as large as a buffer may be; then its end, and another.
fn full_buffer(random: &mut Random, acts: &mut Vec<Act>) {
    let size = [8 * 1024, 32 * 1024, 36 * 1024, 36 * 1024][random.below(4)] - random.below(40);
    let mut head = b"HTTP/1.1 103 Early Hints\r\nX: ".to_vec();
    head.resize(size, b'x');
    acts.push(Act::Send(head));
    acts.push(Act::Pause(Duration::from_millis(random.within(10, 50) as u64)));
    acts.push(Act::Read(random.below(3_000_000)));
    acts.push(Act::Send(b"\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: y".to_vec()));
    acts.push(Act::Pause(Duration::from_millis(random.below(50) as u64)));
}

/// An answer, whole or in pieces.
fn pieces(random: &mut Random, mut bytes: Vec<u8>, acts: &mut Vec<Act>) {
    for _ in 0..random.below(4) {
        if bytes.len() < 2 {
            break;
        }
        let rest = bytes.split_off(random.within(1, bytes.len()));
        acts.push(Act::Send(std::mem::replace(&mut bytes, rest)));
        acts.push(Act::Pause(Duration::from_millis(random.below(20) as u64)));
    }
    acts.push(Act::Send(bytes));
}

impl fmt::Debug for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |bytes: &[u8]| bytes[..bytes.len().min(300)].escape_ascii().to_string();
        match self {
            Act::Send(bytes) => write!(f, "Send({}: {})", bytes.len(), shown(bytes)),
            Act::Pause(time) => write!(f, "Pause({time:?})"),
            Act::Drip(bytes, time) => write!(f, "Drip({time:?}: {})", shown(bytes)),
            Act::Flood(bytes) => write!(f, "Flood({})", shown(&bytes[..bytes.len().min(30)])),
            Act::Bare(bytes) => write!(f, "Bare({})", shown(bytes)),
            Act::Read(count) => write!(f, "Read({count})"),
            Act::ReadAll => write!(f, "ReadAll"),
        }
    }
}
