//! Redacts texts from servers: they repeat what they were sent, and some of that is secret.

use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use crate::http::Uri;

/// How many characters of a server's text are shown at most.
pub(crate) const MAX_TEXT: usize = 300;

/// Shorter values are not secret, and would match anywhere.
const MIN_SECRET: usize = 8;

/// A word that was percent-encoded more often than this is hidden as a whole: decoding it would take too long.
const MAX_ENCODINGS: usize = 4;

/// A URL with more values than this shows nothing of a text: looking for each would take too long.
const MAX_VALUES: usize = 256;

/// What was sent to a server and must not be shown when the server repeats it.
#[derive(Default)]
pub(crate) struct Secrets {
    placeholder: &'static str,
    values: Vec<Zeroizing<String>>,
}

impl Secrets {
    /// The API key.
    pub(crate) fn key(key: &str) -> Self {
        Secrets { placeholder: "(the API key)", values: vec![key.to_owned().into()] }
    }

    /// The query of a presigned URL: all of it, and each of its values, raw and decoded. What has no name is a value.
    pub(crate) fn query(url: &Uri) -> Self {
        let query = url.query().unwrap_or_default();
        let values = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
        let both = std::iter::once(query).chain(values).flat_map(|raw| {
            let decoded = percent_decode_str(raw).decode_utf8_lossy().into_owned();
            [raw.to_owned().into(), decoded.into()]
        });
        Secrets { placeholder: "(part of the upload URL)", values: both.collect() }
    }

    /// The text as one line of bounded length, without control characters and secrets.
    pub(crate) fn redact(&self, text: &str) -> String {
        if self.values.len() > MAX_VALUES {
            return self.placeholder.to_owned();
        }
        let hidden = |text: String, secret: &Zeroizing<String>| match secret.len() {
            0..MIN_SECRET => text,
            _ => text.replace(secret.as_str(), self.placeholder),
        };
        // First, because removing a control character from inside a secret would make it whole again.
        let text: String = text.chars().filter(|c| c.is_whitespace() || !c.is_control()).collect();
        let words: Vec<_> = text.split_whitespace().map(without_query).collect();
        let text = self.values.iter().fold(words.join(" "), hidden);
        let words =
            text.split(' ').map(|word| if self.is_encoded_in(word) { self.placeholder } else { word });
        words.flat_map(|word| [" ", word]).flat_map(str::chars).skip(1).take(MAX_TEXT).collect()
    }

    /// Whether a word shows a secret once it is decoded, in upper or lower case.
    fn is_encoded_in(&self, word: &str) -> bool {
        let mut decoded = Zeroizing::new(word.to_ascii_lowercase());
        for _ in 0..MAX_ENCODINGS {
            let secrets = self.values.iter().filter(|secret| secret.len() >= MIN_SECRET);
            if secrets.into_iter().any(|secret| decoded.contains(&secret.to_ascii_lowercase())) {
                return true;
            }
            let again = percent_decode_str(&decoded).decode_utf8_lossy().to_ascii_lowercase();
            if again == *decoded {
                return false;
            }
            *decoded = again;
        }
        !self.values.is_empty()
    }
}

/// Cuts the query off a URL, which may be signed too.
fn without_query(word: &str) -> &str {
    match word.split_once('?') {
        Some((before, query)) if before.contains("://") || query.contains("X-Amz-") => before,
        _ => word,
    }
}

