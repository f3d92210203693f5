//! What a message may hold, and what a response says of it.

use serde_json::{Value, json};

use crate::api_error::{Refusal, refuse};
use crate::fields::{find, only, required, string};
use crate::state::State;
use crate::util::{random_hex, rfc3339};

const MAX_PARTS: usize = 100;
const MAX_TEXT: usize = 10_000;

/// A message that was checked: its parts as a response repeats them, and its key.
pub struct Checked<'a> {
    pub parts: Vec<Value>,
    pub key: Option<&'a str>,
}

/// The `message` of a request.
pub fn read<'a>(state: &State, body: &'a Value) -> Result<Checked<'a>, Refusal> {
    let message = required(body, "message")?;
    let Value::Object(_) = message else { return refuse(400, 1003, "message must be an object") };
    let members = ["parts", "idempotency_key", "effect", "preferred_service", "reply_to", "experience"];
    only(message, "message.", &members)?;
    let key = idempotency_key(message)?;
    Ok(Checked { parts: parts(state, message, key)?, key })
}

/// A message as a response describes it.
pub fn sent(parts: Vec<Value>) -> Value {
    json!({"id": new_id(), "service": "iMessage", "delivery_status": "pending", "created_at": now(), "sent_at": null,
           "is_read": false, "parts": parts})
}

pub fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

pub fn now() -> String {
    rfc3339(time::OffsetDateTime::now_utc())
}

fn idempotency_key(message: &Value) -> Result<Option<&str>, Refusal> {
    match message.get("idempotency_key") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(key)) if (1..=255).contains(&key.chars().count()) => Ok(Some(key)),
        Some(_) => refuse(400, 1005, "idempotency_key must be a string of 1 to 255 characters"),
    }
}

/// A message that was sent before under its key is not checked again: its attachments may be gone.
fn parts(state: &State, message: &Value, key: Option<&str>) -> Result<Vec<Value>, Refusal> {
    if key.is_some_and(|key| state.chats().answers.contains_key(key)) {
        return Ok(Vec::new());
    }
    let Value::Array(parts) = required(message, "parts")? else {
        return refuse(400, 1003, "parts must be an array");
    };
    if parts.is_empty() || parts.len() > MAX_PARTS {
        return refuse(400, 1004, "A message needs 1 to 100 parts");
    }
    let is_text = |part: &Value| part["type"] == "text";
    if parts.windows(2).any(|pair| pair.iter().all(is_text)) {
        return refuse(400, 1004, "Text parts must not follow one another");
    }
    parts.iter().map(|part| check_part(state, part)).collect()
}

fn check_part(state: &State, part: &Value) -> Result<Value, Refusal> {
    match string(part, "type")? {
        "text" => {
            let members =
                ["type", "value", "inline_stickers", "mention", "mention_range", "text_decorations"];
            only(part, "parts.", &members)?;
            let text = string(part, "value")?;
            if !(1..=MAX_TEXT).contains(&text.chars().count()) {
                return refuse(400, 1004, "A text part needs 1 to 10000 characters");
            }
            Ok(json!({"type": "text", "value": text, "reactions": null}))
        }
        "media" => {
            only(part, "parts.", &["type", "attachment_id", "url", "sticker"])?;
            let mut media = match (part.get("attachment_id"), part.get("url")) {
                (Some(_), None) => ready(state, string(part, "attachment_id")?)?,
                (None, Some(_)) => by_url(string(part, "url")?)?,
                _ => return refuse(400, 1004, "A media part needs either attachment_id or url"),
            };
            media["type"] = json!("media");
            media["reactions"] = json!(null);
            Ok(media)
        }
        other => refuse(400, 1004, format!("Unknown part type: {other}")),
    }
}

/// An attachment that can be sent, as a response describes it.
pub fn ready(state: &State, id: &str) -> Result<Value, Refusal> {
    let attachment = find(state, id)?;
    if attachment.object.is_none() {
        return refuse(404, 2007, "Attachment is not ready: it is still being processed");
    }
    Ok(json!({
        "id": id,
        "url": format!("https://cdn.linqapp.com/attachments/{id}?signature={}", random_hex()),
        "filename": attachment.filename,
        "mime_type": attachment.content_type,
        "size_bytes": attachment.size,
    }))
}

/// Media that Linq would fetch from elsewhere. Here nothing is fetched: its name tells what it is.
pub fn by_url(url: &str) -> Result<Value, Refusal> {
    if !url.starts_with("https://") {
        return refuse(400, 1005, "url must begin with https://");
    }
    let filename = url.rsplit('/').next().unwrap_or_default();
    let mime_type = if filename.ends_with(".m4a") { "audio/x-m4a" } else { "image/jpeg" };
    Ok(json!({"id": new_id(), "url": url, "filename": filename, "mime_type": mime_type, "size_bytes": 1}))
}
