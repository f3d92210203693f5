//! Every answer that Linq gives, may give or should not give, by a mock server.

mod codes;
mod errors;
mod invalid_replies;
mod replies;
mod words;

use linq::{CallOptions, Client, Config, Error, FileInfo, Presigned};
use mockito::{Mock, Server, ServerGuard};
use serde_json::{Value, json};

const ID: &str = "550e8400-e29b-41d4-a716-446655440000";

/// A client that tries once, and knows nothing but this server.
fn client(server: &Server) -> Client {
    let config = Config {
        api_key: Some("test-key".to_owned()),
        base_url: Some(server.url()),
        use_environment: false,
        max_attempts: 1,
        ..Config::default()
    };
    Client::new(config).unwrap()
}

fn presign(client: &Client) -> Result<Presigned, Error> {
    let file = FileInfo { filename: "photo.jpg", content_type: None, size_bytes: 5 };
    client.presign(file, CallOptions::default())
}

/// What Linq answers to a reservation of 5 bytes; the storage is the same server.
fn good_reply(server: &Server) -> Value {
    json!({
        "attachment_id": ID,
        "upload_url": format!("{}/put?X-Amz-Signature=secret", server.url()),
        "download_url": "https://cdn.linqapp.com/photo.jpg",
        "http_method": "PUT",
        "expires_at": "2099-01-15T10:45:00Z",
        "required_headers": {"Content-Type": "image/jpeg", "Content-Length": "5"},
    })
}

/// Answers the next reservations so.
fn reservation(server: &mut ServerGuard, status: usize, body: impl AsRef<[u8]>) -> Mock {
    server
        .mock("POST", "/v3/attachments")
        .with_status(status)
        .with_header("content-type", "application/json")
        .with_body(body)
}
