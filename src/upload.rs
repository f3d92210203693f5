//! The upload: opens the source, decides what to declare, reserves a place and sends the bytes, with retries.

use std::rc::Rc;

use crate::api::Api;
use crate::attachment::Attachment;
use crate::attempt::{Attempt, Attempts};
use crate::call::{Call, Stage};
use crate::declare::{Declared, check_renewed, check_signed, check_signed_name, declare, named};
use crate::error::{Error, ErrorKind};
use crate::http::{Ahead, Body, Http, Method, Request};
use crate::log::{self, Level};
use crate::presign::{self, Presigned, Renew};
use crate::redact::Secrets;
use crate::refusal;
use crate::report::Step;
use crate::source::{Opened, Source, Stream};
use crate::stored;
use crate::sys;

/// What an upload needs of the client.
pub(crate) struct Upload<'a> {
    pub(crate) api: &'a Api,
    pub(crate) attempts: &'a Attempts,
    pub(crate) call: &'a Rc<Call>,
    pub(crate) allow_webp_svg: bool,
    pub(crate) allow_http_loopback: bool,
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
        let mut job = Job {
            upload: self,
            body,
            places: Places::Reserved(&declared),
            place: None,
            refused: false,
            renewed: false,
            ahead: None,
        };
        let attempts = job.run()?;
        let Job { body, place, .. } = job;
        let place = place.ok_or_else(lost)?;
        let size = body.size();
        Ok(attachment(place, declared.filename, declared.content_type, size, attempts))
    }

    /// Step 2 alone.
    pub(crate) fn presigned(
        &self,
        presigned: &Presigned,
        source: Source<'_>,
        filename: Option<&str>,
        content_type: Option<&str>,
        renew: Option<Renew>,
    ) -> Result<Attachment, Error> {
        presigned.check_scheme(self.allow_http_loopback)?;
        check_signed_name(presigned, filename)?;
        let own_name = source.file_name().and_then(|name| name.to_str());
        let signed_name = filename.or(presigned.filename.as_deref());
        let signed_type = presigned.content_type.as_deref().or(content_type);
        let places = Places::Given { renew, filename: signed_name, content_type: signed_type };
        let filename = filename.or(presigned.filename.as_deref()).or(own_name).unwrap_or_default().to_owned();
        let mut body = source.open()?;
        body.rename(if filename.is_empty() { "the source" } else { &filename });
        check_signed(self.call, presigned, &mut body, &filename, content_type)?;
        let place = Some(presigned.clone());
        let mut job = Job { upload: self, body, places, place, refused: false, renewed: false, ahead: None };
        let attempts = job.run()?;
        let Job { body, place, .. } = job;
        let place = place.ok_or_else(lost)?;
        let content_type = place.content_type.clone().unwrap_or_default();
        Ok(attachment(place, filename, &content_type, body.size(), attempts))
    }
}

/// Where places come from.
enum Places<'a> {
    /// They are reserved for this.
    Reserved(&'a Declared),
    /// The split use: the first was passed in, and `renew` gives the next, for the same name and type if these are known.
    Given { renew: Option<Renew>, filename: Option<&'a str>, content_type: Option<&'a str> },
}

/// The upload of one source, across its attempts.
struct Job<'a, 's> {
    upload: &'a Upload<'a>,
    body: Opened<'s>,
    places: Places<'a>,
    place: Option<Presigned>,
    /// The storage refused the place as expired.
    refused: bool,
    /// The place replaced an expired one, and no attempt was made with it.
    renewed: bool,
    /// A connection to the storage, begun before the place was known.
    ahead: Option<Ahead>,
}

impl Job<'_, '_> {
    /// Makes attempts until one succeeds; returns how many it took.
    fn run(&mut self) -> Result<u32, Error> {
        let upload = self.upload;
        upload.attempts.run(upload.call, |attempt| {
            self.attempt(attempt).map_err(|error| self.explain(error))?;
            Ok(attempt.number)
        })
    }

    fn attempt(&mut self, attempt: Attempt) -> Result<(), Error> {
        if attempt.again {
            self.body.rewind()?;
        }
        self.refused |= attempt.renew;
        match self.places {
            Places::Reserved(declared) => self.reserve(declared)?,
            Places::Given { .. } => self.renew()?,
        }
        let place = self.place.as_ref().ok_or_else(lost)?;
        self.upload.call.is_at(Stage::Request(Step::Put, self.body.size()));
        let renewed = std::mem::take(&mut self.renewed);
        put(&self.upload.api.http, self.upload.call, place, &mut self.body, self.ahead.take().as_ref())
            .map_err(|mut error| {
                error.details.renewed = renewed;
                error
            })
    }

