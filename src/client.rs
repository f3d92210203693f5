//! The public API: a [`Config`], and the [`Client`] made from it.

use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::api::{Api, Base};
use crate::attachment::{self, Attachment, AttachmentInfo};
use crate::attempt::Attempts;
use crate::call::{Call, Progress};
use crate::cancel::CancelToken;
use crate::certificates::certificates;
use crate::declare::{Declared, declare};
use crate::error::{Error, ErrorKind, reason, shown};
use crate::http::{Http, Proxies, Settings, Trust};
use crate::message::{self, Message, Receipt};
use crate::network::Network;
use crate::presign::{self, FileInfo, Presigned, Renew};
use crate::report::Observer;
use crate::request::{self, Request, Response};
use crate::source::{Source, check_size};
use crate::upload::Upload;

/// The environment variable for the API key.
pub const API_KEY_VARIABLE: &str = "LINQ_API_V3_API_KEY";

/// The environment variable for the base URL.
pub const BASE_URL_VARIABLE: &str = "LINQ_API_V3_BASE_URL";

/// The settings of a [`Client`]. Every default is here and nowhere else.
#[derive(Clone)]
pub struct Config {
    /// The partner's API key; else `LINQ_API_V3_API_KEY`. A client without one can still upload presigned.
    pub api_key: Option<String>,
    /// Else `LINQ_API_V3_BASE_URL`, else [`DEFAULT_BASE_URL`]. A trailing `/` or `/v3` is ignored.
    pub base_url: Option<String>,
    /// Added to the library's own User-Agent.
    pub user_agent: Option<String>,
    /// A PEM file of certificates to trust besides the platform's.
    pub ca_file: Option<PathBuf>,
    /// The same as text.
    pub ca_pem: Option<String>,
    /// `http://[user:password@]host:port`; empty: none; `None`: the environment's.
    pub proxy: Option<String>,
    /// Whether the environment is read. On by default.
    pub use_environment: bool,
    /// Whether WebP and SVG are accepted: Linq's own documents contradict each other about them.
    pub allow_webp_svg: bool,
    /// Whether a presigned URL may be plain http, to loopback only. Implied by such a base URL.
    pub allow_http_loopback: bool,
    /// How long DNS, connecting and the TLS handshake may take together. 10 s.
    pub connect_timeout: Duration,
    /// How long there may be no progress in either direction, and how long a response may take from its first byte on.
    /// 30 s.
    pub stall_timeout: Duration,
    /// The number of attempts in all; 1: no retries. 4.
    pub max_attempts: u32,
}

/// Where Linq's partner API is.
pub const DEFAULT_BASE_URL: &str = "https://api.linqapp.com/api/partner";

impl Default for Config {
    fn default() -> Self {
        Config {
            api_key: None,
            base_url: None,
            user_agent: None,
            ca_file: None,
            ca_pem: None,
            proxy: None,
            use_environment: true,
            allow_webp_svg: false,
            allow_http_loopback: false,
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(30),
            max_attempts: 4,
        }
    }
}

/// What every call takes.
#[derive(Default, Clone, Copy)]
pub struct CallOptions<'a> {
    /// Ends the call from anywhere.
    pub cancel: Option<&'a CancelToken>,
    /// Bounds the whole call, waits included; `None`: not bounded.
    pub timeout: Option<Duration>,
    /// Called after each request, on this thread.
    pub attempt: Option<&'a Observer>,
}

/// What an upload takes besides its source.
#[derive(Default)]
pub struct UploadOptions<'a> {
    /// The name to declare; else the file's own. Needed for sources without one.
    pub filename: Option<&'a str>,
    /// The type to declare; else from the bytes, else from the name.
    pub content_type: Option<&'a str>,
    /// Called on this thread while sending.
    pub progress: Option<Progress>,
    /// Called on this thread when the place that was passed to [`Client::upload_presigned`] has expired. Returns another one
    /// for the same file, or `None`, which ends the upload as expired. Its error ends the upload, unless it is `retryable`.
    /// Its time counts towards the timeout. Not called after a read from a reader that cannot rewind.
    pub renew: Option<Renew>,
    /// Cancel and deadline.
    pub call: CallOptions<'a>,
}

/// Holds the key and the pooled connections. May be used from any thread at the same time.
pub struct Client {
    api: Api,
    attempts: Attempts,
    allow_webp_svg: bool,
    allow_http_loopback: bool,
    network: Arc<Network>,
}

