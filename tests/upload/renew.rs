//! Places of the split use that expire, and what asks for the next.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use linq::{
    Attachment, CallOptions, CancelToken, Client, Config, Error, ErrorKind, FileInfo, Presigned, Reader,
    Renew, Source, UploadOptions,
};
use serde_json::json;

use crate::common::{BOTH, Sandbox, jpeg};

fn config(sandbox: &Sandbox) -> Config {
    Config { api_key: None, base_url: None, allow_http_loopback: true, ..sandbox.config(true) }
}

fn keyless(sandbox: &Sandbox) -> Client {
    Client::new(config(sandbox)).unwrap()
}

/// A place as a server hands it over.
fn place(sandbox: &Sandbox, tls: bool, file: FileInfo<'_>) -> Presigned {
    let place = sandbox.client(tls).presign(file, CallOptions::default()).unwrap();
    Presigned::parse(place.to_json().as_bytes()).unwrap()
}

fn photo(size: usize) -> FileInfo<'static> {
    FileInfo { filename: "photo.jpg", content_type: None, size_bytes: size as u64 }
}

fn expired(sandbox: &Sandbox, tls: bool, size: usize) -> Presigned {
    let fault = sandbox.on_reserve(json!({"expired": true}));
    let place = place(sandbox, tls, photo(size));
    fault.assert_injected(1);
    place
}

/// The attachments of the places that it was asked to renew.
type Asked = Rc<RefCell<Vec<String>>>;

fn asked(mut renew: impl FnMut(u32) -> Result<Option<Presigned>, Error> + 'static) -> (Renew, Asked) {
    let asked = Asked::default();
    let seen = asked.clone();
    let renew = Box::new(move |expired: &Presigned| {
        seen.borrow_mut().push(expired.attachment_id.clone());
        renew(seen.borrow().len() as u32)
    });
    (renew, asked)
}

fn gives(places: Vec<Presigned>) -> (Renew, Asked) {
    asked(move |time| Ok(places.get(time as usize - 1).cloned()))
}

fn upload(client: &Client, place: &Presigned, bytes: &[u8], renew: Renew) -> Result<Attachment, Error> {
    let options = UploadOptions { renew: Some(renew), ..UploadOptions::default() };
    client.upload_presigned(place, Source::Bytes(bytes), options)
}

#[test]
fn an_upload_goes_on_with_another_place() {
    for tls in BOTH {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(300_000));
        let (old, new) = (expired(&sandbox, tls, 300_000), place(&sandbox, tls, photo(300_000)));
        let (renew, asked) = gives(vec![new.clone()]);
        let attachment = upload(&keyless(&sandbox), &old, &bytes, renew).unwrap();
        assert_eq!(*asked.borrow(), std::slice::from_ref(&old.attachment_id));
        assert_eq!((&attachment.attachment_id, attachment.attempts), (&new.attachment_id, 2));
        assert_eq!(attachment.download_url, new.download_url);
        sandbox.assert_only(&attachment, &bytes);
        assert_eq!(sandbox.puts().len(), 2);
    }
}

#[test]
fn a_place_that_lasts_is_not_renewed_nor_is_one_of_the_whole_use() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(5000));
    let (renew, asked) = gives(vec![]);
    upload(&keyless(&sandbox), &place(&sandbox, false, photo(5000)), &bytes, renew).unwrap();
    assert!(asked.borrow().is_empty());

    let fault = sandbox.on_reserve(json!({"expired": true}));
    let (renew, asked) = gives(vec![]);
    let options =
        UploadOptions { filename: Some("photo.jpg"), renew: Some(renew), ..UploadOptions::default() };
    let attachment = sandbox.client(false).upload(Source::Bytes(&bytes), options).unwrap();
    fault.assert_injected(1);
    assert_eq!((attachment.attempts, asked.borrow().len()), (2, 0));
}

#[test]
fn without_another_place_the_call_ends_as_expired() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(5000));
    let old = expired(&sandbox, false, 5000);
    let (renew, asked) = gives(vec![]);
    let error = upload(&keyless(&sandbox), &old, &bytes, renew).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Expired, "{error}");
    let first = "uploading photo.jpg: the upload URL has expired (403 AccessDenied: Request has expired); \
                 reserve a new one, they last 15 minutes";
    let expected = format!(
        "the place has expired, and no other was given (after 2 attempts; the first attempt failed with: {first})"
    );
    assert_eq!(error.message, expected);
    let details = &*error.details;
    assert_eq!((details.http_status, details.storage_code.as_deref()), (Some(403), Some("AccessDenied")));
    assert!(details.storage_request_id.is_some());
    assert_eq!((details.attempts, details.retryable), (2, false));
    assert_eq!(details.attachment_id.as_deref(), Some(&*old.attachment_id));
    assert_eq!((asked.borrow().len(), sandbox.puts().len()), (1, 1));
}

