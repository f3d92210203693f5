//! The upload: open and look at the source, reserve a place, put the bytes there, again where it helps.

use std::ffi::OsStr;
use std::rc::Rc;

use crate::api::Api;
use crate::attempt::Attempts;
use crate::call::Call;
use crate::client::Attachment;
use crate::clock::http_date;
use crate::content_type;
use crate::error::{Error, ErrorKind};
use crate::http::Method;
use crate::http::{Body, Http, Request};
use crate::log::{self, Level};
use crate::presign::{self, Presigned};
use crate::redact::Secrets;
use crate::refusal;
use crate::source::{Opened, Source, check_size};

/// What an upload needs of the client.
pub(crate) struct Upload<'a> {
    pub(crate) api: &'a Api,
    pub(crate) attempts: &'a Attempts,
    pub(crate) call: &'a Rc<Call>,
    pub(crate) allow_webp_svg: bool,
    pub(crate) allow_http_loopback: bool,
}

/// What Linq is told of a file.
pub(crate) struct Declared {
    pub(crate) filename: String,
    pub(crate) content_type: &'static str,
}

impl Upload<'_> {
    /// Steps 1 and 2.
    pub(crate) fn whole(
        &self,
        source: Source<'_>,
        filename: Option<&str>,
        content_type: Option<&str>,
    ) -> Result<Attachment, Error> {
        let own_name = source.file_name();
        let mut body = source.open()?;
        let filename = named(filename, own_name)?;
        body.rename(&filename);
        let (head, further) = body.peek(|| self.call.check())?;
        let declared = declare(content_type, filename, &head, &further, self.allow_webp_svg)?;

        let mut place: Option<Place> = None;
        let attempts = self.attempts.run(self.call, |attempt| {
            let place = self.place(&mut place, &declared, body.size())?;
            match put(&self.api.http, self.call, &place.presigned, &mut body) {
                Err(error) if error.kind == ErrorKind::Expired => Err(place.expired(error)),
                result => result,
            }
            .map_err(|e| self.with_rewind(e, &mut body))
            .map_err(|e| with_id(e, &place.presigned))
            .map(|()| attempt)
        })?;
        let presigned = place.map(|place| place.presigned).ok_or_else(lost)?;
        Ok(attachment(presigned, declared.filename, declared.content_type, body.size(), attempts))
    }

    /// Step 2 alone.
    pub(crate) fn presigned(
        &self,
        presigned: &Presigned,
        source: Source<'_>,
        filename: Option<&str>,
        content_type: Option<&str>,
    ) -> Result<Attachment, Error> {
        presigned.check_scheme(self.allow_http_loopback)?;
        check_signed_name(presigned, filename)?;
        let own_name = source.file_name().and_then(|name| name.to_str());
        let filename = filename.or(presigned.filename.as_deref()).or(own_name).unwrap_or_default().to_owned();
        let mut body = source.open()?;
        body.rename(if filename.is_empty() { "the source" } else { &filename });
        check_signed(self.call, presigned, &mut body, &filename, content_type)?;
        let attempts = self.attempts.run(self.call, |attempt| {
            put(&self.api.http, self.call, presigned, &mut body)
                .map_err(not_renewed)
                .map_err(|e| self.with_rewind(e, &mut body))
                .map_err(|e| with_id(e, presigned))
                .map(|()| attempt)
        })?;
        let content_type = presigned.content_type.clone().unwrap_or_default();
        Ok(attachment(presigned.clone(), filename, &content_type, body.size(), attempts))
    }

    /// The place there is, or a new one where it has expired.
    fn place<'p>(
        &self,
        slot: &'p mut Option<Place>,
        declared: &Declared,
        size: u64,
    ) -> Result<&'p mut Place, Error> {
        if slot.as_ref().is_none_or(|old| old.refused || old.presigned.is_expired()) {
            if slot.is_some() {
                log::line(Level::Info, || "the upload URL has expired; reserving a new one".to_owned());
            }
            let Declared { filename, content_type } = declared;
            let presigned = presign::reserve(self.api, self.call, filename, content_type, size)
                .and_then(|new| new.check_scheme(self.allow_http_loopback).map(|()| new))
                .map_err(|e| match &*slot {
                    Some(old) => with_id(e, &old.presigned),
                    None => e,
                })?;
            log::line(Level::Info, || format!("reserved {} for {filename}", presigned.attachment_id));
            let renewed = slot.as_ref().is_some_and(|old| old.refused);
            *slot = Some(Place { presigned, renewed, refused: false });
        }
        slot.as_mut().ok_or_else(lost)
    }

    /// Rewinds the source for another attempt. If it cannot rewind, the error is marked not retryable.
    fn with_rewind(&self, mut error: Error, body: &mut Opened<'_>) -> Error {
        use crate::source::Stream;
        if error.details.retryable {
            match body.rewind() {
                Ok(true) => {}
                Ok(false) => {
                    error.details.retryable = false;
                    error.message.push_str("; the reader cannot rewind, so it cannot be tried again");
                }
                Err(failure) => {
                    error.kind = failure.kind;
                    error.message = format!("{failure} (the attempt failed so: {})", error.message);
                    error.details.retryable = false;
                }
            }
        }
        error
    }
}

