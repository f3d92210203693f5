//! The server's side of TLS 1.3 after the handshake, record by record: rustls would not send what hostile servers do.

use std::io::{self, Read};
use std::net::TcpStream;
use std::sync::{Arc, LazyLock};

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ConnectionTrafficSecrets, ServerConfig, ServerConnection, crypto};

use super::host::CERTIFICATE;

pub const ALERT: u8 = 21;
pub const HANDSHAKE: u8 = 22;
pub const DATA: u8 = 23;

static CONFIG: LazyLock<Arc<ServerConfig>> = LazyLock::new(|| {
    let mut provider = crypto::ring::default_provider();
    provider.cipher_suites = vec![crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256];
    let key = PrivateKeyDer::try_from(CERTIFICATE.signing_key.serialize_der()).unwrap();
    let builder = ServerConfig::builder_with_provider(provider.into());
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).unwrap().with_no_client_auth();
    let mut config = builder.with_single_cert(vec![CERTIFICATE.cert.der().clone()], key).unwrap();
    config.send_tls13_tickets = 0;
    config.enable_secret_extraction = true;
    Arc::new(config)
});

/// Shakes hands; `None` where the client does not.
pub fn handshake(socket: &mut TcpStream) -> Option<(Opening, Sealing)> {
    let mut tls = ServerConnection::new(CONFIG.clone()).unwrap();
    while tls.is_handshaking() {
        while tls.wants_write() {
            tls.write_tls(socket).ok()?;
        }
        if tls.is_handshaking() {
            // Not a byte more than the handshake has: what follows is not rustls's.
            let record = read_record(socket).ok()??;
            tls.read_tls(&mut &record[..]).ok()?;
            if tls.process_new_packets().is_err() {
                let _ = tls.write_tls(socket);
                return None;
            }
        }
    }
    let secrets = tls.dangerous_extract_secrets().unwrap();
    Some((Opening(Keys::new(secrets.rx)), Sealing(Keys::new(secrets.tx))))
}

fn read_record(socket: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut record = vec![0; 5];
    if let Err(e) = socket.read_exact(&mut record) {
        return if e.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(e) };
    }
    record.resize(5 + usize::from(u16::from_be_bytes([record[3], record[4]])), 0);
    socket.read_exact(&mut record[5..])?;
    Ok(Some(record))
}

struct Keys {
    key: LessSafeKey,
    iv: [u8; 12],
    next: u64,
}

impl Keys {
    fn new((next, secrets): (u64, ConnectionTrafficSecrets)) -> Self {
        let ConnectionTrafficSecrets::Aes128Gcm { key, iv } = secrets else { panic!("another cipher") };
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key.as_ref()).unwrap());
        Keys { key, iv: iv.as_ref().try_into().unwrap(), next }
    }

    fn nonce(&mut self) -> Nonce {
        let mut nonce = self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(self.next.to_be_bytes()) {
            *byte ^= number;
        }
        self.next += 1;
        Nonce::assume_unique_for_key(nonce)
    }
}

/// The client's records.
pub struct Opening(Keys);

impl Opening {
    /// The type and content of the next record; `None` at the end.
    pub fn read(&mut self, socket: &mut TcpStream) -> io::Result<Option<(u8, Vec<u8>)>> {
        let Some(mut record) = read_record(socket)? else { return Ok(None) };
        let (head, sealed) = record.split_at_mut(5);
        let nonce = self.0.nonce();
        let opened = self.0.key.open_in_place(nonce, Aad::from(&*head), sealed).expect("a genuine record");
        let end = opened.iter().rposition(|byte| *byte != 0).expect("a record with a type");
        Ok(Some((opened[end], opened[..end].to_vec())))
    }
}

/// The server's records.
pub struct Sealing(Keys);

impl Sealing {
    pub fn seal(&mut self, kind: u8, content: &[u8]) -> Vec<u8> {
        let mut sealed = content.to_vec();
        sealed.push(kind);
        let length = (sealed.len() + AES_128_GCM.tag_len()) as u16;
        let mut record = vec![DATA, 3, 3];
        record.extend(length.to_be_bytes());
        let nonce = self.0.nonce();
        self.0.key.seal_in_place_append_tag(nonce, Aad::from(&record), &mut sealed).unwrap();
        record.extend(sealed);
        record
    }
}

/// A NewSessionTicket of some 255 bytes.
pub fn ticket() -> Vec<u8> {
    let mut body = [0, 0, 0x1c, 0x20, 1, 2, 3, 4, 8, 0, 0, 0, 0, 0, 0, 0, 1].to_vec();
    body.extend(200_u16.to_be_bytes());
    body.extend([7; 200]);
    body.extend([0, 0]);
    let length = (body.len() as u32).to_be_bytes();
    [&[4], &length[1..], &body].concat()
}
