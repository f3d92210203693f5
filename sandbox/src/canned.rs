//! Answers that a fault makes up, and the changes that one makes to real answers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::api_error::{Refusal, usual_code};
use crate::fault::{Fault, Redirect, Respond};
use crate::head::Head;
use crate::response::{Body, Response};
use crate::side::{Kind, Side};
use crate::state::State;
use crate::storage;
use crate::util::{http_date, random_hex};

/// The response that a fault describes.
pub fn canned(side: &Side, respond: &Respond) -> Response {
    let status = respond.status.unwrap_or(200);
    let api = matches!(side.kind, Kind::Api | Kind::BadTls);
    let message = respond.message.as_deref().unwrap_or("made up by a fault");
    let mut response = match (&respond.code, &respond.body, &respond.body_base64) {
        (Some(Value::String(code)), ..) => storage::error(status, code, message),
        (Some(code), ..) => {
            let code = code.as_u64().and_then(|n| u16::try_from(n).ok()).unwrap_or(0);
            Refusal(status, code, message.to_owned()).response()
        }
        (_, Some(Value::String(text)), _) => Response::new(status, usual_type(api, text), text.clone()),
        (_, Some(json), _) => Response::json(status, json),
        (.., Some(base64)) => {
            Response::new(status, "application/octet-stream", STANDARD.decode(base64).unwrap_or_default())
        }
        _ if api && status >= 400 => Refusal(status, usual_code(status), message.to_owned()).response(),
        _ => Response::empty(status),
    };
    if let Some(repeat) = &respond.body_repeat {
        response.body = Body::Repeat(Bytes::from(repeat.text.clone()), repeat.count);
    }
    if respond.endless {
        response.body = Body::Endless;
    }
    response.frame = respond.framing;
    response.reason.clone_from(&respond.reason);
    for (name, _) in &respond.headers {
        response.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }
    response.headers.extend(respond.headers.iter().cloned());
    match side.kind {
        Kind::Storage => storage::identify(&mut response),
        _ if api => response.default("X-Trace-ID", random_hex()),
        _ => {}
    }
    response
}

/// A redirect; some locations have names.
pub fn redirection(state: &State, side: &Side, head: &Head, redirect: &Redirect) -> Response {
    let target = &head.target;
    let location = match redirect.location.as_str() {
        side @ ("other" | "other_tls") => format!("{}{target}", state.origin(side, None)),
        "self" => format!("{}{target}", state.origin(side.name, None)),
        url => url.to_owned(),
    };
    let mut response = Response::empty(redirect.status);
    response.set("Location", location);
    response
}

/// The exact bytes to send, where the fault gives them.
pub fn raw(respond: &Respond) -> Option<Bytes> {
    if let Some(text) = &respond.raw {
        return Some(Bytes::from(text.clone()));
    }
    respond.raw_base64.as_ref().map(|base64| STANDARD.decode(base64).unwrap_or_default().into())
}

fn usual_type(api: bool, text: &str) -> &'static str {
    if api {
        "application/json"
    } else if text.starts_with('<') {
        "application/xml"
    } else {
        "text/plain"
    }
}

/// The changes that a fault makes to a response before it is sent.
pub fn adjust(fault: &Fault, response: &mut Response) {
    if let Some(patch) = &fault.merge
        && (200..300).contains(&response.status)
        && let Body::Bytes(bytes) = &mut response.body
        && let Ok(mut value) = serde_json::from_slice::<Value>(bytes)
    {
        merge(&mut value, patch);
        *bytes = value.to_string().into();
    }
    for (name, value) in &fault.set_headers {
        response.set(name, value);
    }
    match &fault.date {
        Some(Value::String(date)) => response.set("Date", date),
        Some(offset) => {
            let offset = time::Duration::seconds(offset.as_i64().unwrap_or(0));
            let now = OffsetDateTime::now_utc();
            response.set("Date", http_date(now.checked_add(offset).unwrap_or(now)));
        }
        None => {}
    }
}

/// A JSON merge patch, RFC 7396.
fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(object) = value else { return };
    for (name, change) in patch {
        if change.is_null() {
            object.remove(name);
        } else {
            merge(object.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}