impl Client {
    /// Makes a client; reads the environment now and at no other time.
    pub fn new(mut config: Config) -> Result<Self, Error> {
        let own_key = config.api_key.take().map(Zeroizing::new);
        // An empty variable counts as unset, as people write `KEY= program` to unset one.
        let variable = |name: &str| {
            let value = config.use_environment.then(|| std::env::var(name).ok()).flatten();
            value.filter(|value| !value.trim().is_empty())
        };
        let key = own_key.filter(|key| !key.trim().is_empty());
        let key = key.or_else(|| variable(API_KEY_VARIABLE).map(Zeroizing::new));
        let key = key.map(|key| Zeroizing::new(key.trim().to_owned()));
        let own_base = config.base_url.clone().filter(|url| !url.is_empty());
        let named_by = if own_base.is_some() { "" } else { "LINQ_API_V3_BASE_URL: " };
        let base = own_base.or_else(|| variable(BASE_URL_VARIABLE));
        let base = Base::parse(base.as_deref().unwrap_or(DEFAULT_BASE_URL), named_by)?;
        let allow_http_loopback = config.allow_http_loopback || base.plain;
        let trust = Arc::new(Trust::new(
            extra_certificates(&config)?,
            variable("SSL_CERT_FILE").map(PathBuf::from),
            variable("SSL_CERT_DIR").map(|list| std::env::split_paths(&list).collect()).unwrap_or_default(),
        ));
        if !base.plain {
            trust.prepare()?;
        }
        let settings = Settings {
            user_agent: user_agent(config.user_agent.as_deref())?,
            trust,
            proxies: match &config.proxy {
                Some(url) => Proxies::explicit(url)?,
                None => Proxies::from_environment(variable),
            },
            connect_timeout: config.connect_timeout,
            stall_timeout: config.stall_timeout,
        };
        Ok(Client {
            api: Api::new(base, key, Http::new(settings))?,
            attempts: Attempts::new(config.max_attempts),
            allow_webp_svg: config.allow_webp_svg,
            allow_http_loopback,
            network: Arc::new(Network::new()),
        })
    }

    /// Step 1 alone: reserves a place for `file`.
    pub fn presign(&self, file: FileInfo<'_>, call: CallOptions<'_>) -> Result<Presigned, Error> {
        check_size(file.filename, file.size_bytes)?;
        let declared = declare(file.content_type, file.filename.to_owned(), &[], &[], self.allow_webp_svg)?;
        let call = self.begin(call, None);
        self.attempts.run(&call, |_| {
            let Declared { filename, content_type } = &declared;
            presign::reserve(&self.api, &call, filename, content_type, file.size_bytes)
        })
    }

    /// Steps 1 and 2: reserves a place and puts the bytes there.
    pub fn upload(&self, source: Source<'_>, options: UploadOptions<'_>) -> Result<Attachment, Error> {
        let call = self.begin(options.call, options.progress);
        self.uploading(&call).whole(source, options.filename, options.content_type)
    }

    /// Step 2 alone, with no key.
    pub fn upload_presigned(
        &self,
        presigned: &Presigned,
        source: Source<'_>,
        options: UploadOptions<'_>,
    ) -> Result<Attachment, Error> {
        let call = self.begin(options.call, options.progress);
        let UploadOptions { filename, content_type, renew, .. } = options;
        self.uploading(&call).presigned(presigned, source, filename, content_type, renew)
    }

    /// An upload of a queue: to `place`, or to a newly reserved one.
    pub(crate) fn upload_queued(
        &self,
        call: &Rc<Call>,
        place: Option<&Presigned>,
        source: Source<'_>,
        filename: Option<&str>,
        content_type: Option<&str>,
    ) -> Result<Attachment, Error> {
        match place {
            Some(place) => self.uploading(call).presigned(place, source, filename, content_type, None),
            None => self.uploading(call).whole(source, filename, content_type),
        }
    }

    /// Opens a connection now and keeps it, so that the next call need not wait for one: to Linq, for 60 s, or to the
    /// storage of `place`, for 4 s. Does nothing if one is open.
    pub fn connect(&self, place: Option<&Presigned>, call: CallOptions<'_>) -> Result<(), Error> {
        let url = match place {
            None => None,
            Some(place) => {
                place.check_scheme(self.allow_http_loopback)?;
                let broken = |why| Error::invalid(format!("the place {why}"));
                Some(place.url().map_err(broken)?)
            }
        };
        let call = self.begin(call, None);
        self.attempts.run(&call, |_| match &url {
            None => self.api.connect(&call),
            Some(url) => self.api.http.connect_storage(&call, url),
        })
    }

