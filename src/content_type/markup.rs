//! What a text is: a vCard, a calendar, HTML, XML, SVG, RTF, or simply text.

use super::detected::{
    Confidence::{Certain, Weak},
    Seen::{self, PrivateKey, Type},
};
use std::borrow::Cow;

/// The kind of text that `head` begins with, where it is one.
pub fn text(head: &[u8]) -> Option<Seen> {
    if let Some(text) = decode(head) {
        return Some(kind(&text));
    }
    // Old texts are not UTF-8, and some contain a NUL, but what they begin with may still be proof.
    match kind(&latin1(head)) {
        Type(_, Weak) if !is_in_old_encoding(head) => None,
        seen => Some(seen),
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

/// Whether the bytes are text, in any encoding.
pub fn reads_as_text(head: &[u8]) -> bool {
    decode(head).is_some() || is_in_old_encoding(head)
}

/// Whether the first line of a text has several fields.
pub fn reads_as_csv(head: &[u8]) -> bool {
    let text = decode(head).unwrap_or_else(|| latin1(head));
    text.lines().next().is_some_and(|line| line.contains([',', ';']))
}

/// Whether a private key in PEM begins on any line.
pub fn holds_private_key(head: &[u8]) -> bool {
    decode(head).unwrap_or_else(|| latin1(head)).lines().any(is_private_key)
}

fn is_private_key(line: &str) -> bool {
    line.starts_with("PuTTY-User-Key-File") || line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY")
}

/// The head as text: UTF-8, or UTF-16 that says so by a byte order mark or by its first tag. `None` if it contains what
/// no text contains. The last character may be cut off.
fn decode(head: &[u8]) -> Option<Cow<'_, str>> {
    let head = without_dos_end(head);
    let (text, has_mark) = match head {
        [0xFE, 0xFF, rest @ ..] => (utf16(rest, u16::from_be_bytes)?, true),
        [0xFF, 0xFE, rest @ ..] => (utf16(rest, u16::from_le_bytes)?, true),
        [0, b'<', 0, _, ..] => (utf16(head, u16::from_be_bytes)?, false),
        [b'<', 0, _, 0, ..] => (utf16(head, u16::from_le_bytes)?, false),
        _ => match std::str::from_utf8(head) {
            Ok(text) => (Cow::Borrowed(text), false),
            Err(cut) if cut.error_len().is_none() => {
                (Cow::Borrowed(std::str::from_utf8(&head[..cut.valid_up_to()]).ok()?), false)
            }
            Err(_) => return None,
        },
    };
    // after a byte order mark, no other control character makes it anything else
    let is_text = if has_mark { !text.contains('\0') } else { text.bytes().all(is_in_text) };
    (!text.is_empty() && is_text).then_some(text)
}

/// A text in an encoding from before Unicode (Latin-1, Shift-JIS, GB18030): it contains nothing that no text contains.
/// Of few bytes most must be ASCII, because any three bytes might look like that.
fn is_in_old_encoding(head: &[u8]) -> bool {
    let head = without_dos_end(head);
    let ascii = head.iter().filter(|byte| byte.is_ascii()).count();
    let enough = ascii > 0 && (head.len() >= 32 || ascii * 2 >= head.len());
    enough && head.iter().all(|&byte| is_in_text(byte))
}

/// Of the control characters, texts hold BEL, BS, HT, LF, VT, FF, CR and ESC.
fn is_in_text(byte: u8) -> bool {
    // A table, because every byte of every head is looked up.
    const IN_TEXT: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            table[byte] = matches!(byte as u8, b' '..=b'~' | 0x07..=0x0D | 0x1B | 0x80..);
            byte += 1;
        }
        table
    };
    IN_TEXT[usize::from(byte)]
}

/// Cuts off the end-of-file marks of DOS.
fn without_dos_end(head: &[u8]) -> &[u8] {
    let end = head.iter().rposition(|&byte| byte != 0x1A).map_or(0, |last| last + 1);
    &head[..end]
}

/// Every byte as a character, which is right for the ASCII part of any single-byte encoding.
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

/// SVG, HTML or XML, by the root element behind the XML declaration, comments and a DOCTYPE.
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
