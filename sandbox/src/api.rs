//! The Linq API: attachments here, chats in [`crate::chats`], and the CDN's download URLs.

use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::api_error::{Refusal, refuse};
use crate::body::{BodyReader, Stop};
use crate::chats;
use crate::connection::Conn;
use crate::fault::Fault;
use crate::fields::{find, only, parse, required, string};
use crate::head::{Framing, Head};
use crate::presign::Put;
use crate::response::{Body, Response};
use crate::side::Side;
use crate::state::{Attachment, BUCKET, State};
use crate::util::{percent_encode, random_hex, rfc3339};

pub const PREFIX: &str = "/api/partner";
const MAX_SIZE: u64 = 104_857_600;
const MAX_JSON: u64 = 1024 * 1024;
const LIFE_S: i64 = 15 * 60;

/// The documented enum, and the one type that came after the document.
const TYPES: [&str; 51] = [
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/heic",
    "image/heif",
    "image/tiff",
    "image/bmp",
    "image/svg+xml",
    "image/webp",
    "image/x-icon",
    "video/mp4",
    "video/quicktime",
    "video/mpeg",
    "video/mpeg2",
    "video/x-m4v",
    "video/x-msvideo",
    "video/3gpp",
    "audio/mpeg",
    "audio/mp3",
    "audio/x-m4a",
    "audio/mp4",
    "audio/x-caf",
    "audio/x-wav",
    "audio/x-aiff",
    "audio/aiff",
    "audio/aac",
    "audio/midi",
    "audio/amr",
    "application/pdf",
    "text/plain",
    "text/markdown",
    "text/vcard",
    "text/rtf",
    "text/csv",
    "text/html",
    "text/calendar",
    "application/msword",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.ms-excel",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/x-iwork-pages-sffpages",
    "application/x-iwork-numbers-sffnumbers",
    "application/x-iwork-keynote-sffkey",
    "application/epub+zip",
    "text/xml",
    "application/json",
    "application/zip",
    "application/x-gzip",
    "application/vnd.apple.pkpass",
];

/// One request to the API, with what its response depends on.
pub struct Call<'a> {
    pub state: &'a State,
    pub side: &'a Side,
    pub head: &'a Head,
    pub fault: &'a Fault,
}

pub async fn answer(call: &Call<'_>, conn: &mut Conn, body: &mut BodyReader<'_>) -> Result<Response, Stop> {
    let mut response = match route(call, conn, body).await? {
        Ok(response) => response,
        Err(refusal) => refusal.response(),
    };
    response.default("X-Trace-ID", random_hex());
    Ok(response)
}

async fn route(
    call: &Call<'_>,
    conn: &mut Conn,
    body: &mut BodyReader<'_>,
) -> Result<Result<Response, Refusal>, Stop> {
    match call.head.framing() {
        Framing::Chunked => return Ok(refuse(411, 1003, "A Content-Length is required")),
        Framing::Bad => return Ok(refuse(400, 1003, "Invalid Content-Length")),
        Framing::None | Framing::Length(_) => {}
    }
    let Some(json) = body.collect(conn, MAX_JSON).await? else {
        return Ok(refuse(413, 1003, "Request body too large"));
    };
    if !json.is_empty() {
        body.entry.body(String::from_utf8_lossy(&json).into_owned());
    }
    let path = call.head.path();
    if let Some(rest) = path.strip_prefix("/cdn/") {
        return Ok(call.download(rest).await);
    }
    Ok(match path.strip_prefix(PREFIX) {
        Some(path) => call.dispatch(path, &json),
        None => refuse(404, 2001, "Resource not found"),
    })
}

