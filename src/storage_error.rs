//! Reads the body of a storage's refusal: S3's `<Error>` document, or JSON from a gateway in front of a server.

use crate::json::{self, Json};
use crate::redact::{Secrets, without_bom};

/// The longest reference of XML: `&#x10FFFF;`.
const MAX_REFERENCE: usize = 10;

/// The fields of a refusal that could be read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct StorageError {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) host_id: Option<String>,
}

pub(crate) fn read(body: &[u8], secrets: &Secrets) -> StorageError {
    match json::read(body) {
        Some(json) => from_json(&json, secrets),
        None => from_xml(&String::from_utf8_lossy(without_bom(body)), secrets),
    }
}

/// Whether there is an `<Error>` document in it.
pub(crate) fn is_in(body: &[u8]) -> bool {
    element(&String::from_utf8_lossy(body), "Error").is_some()
}

/// S3's document is flat and small: four elements are extracted without an XML parser, so document types, entities and
/// deep nesting cost nothing.
fn from_xml(text: &str, secrets: &Secrets) -> StorageError {
    let Some(inside) = element(text, "Error") else { return StorageError::default() };
    let pick = |name| {
        element(inside, name).map(|raw| secrets.redact(&content(raw))).filter(|words| !words.is_empty())
    };
    StorageError {
        code: pick("Code"),
        message: pick("Message"),
        request_id: pick("RequestId"),
        host_id: pick("HostId"),
    }
}

/// There is no single format: looks for the usual names, inside and outside of an `error` or the first of `errors`.
fn from_json(json: &Json, secrets: &Secrets) -> StorageError {
    let nested = [json.get("error"), json.get("Error"), json.get("errors")];
    let pick = |names: &[&str]| {
        let places = nested.into_iter().chain([json]);
        let mut found = places.flat_map(|place| names.iter().filter_map(|name| place.get(name).as_text()));
        found.find_map(|text| Some(secrets.redact(text)).filter(|words| !words.is_empty()))
    };
    StorageError {
        code: pick(&["code", "Code"]),
        message: pick(&["message", "Message", "error_description", "detail", "error"]),
        request_id: pick(&["requestId", "request_id", "RequestId"]),
        host_id: None,
    }
}

/// What is between `<name …>` and `</name>`, or the end if the document is cut off.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = text;
    loop {
        rest = &rest[rest.find('<')? + 1..];
        let Some(after) = rest.strip_prefix(name) else { continue };
        if !after.starts_with(['>', ' ', '\t', '\r', '\n']) {
            continue;
        }
        let inside = &after[after.find('>')? + 1..];
        return Some(match inside.find(&format!("</{name}>")) {
            Some(end) => &inside[..end],
            None if name == "Error" => inside,
            None => return None,
        });
    }
}

/// The text of an element: references replaced, CDATA sections as they are.
fn content(raw: &str) -> String {
    let mut text = String::new();
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once("<![CDATA[") {
        let (verbatim, behind) = after.split_once("]]>").unwrap_or((after, ""));
        text.push_str(&unescaped(before));
        text.push_str(verbatim);
        rest = behind;
    }
    text + &unescaped(rest)
}

fn unescaped(raw: &str) -> String {
    let mut text = String::new();
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(MAX_REFERENCE).position(|byte| byte == b';').unwrap_or(0);
        match referred(rest.get(1..end).unwrap_or_default()) {
            Some(character) => {
                text.push(character);
                rest = &rest[end + 1..];
            }
            None => {
                text.push('&');
                rest = &rest[1..];
            }
        }
    }
    text + rest
}

/// The character that `&name;` stands for.
fn referred(name: &str) -> Option<char> {
    let number = match name.strip_prefix('#') {
        None => {
            let named = [("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\''), ("amp", '&')];
            return named.iter().find(|(known, _)| *known == name).map(|(_, character)| *character);
        }
        Some(number) => number,
    };
    let number = match number.strip_prefix('x') {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
        None => number.parse(),
    };
    number.ok().and_then(char::from_u32).filter(|character| *character != '\0')
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::redact::MAX_TEXT;

    fn read(body: &[u8]) -> StorageError {
        super::read(body, &Secrets::default())
    }

    #[test]
    fn texts_of_xml_are_read_as_xml_means_them() {
        for (raw, expected) in [
            ("<![CDATA[a <b> &amp; c]]>", "a <b> &amp; c"),
            ("a &amp; <![CDATA[<b>]]> &lt;c", "a & <b> <c"),
            ("<![CDATA[cut", "cut"),
            ("it&#39;s &#x27;so&#x27; &#228;", "it's 'so' \u{e4}"),
            ("&#0;&#x110000;&#zz;&unknown;&", "&#0;&#x110000;&#zz;&unknown;&"),
            ("&amp;lt; &amp;#39;", "&lt; &#39;"),
        ] {
            let found = read(format!("<Error><Message>{raw}</Message></Error>").as_bytes());
            assert_eq!(found.message.as_deref(), Some(expected), "{raw}");
        }
        let code = read(b"<Error><Code><![CDATA[SlowDown]]></Code></Error>").code;
        assert_eq!(code.as_deref(), Some("SlowDown"));
    }

    #[test]
    fn hostile_documents_cost_nothing() {
        let bomb = format!("<!DOCTYPE x [<!ENTITY a \"{}\">]><Error><Code>&a;</Code>", "b".repeat(10_000));
        assert_eq!(read(bomb.as_bytes()).code.as_deref(), Some("&a;"));
        for body in
            ["", "<", "<Error", "<Error>", "<Errors><Code>x</Code>", "<html>no</html>", "\u{0}<Error/>"]
        {
            assert_eq!(read(body.as_bytes()), StorageError::default(), "{body}");
        }
        let long = format!("<Error><Message>{}</Message></Error>", "x".repeat(100_000));
        assert_eq!(read(long.as_bytes()).message.unwrap().len(), MAX_TEXT);
        assert_eq!(read(b"<Error><Code>Slow\xff\x01Down</Code></Error>").code.unwrap(), "Slow\u{fffd}Down");
        for long in ["&".repeat(1 << 20), "&".repeat(1 << 20) + ";", "&;".repeat(1 << 19)] {
            let start = Instant::now();
            let message =
                read(format!("<Error><Message>{long}</Message></Error>").as_bytes()).message.unwrap();
            assert_eq!(message, long[..MAX_TEXT]);
            assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        }
        let cut = read(b"<Error><Code>InternalError</Code><Mess");
        assert_eq!(cut.code.as_deref(), Some("InternalError"));
        assert_eq!(read(b"<Error><Code>Internal").code, None, "not half a word");
    }
}