/// A reserved place and its history.
struct Place {
    presigned: Presigned,
    /// It took the place of one that was refused as expired.
    renewed: bool,
    /// It was itself refused as expired.
    refused: bool,
}

impl Place {
    /// A first refusal as expired is worth a new reservation; one of a URL reserved just now will not get better.
    fn expired(&mut self, mut error: Error) -> Error {
        self.refused = true;
        error.details.retryable &= !self.renewed;
        if self.renewed {
            error.message.push_str("; it was reserved just now, so another would not help");
        }
        // Nobody has to be waited for: the refusal was about the URL.
        error.details.retry_after.get_or_insert(std::time::Duration::ZERO);
        error
    }
}

/// Sends the whole source once, from its first byte.
fn put(http: &Http, call: &Rc<Call>, presigned: &Presigned, body: &mut Opened<'_>) -> Result<(), Error> {
    let what = match presigned.filename.as_deref() {
        Some(name) => format!("uploading {name}"),
        None => "uploading".to_owned(),
    };
    let broken = |why| Error::new(ErrorKind::Protocol, format!("{what}: the reply {why}"));
    let url = presigned.url().map_err(broken)?;
    let host = url.host().unwrap_or_default().to_owned();
    let request = Request {
        method: Method::PUT,
        url: &url,
        headers: presigned.put_headers(),
        body: Body::Stream(body),
        repeatable: true,
    };
    let response = http.send(call, request).map_err(|e| e.on(&what))?;
    if response.is_success() && refusal::is_page(&response.body) {
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
    if response.is_success() && !refusal::is_hidden(&response) {
        log::line(Level::Info, || format!("{} is uploaded", presigned.attachment_id));
        return Ok(());
    }
    // The storage's own clock tells too, which is the only one in the split use.
    let shown = response.header("date").and_then(http_date);
    let past_expiry = presigned.is_expired() || shown.is_some_and(|now| now >= presigned.expires_at_ms);
    Err(refusal::by_storage(&what, &host, &response, &Secrets::query(&url), past_expiry))
}

/// The type to declare, after a look at the bytes.
pub(crate) fn declare(
    content_type: Option<&str>,
    filename: String,
    head: &[u8],
    further: &[u8],
    allow_webp_svg: bool,
) -> Result<Declared, Error> {
    check_name(&filename)?;
    let found = content_type::decide(content_type, &filename, head, further, allow_webp_svg);
    let found = found.map_err(|message| Error::new(ErrorKind::Unsupported, message))?;
    Ok(Declared { filename, content_type: found.name() })
}

/// The size and the type are signed: a source that differs would be refused after all its bytes were sent.
fn check_signed(
    call: &Call,
    presigned: &Presigned,
    body: &mut Opened<'_>,
    filename: &str,
    content_type: Option<&str>,
) -> Result<(), Error> {
    let refuse = |message: String| Err(Error::new(ErrorKind::Unsupported, message));
    let size = body.size();
    check_size(filename, size)?;
    if let Some(signed) = presigned.size_bytes.filter(|signed| *signed != size) {
        return refuse(format!("{filename} has {size} bytes, but the place was reserved for {signed}"));
    }
    // A type that only the server knows yet is the server's to judge.
    let known = |signed: &&str| content_type::table::by_name(signed).is_some();
    let Some(signed) = presigned.content_type.as_deref().filter(known) else { return Ok(()) };
    let same = |a: &str, b: &str| {
        a.eq_ignore_ascii_case(b)
            || content_type::decide(Some(a), "", &[], &[], true).is_ok_and(|known| known.name() == b)
    };
    if let Some(declared) = content_type.filter(|declared| !same(declared, signed)) {
        return refuse(format!(
            "{filename} is declared as {declared}, but the place was reserved for {signed}"
        ));
    }
    let (head, further) = body.peek(|| call.check())?;
    match content_type::decide(Some(signed), filename, &head, &further, true) {
        Ok(_) => Ok(()),
        Err(why) => refuse(format!("the place was reserved for {signed}, but: {why}")),
    }
}

/// A name that the caller gives must be the one that was signed, where that is known.
fn check_signed_name(presigned: &Presigned, filename: Option<&str>) -> Result<(), Error> {
    let Some(name) = filename else { return Ok(()) };
    check_name(name)?;
    match presigned.filename.as_deref().filter(|signed| *signed != name) {
        Some(signed) => {
            let message = format!("the file name is {name}, but the place was reserved for {signed}");
            Err(Error::new(ErrorKind::Unsupported, message))
        }
        None => Ok(()),
    }
}

/// What the API and every file system between can take for a name.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let count = name.chars().count();
    let why = match name {
        _ if !(1..=255).contains(&count) => format!("has {count} characters; Linq takes 1 to 255"),
        _ if name.chars().any(char::is_control) => "holds control characters".to_owned(),
        _ if name.contains(['/', '\\']) => "holds a path separator; give the name alone".to_owned(),
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::Unsupported, format!("the file name {why}")))
}