    /// What Linq knows of an attachment.
    pub fn attachment(&self, id: &str, call: CallOptions<'_>) -> Result<AttachmentInfo, Error> {
        attachment::check_id(id)?;
        let call = self.begin(call, None);
        self.attempts.run(&call, |_| attachment::get(&self.api, &call, id))
    }

    /// Deletes an attachment for good. Messages that were sent with it stay, but lose it.
    pub fn delete_attachment(&self, id: &str, call: CallOptions<'_>) -> Result<(), Error> {
        attachment::check_id(id)?;
        let call = self.begin(call, None);
        self.attempts.run(&call, |attempt| attachment::delete(&self.api, &call, id, attempt.again))
    }

    /// Step 3: sends a message with attachments. Where it may have arrived although this failed, the error's
    /// [`idempotency_key`](crate::Details::idempotency_key) is the one to send it with again.
    pub fn send_message(&self, message: Message<'_>, call: CallOptions<'_>) -> Result<Receipt, Error> {
        message::check(&message)?;
        let call = self.begin(call, None);
        let key = message.idempotency_key.map_or_else(message::fresh_key, str::to_owned);
        let mut arrived = false;
        let result = self.attempts.run(&call, |_| {
            message::send(&self.api, &call, &message, &key).inspect_err(|e| arrived |= e.may_have_arrived())
        });
        result.map_err(|mut error| {
            let sent = arrived && error.details.attempts > 0;
            error.details.idempotency_key = sent.then_some(key);
            error
        })
    }

    /// Makes any other call of the API below `/v3/`, with the key, the limits and the errors of every other call.
    ///
    /// What must not be repeated is sent on a connection of its own, and again only if no connection could be made, or
    /// if Linq says that it was not executed: 429, 2007, 2009, or `x-should-retry: true`.
    pub fn send_request(&self, request: Request<'_>, call: CallOptions<'_>) -> Result<Response, Error> {
        let request = request::check(&request)?;
        let call = self.begin(call, None);
        request::send(&self.api, &self.attempts, &call, &request)
    }

    /// The network changed, as the host noticed. Closes idle connections. A running attempt whose local address no longer
    /// exists is made again at once; one whose address still exists is, after 3 s, if bytes that it sent remain
    /// unacknowledged. Waiting for an answer goes on. Waits after a failure of the network end now; those that a server
    /// asked for do not. What must not be repeated, and a reader that cannot rewind, go on unchanged. The first such new
    /// attempt of a call does not count as one. Never blocks.
    pub fn network_changed(&self) {
        self.api.http.drop_idle(); // first: what the change wakes must find none
        self.network.changed();
    }

    pub(crate) fn max_attempts(&self) -> u32 {
        self.attempts.max()
    }

    pub(crate) fn network(&self) -> &Arc<Network> {
        &self.network
    }

    fn begin(&self, call: CallOptions<'_>, progress: Option<Progress>) -> Rc<Call> {
        Call::observed(call.cancel, call.timeout, progress, call.attempt, &self.network)
    }

    fn uploading<'a>(&'a self, call: &'a Rc<Call>) -> Upload<'a> {
        Upload {
            api: &self.api,
            attempts: &self.attempts,
            call,
            allow_webp_svg: self.allow_webp_svg,
            allow_http_loopback: self.allow_http_loopback,
        }
    }
}

fn user_agent(suffix: Option<&str>) -> Result<String, Error> {
    let own = concat!("liblinq/", env!("CARGO_PKG_VERSION"));
    match suffix.map(str::trim).filter(|suffix| !suffix.is_empty()) {
        None => Ok(own.to_owned()),
        Some(suffix) if suffix.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) => {
            Ok(format!("{own} {suffix}"))
        }
        Some(_) => Err(Error::invalid("the user agent may hold printable ASCII only")),
    }
}

fn extra_certificates(config: &Config) -> Result<Vec<rustls::pki_types::CertificateDer<'static>>, Error> {
    let mut found = Vec::new();
    if let Some(path) = &config.ca_file {
        let name = format!("the CA file {}", shown(path));
        let pem = std::fs::read(path).map_err(|e| {
            Error::new(ErrorKind::File, format!("{name} cannot be read: {}", reason(&e))).caused_by(&e)
        })?;
        found.extend(certificates(&pem, &name)?);
    }
    if let Some(pem) = &config.ca_pem {
        found.extend(certificates(pem.as_bytes(), "the CA text")?);
    }
    Ok(found)
}

/// Leaves out the key.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl fmt::Debug for CallOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallOptions")
            .field("cancel", &self.cancel)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("base_url", &self.base_url)
            .field("max_attempts", &self.max_attempts)
            .finish_non_exhaustive()
    }
}
