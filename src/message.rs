//! Step 3: a message with attachments (`POST /v3/chats`).

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::api::Api;
use crate::attachment::check_id;
use crate::call::Call;
use crate::error::Error;
use crate::http::Method;
use crate::random;

/// A message to send.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// One of your own numbers, in E.164 form.
    pub from: &'a str,
    /// Whom to send to: numbers in E.164 form or e-mail addresses.
    pub to: &'a [&'a str],
    /// Text that goes before the attachments.
    pub text: Option<&'a str>,
    /// Attachments, in order.
    pub attachment_ids: &'a [&'a str],
    /// The same key never sends twice; `None`: a fresh one.
    pub idempotency_key: Option<&'a str>,
}

/// What Linq answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The chat it went to.
    pub chat_id: String,
    /// The message, where the reply names it.
    pub message_id: Option<String>,
    /// The key it was sent with. To send again after an error, use the same.
    pub idempotency_key: String,
}

#[derive(Serialize)]
struct Request<'a> {
    from: &'a str,
    to: &'a [&'a str],
    message: Body<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    parts: Vec<Part<'a>>,
    idempotency_key: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Part<'a> {
    Text { value: &'a str },
    Media { attachment_id: &'a str },
}

#[derive(Deserialize)]
struct Reply {
    chat: Chat,
}

#[derive(Deserialize)]
struct Chat {
    id: String,
    message: Option<Sent>,
}

#[derive(Deserialize)]
struct Sent {
    id: Option<String>,
}

/// Finds mistakes without the network.
pub(crate) fn check(message: &Message<'_>) -> Result<(), Error> {
    if message.from.is_empty() {
        return Err(Error::invalid("the sender is empty; it is one of your own numbers"));
    }
    if message.to.is_empty() || message.to.iter().any(|to| to.is_empty()) {
        return Err(Error::invalid("the message has no recipient, or an empty one"));
    }
    if message.text.is_none_or(str::is_empty) && message.attachment_ids.is_empty() {
        return Err(Error::invalid("the message has neither text nor attachments"));
    }
    if message.idempotency_key.is_some_and(|key| key.is_empty() || key.chars().count() > 255) {
        return Err(Error::invalid("the idempotency key must have 1 to 255 characters"));
    }
    message.attachment_ids.iter().try_for_each(|id| check_id(id))
}

/// Sends it, once. The key makes a retry safe.
pub(crate) fn send(api: &Api, call: &Rc<Call>, message: &Message<'_>, key: &str) -> Result<Receipt, Error> {
    let what = "sending the message";
    let text = message.text.filter(|text| !text.is_empty()).map(|value| Part::Text { value });
    let media = message.attachment_ids.iter().map(|attachment_id| Part::Media { attachment_id });
    let request = Request {
        from: message.from,
        to: message.to,
        message: Body { parts: text.into_iter().chain(media).collect(), idempotency_key: key },
    };
    let response = api.send(call, what, Method::POST, "chats", Some(&request))?;
    let reply: Reply = api.read(what, &response)?;
    Ok(Receipt {
        chat_id: reply.chat.id,
        message_id: reply.chat.message.and_then(|message| message.id),
        idempotency_key: key.to_owned(),
    })
}

/// A random UUID.
pub(crate) fn fresh_key() -> String {
    let mut bytes: [u8; 16] = random::bytes();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn keys_are_fresh_uuids() {
        let key = fresh_key();
        assert_ne!(key, fresh_key());
        assert_eq!((key.len(), &key[14..15]), (36, "4"));
        assert!("89ab".contains(&key[19..20]));
    }

    #[test]
    fn mistakes_are_found_before_the_network() {
        let good =
            Message { from: "+1", to: &["+2"], text: Some("hi"), attachment_ids: &[], idempotency_key: None };
        assert_eq!(check(&good), Ok(()));
        let (longest, too_long) = ("ä".repeat(255), "k".repeat(256));
        assert_eq!(check(&Message { idempotency_key: Some(&longest), ..good }), Ok(()));
        let bad = [
            (Message { from: "", ..good }, "the sender is empty; it is one of your own numbers"),
            (Message { to: &[], ..good }, "the message has no recipient, or an empty one"),
            (Message { text: Some(""), ..good }, "the message has neither text nor attachments"),
            (
                Message { idempotency_key: Some(""), ..good },
                "the idempotency key must have 1 to 255 characters",
            ),
            (
                Message { idempotency_key: Some(&too_long), ..good },
                "the idempotency key must have 1 to 255 characters",
            ),
        ];
        for (message, text) in bad {
            let error = check(&message).unwrap_err();
            assert_eq!((error.kind, &*error.message), (ErrorKind::InvalidArgument, text));
        }
    }
}
