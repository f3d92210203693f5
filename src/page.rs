//! Recognizes what something in between sends in place of the server's answer: web pages, and compressed bodies.

use crate::http::Response;
use crate::redact::Secrets;

/// How web pages begin: the WHATWG's "MIME Sniffing" names most of these.
const PAGE_TAGS: [&str; 20] = [
    "html", "head", "body", "title", "meta", "link", "script", "style", "noscript", "frameset", "iframe",
    "form", "table", "div", "center", "font", "h1", "p", "a", "b",
];

/// Whether the body is a web page, which captive portals and CDNs send in place of the server's response.
pub(crate) fn is_page(response: &Response) -> bool {
    let kind = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let html = ["text/html", "application/xhtml+xml"].iter().any(|name| kind.starts_with(name));
    begins_as_page(&response.body) || (html && encoding(response).is_some())
}

fn begins_as_page(body: &[u8]) -> bool {
    if !body.contains(&b'<') {
        return false; // most answers, which need no copy to be looked at
    }
    // Without the zero bytes and the mark of UTF-16, the tags are left.
    let bytes: Vec<u8> = body.iter().copied().filter(|byte| *byte != 0).collect();
    let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    let mut rest = text.trim_start_matches(|c: char| c.is_whitespace() || "\u{feff}\u{fffd}".contains(c));
    // Comments and XML declarations may come first.
    while let Some((_, end)) =
        [("<!--", "-->"), ("<?", "?>")].iter().find(|(start, _)| rest.starts_with(start))
    {
        let Some((_, after)) = rest.split_once(end) else { return false };
        rest = after.trim_start();
    }
    let doctype = rest.strip_prefix("<!doctype").map(|name| name.trim_start().strip_prefix("html"));
    let tag = |name: &&str| rest.strip_prefix('<').and_then(|rest| rest.strip_prefix(name));
    let names = doctype.into_iter().chain(PAGE_TAGS.iter().map(tag)).flatten();
    names.into_iter().any(|after| after.is_empty() || after.starts_with([' ', '\t', '\r', '\n', '>', '/']))
}

/// How the body is compressed, although no request accepts that.
pub(crate) fn compression(response: &Response, secrets: &Secrets) -> Option<String> {
    encoding(response).map(|name| secrets.redact(name))
}

fn encoding(response: &Response) -> Option<&str> {
    let named = response.header("content-encoding").map(str::trim);
    let named = named.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"));
    let name = named.or(response.body.starts_with(b"\x1f\x8b").then_some("gzip"))?;
    (!response.body.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zeroizing::ZeroizingBytes;
    use ureq::http::HeaderMap;

    #[test]
    fn web_pages_of_every_kind() {
        let is_page = |headers: &[(&'static str, &'static str)], body: &[u8]| {
            let headers = headers.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap()));
            super::is_page(&Response {
                status: 200,
                headers: headers.collect::<HeaderMap>(),
                body: ZeroizingBytes::new(body.to_vec()),
                replayed: false,
            })
        };
        let little = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let big = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
        for page in [
            "<!DOCTYPE  html>",
            "<!doctype\nHTML>",
            "\u{feff}\u{feff} <!-- a --> <?php ?> <!DOCTYPE html>",
            "<h1>Login</h1>",
            "<DIV class=x>",
            "<iframe src=x>",
            "<a href=x>",
            "<p>Sign in",
            "<style>",
            "<form action=x>",
            &format!("<!-- {} --><html>", "a".repeat(9000)),
        ] {
            assert!(is_page(&[], page.as_bytes()), "{page}");
            for marked in [page.to_owned(), format!("\u{feff}{page}")] {
                assert!(is_page(&[], &little(&marked)) && is_page(&[], &big(&marked)), "{page} in UTF-16");
            }
        }
        for other in [
            "",
            "\u{feff}",
            "<!doctype svg>",
            "<!DOCTYPE htmlx>",
            "<article>",
            "<h1x>",
            "<a>b",
            "<!-- <html>",
        ] {
            let page = other == "<a>b";
            assert_eq!(is_page(&[("content-type", "text/html")], other.as_bytes()), page, "{other}");
        }
        // Compressed, a page cannot be looked at, and S3 sends nothing of the kind.
        for kind in ["text/html", "Text/HTML; charset=utf-8", "application/xhtml+xml"] {
            assert!(is_page(&[("content-type", kind)], b"\x1f\x8b\x08\0"), "{kind}");
            assert!(is_page(&[("content-type", kind), ("content-encoding", "br")], b"\x0b\x02"), "{kind}");
            assert!(!is_page(&[("content-type", kind), ("content-encoding", "gzip")], b""), "{kind}");
        }
        assert!(!is_page(&[("content-type", "application/xml")], b"\x1f\x8b\x08\0"));
    }
}
