//! One connection of a server: what it reads, and what it says.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::records::{self, Opening, Sealing};

pub struct Connection {
    pub socket: TcpStream,
    opening: Option<Opening>,
    /// What was decrypted and not yet read.
    plain: Vec<u8>,
    pub output: Output,
    requests: Arc<AtomicUsize>,
}

/// What the server says; another thread may have it.
pub struct Output {
    pub socket: TcpStream,
    sealing: Option<Sealing>,
}

impl Connection {
    pub fn new(mut socket: TcpStream, tls: bool, requests: Arc<AtomicUsize>) -> Option<Self> {
        socket.set_nodelay(true).unwrap();
        let (opening, sealing) = match tls {
            true => {
                records::handshake(&mut socket).map(|(opening, sealing)| (Some(opening), Some(sealing)))?
            }
            false => (None, None),
        };
        let output = Output { socket: socket.try_clone().unwrap(), sealing };
        Some(Connection { socket, opening, plain: Vec::new(), output, requests })
    }

    /// Reads the head of a request, and gives it in lower case; `None` at the end of the connection.
    pub fn read_head(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match self.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                _ => return None,
            }
        }
        self.requests.fetch_add(1, Ordering::SeqCst);
        Some(String::from_utf8(head).unwrap().to_ascii_lowercase())
    }

    /// Reads a whole request, and gives its head and body.
    pub fn read_request(&mut self) -> Option<(String, Vec<u8>)> {
        let head = self.read_head()?;
        let body = self.read_body(&head)?;
        Some((head, body))
    }

    pub fn read_body(&mut self, head: &str) -> Option<Vec<u8>> {
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        let mut body = vec![0; length.parse().unwrap()];
        self.read_exact(&mut body).ok()?;
        Some(body)
    }

    /// Reads a body in pieces of 5000 bytes, ten each second.
    pub fn read_slowly(&mut self, head: &str) {
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut left: usize = length.parse().unwrap();
        while left > 0 {
            let mut piece = vec![0; left.min(5000)];
            self.read_exact(&mut piece).expect("a whole body");
            left -= piece.len();
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Reads a request and gives `answer` to it. `false` at the end of the connection.
    pub fn serve(&mut self, answer: &[u8]) -> bool {
        self.read_request().is_some() && self.output.say(answer)
    }

    /// Reads until the client closes; how much came.
    pub fn drain(&mut self) -> usize {
        io::copy(self, &mut io::sink()).unwrap_or_default() as usize
    }

    /// Resets the connection.
    pub fn reset(&self) {
        socket2::SockRef::from(&self.socket).set_linger(Some(Duration::ZERO)).unwrap();
        // The descriptor of the output is a second one: the reset comes with the last that closes.
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(opening) = &mut self.opening else { return self.socket.read(buffer) };
        while self.plain.is_empty() {
            match opening.read(&mut self.socket)? {
                Some((records::DATA, content)) => self.plain = content,
                Some((records::ALERT, _)) | None => return Ok(0),
                Some(_) => {}
            }
        }
        let n = buffer.len().min(self.plain.len());
        buffer[..n].copy_from_slice(&self.plain[..n]);
        self.plain.drain(..n);
        Ok(n)
    }
}

impl Output {
    /// For another thread, which from now on is the only one that says anything.
    pub fn take(&mut self) -> Output {
        Output { socket: self.socket.try_clone().unwrap(), sealing: self.sealing.take() }
    }

    /// Sends content; with TLS in records as large as may be. `false` once the client is gone.
    pub fn say(&mut self, bytes: &[u8]) -> bool {
        match &mut self.sealing {
            None => self.socket.write_all(bytes).is_ok(),
            Some(sealing) => {
                let sealed: Vec<u8> =
                    bytes.chunks(1 << 14).flat_map(|piece| sealing.seal(records::DATA, piece)).collect();
                self.socket.write_all(&sealed).is_ok()
            }
        }
    }

    /// Sends content byte by byte on the wire. The pauses do not add up to more where the machine is busy.
    pub fn drip(&mut self, bytes: &[u8], pause: Duration) -> bool {
        let wire = match &mut self.sealing {
            None => bytes.to_vec(),
            Some(sealing) => sealing.seal(records::DATA, bytes),
        };
        let began = Instant::now();
        wire.iter().zip(1..).all(|(byte, count)| {
            thread::sleep((pause * count).saturating_sub(began.elapsed()));
            self.socket.write_all(&[*byte]).is_ok()
        })
    }

    /// Sends session tickets, which nobody asked for.
    pub fn tickets(&mut self, count: usize) -> bool {
        let sealing = self.sealing.as_mut().expect("TLS");
        let ticket = records::ticket();
        let sealed: Vec<u8> = (0..count).flat_map(|_| sealing.seal(records::HANDSHAKE, &ticket)).collect();
        self.socket.write_all(&sealed).is_ok()
    }

    /// Ends what it says, in TLS with a close_notify.
    pub fn finish(&mut self) {
        if let Some(sealing) = &mut self.sealing {
            let _ = self.socket.write_all(&sealing.seal(records::ALERT, &[1, 0]));
        }
        let _ = self.socket.shutdown(Shutdown::Write);
    }
}