fn failure(retryable: bool) -> Error {
    let mut error = keyless(&Sandbox::start()).presign(photo(5000), CallOptions::default()).unwrap_err();
    error.message = "the app's server is down".to_owned();
    error.details.retryable = retryable;
    error
}

#[test]
fn its_failure_ends_the_call_unless_it_may_pass() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(5000));
    let (renew, _) = asked(|_| Err(failure(false)));
    let error = upload(&keyless(&sandbox), &expired(&sandbox, false, 5000), &bytes, renew).unwrap_err();
    assert_eq!((error.kind, error.details.attempts), (ErrorKind::Unauthorized, 2));
    assert!(error.message.starts_with("the app's server is down (after 2 attempts; "), "{error}");
    assert_eq!(sandbox.puts().len(), 1);

    let (old, new) = (expired(&sandbox, false, 5000), place(&sandbox, false, photo(5000)));
    let (renew, asked) =
        asked(move |time| if time == 1 { Err(failure(true)) } else { Ok(Some(new.clone())) });
    let attachment = upload(&keyless(&sandbox), &old, &bytes, renew).unwrap();
    assert_eq!((attachment.attempts, asked.borrow().len()), (3, 2));
    sandbox.assert_stored(&attachment, &bytes);
}

#[test]
fn a_place_for_another_file_is_refused_before_it_is_used() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(5000));
    let named =
        |filename, size_bytes| place(&sandbox, false, FileInfo { filename, content_type: None, size_bytes });
    let plain = FileInfo { content_type: Some("image/png"), ..photo(5000) };
    let table = [
        (named("photo.jpg", 4999), "the source has 5000 bytes, but the renewed place was reserved for 4999"),
        (
            place(&sandbox, false, plain),
            "the source is image/jpeg, but the renewed place was reserved for image/png",
        ),
        (named("other.jpg", 5000), "the file name is photo.jpg, but the place was reserved for other.jpg"),
    ];
    for (other, message) in table {
        let puts = sandbox.puts().len();
        let (renew, asked) = gives(vec![other]);
        let error = upload(&keyless(&sandbox), &expired(&sandbox, false, 5000), &bytes, renew).unwrap_err();
        assert_eq!((error.kind, error.details.retryable), (ErrorKind::Unsupported, false), "{error}");
        assert!(error.message.starts_with(message), "{error}");
        assert_eq!((asked.borrow().len(), sandbox.puts().len() - puts), (1, 1), "{message}");
    }
    // What is refused of a first place is refused of a second.
    let (old, new) = (expired(&sandbox, true, 5000), place(&sandbox, false, photo(5000)));
    let client = Client::new(Config { allow_http_loopback: false, ..config(&sandbox) }).unwrap();
    let error = upload(&client, &old, &bytes, gives(vec![new]).0).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Protocol, "{error}");
    assert!(error.message.starts_with("the upload URL is plain http"), "{error}");
}

/// Also where the app's server hands out the same one again.
#[test]
fn a_place_that_is_expired_too_ends_the_call() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(5000));
    let old = expired(&sandbox, false, 5000);
    for second in [old.clone(), expired(&sandbox, false, 5000)] {
        let puts = sandbox.puts().len();
        let (renew, asked) = gives(vec![second.clone(), place(&sandbox, false, photo(5000))]);
        let error = upload(&keyless(&sandbox), &old, &bytes, renew).unwrap_err();
        assert_eq!((error.kind, error.details.attempts), (ErrorKind::Expired, 2), "{error}");
        assert!(error.message.contains("it was renewed just now, so another would not help"), "{error}");
        assert_eq!(error.details.attachment_id, Some(second.attachment_id.clone()));
        assert_eq!(
            (asked.borrow().len(), sandbox.puts().len() - puts, error.details.retryable),
            (1, 2, false)
        );
    }
    // One that was reserved in this process is known to be over before it is used.
    let fault = sandbox.on_reserve(json!({"expires_in": 0}));
    let over = sandbox.client(false).presign(photo(5000), CallOptions::default()).unwrap();
    fault.assert_injected(1);
    let puts = sandbox.puts().len();
    let error = upload(&keyless(&sandbox), &old, &bytes, gives(vec![over]).0).unwrap_err();
    assert_eq!((error.kind, error.details.http_status), (ErrorKind::Expired, Some(403)), "{error}");
    assert!(
        error.message.starts_with("the place has expired, and so has the one that was given for it"),
        "{error}"
    );
    assert_eq!(sandbox.puts().len() - puts, 1);
}

/// A device may sleep more than once: what was renewed and used may expire in its turn.
#[test]
fn a_place_that_aged_is_renewed_again() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(5000));
    let (first, third) = (expired(&sandbox, false, 5000), place(&sandbox, false, photo(5000)));
    let second = place(&sandbox, false, photo(5000));
    let respond = json!({"respond": {"status": 503, "headers": [["Retry-After", "0"]]}});
    let busy = sandbox.plant(json!({"side": "storage", "method": "PUT", "skip": 1, "fault": respond}));
    let late = json!({"respond": {"status": 400, "code": "ExpiredToken"}});
    let late = sandbox.plant(json!({"side": "storage", "method": "PUT", "skip": 1, "fault": late}));
    let (renew, asked) = gives(vec![second.clone(), third.clone()]);
    let attachment = upload(&keyless(&sandbox), &first, &bytes, renew).unwrap();
    busy.assert_injected(1);
    late.assert_injected(1);
    assert_eq!(*asked.borrow(), [first.attachment_id.clone(), second.attachment_id.clone()]);
    assert_eq!((attachment.attachment_id, attachment.attempts), (third.attachment_id.clone(), 4));
}