    /// Reserves a place if there is none, or if it has expired.
    fn reserve(&mut self, declared: &Declared) -> Result<(), Error> {
        let Declared { filename, content_type } = declared;
        if let Some(old) = &self.place {
            if !self.refused && !old.is_expired(sys::boottime()) {
                return Ok(());
            }
            log::line(Level::Info, || "the upload URL has expired; reserving a new one".to_owned());
        }
        let Upload { api, call, .. } = self.upload;
        call.is_at(Stage::Request(Step::Reserve, self.body.size()));
        self.ahead = None; // one thread at a time
        self.ahead = api.http.connect_ahead(call);
        let place = presign::reserve(api, call, filename, content_type, self.body.size())?;
        place.check_scheme(self.upload.allow_http_loopback)?;
        call.recorder.tell(None);
        log::line(Level::Info, || format!("reserved {} for {filename}", place.attachment_id));
        self.renewed = self.place.replace(place).is_some();
        self.refused = false;
        Ok(())
    }

    /// Asks the caller for another place if the one that was passed in was refused as expired. It must be for this source.
    fn renew(&mut self) -> Result<(), Error> {
        let Places::Given { renew: Some(renew), filename, content_type } = &mut self.places else {
            return Ok(());
        };
        if !self.refused {
            return Ok(());
        }
        let old = self.place.as_ref().ok_or_else(lost)?;
        log::line(Level::Info, || "the upload URL has expired; asking for another place".to_owned());
        let given = renew(old);
        self.upload.call.check()?;
        let expired = |why: &str| Error::new(ErrorKind::Expired, format!("the place has expired, and {why}"));
        let place = given?.ok_or_else(|| expired("no other was given"))?;
        place.check_scheme(self.upload.allow_http_loopback)?;
        check_renewed(&place, self.body.size(), *filename, *content_type)?;
        if place.is_expired(sys::boottime()) {
            return Err(expired("so has the one that was given for it"));
        }
        log::line(Level::Info, || format!("going on with {}", place.attachment_id));
        self.renewed = self.place.replace(place).is_some();
        self.refused = false;
        Ok(())
    }

    /// Completes the error of a failed attempt with what this upload knows.
    fn explain(&self, mut error: Error) -> Error {
        let details = &mut *error.details;
        details.attachment_id = self.place.as_ref().map(|place| place.attachment_id.clone());
        // A place that the caller passed in can only be renewed by the caller.
        let lasts = matches!(self.places, Places::Given { renew: None, .. });
        details.retryable &= error.kind != ErrorKind::Expired || !lasts;
        if details.retryable && !self.body.can_repeat() {
            details.retryable = false;
            error.message.push_str("; the reader cannot rewind, so it cannot be tried again");
        }
        error
    }
}

/// Sends the whole source once, from its first byte.
fn put(
    http: &Http,
    call: &Rc<Call>,
    presigned: &Presigned,
    body: &mut Opened<'_>,
    ahead: Option<&Ahead>,
) -> Result<(), Error> {
    let what = presigned.action();
    let broken = |why| Error::new(ErrorKind::Protocol, format!("{what}: the reply {why}"));
    let url = presigned.url().map_err(broken)?;
    let request = Request {
        method: Method::PUT,
        url: &url,
        headers: presigned.put_headers(),
        body: Body::Stream(body),
        repeatable: true,
        ahead,
        step: Step::Put,
    };
    let response = http.send(call, request).map_err(|e| e.on(&what))?;
    let secrets = Secrets::query(&url);
    call.recorder.request_id(refusal::header(&response, "x-amz-request-id", &secrets));
    stored::check(presigned, &url, &response)?;
    log::line(Level::Info, || format!("{} is uploaded", presigned.attachment_id));
    Ok(())
}

fn lost() -> Error {
    Error::new(ErrorKind::Internal, "the reserved place was lost")
}

fn attachment(
    place: Presigned,
    filename: String,
    content_type: &str,
    size_bytes: u64,
    attempts: u32,
) -> Attachment {
    Attachment {
        attachment_id: place.attachment_id.clone(),
        download_url: place.download_url.clone(),
        filename,
        content_type: content_type.to_owned(),
        size_bytes,
        attempts,
    }
}
