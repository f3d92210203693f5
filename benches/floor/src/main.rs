//! The least that an upload can cost: reads a file, encrypts it as TLS 1.3 does, and writes that to a socket.
//!
//!     floor plain|tls ADDRESS FILE
//!
//! No handshake, no reply of Linq's, no progress, nothing that waits but the write itself. The encryption is ring's, as
//! liblinq's: another one would be measured with it, and that is why this is not in C. The sink decrypts it, as it does the
//! others': where it spends its time changes what sending costs.

use std::error::Error;
use std::fs::File;
use std::io::{IoSliceMut, Read, Write};
use std::net::TcpStream;
use std::path::Path;

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// What liblinq reads at a time, and a record of TLS: its content, and what is before and behind that.
const READ: usize = 128 * 1024;
const RECORD: usize = 16 * 1024;
const BEFORE: usize = 5;
const BEHIND: usize = 1 + 16;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().collect();
    let [_, kind, address, path] = &words[..] else {
        return Err("usage: floor plain|tls ADDRESS FILE".into());
    };
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let sealed = length + length.div_ceil(RECORD as u64) * (BEFORE + BEHIND) as u64;
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
    let body = if kind == "tls" { sealed } else { length };
    let records = if kind == "tls" { "X-Records: yes\r\n" } else { "" };
    write!(
        socket,
        "PUT /uploads/{name} HTTP/1.1\r\nContent-Type: text/plain\r\n{records}Content-Length: {body}\r\n\r\n"
    )?;
    match &**kind {
        "plain" => send(file, &mut socket)?,
        _ => encrypt_and_send(file, &mut socket)?,
    }
    let mut answer = [0; 12];
    socket.read_exact(&mut answer)?;
    if answer != *b"HTTP/1.1 200" { Err("refused".into()) } else { Ok(()) }
}

fn send(mut file: File, socket: &mut TcpStream) -> std::io::Result<()> {
    let mut buffer = vec![0; READ];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            n => socket.write_all(&buffer[..n])?,
        }
    }
}

fn encrypt_and_send(mut file: File, socket: &mut TcpStream) -> Result<(), Box<dyn Error>> {
    let key = UnboundKey::new(&AES_128_GCM, &[7; 16]).map_err(|_| "no key")?;
    let (key, mut sequence) = (LessSafeKey::new(key), 0_u64);
    let mut buffer = vec![0; READ / RECORD * (BEFORE + RECORD + BEHIND)];
    loop {
        // Where the content of each record belongs: nothing is copied.
        let mut slots: Vec<_> = buffer
            .chunks_exact_mut(BEFORE + RECORD + BEHIND)
            .map(|record| IoSliceMut::new(&mut record[BEFORE..BEFORE + RECORD]))
            .collect();
        let n = file.read_vectored(&mut slots)?;
        if n == 0 {
            return Ok(());
        }
        let mut end = 0;
        for at in 0..n.div_ceil(RECORD) {
            let content = RECORD.min(n - at * RECORD);
            let record = &mut buffer[end..end + BEFORE + content + BEHIND];
            let head = [23, 3, 3, ((content + BEHIND) >> 8) as u8, (content + BEHIND) as u8];
            record[..BEFORE].copy_from_slice(&head);
            record[BEFORE + content] = 23;
            let mut nonce = [0; 12];
            nonce[4..].copy_from_slice(&sequence.to_be_bytes());
            sequence += 1;
            let nonce = Nonce::assume_unique_for_key(nonce);
            let inside = &mut record[BEFORE..=BEFORE + content];
            let tag =
                key.seal_in_place_separate_tag(nonce, Aad::from(head), inside).map_err(|_| "not sealed")?;
            record[BEFORE + content + 1..].copy_from_slice(tag.as_ref());
            end += record.len();
        }
        socket.write_all(&buffer[..end])?;
    }
}