/// The name to declare: the caller's, else the file's own.
fn named(given: Option<&str>, own: Option<&OsStr>) -> Result<String, Error> {
    let unnamed = |kind, why| Error::new(kind, format!("{why}; set a filename"));
    let name = match (given, own) {
        (Some(name), _) => name,
        (None, Some(name)) => {
            name.to_str().ok_or_else(|| unnamed(ErrorKind::Unsupported, "the file's name is not UTF-8"))?
        }
        (None, None) => {
            return Err(unnamed(ErrorKind::InvalidArgument, "this source has no name of its own"));
        }
    };
    check_name(name)?;
    Ok(name.to_owned())
}

/// In the split use an expired place cannot be had anew.
fn not_renewed(mut error: Error) -> Error {
    error.details.retryable &= error.kind != ErrorKind::Expired;
    error
}

fn with_id(mut error: Error, presigned: &Presigned) -> Error {
    error.details.attachment_id = Some(presigned.attachment_id.clone());
    error
}

fn lost() -> Error {
    Error::new(ErrorKind::Internal, "the reserved place was lost")
}

fn attachment(
    presigned: Presigned,
    filename: String,
    content_type: &str,
    size_bytes: u64,
    attempts: u32,
) -> Attachment {
    Attachment {
        attachment_id: presigned.attachment_id.clone(),
        download_url: presigned.download_url.clone(),
        filename,
        content_type: content_type.to_owned(),
        size_bytes,
        attempts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_linq_could_take() {
        for good in ["a", "photo of us.jpg", "żółw.png", &"ä".repeat(255)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        let bad = [
            ("", "the file name has 0 characters; Linq takes 1 to 255"),
            (&*"ä".repeat(256), "the file name has 256 characters; Linq takes 1 to 255"),
            ("a\nb", "the file name holds control characters"),
            ("a/b", "the file name holds a path separator; give the name alone"),
            ("a\\b", "the file name holds a path separator; give the name alone"),
        ];
        for (name, message) in bad {
            let error = check_name(name).unwrap_err();
            assert_eq!((error.kind, &*error.message), (ErrorKind::Unsupported, message));
        }
    }
}
