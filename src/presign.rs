//! Step 1: reserve a place for a file (`POST /v3/attachments`), and the JSON that carries it elsewhere.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroize;

use crate::api::{Api, INTERNATIONAL_HOST, has_international_host, has_valid_port, is_id, unreadable};
use crate::call::Call;
use crate::clock::{ServerClock, json_date};
use crate::error::{Error, ErrorKind};
use crate::host::is_loopback;
use crate::http::header::{HeaderName, HeaderValue};
use crate::http::{Method, Uri};
use crate::redact::without_bom;
use crate::sys;

/// What Linq must know of a file before it is uploaded.
#[derive(Debug, Clone, Copy)]
pub struct FileInfo<'a> {
    /// 1 to 255 characters, without control characters or path separators.
    pub filename: &'a str,
    /// The content type; `None`: from the name's extension.
    pub content_type: Option<&'a str>,
    /// 1 to 104,857,600.
    pub size_bytes: u64,
}

/// A reserved place: where to put the bytes, and the headers that the URL was signed with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presigned {
    /// The id to use in messages once the bytes are there.
    pub attachment_id: String,
    /// Where to `PUT` the bytes. A secret until it expires: anyone who has it may upload.
    pub upload_url: String,
    /// Where the file can be downloaded later; absent if Linq does not send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_url: Option<String>,
    /// Always `PUT`.
    pub http_method: String,
    /// When the upload URL expires, as the server wrote it.
    pub expires_at: String,
    /// Headers that must be sent exactly as they are.
    #[serde(rename = "required_headers", serialize_with = "as_map", deserialize_with = "from_map")]
    pub headers: Vec<(String, String)>,
    /// The name it was reserved under, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// The type it was reserved for, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The size it was reserved for, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// [`expires_at`](Self::expires_at) in Unix milliseconds.
    #[serde(skip)]
    pub expires_at_ms: i64,
    /// The server's time, where this process reserved the place itself.
    #[serde(skip)]
    pub(crate) clock: Option<ServerClock>,
}

/// Gives another place when the one that was passed in has expired; see [`UploadOptions::renew`](crate::UploadOptions).
pub type Renew = Box<dyn FnMut(&Presigned) -> Result<Option<Presigned>, Error>>;

/// Servers, S3 among them, accept no more headers than this.
const MAX_HEADERS: usize = 64;
const MAX_HEADER_BYTES: usize = 8 * 1024;

/// The body of the request.
#[derive(Serialize)]
struct Request<'a> {
    filename: &'a str,
    content_type: &'a str,
    size_bytes: u64,
}

/// Reserves a place, once.
pub(crate) fn reserve(
    api: &Api,
    call: &Rc<Call>,
    filename: &str,
    content_type: &str,
    size_bytes: u64,
) -> Result<Presigned, Error> {
    let what = format!("reserving a place for {filename}");
    let request = Request { filename, content_type, size_bytes };
    let response = api.send(call, &what, Method::POST, "attachments", Some(&request))?;
    let mut presigned: Presigned = api.read(&what, &response)?;
    // Taken from the request, not from the reply: the source is checked against them.
    presigned.filename = Some(filename.to_owned());
    presigned.content_type = Some(content_type.to_owned());
    presigned.size_bytes = Some(size_bytes);
    presigned.finish().map_err(|why| api.broken(&what, &format!("reply {why}"), &response))?;
    presigned.clock = response.header("date").and_then(|date| ServerClock::read(date, sys::boottime()));
    Ok(presigned)
}