/// Skips a byte order mark: it is not part of JSON, but some servers send it.
pub(crate) fn without_bom(body: &[u8]) -> &[u8] {
    body.trim_ascii_start().strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_bounded_and_on_one_line() {
        let none = Secrets::default();
        assert_eq!(none.redact(" a\r\n b\u{1b}[31m\u{9b}c "), "a b[31mc");
        assert_eq!(none.redact(&"ä".repeat(1000)), "ä".repeat(MAX_TEXT));
        assert_eq!(none.redact("no https://h/p?sig=secret at all"), "no https://h/p at all");
        assert_eq!(none.redact("/p?X-Amz-Signature=secret what?"), "/p what?");
    }

    #[test]
    fn a_url_of_thousands_of_values_hides_the_whole_text() {
        let values: Vec<_> = (0..6500).map(|i| format!("v{i:08}")).collect();
        let url: Uri = format!("https://h/p?{}", values.join("&")).parse().unwrap();
        assert_eq!(Secrets::query(&url).redact(&"text ".repeat(20_000)), "(part of the upload URL)");
    }

    /// A message names a field in words that are true in every language: C's own names belong in `src/ffi`.
    #[test]
    fn the_core_speaks_no_c() {
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut folders = vec![source.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if entry == source.join("ffi") || entry == source.join("lib.rs") {
                    continue;
                }
                if entry.is_dir() && !entry.ends_with("tests") {
                    folders.push(entry);
                    continue;
                }
                if entry.extension().is_none_or(|extension| extension != "rs") {
                    continue;
                }
                let text = std::fs::read_to_string(&entry).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap();
                let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                for line in code.map(|line| line.replace("LINQ_API_V3_", "")) {
                    let c = ["linq_", "LINQ_"].iter().any(|name| line.contains(name));
                    assert!(!c || entry.ends_with("tests.rs"), "{}: {line}", entry.display());
                }
            }
        }
    }

    #[test]
    fn a_secret_is_hidden_wherever_it_stands() {
        let key = Secrets::key("abcd/efgh+ijkl");
        assert_eq!(key.redact("bad key abcd/efgh+ijkl."), "bad key (the API key).");
        // Not even half of it, where the words are cut.
        let late = key.redact(&format!("{} abcd/efgh+ijkl", "x".repeat(MAX_TEXT - 6)));
        assert!(late.ends_with("x (the "), "{late}");
        assert_eq!(Secrets::key("short").redact("in short"), "in short");
        assert_eq!(key.redact("abcd/\u{0}efgh\u{1b}+ijkl"), "(the API key)");
    }

    #[test]
    fn the_query_is_hidden_in_every_shape() {
        let url = "https://h/p?X-Amz-Credential=AKIA%2F20261122&X-Amz-Signature=deadbeefdeadbeef&x-id=PutObject&n=1";
        let query = Secrets::query(&url.parse().unwrap());
        for text in [
            "X-Amz-Signature=deadbeefdeadbeef is wrong",
            "next=https%3A%2F%2Fh%2Fp%3FX-Amz-Signature%3Ddeadbeefdeadbeef",
            "the signature deadbeefdeadbeef is wrong",
            "https://h/p&#63;X-Amz-Signature=deadbeefdeadbeef",
            "scope AKIA/20261122, or AKIA%2F20261122",
            "scope AKIA%2f20261122",
            "next=https%3A%2F%2Fh%2Fp%3FX-Amz-Credential%3DAKIA%252F20261122",
            "%2541KIA%25252F20261122",
            "AKIA%252525252525252F20261122",
            "DEADBEEFDEADBEEF",
        ] {
            let shown = query.redact(text);
            let lower = shown.to_lowercase();
            assert!(!["deadbeef", "akia", "20261122"].iter().any(|part| lower.contains(part)), "{shown}");
            assert!(shown.contains("(part of the upload URL)"), "{shown}");
        }
        assert_eq!(query.redact("1 object, 100% of it"), "1 object, 100% of it");
    }

    #[test]
    fn a_word_that_is_encoded_endlessly_costs_little() {
        let began = std::time::Instant::now();
        let word = format!("%{}", "25".repeat(500_000));
        assert_eq!(Secrets::key("abcd/efgh+ijkl").redact(&word), "(the API key)");
        assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    }

    #[test]
    fn a_query_without_names_is_hidden() {
        let query = Secrets::query(&"https://h/p?deadbeef%2Fdeadbeef&n=1".parse().unwrap());
        for text in ["deadbeef/deadbeef", "deadbeef%2Fdeadbeef"] {
            assert_eq!(query.redact(&format!("the token {text}")), "the token (part of the upload URL)");
        }
    }
}
