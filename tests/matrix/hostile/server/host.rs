//! A server for one test, plain or with TLS 1.3, whose every byte and record the test chooses.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use linq::{
    Attachment, CallOptions, Client, Config, Error, FileInfo, Presigned, Reader, Source, UploadOptions,
};
use serde_json::{Value, json};

pub use super::connection::Connection;

pub const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// The certificate that every TLS server here shows, and its key.
pub static CERTIFICATE: LazyLock<rcgen::CertifiedKey<rcgen::KeyPair>> =
    LazyLock::new(|| rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap());

pub struct Host {
    pub port: u16,
    tls: bool,
    accepted: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

/// What to call, of what the library sends requests for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Put,
    Api,
}

impl Host {
    /// Serves each connection in a thread of its own; `serve` also gets the connection's number.
    pub fn start(tls: bool, serve: impl Fn(&mut Connection, usize) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // Little is under way: what is not read soon waits in the client's kernel.
        socket2::SockRef::from(&listener).set_recv_buffer_size(8 * 1024).unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = Host { port, tls, accepted: Arc::default(), requests: Arc::default() };
        let (accepted, requests, serve) = (host.accepted.clone(), host.requests.clone(), Arc::new(serve));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let number = accepted.fetch_add(1, Ordering::SeqCst);
                let (serve, requests) = (serve.clone(), requests.clone());
                thread::spawn(move || {
                    if let Some(mut connection) = Connection::new(stream, tls, requests) {
                        serve(&mut connection, number);
                    }
                });
            }
        });
        host
    }

    /// Answers every request of every connection with these bytes.
    pub fn answering(tls: bool, answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(tls, move |connection, _| while connection.serve(&answer) {})
    }

    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// How many requests' heads came.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// How messages call it.
    pub fn name(&self) -> &'static str {
        if self.tls { "localhost" } else { "127.0.0.1" }
    }

    fn url(&self, path: &str) -> String {
        format!("{}://{}:{}{path}", if self.tls { "https" } else { "http" }, self.name(), self.port)
    }

    pub fn config(&self) -> Config {
        Config {
            api_key: Some("the-secret-key".to_owned()),
            base_url: Some(self.url("/api/partner")),
            ca_pem: Some(CERTIFICATE.cert.pem()),
            allow_http_loopback: true,
            use_environment: false,
            ..Config::default()
        }
    }

    /// A client that gives up once nothing has moved for `stall`.
    pub fn client(&self, stall: Duration) -> Client {
        Client::new(Config { stall_timeout: stall, ..self.config() }).unwrap()
    }

    pub fn place(&self, headers: Value) -> Presigned {
        let place = json!({
            "attachment_id": "a", "upload_url": self.url("/x?X-Amz-Signature=signed"),
            "download_url": "https://d/", "http_method": "PUT", "expires_at": "2040-01-15T10:45:00Z",
            "required_headers": headers
        });
        Presigned::parse(place.to_string().as_bytes()).unwrap()
    }

    pub fn put(&self, client: &Client, bytes: &[u8]) -> Result<Attachment, Error> {
        self.put_with(client, bytes, UploadOptions::default())
    }

    pub fn put_with(
        &self,
        client: &Client,
        bytes: &[u8],
        options: UploadOptions<'_>,
    ) -> Result<Attachment, Error> {
        client.upload_presigned(&self.place(json!({})), Source::Bytes(bytes), options)
    }

    pub fn put_reader(
        &self,
        client: &Client,
        reader: &mut dyn Reader,
        size: u64,
    ) -> Result<Attachment, Error> {
        let source = Source::Reader { reader, size };
        client.upload_presigned(&self.place(json!({})), source, UploadOptions::default())
    }

    /// A PUT or a reservation; what it says at its begin where it fails; how many attempts it took where it does not.
    pub fn call(
        &self,
        what: What,
        client: &Client,
        bytes: &[u8],
        call: CallOptions<'_>,
    ) -> Result<u32, Error> {
        match what {
            What::Put => {
                let options = UploadOptions { call, ..UploadOptions::default() };
                self.put_with(client, bytes, options).map(|attachment| attachment.attempts)
            }
            What::Api => {
                let file =
                    FileInfo { filename: "photo.jpg", content_type: None, size_bytes: bytes.len() as u64 };
                client.presign(file, call).map(|_| 1)
            }
        }
    }
}

impl What {
    /// How messages of it begin.
    pub fn doing(self) -> &'static str {
        match self {
            What::Put => "uploading: ",
            What::Api => "reserving a place for photo.jpg: ",
        }
    }
}

/// The JSON of a reservation of 1000 bytes.
pub fn reservation() -> String {
    json!({
        "attachment_id": "b", "upload_url": "https://localhost/x", "download_url": "https://d/",
        "http_method": "PUT", "expires_at": "2040-01-15T10:45:00Z",
        "required_headers": {"Content-Type": "image/jpeg", "Content-Length": "1000"}
    })
    .to_string()
}
