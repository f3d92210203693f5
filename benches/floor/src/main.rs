//! The least that an upload can cost: reads a file, encrypts it as TLS 1.3 does, and writes that to a socket.
//!
//!     floor blocking|listening URL FILE
//!
//! No reservation, no progress, no deadline. `blocking` waits inside of its writes. `listening` writes as a client must
//! that notices an early response and knows what has left: the socket does not block, the kernel holds at most 128 KiB
//! unsent, and each write is preceded by a read. The encryption is ring's, as liblinq's: another one would be measured
//! with it, and that is why this is not in C.

use std::error::Error;
use std::fs::File;
use std::io::{ErrorKind, IoSliceMut, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::sync::Arc;

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustix::event::{PollFd, PollFlags, poll};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, ConnectionTrafficSecrets, RootCertStore};
use socket2::SockRef;

/// What liblinq reads at a time and leaves unsent, and a record of TLS: its content, and what is before and behind that.
const READ: usize = 128 * 1024;
const UNSENT: u32 = 128 * 1024;
const RECORD: usize = 16 * 1024;
const BEFORE: usize = 5;
const BEHIND: usize = 1 + 16;
const SEALED: usize = BEFORE + RECORD + BEHIND;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().collect();
    let [_, kind, url, path] = &words[..] else {
        return Err("usage: floor blocking|listening URL FILE".into());
    };
    let (scheme, address) = url.split_once("://").ok_or("no URL")?;
    let mut file = File::open(path)?;
    let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
    let length = file.metadata()?.len();
    let head = format!(
        "PUT /uploads/{name} HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n"
    );
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    let mut records = match scheme {
        "https" => Some(Records::after_handshake(&mut socket, &head)?),
        _ => {
            socket.write_all(head.as_bytes())?;
            None
        }
    };
    let listening = kind == "listening";
    if listening {
        socket.set_nonblocking(true)?;
        SockRef::from(&socket).set_tcp_notsent_lowat(UNSENT)?;
    }
    let mut buffer = vec![0; if records.is_some() { READ / RECORD * SEALED } else { READ }];
    loop {
        let n = match &mut records {
            Some(records) => records.read(&mut file, &mut buffer)?,
            None => file.read(&mut buffer)?,
        };
        if n == 0 {
            break;
        }
        write(&mut socket, &buffer[..n], listening)?;
    }
    // The response is not decrypted; the measurement asks the server what arrived.
    socket.set_nonblocking(false)?;
    socket.shutdown(Shutdown::Write)?;
    socket.read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Writes all of it. A socket that does not block is read before each write, and waited for.
fn write(socket: &mut TcpStream, mut bytes: &[u8], listening: bool) -> Result<()> {
    while !bytes.is_empty() {
        if listening {
            match socket.read(&mut [0; 4096]) {
                Ok(0) => return Err("the server closed the connection".into()),
                Err(e) if e.kind() != ErrorKind::WouldBlock => return Err(e.into()),
                _ => {} // session tickets
            }
        }
        match socket.write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                poll(&mut [PollFd::new(&socket, PollFlags::IN | PollFlags::OUT)], None)?;
            }
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

/// Records of TLS 1.3, encrypted in place.
struct Records {
    key: LessSafeKey,
    iv: [u8; 12],
    sequence: u64,
}

impl Records {
    /// Leaves the handshake and the head of the request to rustls, and takes its keys for all that follows.
    fn after_handshake(socket: &mut TcpStream, head: &str) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(std::env::var("SSL_CERT_FILE")?)?)?;
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let mut config =
            config.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth();
        config.enable_secret_extraction = true;
        let name = ServerName::from(socket.peer_addr()?.ip());
        let mut tls = ClientConnection::new(Arc::new(config), name)?;
        tls.writer().write_all(head.as_bytes())?;
        while tls.is_handshaking() || tls.wants_write() {
            tls.complete_io(socket)?;
        }
        let (sequence, secrets) = tls.dangerous_extract_secrets()?.tx;
        let ConnectionTrafficSecrets::Aes128Gcm { key, iv } = secrets else {
            return Err("not AES-128-GCM".into());
        };
        let key = UnboundKey::new(&AES_128_GCM, key.as_ref()).map_err(|_| "no key")?;
        Ok(Records { key: LessSafeKey::new(key), iv: iv.as_ref().try_into()?, sequence })
    }

    /// Fills `buffer` with records, and returns how many bytes they have.
    fn read(&mut self, file: &mut File, buffer: &mut [u8]) -> Result<usize> {
        // Where the content of each record belongs: nothing is copied.
        let mut slots: Vec<_> = buffer
            .chunks_exact_mut(SEALED)
            .map(|record| IoSliceMut::new(&mut record[BEFORE..BEFORE + RECORD]))
            .collect();
        let n = file.read_vectored(&mut slots)?;
        let mut end = 0;
        for at in 0..n.div_ceil(RECORD) {
            let content = RECORD.min(n - at * RECORD);
            let record = &mut buffer[end..end + BEFORE + content + BEHIND];
            self.seal(record, content)?;
            end += record.len();
        }
        Ok(end)
    }

    fn seal(&mut self, record: &mut [u8], content: usize) -> Result<()> {
        let head = [23, 3, 3, ((content + BEHIND) >> 8) as u8, (content + BEHIND) as u8];
        record[..BEFORE].copy_from_slice(&head);
        record[BEFORE + content] = 23;
        let mut nonce = self.iv;
        for (byte, of_sequence) in nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()) {
            *byte ^= of_sequence;
        }
        self.sequence += 1;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let inside = &mut record[BEFORE..=BEFORE + content];
        let tag =
            self.key.seal_in_place_separate_tag(nonce, Aad::from(head), inside).map_err(|_| "not sealed")?;
        record[BEFORE + content + 1..].copy_from_slice(tag.as_ref());
        Ok(())
    }
}
