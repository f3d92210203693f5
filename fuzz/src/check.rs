//! What holds for every error, and the secrets that must be in none.

use linq::{Error, ErrorKind};

/// The API key.
pub const KEY: &str = "kEy-0123456789abcdef";
/// The signature of the upload URL.
pub const SIGNATURE: &str = "5ignature0123456789abcdef";
/// The query of the upload URL.
pub const QUERY: &str =
    "X-Amz-Credential=AKIAEXAMPLE0%2F20260101&X-Amz-Signature=5ignature0123456789abcdef&x-id=PutObject";

/// The longest message: a few names and a few servers' words, each of which is bounded.
const LONGEST: usize = 4000;

/// Who was sent what.
#[derive(Clone, Copy, PartialEq)]
pub enum Server {
    Linq,
    Storage,
}

impl Server {
    /// What it was sent and nobody may be shown.
    fn secrets(self) -> &'static [&'static str] {
        match self {
            Server::Linq => &[KEY],
            Server::Storage => &[
                SIGNATURE,
                "5IGNATURE0123456789ABCDEF",
                "AKIAEXAMPLE0/20260101",
                "AKIAEXAMPLE0%2F20260101",
                "AKIAEXAMPLE0%252F20260101",
                QUERY,
            ],
        }
    }
}

/// Replaces bytes that no text has by the secrets that `server` was sent, as it may repeat them.
pub fn with_secrets(server: Server, input: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    for byte in input {
        match (server, byte) {
            (Server::Linq, 0xf8) => output.extend(KEY.bytes()),
            (Server::Linq, 0xf9) => output.extend(format!("Bearer {KEY}").bytes()),
            (Server::Storage, 0xf8) => output.extend(SIGNATURE.bytes()),
            (Server::Storage, 0xf9) => output.extend(QUERY.bytes()),
            (Server::Storage, 0xfa) => output.extend(format!("https://127.0.0.1/b/o?{QUERY}").bytes()),
            (Server::Storage, 0xfb) => output.extend(b"AKIAEXAMPLE0/20260101"),
            (Server::Storage, 0xfc) => output.extend(QUERY.replace('&', "&amp;").bytes()),
            (Server::Storage, 0xfd) => output.extend(QUERY.replace('%', "%25").bytes()),
            (Server::Storage, 0xfe) => output.extend(SIGNATURE.to_ascii_uppercase().bytes()),
            (_, other) => output.push(*other),
        }
    }
    output
}

/// Fails where an error after an exchange with `server` is not as linq.h says.
pub fn error(server: Server, error: &Error) {
    let Error { kind, message, details } = error;
    assert_ne!(*kind, ErrorKind::Internal, "{message}");
    assert!(!message.is_empty() && message.len() < LONGEST, "{} bytes: {message}", message.len());
    let texts = [
        &details.storage_code,
        &details.storage_request_id,
        &details.storage_id_2,
        &details.doc_url,
        &details.trace_id,
        &details.attachment_id,
    ];
    for text in texts.into_iter().flatten().chain([message]) {
        assert!(!text.contains(char::is_control), "control characters: {text:?}");
        no_secret(server, text);
    }
    no_secret(server, &format!("{error:?}"));
}

/// Fails where a text shows a secret that `server` was sent.
pub fn no_secret(server: Server, text: &str) {
    for secret in server.secrets() {
        assert!(!text.contains(secret), "{secret} is in {text:?}");
    }
}

/// Whether a text holds one.
pub fn is_secret_in(server: Server, text: &str) -> bool {
    server.secrets().iter().any(|secret| text.contains(secret))
}
