//! Answers, legal ones and others, made from a seed.

/// Enough chance for a test, and the same each time.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..4 {
            random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub fn within(&mut self, from: usize, to: usize) -> usize {
        from + self.below(to - from)
    }

    /// True so many times of a hundred.
    pub fn often(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

pub const PLACE_ID: &str = "550e8400-e29b-41d4-a716-446655440000";

/// Linq's reply to a call.
pub fn info() -> String {
    format!(
        r#"{{"id":"{PLACE_ID}","filename":"hostile.txt","content_type":"text/plain","size_bytes":10,
        "created_at":"2040-01-15T10:45:00Z","download_url":"https://d/","status":"complete"}}"#
    )
}

/// A legal answer.
pub struct Reply {
    pub bytes: Vec<u8>,
    /// Its end is that of the connection.
    pub until_close: bool,
}

/// `odd`: with lines that few servers write.
pub fn legal(random: &mut Random, status: u16, body: &str, odd: bool) -> Reply {
    let mut head = match random.below(3) {
        0 => format!("HTTP/1.1 {status}\r\n"),
        1 => format!("HTTP/1.1 {status} \r\n"),
        _ => format!("HTTP/1.1 {status} What It Is\r\n"),
    };
    let many = if odd && random.often(10) { random.within(100, 300) } else { random.below(8) };
    for number in 0..many {
        head += &header(random, number, odd);
    }
    let mut until_close = false;
    let empty = matches!(status, 204 | 205) || body.is_empty();
    let body = match random.below(if empty { 2 } else { 3 }) {
        _ if status == 204 => String::new(),
        0 => {
            head += &format!("Content-Length: {}\r\n", body.len());
            body.to_owned()
        }
        2 => {
            until_close = true;
            body.to_owned()
        }
        _ => {
            head += random.pick(&["Transfer-Encoding: chunked\r\n", "transfer-encoding:chunked\r\n"]);
            chunked(random, body, odd)
        }
    };
    Reply { bytes: format!("{head}\r\n{body}").into_bytes(), until_close }
}

fn header(random: &mut Random, number: usize, odd: bool) -> String {
    let value = "v".repeat(random.below(40));
    match random.below(if odd { 8 } else { 5 }) {
        0 => format!("X-{number}:{value}\r\n"),
        1 => format!("X-{number}:\t {value} \t\r\n"),
        2 => "Server: AmazonS3\r\n".to_owned(),
        3 => "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n".to_owned(),
        4 => format!("x-amz-request-id: {value}\r\n"),
        5 => format!("X-{number}: {value}\r\n  folded\r\n\tagain\r\n"),
        6 => format!("X-{number} : {value}\r\n"),
        _ => format!("X-{number}: {}\r\n", "long ".repeat(if number < 10 { 200 } else { 1 })),
    }
}

fn chunked(random: &mut Random, body: &str, odd: bool) -> String {
    let mut all = String::new();
    let mut rest = body;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(random.within(1, rest.len() + 1));
        let zeros = "0".repeat(random.below(3));
        let extensions = ["", "", ";a", " ; a=b", ";name=value;other=\"quoted, with a blank\""];
        let extension = random.pick(&extensions[..if odd { 5 } else { 4 }]);
        all += &format!("{zeros}{:x}{extension}\r\n{piece}\r\n", piece.len());
        rest = after;
    }
    all += random.pick(&["0\r\n", "000\r\n", "0;last\r\n"]);
    for number in 0..random.below(4) {
        all += &format!("X-Trailer-{number}: {}\r\n", "t".repeat(random.below(60)));
    }
    all + "\r\n"
}

/// Heads that answer nothing.
pub fn interim(random: &mut Random) -> Vec<u8> {
    let status = random.pick(&["100 Continue", "102 Processing", "103 Early Hints", "199 Odd"]);
    let headers = match random.below(3) {
        0 => String::new(),
        1 => "Link: </a.css>; rel=preload\r\n".to_owned(),
        _ => format!("A: b\r\nX-Long: {}\r\n", "i".repeat(random.below(500))),
    };
    format!("HTTP/1.1 {status}\r\n{headers}\r\n").into_bytes()
}

/// The body of a refusal, of a success, of nothing in particular.
pub fn refusal(random: &mut Random) -> String {
    random
        .pick(&[
            "",
            "<Error><Code>SlowDown</Code><Message>Please</Message><RequestId>R</RequestId></Error>",
            "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>no</Message></Error>",
            r#"{"success":false,"error":{"status":500,"code":3006,"message":"no"},"trace_id":"t"}"#,
            "<html><body>Bad gateway</body></html>",
            "upstream connect error",
        ])
        .to_owned()
}

/// Breaks an answer in some places.
pub fn mutated(random: &mut Random, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..random.within(1, 4) {
        if bytes.is_empty() {
            break;
        }
        let at = random.below(bytes.len());
        let end = (at + random.within(1, 20)).min(bytes.len());
        match random.below(8) {
            0 => bytes[at] = random.below(256) as u8,
            1 => drop(bytes.drain(at..end)),
            2 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            3 => bytes.truncate(at),
            4 => bytes.retain(|byte| *byte != b'\r'),
            5 => drop(bytes.splice(at..at, *b"\r\n")),
            6 => drop(bytes.splice(at..at, vec![b"\0 :;\r\n9"[random.below(7)]; random.within(1, 40)])),
            _ => drop(bytes.splice(at..end, *b"\xff\xfe")),
        }
    }
    bytes
}
