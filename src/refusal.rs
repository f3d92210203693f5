//! Makes errors of refusals: Linq's error envelope, S3's error document, and what gateways in between send.

use crate::clock::{device_clock, http_date};
use crate::error::{Error, ErrorKind};
use crate::http::Response;
use crate::json::{self, Json};
use crate::page;
use crate::redact::Secrets;
use crate::retry::{self, Class, Refusal};
use crate::storage_error::{self, StorageError};

/// Linq's error envelope. A field of a wrong type does not hide the others.
#[derive(Default)]
struct Envelope {
    code: Option<u32>,
    message: Option<String>,
    doc_url: Option<String>,
    retry_after: Option<f64>,
    trace_id: Option<String>,
}

impl Envelope {
    fn read(body: &[u8], secrets: &Secrets) -> Self {
        let Some(whole) = json::read(body) else { return Envelope::default() };
        let error = whole.get("error");
        let text =
            |value: &Json| value.as_text().map(|text| secrets.redact(text)).filter(|text| !text.is_empty());
        let whole_number = |code: &f64| code.fract() == 0.0 && (0.0..=u32::MAX.into()).contains(code);
        Envelope {
            code: error.get("code").as_number().filter(whole_number).map(|code| code as u32),
            message: text(error.get("message")),
            doc_url: text(error.get("doc_url")),
            retry_after: error.get("retry_after").as_number(),
            trace_id: text(whole.get("trace_id")),
        }
    }
}

/// A refusal by the API of `what`, such as "reserving a place for photo.jpg". `repeatable`: whether the request may be
/// executed twice.
pub(crate) fn by_api(
    what: &str,
    host: &str,
    response: &Response,
    repeatable: bool,
    secrets: &Secrets,
) -> Error {
    if (300..400).contains(&response.status) {
        let mut error = redirected(what, host, response, secrets);
        error.message = with_base_url_hint(error.message);
        return error;
    }
    let Envelope { code, message, doc_url, retry_after, trace_id } = Envelope::read(&response.body, secrets);
    let class = retry::classify(Refusal {
        status: response.status,
        api_code: code,
        should_retry: should_retry(response),
        once: !repeatable,
        ..Refusal::default()
    });
    let (kind, advice) = match response.status {
        401 => (ErrorKind::Unauthorized, "; check the API key"),
        404 if code != Some(2007) => (ErrorKind::NotFound, ""),
        429 => (ErrorKind::RateLimited, "; try again later"),
        _ => (ErrorKind::Api, ""),
    };
    let status = response.status;
    let code_text = code.map(|code| format!(", code {code}")).unwrap_or_default();
    // A server that does not know these paths is not Linq's API.
    let is_elsewhere = matches!(status, 404 | 405) && code.is_none() && message.is_none();
    // A gateway before Linq answers in a form of its own.
    let message = message.or_else(|| storage_error::read(&response.body, secrets).message);
    let words = message.map_or_else(|| unreadable(response, secrets), |words| format!(": {words}"));
    let text = format!("{what}: Linq refused with status {status}{code_text}{words}{advice}");
    let mut error = Error::new(kind, if is_elsewhere { with_base_url_hint(text) } else { text });
    let details = &mut *error.details;
    details.http_status = Some(status);
    details.api_code = code;
    details.retryable = class != Class::Final;
    details.trace_id = trace_id.or_else(|| header(response, "x-trace-id", secrets));
    details.retry_after = hint(response, retry_after);
    details.doc_url = doc_url;
    error
}

/// Whether a 2xx response contains S3's `<Error>`: S3 may fail after it has begun to respond.
pub(crate) fn is_hidden(response: &Response) -> bool {
    response.is_success() && storage_error::is_in(&response.body)
}

