//! Whether the response to a PUT means that the file is there.

use crate::clock::http_date;
use crate::error::{Error, ErrorKind};
use crate::http::header::HeaderMap;
use crate::http::{MAX_ANSWER, Response, Uri};
use crate::page;
use crate::presign::Presigned;
use crate::redact::Secrets;
use crate::refusal;
use crate::sys;
use crate::zeroizing::ZeroizingBytes;

impl Presigned {
    /// Checks the response to a PUT that the program sent itself, such as by a background session of iOS: whether the file
    /// is there. The error is that of an upload which gets this response. Of the body, the first MiB counts.
    pub fn check(&self, http_status: u32, body: &[u8]) -> Result<(), Error> {
        let status = u16::try_from(http_status).ok().filter(|status| (100..1000).contains(status));
        let status = status.ok_or_else(|| {
            Error::invalid(format!("{http_status} is not an HTTP status: it is 100 to 999"))
        })?;
        let url = self.url().map_err(|why| Error::invalid(format!("the place {why}")))?;
        let body = &body[..body.len().min(MAX_ANSWER)];
        let mut copy = ZeroizingBytes::default();
        copy.try_grow(body.len())
            .map_err(|_| Error::new(ErrorKind::NoMemory, "there is no memory for the response"))?;
        copy.extend_from_slice(body);
        let response = Response { status, headers: HeaderMap::new(), body: copy, replayed: false };
        check(self, &url, &response).map_err(|mut error| {
            let details = &mut *error.details;
            details.attachment_id = Some(self.attachment_id.clone());
            details.attempts = 1;
            // Sending it to this place again would not help.
            details.retryable &= error.kind != ErrorKind::Expired;
            error
        })
    }

    /// What an upload to this place is called in messages.
    pub(crate) fn action(&self) -> String {
        match self.filename.as_deref() {
            Some(name) => format!("uploading {name}"),
            None => "uploading".to_owned(),
        }
    }
}

/// Checks the storage's response to the PUT to `url`, the place's own.
pub(crate) fn check(place: &Presigned, url: &Uri, response: &Response) -> Result<(), Error> {
    let (what, host) = (place.action(), url.host().unwrap_or_default());
    if response.is_success() && page::is_page(response) {
        let why = format!(
            "{host} answered {} with a web page, so the file is not there; is something in between, such as a captive \
             portal or a CDN?",
            response.status
        );
        let mut error = Error::new(ErrorKind::Protocol, format!("{what}: {why}"));
        error.details.http_status = Some(response.status);
        error.details.retryable = true;
        return Err(error);
    }
    if response.is_success() && !refusal::is_hidden(response) {
        return Ok(());
    }
    // The storage's own clock counts too; in the split use it is the only one.
    let shown = response.header("date").and_then(http_date);
    let past_expiry =
        place.is_expired(sys::boottime()) || shown.is_some_and(|now| now >= place.expires_at_ms);
    Err(refusal::by_storage(&what, host, response, &Secrets::query(url), past_expiry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Presigned {
        Presigned::parse(
            br#"{"attachment_id": "550e8400-e29b-41d4-a716-446655440000", "filename": "a.jpg", "http_method": "PUT",
                "upload_url": "https://uploads.example/a?X-Amz-Signature=5ec2e7", "expires_at": "2024-01-15T10:45:00Z",
                "required_headers": {}}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_2xx_is_success_unless_its_body_says_otherwise() {
        for status in [200, 201, 204, 299] {
            assert_eq!(place().check(status, b"").map_err(|e| e.message), Ok(()), "{status}");
        }
        assert!(place().check(200, b"{\"stored\": true}").is_ok());
        let hidden =
            place().check(200, b"<Error><Code>InternalError</Code><Message>m</Message></Error>").unwrap_err();
        assert_eq!(
            (hidden.kind, hidden.details.storage_code.as_deref()),
            (ErrorKind::Storage, Some("InternalError"))
        );
        assert!(hidden.details.retryable);
        let page = place().check(200, b"<!DOCTYPE html><title>Log in</title>").unwrap_err();
        assert_eq!((page.kind, page.details.http_status), (ErrorKind::Protocol, Some(200)));
        assert!(
            page.message.starts_with("uploading a.jpg: uploads.example answered 200 with a web page"),
            "{page}"
        );
        assert!(page.details.retryable);
    }

    #[test]
    fn a_refusal_is_that_of_an_upload() {
        let body =
            b"<Error><Code>AccessDenied</Code><Message>Request has expired X-Amz-Signature=5ec2e7</Message>\
                     <RequestId>R1</RequestId><HostId>H2</HostId></Error>";
        let expired = place().check(403, body).unwrap_err();
        assert_eq!((expired.kind, expired.details.http_status), (ErrorKind::Expired, Some(403)));
        assert_eq!(expired.details.attachment_id.as_deref(), Some("550e8400-e29b-41d4-a716-446655440000"));
        assert_eq!(expired.details.storage_request_id.as_deref(), Some("R1"));
        assert_eq!(expired.details.attempts, 1);
        assert!(!expired.details.retryable && !expired.message.contains("5ec2e7"), "{expired}");
        for (status, body, code, retryable) in [
            (503, &b"<Error><Code>SlowDown</Code></Error>"[..], Some("SlowDown"), true),
            (403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>", Some("SignatureDoesNotMatch"), false),
            (500, b"", None, true),
        ] {
            let error = place().check(status, body).unwrap_err();
            assert_eq!(
                (error.kind, error.details.storage_code.as_deref()),
                (ErrorKind::Storage, code),
                "{error}"
            );
            assert_eq!(error.details.retryable, retryable, "{error}");
        }
        assert_eq!(place().check(307, b"").unwrap_err().kind, ErrorKind::Protocol);
    }

    #[test]
    fn only_an_http_status_and_the_first_mebibyte_count() {
        for status in [0, 99, 1000, 65_736, u32::MAX] {
            let error = place().check(status, b"").unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidArgument);
            assert_eq!(error.message, format!("{status} is not an HTTP status: it is 100 to 999"));
        }
        let mut body = vec![b' '; MAX_ANSWER];
        body.extend_from_slice(b"<Error><Code>InternalError</Code></Error>");
        assert!(place().check(200, &body).is_ok());
        assert!(place().check(200, &body[1000..]).is_err());
    }
}
