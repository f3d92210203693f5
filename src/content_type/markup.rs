//! What a text is: a vCard, a calendar, HTML, XML, SVG, RTF, or simply text.

use super::detected::{
    Confidence::{Certain, Weak},
    Seen::{self, PrivateKey, Type},
};
use std::borrow::Cow;

/// The kind of text that `head` begins with, where it is one.
pub fn text(head: &[u8]) -> Option<Seen> {
    match decode(head) {
        Some(text) => Some(kind(&text)),
        // Old texts are not UTF-8. What they begin with counts all the same, but only where it is proof.
        None if head.contains(&0) => None,
        None => Some(kind(&latin1(head))).filter(|seen| !matches!(seen, Type(_, Weak))),
    }
}

fn kind(text: &str) -> Seen {
    let text = text.trim_start_matches('\u{FEFF}').trim_ascii_start();
    let starts = |word: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if starts("{\\rtf") {
        Type("text/rtf", Certain)
    } else if starts("BEGIN:VCARD") {
        Type("text/vcard", Certain)
    } else if starts("BEGIN:VCALENDAR") {
        Type("text/calendar", Certain)
    } else if starts("-----BEGIN ") || starts("PuTTY-User-Key-File") {
        if is_private_key(text.lines().next().unwrap_or_default()) {
            PrivateKey
        } else {
            Type("text/plain", Certain)
        }
    } else if let Some(name) = markup(text) {
        Type(name, Certain)
    } else if json(text) {
        Type("application/json", Weak)
    } else {
        Type("text/plain", Weak)
    }
}

/// Whether the bytes read as text, and nothing else speaks in them.
pub fn reads_as_text(head: &[u8]) -> bool {
    decode(head).is_some()
}

/// Whether a private key in PEM stands on any line, whatever stands on the others.
pub fn holds_private_key(head: &[u8]) -> bool {
    decode(head).unwrap_or_else(|| latin1(head)).lines().any(is_private_key)
}

fn is_private_key(line: &str) -> bool {
    line.starts_with("PuTTY-User-Key-File") || line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY")
}

/// The head as text: UTF-8, or UTF-16 that says so by a byte order mark or by its first tag. `None` where it holds
/// what no text holds. The last character may be cut.
fn decode(head: &[u8]) -> Option<Cow<'_, str>> {
    let text = match head {
        [] => return None,
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0, b'<', 0, _, ..] => utf16(head, u16::from_be_bytes)?,
        [b'<', 0, _, 0, ..] => utf16(head, u16::from_le_bytes)?,
        _ => match std::str::from_utf8(head) {
            Ok(text) => Cow::Borrowed(text),
            Err(cut) if cut.error_len().is_none() => {
                Cow::Borrowed(std::str::from_utf8(&head[..cut.valid_up_to()]).ok()?)
            }
            Err(_) => return None,
        },
    };
    let in_text = |c: char| !c.is_control() || c >= '\u{80}' || "\t\n\r\x0C\x1B".contains(c);
    (!text.is_empty() && text.chars().all(in_text)).then_some(text)
}

/// Every byte as a character, which leaves ASCII what it is in any encoding of a byte per character.
fn latin1(head: &[u8]) -> Cow<'_, str> {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    Cow::Owned(head.iter().map(|&byte| char::from(byte)).collect())
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Cow<'static, str>> {
    let mut units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    if units.last().is_some_and(|last| (0xD800..0xDC00).contains(last)) {
        units.pop(); // the first half of a pair that is cut
    }
    String::from_utf16(&units).ok().map(Cow::Owned)
}

/// SVG, HTML or XML: told by the root element, behind the XML declaration, comments and a DOCTYPE.
fn markup(text: &str) -> Option<&'static str> {
    let mut rest = text;
    let xml = rest.starts_with("<?xml");
    let (mut html, mut svg) = (false, false);
    loop {
        rest = rest.trim_ascii_start();
        if let Some(inner) = rest.strip_prefix("<!--") {
            rest = inner.split_once("-->").map_or("", |(_, after)| after);
        } else if let Some(inner) = rest.strip_prefix("<?") {
            rest = inner.split_once("?>").map_or("", |(_, after)| after);
        } else if let Some(doctype) = strip_doctype(rest) {
            let root = doctype.trim_ascii_start();
            (html, svg) = (html || is_word(root, "html"), svg || is_word(root, "svg"));
            rest = after_doctype(doctype);
        } else {
            break;
        }
    }
    if svg || root_is_svg(rest) {
        Some("image/svg+xml")
    } else if xml {
        Some("text/xml")
    } else {
        let root = rest.strip_prefix('<').unwrap_or_default();
        (html || ["html", "head", "body"].iter().any(|name| is_word(root, name))).then_some("text/html")
    }
}

fn strip_doctype(text: &str) -> Option<&str> {
    const DOCTYPE: &str = "<!DOCTYPE";
    text.get(..DOCTYPE.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(DOCTYPE))
        .then(|| &text[DOCTYPE.len()..])
}

/// What follows a DOCTYPE, which may hold declarations of its own in brackets.
fn after_doctype(doctype: &str) -> &str {
    let end = match doctype.find(['[', '>']) {
        Some(at) if doctype[at..].starts_with('[') => {
            doctype[at..].find(']').and_then(|close| Some(at + close + doctype[at + close..].find('>')?))
        }
        end => end,
    };
    end.map_or("", |end| &doctype[end + 1..])
}

/// `<svg`, or with a prefix as in `<svg:svg`. XML tells upper from lower case.
fn root_is_svg(text: &str) -> bool {
    let tag = text.strip_prefix('<').unwrap_or_default();
    let name =
        tag.split(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/').next().unwrap_or_default();
    let local = name.split_once(':').map_or(name, |(_, local)| local);
    local == "svg" && tag.len() > name.len()
}

/// Whether `text` begins with the word, and the word ends there.
fn is_word(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
        && text[word.len()..].starts_with(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/')
}

/// A hint only: an object with a quoted key, or a list of objects.
fn json(text: &str) -> bool {
    let list = text.strip_prefix('[').unwrap_or(text).trim_ascii_start();
    list.strip_prefix('{').is_some_and(|object| object.trim_ascii_start().starts_with('"'))
}