#[test]
fn its_time_counts_to_the_timeout_and_not_to_the_stall() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(5000));
    let slow = |sandbox: &Sandbox| {
        let new = place(sandbox, false, photo(5000));
        asked(move |_| {
            std::thread::sleep(Duration::from_millis(1500));
            Ok(Some(new.clone()))
        })
    };
    let client =
        Client::new(Config { stall_timeout: Duration::from_millis(700), ..config(&sandbox) }).unwrap();
    let old = expired(&sandbox, false, 5000);
    assert_eq!(upload(&client, &old, &bytes, slow(&sandbox).0).unwrap().attempts, 2);

    let call = CallOptions { timeout: Some(Duration::from_millis(1000)), ..CallOptions::default() };
    let (renew, asked) = slow(&sandbox);
    let options = UploadOptions { renew: Some(renew), call, ..UploadOptions::default() };
    let puts = sandbox.puts().len();
    let error = client.upload_presigned(&old, Source::Bytes(&bytes), options).unwrap_err();
    assert_eq!((error.kind, error.details.http_status), (ErrorKind::Timeout, Some(403)), "{error}");
    assert!(error.message.starts_with("the call's timeout of 1000 ms passed"), "{error}");
    assert_eq!((asked.borrow().len(), sandbox.puts().len() - puts), (1, 1));
}

#[test]
fn cancelling_while_it_runs_ends_the_call() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(5000));
    let (old, new) = (expired(&sandbox, false, 5000), place(&sandbox, false, photo(5000)));
    for given in [Some(new), None] {
        let token = CancelToken::new().unwrap();
        let cancel = token.clone();
        let (renew, _) = asked(move |_| {
            cancel.cancel();
            Ok(given.clone())
        });
        let call = CallOptions { cancel: Some(&token), ..CallOptions::default() };
        let options = UploadOptions { renew: Some(renew), call, ..UploadOptions::default() };
        let puts = sandbox.puts().len();
        let error = keyless(&sandbox).upload_presigned(&old, Source::Bytes(&bytes), options).unwrap_err();
        assert_eq!((error.kind, error.details.http_status), (ErrorKind::Cancelled, Some(403)), "{error}");
        assert_eq!((sandbox.puts().len() - puts, error.details.retryable), (1, false));
    }
}

#[test]
fn one_attempt_is_no_renewal() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(5000));
    let (renew, asked) = gives(vec![place(&sandbox, false, photo(5000))]);
    let client = Client::new(Config { max_attempts: 1, ..config(&sandbox) }).unwrap();
    let error = upload(&client, &expired(&sandbox, false, 5000), &bytes, renew).unwrap_err();
    assert_eq!((error.kind, error.details.attempts), (ErrorKind::Expired, 1), "{error}");
    assert!(asked.borrow().is_empty());
}

struct Stream<'a> {
    bytes: &'a [u8],
    at: usize,
    rewinds: bool,
}

impl Reader for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = buffer.len().min(self.bytes.len() - self.at);
        buffer[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }

    fn can_rewind(&self) -> bool {
        self.rewinds
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.at = 0;
        Ok(())
    }
}

#[test]
fn a_reader_that_was_read_and_cannot_rewind_is_not_renewed() {
    let sandbox = Sandbox::start();
    for (size, rewinds, times) in [(300_000, false, 0), (300_000, true, 1), (3000, false, 1)] {
        let bytes = jpeg(size);
        let new = place(&sandbox, false, photo(size));
        let (renew, asked) = gives(vec![new.clone()]);
        let mut reader = Stream { bytes: &bytes, at: 0, rewinds };
        let source = Source::Reader { reader: &mut reader, size: size as u64 };
        let options = UploadOptions { renew: Some(renew), ..UploadOptions::default() };
        let result = keyless(&sandbox).upload_presigned(&expired(&sandbox, false, size), source, options);
        assert_eq!(asked.borrow().len(), times, "{size} {rewinds}");
        match result {
            Ok(attachment) if times == 1 => sandbox.assert_stored(&attachment, &bytes),
            Err(error) if times == 0 => {
                assert_eq!((error.kind, error.details.attempts), (ErrorKind::Expired, 1), "{error}");
                let why = "; the reader cannot rewind, so it cannot be tried again";
                assert!(error.message.ends_with(why) && !error.details.retryable, "{error}");
            }
            result => panic!("{size} {rewinds}: {result:?}"),
        }
    }
}