impl Call<'_> {
    fn dispatch(&self, path: &str, body: &[u8]) -> Result<Response, Refusal> {
        let bearer = format!("Bearer {}", self.state.key);
        if self.head.count("authorization") != 1 || self.head.get("authorization") != Some(&bearer) {
            return refuse(401, 2004, "Unauthorized - missing or invalid authentication token");
        }
        let method = match self.head.method.as_str() {
            "HEAD" => "GET", // answered without the body
            method => method,
        };
        match (method, path) {
            ("POST", "/v3/attachments") => return self.reserve(body),
            ("POST", "/v3/messages") => {
                let key = self.head.get("idempotency-key");
                return chats::send_from_any_line(self.state, key, &parse(body)?);
            }
            _ => {}
        }
        let in_chats = path.strip_prefix("/v3/chats").filter(|rest| rest.is_empty() || rest.starts_with('/'));
        if let Some(response) = in_chats.and_then(|rest| chats::answer(self.state, method, rest, body)) {
            return response;
        }
        match (method, path.strip_prefix("/v3/attachments/")) {
            ("GET", Some(id)) => self.look_up(id),
            ("DELETE", Some(id)) => self.delete(id),
            _ => refuse(404, 2001, "Resource not found"),
        }
    }

    fn reserve(&self, body: &[u8]) -> Result<Response, Refusal> {
        let body = parse(body)?;
        only(&body, "", &["filename", "content_type", "size_bytes"])?;
        let filename = string(&body, "filename")?;
        let content_type = string(&body, "content_type")?;
        let size = required(&body, "size_bytes")?;
        if !TYPES.contains(&content_type) {
            return refuse(400, 5004, format!("Unsupported content_type: {content_type}"));
        }
        if !(1..=255).contains(&filename.chars().count()) {
            return refuse(400, 1005, "filename must be 1 to 255 characters long");
        }
        let Some(size) = size.as_i64() else {
            return refuse(400, 1003, "size_bytes must be an integer");
        };
        if size < 1 {
            return refuse(400, 1005, "size_bytes must be at least 1");
        }
        let size = size.unsigned_abs();
        if size > MAX_SIZE {
            return refuse(400, 5005, "File too large: the maximum is 100MB");
        }

        let id = uuid::Uuid::new_v4().to_string();
        let now = OffsetDateTime::now_utc();
        let life = if self.fault.expired { LIFE_S } else { self.fault.expires_in.unwrap_or(LIFE_S) };
        let signed_at = if self.fault.expired { now - Duration::minutes(20) } else { now };
        let storage = if self.side.tls { "storage_tls" } else { "storage" };
        let put = Put {
            origin: &self.state.origin(storage, self.called_as()),
            path: &format!("/{BUCKET}/attachments/{id}"),
            content_type,
            content_length: size,
            signed_at,
            expires_s: life,
        };
        let reply = json!({
            "attachment_id": id,
            "upload_url": put.url(&self.state.s3_secret),
            "download_url": self.download_url(&id, filename),
            "http_method": "PUT",
            "expires_at": rfc3339(signed_at + Duration::seconds(life)),
            "required_headers": {"Content-Type": content_type, "Content-Length": size.to_string()},
        });
        let mut attachments = self.state.attachments();
        let attachment = Attachment {
            nth: self.state.next_attachment(),
            filename: filename.to_owned(),
            content_type: content_type.to_owned(),
            size,
            created_at: rfc3339(now),
            object: None,
        };
        attachments.insert(id, attachment);
        Ok(Response::json(200, &reply))
    }

    /// The name a client used for this server, where that is a name for the proxy only: URLs handed out keep to it.
    fn called_as(&self) -> Option<&str> {
        let host = self.head.get("host")?.split(':').next()?;
        (host == "linq.test" || host.ends_with(".linq.test")).then_some(host)
    }

    fn download_url(&self, id: &str, filename: &str) -> String {
        let origin = self.state.origin(self.side.name, self.called_as());
        format!("{origin}/cdn/{id}/{}", percent_encode(filename, false))
    }

    fn look_up(&self, id: &str) -> Result<Response, Refusal> {
        let attachment = find(self.state, id)?;
        let mut info = json!({
            "id": id,
            "filename": attachment.filename,
            "content_type": attachment.content_type,
            "size_bytes": attachment.size,
            "status": "pending",
            "created_at": attachment.created_at,
        });
        if attachment.object.is_some() {
            info["status"] = json!("complete");
            info["download_url"] = json!(self.download_url(id, &attachment.filename));
        }
        Ok(Response::json(200, &info))
    }

    fn delete(&self, id: &str) -> Result<Response, Refusal> {
        find(self.state, id)?;
        self.state.attachments().remove(id);
        let _ = std::fs::remove_file(self.state.object_path(id));
        Ok(Response::empty(204))
    }

    async fn download(&self, rest: &str) -> Result<Response, Refusal> {
        let id = rest.split('/').next().unwrap_or_default();
        let object = find(self.state, id)?.object;
        let file = tokio::fs::File::open(self.state.object_path(id)).await;
        match (object, file) {
            (Some(object), Ok(file)) if self.head.method == "GET" => {
                let mut response = Response::new(200, &object.content_type, "");
                response.body = Body::File(file, object.size);
                Ok(response)
            }
            _ => refuse(404, 2001, "Resource not found"),
        }
    }
}
