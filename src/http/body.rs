//! The body of a response: from the bytes on the connection to its content.

use super::limits::MAX_HEAD;

/// How the end of a body is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is no body.
    None,
    /// After so many bytes.
    Length(u64),
    /// By a chunk of length 0, and the trailers after it.
    Chunked,
    /// By the end of the connection.
    UntilClose,
}

/// What is malformed in a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    Chunk,
    Trailers,
}

/// Removes the framing, piece by piece.
#[derive(Debug)]
pub(super) struct Decoder(State);

#[derive(Debug, Clone, Copy)]
enum State {
    Length(u64),
    UntilClose,
    /// At the line with a chunk's size.
    Size,
    /// Inside a chunk; so many of its bytes are left.
    Chunk(u64),
    /// At the line break after a chunk.
    ChunkEnd,
    /// After the last chunk; so many bytes of trailers were read.
    Trailers(usize),
    Done,
}

impl Decoder {
    pub(super) fn new(framing: Framing) -> Self {
        Decoder(match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Size,
            Framing::UntilClose => State::UntilClose,
        })
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.0, State::Done)
    }

    pub(super) fn is_until_close(&self) -> bool {
        matches!(self.0, State::UntilClose)
    }

    /// Decodes one piece of `input`: how many bytes it took, and which of those are content. 0: more input is needed.
    pub(super) fn step<'a>(&mut self, input: &'a [u8]) -> Result<(usize, &'a [u8]), Malformed> {
        const NONE: &[u8] = &[];
        let (next, taken, content) = match self.0 {
            State::Done => (State::Done, 0, NONE),
            State::UntilClose => (State::UntilClose, input.len(), input),
            State::Length(left) | State::Chunk(left) => {
                let n = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                let next = match (self.0, left - n as u64) {
                    (State::Chunk(_), 0) => State::ChunkEnd,
                    (State::Chunk(_), left) => State::Chunk(left),
                    (_, 0) => State::Done,
                    (_, left) => State::Length(left),
                };
                (next, n, &input[..n])
            }
            State::Size => match chunk_size(input)? {
                None => (State::Size, 0, NONE),
                Some((n, 0)) => (State::Trailers(0), n, NONE),
                Some((n, size)) => (State::Chunk(size), n, NONE),
            },
            State::ChunkEnd => match input {
                [b'\r', b'\n', ..] => (State::Size, 2, NONE),
                [] | [b'\r'] => (State::ChunkEnd, 0, NONE),
                _ => return Err(Malformed::Chunk),
            },
            State::Trailers(seen) => {
                let end = input.iter().position(|byte| *byte == b'\n');
                let line = end.map_or(input, |end| &input[..end]);
                match end {
                    _ if seen + line.len() > MAX_HEAD => return Err(Malformed::Trailers),
                    None => (State::Trailers(seen), 0, NONE),
                    Some(end) if line.trim_ascii_end().is_empty() => (State::Done, end + 1, NONE),
                    Some(end) => (State::Trailers(seen + end + 1), end + 1, NONE),
                }
            }
        };
        self.0 = next;
        Ok((taken, content))
    }
}

/// The length of a chunk's first line and the size in it; `None` while the line is incomplete.
fn chunk_size(input: &[u8]) -> Result<Option<(usize, u64)>, Malformed> {
    // httparse takes an empty line for a chunk of length 0.
    match input.first() {
        None => return Ok(None),
        Some(digit) if !digit.is_ascii_hexdigit() => return Err(Malformed::Chunk),
        Some(_) => {}
    }
    match httparse::parse_chunk_size(input) {
        Ok(httparse::Status::Complete(found)) => Ok(Some(found)),
        Ok(httparse::Status::Partial) if input.len() <= MAX_HEAD => Ok(None),
        Ok(httparse::Status::Partial) | Err(_) => Err(Malformed::Chunk),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes `input`, which arrives in pieces of `size`; the content, what was left over, and whether it ended.
    fn decode(framing: Framing, input: &[u8], size: usize) -> Result<(String, usize, bool), Malformed> {
        let (mut decoder, mut content, mut arrived, mut at) = (Decoder::new(framing), Vec::new(), 0, 0);
        loop {
            let (taken, bytes) = decoder.step(&input[at..arrived])?;
            content.extend_from_slice(bytes);
            at += taken;
            if taken == 0 {
                if decoder.is_done() || arrived == input.len() {
                    let content = String::from_utf8(content).unwrap();
                    return Ok((content, input.len() - at, decoder.is_done()));
                }
                arrived = (arrived + size).min(input.len());
            }
        }
    }

    #[test]
    fn bodies_in_pieces_of_any_size() {
        use Framing::*;
        let long = format!("3;name=\"{}\"\r\nabc\r\n0\r\n\r\n", "x".repeat(5000));
        // framing, input, content, left over, ended
        let table: [(Framing, &str, &str, usize, bool); 12] = [
            (None, "next", "", 4, true),
            (Length(0), "next", "", 4, true),
            (Length(3), "abcnext", "abc", 4, true),
            (Length(5), "abc", "abc", 0, false),
            (UntilClose, "abc", "abc", 0, false),
            (Chunked, "3\r\nabc\r\n0\r\n\r\nnext", "abc", 4, true),
            (Chunked, "0003\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", "abc0123456789", 0, true),
            (Chunked, "3 ;a=b;c\r\nabc\r\n0;d\r\nTrailer: x\r\nOther: y\r\n\r\nnext", "abc", 4, true),
            (Chunked, &long, "abc", 0, true),
            (Chunked, "0\r\nA: b\n\n", "", 0, true),
            (Chunked, "3\r\nabc\r\n0\r\nA: b\r\n", "abc", 0, false),
            (Chunked, "3\r\nab", "ab", 0, false),
        ];
        for (framing, input, content, left, ended) in table {
            for size in [1, 2, 3, 7, input.len()] {
                let found = decode(framing, input.as_bytes(), size).unwrap();
                assert_eq!(found, (content.to_owned(), left, ended), "{input:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn malformed_chunks_and_endless_trailers() {
        let endless = format!("0\r\n{}", "A: b\r\n".repeat(10_000));
        let line = format!("0\r\nA: {}", "b".repeat(40_000));
        let extension = format!("3;{}", "b".repeat(40_000));
        let table = [
            ("x\r\n", Malformed::Chunk),
            ("\r\n", Malformed::Chunk),
            ("-1\r\n", Malformed::Chunk),
            ("3\rabc", Malformed::Chunk),
            ("3 3\r\nabc", Malformed::Chunk),
            ("11111111111111111\r\n", Malformed::Chunk),
            (&extension, Malformed::Chunk),
            ("3\r\nabcd\r\n", Malformed::Chunk),
            (&endless, Malformed::Trailers),
            (&line, Malformed::Trailers),
        ];
        for (input, expected) in table {
            for size in [1000, input.len()] {
                assert_eq!(
                    decode(Framing::Chunked, input.as_bytes(), size).unwrap_err(),
                    expected,
                    "{input:.20}"
                );
            }
        }
        // More than any file: it is never allocated, only counted down.
        let huge = decode(Framing::Chunked, b"ffffffffffffffff\r\nabc", 30).unwrap();
        assert_eq!(huge, ("abc".to_owned(), 0, false));
    }
}