impl Presigned {
    /// Reads Linq's reply verbatim, or what [`to_json`](Self::to_json) wrote. Unknown fields are ignored.
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        let bad = |why: String| Error::invalid(format!("the presigned JSON {why}"));
        let mut presigned: Presigned =
            serde_json::from_slice(without_bom(json)).map_err(|e| bad(unreadable(&e)))?;
        // The signed header decides, not a field beside it.
        if presigned.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            presigned.content_type = None;
        }
        presigned.finish().map_err(bad)?;
        Ok(presigned)
    }

    /// Linq's reply again, with `filename`, `content_type` and `size_bytes` added. Hand this to the program that uploads.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() // strings and a number: this cannot fail
    }

    /// Checks what does not depend on the client, and fills in what is derived from other fields.
    fn finish(&mut self) -> Result<(), String> {
        let texts = [&self.upload_url, &self.expires_at];
        let may_be = [self.download_url.as_ref(), self.filename.as_ref(), self.content_type.as_ref()];
        if texts.into_iter().chain(may_be.into_iter().flatten()).any(|text| text.contains(char::is_control)) {
            return Err("holds control characters".to_owned());
        }
        if !is_id(&self.attachment_id) {
            return Err("has an invalid attachment_id".to_owned());
        }
        if !self.http_method.eq_ignore_ascii_case("PUT") {
            return Err("asks for another method than PUT".to_owned());
        }
        self.http_method = "PUT".to_owned();
        self.download_url = self.download_url.take().filter(|url| !url.is_empty());
        self.expires_at_ms =
            json_date(&self.expires_at).ok_or("has an expires_at that is not a date".to_owned())?;
        let url = self.url()?;
        if url.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("has an upload_url with a user name in it".to_owned());
        }
        if !has_valid_port(&url) {
            return Err("has an upload_url with an invalid port".to_owned());
        }
        match (url.scheme_str(), url.host()) {
            (_, None | Some("")) => return Err("has an upload_url without a host".to_owned()),
            (Some("https"), _) => {}
            (Some("http"), Some(host)) if is_loopback(host) => {}
            _ => return Err("has an upload_url that is not https".to_owned()),
        }
        self.check_headers(&url)
    }

    fn check_headers(&mut self, url: &Uri) -> Result<(), String> {
        let bytes: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if self.headers.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
            return Err("requires more headers than can be sent".to_owned());
        }
        let mut seen: Vec<(String, String)> = Vec::new();
        for (name, value) in &self.headers {
            let lower = name.to_ascii_lowercase();
            if HeaderName::from_bytes(name.as_bytes()).is_err() || HeaderValue::from_str(value).is_err() {
                return Err("requires a header that cannot be sent".to_owned());
            }
            match &*lower {
                "transfer-encoding" | "authorization" => return Err(format!("requires the header {name}")),
                "host" if !is_host_of(url, value) => {
                    return Err("requires another Host than that of its upload_url".to_owned());
                }
                "content-length" => {
                    let length = value.parse::<u64>().map_err(|_| "has a bad Content-Length".to_owned())?;
                    if self.size_bytes.get_or_insert(length).to_string() != *value {
                        return Err("requires a Content-Length that is not the file's size".to_owned());
                    }
                }
                "content-type" if self.content_type.is_none() => self.content_type = Some(value.clone()),
                _ => {}
            }
            match seen.iter().find(|(other, _)| *other == lower) {
                Some((_, other)) if other != value => {
                    return Err(format!("requires the header {name} twice, with different values"));
                }
                Some(_) => {}
                None => seen.push((lower, value.clone())),
            }
        }
        Ok(())
    }

    /// Where to put the bytes.
    pub(crate) fn url(&self) -> Result<Uri, String> {
        self.upload_url.parse().map_err(|_| match has_international_host(&self.upload_url) {
            true => format!("has an upload_url that {INTERNATIONAL_HOST}"),
            false => "has an upload_url that is not a URL".to_owned(),
        })
    }

    /// What to send with the bytes: each required header once, without the length, which comes from the source.
    pub(crate) fn put_headers(&self) -> Vec<(&str, &str)> {
        let mut headers: Vec<(&str, &str)> = Vec::new();
        for (name, value) in &self.headers {
            let implied = name.eq_ignore_ascii_case("content-length");
            let again = headers.iter().any(|(other, _)| name.eq_ignore_ascii_case(other));
            if !implied && !again {
                headers.push((name, value));
            }
        }
        headers
    }

    /// Whether it had expired by the server's clock; false if that clock is not known.
    pub(crate) fn is_expired(&self, boottime: Duration) -> bool {
        self.clock.is_some_and(|clock| clock.at(boottime) >= self.expires_at_ms)
    }

    /// Refuses plain http unless the client allows it.
    pub(crate) fn check_scheme(&self, allow_plain: bool) -> Result<(), Error> {
        let plain = self.url().is_ok_and(|url| url.scheme_str() == Some("http"));
        if plain && !allow_plain {
            let message = "the upload URL is plain http; allow plain http to loopback to use a test server";
            return Err(Error::new(ErrorKind::Protocol, message));
        }
        Ok(())
    }
}

/// Leaves out the URL, whose query is the signature.
impl fmt::Debug for Presigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presigned")
            .field("attachment_id", &self.attachment_id)
            .field("expires_at", &self.expires_at)
            .field("filename", &self.filename)
            .field("content_type", &self.content_type)
            .field("size_bytes", &self.size_bytes)
            .finish_non_exhaustive()
    }
}

