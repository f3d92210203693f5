//! Chats: `POST /v3/chats`, `GET /v3/chats/{id}`, what is sent into one, and `POST /v3/messages`.

use serde_json::{Value, json};

use crate::api_error::{Refusal, refuse};
use crate::fields::{only, parse, required, string};
use crate::message::{self, now};
use crate::response::Response;
use crate::state::{Chat, PHONE, State};

const MAX_RECIPIENTS: usize = 31;

/// A request below `/v3/chats`; `rest` is what follows that. `None`: there is no such endpoint.
pub fn answer(state: &State, method: &str, rest: &str, body: &[u8]) -> Option<Result<Response, Refusal>> {
    let segments: Vec<&str> = rest.split('/').skip(1).collect();
    Some(match (method, &*segments) {
        ("POST", []) => parse(body).and_then(|body| create(state, &body)),
        ("GET", [id]) => chat(state, id).map(|chat| Response::json(200, &looked_up(id, &chat))),
        ("POST", [id, "messages"]) => parse(body).and_then(|body| send(state, id, &body)),
        ("POST", [id, "voicememo"]) => parse(body).and_then(|body| voice_memo(state, id, &body)),
        _ => return None,
    })
}

fn create(state: &State, body: &Value) -> Result<Response, Refusal> {
    only(body, "", &["from", "to", "message", "override_optout"])?;
    let from = string(body, "from")?;
    e164(from)?;
    let to = recipients(body)?;
    let sent = message::read(state, body)?;
    answered_once(state, sent.key, 201, || {
        let (id, chat) = chat_of(state, from, &to);
        let mut response = described(&id, &chat);
        response["message"] = message::sent(sent.parts.clone());
        json!({"chat": response})
    })
}

fn send(state: &State, id: &str, body: &Value) -> Result<Response, Refusal> {
    only(body, "", &["message", "override_optout"])?;
    chat(state, id)?;
    let sent = message::read(state, body)?;
    answered_once(
        state,
        sent.key,
        202,
        || json!({"chat_id": id, "message": message::sent(sent.parts.clone())}),
    )
}

/// `POST /v3/messages`: Linq chooses the line. Here there is one.
pub fn send_from_any_line(state: &State, header: Option<&str>, body: &Value) -> Result<Response, Refusal> {
    only(body, "", &["to", "message", "continuation_message", "exclude_from", "override_optout"])?;
    let to = recipients(body)?;
    let sent = message::read(state, body)?;
    answered_once(state, header.or(sent.key), 202, || {
        let known = state.chats().ids.contains_key(&members(PHONE, &to));
        let (id, chat) = chat_of(state, PHONE, &to);
        let reason = if known { "reused_active_chat" } else { "new_best_number" };
        json!({
            "chat_id": id, "created_new_chat": !known, "from": chat.from,
            "from_selection": {"reason": reason, "reused_existing_chat": known},
            "handles": handles(&chat), "is_group": to.len() > 1, "service": "iMessage", "previous_chat_id": null,
            "message": message::sent(sent.parts.clone()),
        })
    })
}

fn voice_memo(state: &State, id: &str, body: &Value) -> Result<Response, Refusal> {
    only(body, "", &["attachment_id", "voice_memo_url", "override_optout"])?;
    let chat = chat(state, id)?;
    let memo = match (body.get("attachment_id"), body.get("voice_memo_url")) {
        (Some(_), None) => message::ready(state, string(body, "attachment_id")?)?,
        (None, Some(_)) => message::by_url(string(body, "voice_memo_url")?)?,
        _ => return refuse(400, 1004, "Either attachment_id or voice_memo_url is needed"),
    };
    if !memo["mime_type"].as_str().is_some_and(|kind| kind.starts_with("audio/")) {
        return refuse(400, 5004, "A voice memo must be audio");
    }
    let group = chat.to.len() > 1;
    let within = json!({"id": id, "handles": handles(&chat), "is_active": true, "is_group": group, "service": "iMessage"});
    Ok(Response::json(
        202,
        &json!({"voice_memo": {
            "id": message::new_id(), "chat": within, "created_at": now(), "from": chat.from, "to": chat.to,
            "status": "pending", "service": "iMessage", "voice_memo": memo,
        }}),
    ))
}

/// The response first given under this key, or a new one.
fn answered_once(
    state: &State,
    key: Option<&str>,
    status: u16,
    response: impl FnOnce() -> Value,
) -> Result<Response, Refusal> {
    let known = key.and_then(|key| state.chats().answers.get(key).cloned());
    let response = known.unwrap_or_else(response);
    if let Some(key) = key {
        state.chats().answers.insert(key.to_owned(), response.clone());
    }
    Ok(Response::json(status, &response))
}

fn members(from: &str, to: &[&str]) -> String {
    let mut members = to.to_vec();
    members.sort_unstable();
    format!("{from} {}", members.join(" "))
}

/// The chat that these people share, or a new one.
fn chat_of(state: &State, from: &str, to: &[&str]) -> (String, Chat) {
    let mut chats = state.chats();
    let id = chats.ids.entry(members(from, to)).or_insert_with(message::new_id).clone();
    let fresh = || Chat {
        from: from.to_owned(),
        to: to.iter().map(|&handle| handle.to_owned()).collect(),
        created_at: now(),
    };
    let chat = chats.known.entry(id.clone()).or_insert_with(fresh).clone();
    (id, chat)
}

fn chat(state: &State, id: &str) -> Result<Chat, Refusal> {
    if uuid::Uuid::parse_str(id).is_err() {
        return refuse(400, 1005, "chat id must be a UUID");
    }
    let chat = state.chats().known.get(id).cloned();
    chat.ok_or_else(|| Refusal(404, 2001, "Chat not found".to_owned()))
}

fn handles(chat: &Chat) -> Value {
    let handle = |handle: &String| {
        json!({
            "id": message::new_id(), "handle": handle, "service": "iMessage", "is_me": *handle == chat.from,
            "joined_at": chat.created_at, "status": "active",
        })
    };
    std::iter::once(&chat.from).chain(&chat.to).map(handle).collect()
}

/// A chat, as all answers describe it.
fn described(id: &str, chat: &Chat) -> Value {
    json!({
        "id": id,
        "display_name": chat.to.join(", "),
        "handles": handles(chat),
        "health_status": {"status": "HEALTHY", "updated_at": chat.created_at,
                          "doc_url": "https://docs.linqapp.com/guides/chats/chat-health#healthy"},
        "is_group": chat.to.len() > 1,
        "service": "iMessage",
    })
}

fn looked_up(id: &str, chat: &Chat) -> Value {
    let mut found = described(id, chat);
    found["created_at"] = json!(chat.created_at);
    found["updated_at"] = json!(chat.created_at);
    found["is_archived"] = json!(false);
    found
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