/// A refusal by the storage of `what`. `past_expiry`: whether the URL had expired by a server's clock.
pub(crate) fn by_storage(
    what: &str,
    host: &str,
    response: &Response,
    secrets: &Secrets,
    past_expiry: bool,
) -> Error {
    if (300..400).contains(&response.status) {
        return redirected(what, host, response, secrets);
    }
    let parsed = storage_error::read(&response.body, secrets);
    let code = parsed.code.as_deref();
    let class = retry::classify(Refusal {
        status: response.status,
        storage_code: code,
        should_retry: should_retry(response),
        ..Refusal::default()
    });
    let expired = is_expired(response.status, &parsed, past_expiry);
    let status = response.status;
    let code_text = code.map(|code| format!(" {code}")).unwrap_or_default();
    let words = parsed.message.as_deref().map_or_else(|| unreadable(response, secrets), |m| format!(": {m}"));
    let message = match expired {
        true => format!(
            "{what}: the upload URL has expired ({status}{code_text}{words}); reserve a new one, they last 15 minutes"
        ),
        false => format!("{what}: the storage at {host} refused with status {status}{code_text}{words}"),
    };
    let kind = if expired { ErrorKind::Expired } else { ErrorKind::Storage };
    let mut error = Error::new(kind, message);
    let details = &mut *error.details;
    details.http_status = Some(status);
    // An expired URL may be renewed.
    details.retryable = if expired { should_retry(response) != Some(false) } else { class != Class::Final };
    details.retry_after = hint(response, None);
    details.storage_request_id = parsed.request_id.or_else(|| header(response, "x-amz-request-id", secrets));
    details.storage_id_2 = parsed.host_id.or_else(|| header(response, "x-amz-id-2", secrets));
    details.storage_code = parsed.code;
    error
}

pub(crate) fn with_base_url_hint(text: String) -> String {
    format!("{text}; is the base URL right? LINQ_API_V3_BASE_URL sets it")
}

/// Why a refusal has no message, if the reason is known.
fn unreadable(response: &Response, secrets: &Secrets) -> String {
    match page::compression(response, secrets) {
        Some(name) => format!(" (its answer is compressed with {name}, which was not asked for)"),
        None if page::is_page(response) => " (its answer is a web page)".to_owned(),
        None => String::new(),
    }
}

/// A response header, redacted.
pub(crate) fn header(response: &Response, name: &str, secrets: &Secrets) -> Option<String> {
    response.header(name).map(|text| secrets.redact(text))
}

fn is_expired(status: u16, parsed: &StorageError, past_expiry: bool) -> bool {
    let words = parsed.message.as_deref().unwrap_or_default();
    match parsed.code.as_deref() {
        Some("ExpiredToken" | "TokenRefreshRequired" | "ExpiredRequest" | "RequestExpired") => true,
        Some("AccessDenied") if words.contains("Request has expired") => true,
        _ => status == 403 && past_expiry,
    }
}

/// Redirects are never followed: the next host would get the headers, and S3 signs the host. The message has the name
/// of the target only, whose URL may be signed.
fn redirected(what: &str, host: &str, response: &Response, secrets: &Secrets) -> Error {
    let target = response.header("location").and_then(|to| to.parse::<crate::http::Uri>().ok());
    let target = target.as_ref().and_then(|uri| uri.host()).unwrap_or("somewhere else");
    let target = secrets.redact(target);
    let status = response.status;
    let message = format!("{what}: {host} redirects to {target} (status {status}), which is never followed");
    let mut error = Error::new(ErrorKind::Protocol, message);
    error.details.http_status = Some(status);
    error
}

