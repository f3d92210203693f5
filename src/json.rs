//! The JSON of refusals, whose form is not known: what is looked for is kept, and the rest costs no memory.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::redact::without_bom;

/// All the members that are ever looked for.
const NAMES: [&str; 15] = [
    "error",
    "Error",
    "errors",
    "code",
    "Code",
    "message",
    "Message",
    "error_description",
    "detail",
    "requestId",
    "request_id",
    "RequestId",
    "trace_id",
    "doc_url",
    "retry_after",
];

/// How many members of an object are kept at most: an honest server names none more than twice.
const MAX_MEMBERS: usize = 2 * NAMES.len();

/// A value; an array is its first element.
#[derive(Debug, PartialEq)]
pub(crate) enum Json {
    Text(String),
    Number(f64),
    Object(Vec<(&'static str, Json)>),
    Other,
}

/// Reads a whole body; `None` if it is not JSON.
pub(crate) fn read(body: &[u8]) -> Option<Json> {
    serde_json::from_slice(without_bom(body)).ok()
}

impl Json {
    /// A member of an object, the last of that name.
    pub(crate) fn get(&self, name: &str) -> &Json {
        let members = if let Json::Object(members) = self { members.as_slice() } else { &[] };
        members.iter().rfind(|(known, _)| *known == name).map_or(&Json::Other, |(_, value)| value)
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Json::Text(text) = self { Some(text) } else { None }
    }

    /// A number, also one that is written as a text.
    pub(crate) fn as_number(&self) -> Option<f64> {
        match self {
            Json::Number(number) => Some(*number),
            Json::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Kept)
    }
}

struct Kept;

impl<'de> Visitor<'de> for Kept {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Json::Number(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        let first = elements.next_element()?.unwrap_or(Json::Other);
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut kept = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            match NAMES.iter().find(|known| **known == name) {
                Some(known) if kept.len() < MAX_MEMBERS => kept.push((*known, members.next_value()?)),
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Json::Object(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_is_kept() {
        let json = read(b"\xef\xbb\xbf{\"a\":{\"code\":1},\"error\":{\"code\":7,\"code\":\" 8 \",\"x\":[1,2]},\"errors\":[{\"message\":\"m\"},3]}");
        let json = json.unwrap();
        assert_eq!(json.get("error").get("code").as_number(), Some(8.0));
        assert_eq!(json.get("errors").get("message").as_text(), Some("m"));
        assert_eq!((json.get("a"), json.get("error").get("x")), (&Json::Other, &Json::Other));
        assert_eq!(read(b"[null, 1]"), Some(Json::Other));
        assert_eq!(read(b"-1.5"), Some(Json::Number(-1.5)));
        assert_eq!((read(b"{\"code\":1} x"), read(b"<Error/>"), read(b"")), (None, None, None));
    }

    #[test]
    fn a_server_cannot_make_it_keep_much() {
        let many = format!("[{}0]", "{\"\":0},".repeat(100_000));
        assert_eq!(read(many.as_bytes()), Some(Json::Object(Vec::new())));
        let members = format!("{{{}\"code\":1}}", "\"error\":{},".repeat(100_000));
        let Some(Json::Object(members)) = read(members.as_bytes()) else { panic!() };
        assert_eq!(members.len(), MAX_MEMBERS);
        assert_eq!(read("[".repeat(1 << 20).as_bytes()), None, "too deep");
    }
}