impl Drop for Presigned {
    fn drop(&mut self) {
        self.upload_url.zeroize();
    }
}

/// Whether a `Host` names the URL's server. The default port may be left out.
fn is_host_of(url: &Uri, required: &str) -> bool {
    let host = url.host().unwrap_or_default();
    let default = if url.scheme_str() == Some("http") { 80 } else { 443 };
    let port = url.port_u16().unwrap_or(default);
    required.eq_ignore_ascii_case(&format!("{host}:{port}"))
        || (port == default && required.eq_ignore_ascii_case(host))
}

fn as_map<S: Serializer>(headers: &[(String, String)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(headers.iter().map(|(name, value)| (name, value)))
}

/// Keeps the order, and names that occur twice. A number becomes its text; a header that is null is left out.
fn from_map<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, String)>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Scalar {
        Text(String),
        Number(serde_json::Number),
    }
    struct Headers;
    impl<'de> Visitor<'de> for Headers {
        type Value = Vec<(String, String)>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map of header names to values")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut headers = Vec::new();
            while let Some((name, value)) = map.next_entry()? {
                match value {
                    Some(Scalar::Text(text)) => headers.push((name, text)),
                    Some(Scalar::Number(number)) => headers.push((name, number.to_string())),
                    None => {}
                }
            }
            Ok(headers)
        }
    }
    from.deserialize_map(Headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn reply() -> Value {
        json!({
            "attachment_id": "550e8400-e29b-41d4-a716-446655440000",
            "upload_url": "https://uploads.example/a?X-Amz-Signature=secret",
            "download_url": "https://cdn.example/a.jpg",
            "http_method": "PUT",
            "expires_at": "2024-01-15T10:45:00Z",
            "required_headers": {"Content-Type": "image/jpeg", "Content-Length": "1024000"},
            "something_new": {"ignored": true}
        })
    }

    fn parse(value: &Value) -> Result<Presigned, Error> {
        Presigned::parse(value.to_string().as_bytes())
    }

    #[test]
    fn linqs_reply_verbatim_and_our_own_json_mean_the_same() {
        let presigned = parse(&reply()).unwrap();
        assert_eq!(presigned.expires_at_ms, 1_705_315_500_000);
        assert_eq!(presigned.size_bytes, Some(1_024_000));
        assert_eq!(presigned.content_type.as_deref(), Some("image/jpeg"));
        assert_eq!(presigned.put_headers(), [("Content-Type", "image/jpeg")]);
        let again = Presigned::parse(presigned.to_json().as_bytes()).unwrap();
        assert_eq!(again, presigned);
        assert!(!presigned.is_expired(Duration::MAX), "no clock of the server's is known");
    }

    #[test]
    fn lies_are_refused_with_their_name() {
        let table = [
            ("upload_url", json!("http://uploads.example/a"), "has an upload_url that is not https"),
            (
                "upload_url",
                json!("https://u:p@uploads.example/a"),
                "has an upload_url with a user name in it",
            ),
            ("upload_url", json!("https:///a"), "has an upload_url that is not a URL"),
            ("upload_url", json!("ftp://uploads.example/a"), "has an upload_url that is not https"),
            ("upload_url", json!("not a url"), "has an upload_url that is not a URL"),
            ("http_method", json!("POST"), "asks for another method than PUT"),
            ("attachment_id", json!(""), "has an invalid attachment_id"),
            ("attachment_id", json!("../chats?x=y"), "has an invalid attachment_id"),
            ("download_url", json!("a\u{0}b"), "holds control characters"),
            ("filename", json!("a\nb"), "holds control characters"),
            ("expires_at", json!("soon"), "has an expires_at that is not a date"),
            ("required_headers", json!({"A\r\nB": "c"}), "requires a header that cannot be sent"),
            ("required_headers", json!({"A": "b\r\nC: d"}), "requires a header that cannot be sent"),
            (
                "required_headers",
                json!({"Transfer-Encoding": "chunked"}),
                "requires the header Transfer-Encoding",
            ),
            ("required_headers", json!({"authorization": "x"}), "requires the header authorization"),
            (
                "required_headers",
                json!({"Host": "other"}),
                "requires another Host than that of its upload_url",
            ),
            ("required_headers", json!({"Content-Length": "-1"}), "has a bad Content-Length"),
            (
                "required_headers",
                json!({"Content-Length": "+5"}),
                "requires a Content-Length that is not the file's size",
            ),
            (
                "required_headers",
                (0..65).map(|n| (format!("h{n}"), json!("v"))).collect::<serde_json::Map<_, _>>().into(),
                "requires more headers than can be sent",
            ),
            (
                "required_headers",
                json!({"X-Long": "x".repeat(8200)}),
                "requires more headers than can be sent",
            ),
            (
                "required_headers",
                json!({"X-A": "1", "x-a": "2"}),
                "requires the header x-a twice, with different values",
            ),
        ];
        for (field, lie, why) in table {
            let mut value = reply();
            value[field] = lie;
            let error = parse(&value).unwrap_err();
            let expected = format!("the presigned JSON {why}");
            assert_eq!((error.kind, error.message), (ErrorKind::InvalidArgument, expected), "{field}");
        }
    }

    #[test]
    fn a_field_that_is_missing_is_named() {
        for field in ["attachment_id", "upload_url", "http_method", "expires_at", "required_headers"] {
            let mut value = reply();
            value.as_object_mut().unwrap().remove(field);
            let error = parse(&value).unwrap_err();
            assert!(error.message.contains(&format!("missing field `{field}`")), "{}", error.message);
        }
        let error = Presigned::parse(b"{").unwrap_err();
        assert_eq!(error.message, "the presigned JSON is not JSON (line 1, column 1)");
    }

    #[test]
    fn what_is_empty_is_missing() {
        for nothing in [json!(null), json!("")] {
            let mut value = reply();
            value["download_url"] = nothing;
            assert_eq!(parse(&value).unwrap().download_url, None);
        }
    }

    #[test]
    fn a_header_that_stands_there_twice_is_sent_once() {
        let mut value = reply();
        value["required_headers"] =
            json!({"content-type": "a/b", "Content-Type": "a/b", "Host": "uploads.example"});
        let headers = [("Content-Type", "a/b"), ("Host", "uploads.example")];
        assert_eq!(parse(&value).unwrap().put_headers(), headers);
    }

    /// It is signed as it stands there, whichever way it spells the default port.
    #[test]
    fn a_required_host_is_sent_as_it_stands_there() {
        let sent = |url: &str, host: &str| {
            let mut value = reply();
            value["upload_url"] = json!(url);
            value["required_headers"] = json!({"Host": host});
            parse(&value)
                .map(|presigned| presigned.put_headers().iter().map(|(_, v)| v.to_string()).collect())
        };
        for (url, hosts) in [
            ("https://h/a", ["h", "h:443", "H"]),
            ("https://h:443/a", ["h", "h:443", "H:443"]),
            ("http://127.0.0.1/a", ["127.0.0.1", "127.0.0.1:80", "127.0.0.1:80"]),
            ("http://[::1]:80/a", ["[::1]", "[::1]:80", "[::1]"]),
            ("https://h:8443/a", ["h:8443", "H:8443", "h:8443"]),
        ] {
            for host in hosts {
                assert_eq!(sent(url, host), Ok(vec![host.to_owned()]), "{url}");
            }
        }
        for (url, host) in [
            ("https://h/a", "h:80"),
            ("https://h/a", "h:8443"),
            ("https://h/a", "h:"),
            ("https://h/a", "u@h"),
            ("https://h/a", ""),
            ("https://h/a", "h.example"),
            ("https://h:8443/a", "h"),
            ("https://h:8443/a", "h:443"),
            ("http://127.0.0.1:443/a", "127.0.0.1"),
        ] {
            let error = sent(url, host).unwrap_err();
            let expected = "the presigned JSON requires another Host than that of its upload_url";
            assert_eq!((error.kind, &*error.message), (ErrorKind::InvalidArgument, expected), "{url} {host}");
        }
    }

    #[test]
    fn the_type_that_was_signed_counts() {
        let mut value = reply();
        value["content_type"] = json!("image/png");
        assert_eq!(parse(&value).unwrap().content_type.as_deref(), Some("image/jpeg"));
        value["required_headers"] = json!({});
        assert_eq!(parse(&value).unwrap().content_type.as_deref(), Some("image/png"));
    }

    #[test]
    fn the_signature_is_in_no_print() {
        assert!(!format!("{:?}", parse(&reply()).unwrap()).contains("secret"));
    }
}