fn should_retry(response: &Response) -> Option<bool> {
    match response.header("x-should-retry")?.trim() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// How long the server asks to wait. A date is compared with the response's own `Date`, if it has one.
fn hint(response: &Response, body: Option<f64>) -> Option<std::time::Duration> {
    let seconds = response.header("retry-after").and_then(|text| {
        let seconds = text.trim().parse::<f64>().ok();
        seconds.or_else(|| until(http_date(text)?, response.header("date").and_then(http_date)))
    });
    retry::hint(response.header("retry-after-ms"), seconds, body)
}

/// Seconds from the server's `now` until `then`. Without that, this device's clock is used, which may be ahead, so a
/// date in its past is ignored.
fn until(then: i64, now: Option<i64>) -> Option<f64> {
    let seconds = |now: i64| then.saturating_sub(now) as f64 / 1000.0;
    match now {
        Some(now) => Some(seconds(now).max(0.0)),
        None => device_clock().map(seconds).filter(|seconds| *seconds >= 0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zeroizing::ZeroizingBytes;
    use std::time::{Duration, SystemTime};
    use ureq::http::HeaderMap;

    fn response(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Response {
        let headers = headers.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap()));
        Response {
            status,
            headers: headers.collect::<HeaderMap>(),
            body: ZeroizingBytes::new(body.as_bytes().to_vec()),
            replayed: false,
        }
    }

    #[test]
    fn s3s_document_is_read_and_bounded() {
        let body = "<?xml version=\"1.0\"?>\n<Error><Code>SignatureDoesNotMatch</Code><Message>a &lt;b&gt; \
                    &amp;lt;</Message><RequestId>R1</RequestId><HostId>H2</HostId></Error>";
        let error = by_storage(
            "uploading a.txt",
            "s3.example",
            &response(403, &[], body),
            &Secrets::default(),
            false,
        );
        let expected = "uploading a.txt: the storage at s3.example refused with status 403 \
                        SignatureDoesNotMatch: a <b> &lt;";
        assert_eq!((error.kind, &*error.message), (ErrorKind::Storage, expected));
        assert_eq!(error.details.storage_request_id.as_deref(), Some("R1"));
        assert_eq!(error.details.storage_id_2.as_deref(), Some("H2"));
        assert!(!error.details.retryable);
    }

    /// R2, proxies and gateways answer in JSON where S3 has XML.
    #[test]
    fn a_refusal_in_json_is_shown() {
        let refused =
            |body: &str| by_storage("u", "h", &response(403, &[], body), &Secrets::default(), false);
        for (body, code, words) in [
            (
                r#"{"code": "NoAccess", "message": "words", "requestId": "R1"}"#,
                Some("NoAccess"),
                "NoAccess: words",
            ),
            (
                r#"{"Error": {"Code": "NoAccess", "Message": "words", "RequestId": "R1"}}"#,
                Some("NoAccess"),
                "NoAccess: words",
            ),
            (
                "\u{feff}{\"error\": {\"code\": 403, \"message\": \"words\"}, \"request_id\": \"R1\"}",
                None,
                ": words",
            ),
            (r#"{"error": "denied", "error_description": "words", "requestId": "R1"}"#, None, ": words"),
            (r#"{"title": "Forbidden", "detail": "words", "requestId": "R1"}"#, None, ": words"),
            (r#"{"errors": [{"code": 10000, "message": "words"}], "requestId": "R1"}"#, None, ": words"),
            (" \u{feff}\n{\"message\": \"words\", \"requestId\": \"R1\"}", None, ": words"),
        ] {
            let error = refused(body);
            assert_eq!(error.details.storage_code.as_deref(), code, "{body}");
            assert!(
                error
                    .message
                    .ends_with(&format!("status 403{}{words}", if code.is_some() { " " } else { "" })),
                "{error}"
            );
            assert_eq!(error.details.storage_request_id.as_deref(), Some("R1"), "{body}");
        }
        for body in
            ["[]", "7", "null", "{}", r#"{"error": null}"#, r#"{"message": 7}"#, "{\"message\": \"cut"]
        {
            assert!(refused(body).message.ends_with("status 403"), "{body}");
        }
        let gzip =
            Response { body: ZeroizingBytes::new(b"\x1f\x8b\x08\0".to_vec()), ..response(403, &[], "") };
        let error = by_storage("u", "h", &gzip, &Secrets::default(), false);
        let end = "status 403 (its answer is compressed with gzip, which was not asked for)";
        assert!(error.message.ends_with(end), "{error}");
    }

    /// Gateways before Linq have words of their own.
    #[test]
    fn a_gateways_words_are_shown_as_linqs_are() {
        for (body, end) in [
            (r#"{"message": "Forbidden"}"#, "status 403: Forbidden"),
            (r#"{"error": "access denied"}"#, "status 403: access denied"),
            (
                r#"{"success": false, "errors": [{"code": 10000, "message": "Not yours"}]}"#,
                "status 403: Not yours",
            ),
            (r#"{"error": {"code": "2027", "message": "Words"}}"#, "status 403, code 2027: Words"),
            ("<Error><Code>AccessDenied</Code><Message>No</Message></Error>", "status 403: No"),
            ("<html>no</html>", "status 403 (its answer is a web page)"),
        ] {
            let error = by_api("x", "h", &response(403, &[], body), true, &Secrets::key("abcdefghij"));
            assert!(error.message.ends_with(end), "{error}");
            let error = by_api(
                "x",
                "h",
                &response(403, &[], &body.replace("No", "abcdefghij")),
                true,
                &Secrets::key("abcdefghij"),
            );
            assert!(!error.message.contains("abcdefghij"), "{error}");
        }
    }

    #[test]
    fn expired_by_word_or_by_a_servers_clock() {
        let says = |code: &str| format!("<Error><Code>{code}</Code></Error>");
        let denied =
            |message: &str| format!("<Error><Code>AccessDenied</Code><Message>{message}</Message></Error>");
        let kind = |status, body: &str, past_expiry| {
            by_storage("u", "h", &response(status, &[], body), &Secrets::default(), past_expiry).kind
        };
        assert_eq!(kind(403, &denied("Request has expired"), false), ErrorKind::Expired);
        assert_eq!(kind(403, &denied("Access Denied"), false), ErrorKind::Storage);
        for code in ["ExpiredToken", "TokenRefreshRequired", "ExpiredRequest", "RequestExpired"] {
            for status in [400, 403] {
                assert_eq!(kind(status, &says(code), false), ErrorKind::Expired, "{status} {code}");
            }
        }
        assert_eq!(kind(403, "", true), ErrorKind::Expired);
        assert_eq!(kind(403, "", false), ErrorKind::Storage);
        assert_eq!(kind(500, "", true), ErrorKind::Storage);
    }

    #[test]
    fn hints_of_every_kind() {
        let wait = |headers: &[(&'static str, &'static str)], body| {
            by_api("x", "h", &response(429, headers, body), true, &Secrets::default()).details.retry_after
        };
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(wait(&[("retry-after-ms", "120"), ("retry-after", "9")], ""), ms(120));
        assert_eq!(wait(&[("retry-after", "9")], r#"{"error":{"retry_after":3}}"#), ms(9000));
        assert_eq!(wait(&[], r#"{"error":{"retry_after":3}}"#), ms(3000));
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(wait(&[date, ("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")], ""), ms(10_000));
        assert_eq!(wait(&[date, ("retry-after", "Sun, 06 Nov 1994 08:49:07 GMT")], ""), ms(0));
        for obsolete in ["Sunday, 06-Nov-94 08:49:47 GMT", "Sun Nov  6 08:49:47 1994"] {
            assert_eq!(wait(&[date, ("retry-after", obsolete)], ""), ms(10_000), "{obsolete}");
        }
        for odd in [
            "Sun, 06 Nov 1994 08:49:47 UTC",
            "Sun, 06 Nov 1994 08:49:47 +0000",
            "sun, 06 nov 1994 08:49:47 gmt",
            "Sun, 6 Nov 1994 08:49:47 GMT",
            "Sun, 06 Nov 1994 09:49:47 +0100",
            "1994-11-06T08:49:47Z",
        ] {
            assert_eq!(wait(&[date, ("retry-after", odd)], ""), ms(10_000), "{odd}");
        }
        for nonsense in ["soon", "", "-1", "nan", "inf", "1e400", "0x10", "5 s"] {
            assert_eq!(wait(&[("retry-after", nonsense)], ""), None, "{nonsense}");
        }
        // Without the server's own date this device's clock is used. It may be wrong, so a date in its past is ignored.
        let hour = SystemTime::now() + Duration::from_secs(3600);
        let wait_until =
            wait(&[("retry-after", Box::leak(httpdate::fmt_http_date(hour).into_boxed_str()))], "").unwrap();
        assert!((3590..=3600).contains(&wait_until.as_secs()), "{wait_until:?}");
        assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:49:07 GMT")], ""), None);
    }
}
