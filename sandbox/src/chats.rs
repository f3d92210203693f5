//! `POST /v3/chats`: a message with its parts, checked as documented.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api::{find, required, string};
use crate::envelope::{Refusal, refuse};
use crate::state::State;
use crate::util::{random_hex, rfc3339};

const MAX_PARTS: usize = 100;
const MAX_TEXT: usize = 10_000;
const MAX_RECIPIENTS: usize = 31;

pub fn create(state: &State, body: &Value) -> Result<Answer, Refusal> {
    let from = string(body, "from")?;
    e164(from)?;
    let to = recipients(body)?;
    let message = required(body, "message")?;
    let Value::Object(_) = message else { return refuse(400, 1003, "message must be an object") };
    let key = idempotency_key(message)?;
    if let Some(answer) = key.and_then(|key| state.chats().answers.get(key).cloned()) {
        return Ok(Answer::json(201, &answer));
    }
    let parts = parts(state, message)?;

    let mut chats = state.chats();
    let mut members = to.clone();
    members.sort_unstable();
    let id = chats.ids.entry(format!("{from} {}", members.join(" "))).or_insert_with(new_id).clone();
    let handles: Vec<Value> = std::iter::once(&from)
        .chain(&to)
        .map(|handle| json!({"id": new_id(), "handle": handle, "service": "iMessage", "is_me": *handle == from}))
        .collect();
    let now = rfc3339(time::OffsetDateTime::now_utc());
    let answer = json!({"chat": {
        "id": id,
        "display_name": to.join(", "),
        "handles": handles,
        "is_group": to.len() > 1,
        "service": "iMessage",
        "message": {"id": new_id(), "service": "iMessage", "delivery_status": "pending", "sent_at": now,
                    "is_read": false, "parts": parts},
    }});
    if let Some(key) = key {
        chats.answers.insert(key.to_owned(), answer.clone());
    }
    Ok(Answer::json(201, &answer))
}

fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn e164(number: &str) -> Result<(), Refusal> {
    let digits = number.strip_prefix('+').unwrap_or_default();
    let good = (2..=15).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0');
    if good { Ok(()) } else { refuse(400, 1002, "Phone number must be in E.164 format") }
}

/// Something, an @ and something more: whether mail arrives there is not for us to say.
fn is_email(handle: &str) -> bool {
    let parts = handle.split_once('@');
    parts.is_some_and(|(who, host)| !who.is_empty() && !host.is_empty() && !host.contains('@'))
}

fn recipients(body: &Value) -> Result<Vec<&str>, Refusal> {
    let Value::Array(to) = required(body, "to")? else { return refuse(400, 1003, "to must be an array") };
    if to.is_empty() {
        return refuse(400, 1001, "Missing required field: to");
    }
    if to.len() > MAX_RECIPIENTS {
        return refuse(400, 1005, "Too many recipients");
    }
    let mut handles = Vec::new();
    for handle in to {
        let Some(handle) = handle.as_str() else { return refuse(400, 1003, "to must hold strings") };
        if !is_email(handle) {
            e164(handle)?;
        }
        handles.push(handle);
    }
    Ok(handles)
}

fn idempotency_key(message: &Value) -> Result<Option<&str>, Refusal> {
    match message.get("idempotency_key") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(key)) if (1..=255).contains(&key.chars().count()) => Ok(Some(key)),
        Some(_) => refuse(400, 1005, "idempotency_key must be a string of 1 to 255 characters"),
    }
}

fn parts(state: &State, message: &Value) -> Result<Vec<Value>, Refusal> {
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
            let text = string(part, "value")?;
            if !(1..=MAX_TEXT).contains(&text.chars().count()) {
                return refuse(400, 1004, "A text part needs 1 to 10000 characters");
            }
            Ok(json!({"type": "text", "value": text, "reactions": null}))
        }
        "media" => check_media(state, part),
        other => refuse(400, 1004, format!("Unknown part type: {other}")),
    }
}

fn check_media(state: &State, part: &Value) -> Result<Value, Refusal> {
    match (part.get("attachment_id"), part.get("url")) {
        (Some(_), None) => {}
        (None, Some(url)) if url.as_str().is_some_and(|url| url.starts_with("https://")) => {
            return Ok(json!({"type": "media", "id": new_id(), "url": url}));
        }
        (None, Some(_)) => return refuse(400, 1005, "url must begin with https://"),
        _ => return refuse(400, 1004, "A media part needs either attachment_id or url"),
    }
    let id = string(part, "attachment_id")?;
    let attachment = find(state, id)?;
    if attachment.object.is_none() {
        return refuse(404, 2007, "Attachment is not ready: it is still being processed");
    }
    Ok(json!({
        "type": "media",
        "id": id,
        "url": format!("https://cdn.linqapp.com/attachments/{id}?signature={}", random_hex()),
        "filename": attachment.filename,
        "mime_type": attachment.content_type,
        "size_bytes": attachment.size,
    }))
}
