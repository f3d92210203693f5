//! What a request names, the members of its JSON and attachments, and the refusals where that is not as it should be.

use serde_json::Value;

use crate::api_error::{Refusal, refuse};
use crate::state::{Attachment, State};

/// A body that is an object.
pub fn parse(body: &[u8]) -> Result<Value, Refusal> {
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        _ => refuse(400, 1003, "Invalid request body"),
    }
}

/// Refuses members that the API does not know. `within`: what to put before their names.
pub fn only(body: &Value, within: &str, known: &[&str]) -> Result<(), Refusal> {
    let members = body.as_object().into_iter().flatten();
    match members.map(|(name, _)| name).find(|name| !known.contains(&name.as_str())) {
        Some(name) => refuse(400, 1003, format!("Unknown field: {within}{name}")),
        None => Ok(()),
    }
}

/// A field that must be there.
pub fn required<'a>(body: &'a Value, field: &str) -> Result<&'a Value, Refusal> {
    match body.get(field) {
        None | Some(Value::Null) => refuse(400, 1001, format!("Missing required field: {field}")),
        Some(value) => Ok(value),
    }
}

/// A field that must be there, as text.
pub fn string<'a>(body: &'a Value, field: &str) -> Result<&'a str, Refusal> {
    match required(body, field)? {
        Value::String(text) => Ok(text),
        _ => refuse(400, 1003, format!("{field} must be a string")),
    }
}

/// The attachment of this id.
pub fn find(state: &State, id: &str) -> Result<Attachment, Refusal> {
    // The parser also takes forms that the API never hands out.
    if id.len() != 36 || uuid::Uuid::parse_str(id).is_err() {
        return refuse(400, 1005, "attachment id must be a UUID");
    }
    let attachment = state.attachments().get(id).cloned();
    attachment.ok_or_else(|| Refusal(404, 2003, "Attachment not found".to_owned()))
}
