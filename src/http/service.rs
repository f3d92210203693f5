//! Sends requests: the PUT over our own connections, everything else through ureq.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ureq::http::{Method, Uri};
use ureq::{Agent, AsSendBody};
use zeroize::Zeroizing;

use super::agent::{self, OUTPUT, PLACEHOLDER, Running};
use super::ahead::{Ahead, Storage};
use super::dial::{Origin, dial};
use super::pool::{API_IDLE, Pool};
use super::put;
use super::request::{Body, Broken, Connection, Request, Response};
use super::settings::Settings;
use crate::call::Call;
use crate::error::{Error, ErrorKind};
use crate::log::{self, Level};
use crate::process::PerProcess;
use crate::zeroizing::ZeroizingBytes;

/// Requests, and the connections that are kept between them.
pub(crate) struct Http {
    settings: Settings,
    /// For the API.
    api: PerProcess<ApiConnections>,
    storage: PerProcess<Arc<Storage>>,
}

struct ApiConnections {
    agent: Mutex<Agent>,
    /// Made before there was a request for them; the agent takes them from here.
    ready: Arc<Pool>,
}

impl Http {
    pub(crate) fn new(settings: Settings) -> Self {
        Http { settings, api: PerProcess::new(), storage: PerProcess::new() }
    }

    /// Connects to the API at `url`, unless such a connection is idle.
    pub(crate) fn connect_api(&self, call: &Call, url: &Uri) -> Result<(), Error> {
        self.connect(call, &self.api().ready, url)
    }

    /// Connects to the storage at `url`, unless a connection to it is idle.
    pub(crate) fn connect_storage(&self, call: &Call, url: &Uri) -> Result<(), Error> {
        self.connect(call, &self.storage().pool, url)
    }

    fn connect(&self, call: &Call, pool: &Pool, url: &Uri) -> Result<(), Error> {
        call.check()?;
        let (origin, generation) = (Origin::of(url), pool.generation());
        if pool.has(&origin) {
            return Ok(());
        }
        log::line(Level::Debug, || format!("connecting to {}", origin.host));
        call.asks();
        call.network.begin();
        let link = dial(&self.settings, call, &origin)?;
        pool.put(origin, link, generation);
        Ok(())
    }

    /// Begins to connect to where the last upload went.
    pub(crate) fn connect_ahead(&self, call: &Call) -> Option<Ahead> {
        Ahead::start(self.storage(), &self.settings, call.network.network())
    }

    fn storage(&self) -> &Arc<Storage> {
        self.storage.get(|| Arc::new(Storage::new()))
    }

    fn api(&self) -> &ApiConnections {
        self.api.get(|| {
            let ready = Arc::new(Pool::new(API_IDLE));
            ApiConnections { agent: Mutex::new(agent::agent(&self.settings, ready.clone())), ready }
        })
    }

    /// Closes all idle connections. Those in use are not kept afterwards.
    pub(crate) fn drop_idle(&self) {
        if let Some(storage) = self.storage.existing() {
            storage.network_changed();
        }
        if let Some(ApiConnections { agent, ready }) = self.api.existing() {
            ready.clear();
            // The old agent closes its connections, once the requests that it is running have ended.
            let old = std::mem::replace(&mut *lock(agent), agent::agent(&self.settings, ready.clone()));
            drop(old);
        }
    }

    /// Sends a request and reads its answer. A pooled connection that turns out dead is replaced once, at once.
    pub(crate) fn send(&self, call: &Rc<Call>, mut request: Request<'_>) -> Result<Response, Error> {
        let once =
            !request.repeatable || matches!(&request.body, Body::Stream(stream) if !stream.can_rewind());
        match self.attempt(call, &mut request, if once { Connection::New } else { Connection::Any }) {
            Err(broken) if broken.stale && rewind(&mut request)? => {
                let error = &broken.error;
                call.recorder.fail(error);
                call.recorder.tell(Some(Duration::ZERO));
                log::line(Level::Debug, || format!("a pooled connection was dead: {error}; using a new one"));
                let again =
                    self.attempt(call, &mut request, Connection::Replacement).map_err(|broken| broken.error);
                again.map(|response| Response { replayed: true, ..response })
            }
            result => result.map_err(|broken| broken.error),
        }
    }

    fn attempt(
        &self,
        call: &Rc<Call>,
        request: &mut Request<'_>,
        connection: Connection,
    ) -> Result<Response, Broken> {
        let host = request.url.host().unwrap_or_default();
        log::line(Level::Debug, || format!("{} to {host}", request.method));
        call.check()?;
        call.asks();
        call.network.begin();
        call.recorder.begin(host, request.step);
        let result = match request.body {
            Body::Stream(_) => put::put(&self.settings, self.storage(), call, request, connection),
            _ => self.ask(call, request, connection),
        };
        call.recorder.end(result.as_ref().ok().map(|response| response.status));
        match &result {
            Ok(response) => log::line(Level::Debug, || format!("{host} answered {}", response.status)),
            Err(broken) => log::line(Level::Debug, || broken.error.to_string()),
        }
        result
    }

    /// A call of the API, through ureq.
    fn ask(
        &self,
        call: &Rc<Call>,
        request: &Request<'_>,
        connection: Connection,
    ) -> Result<Response, Broken> {
        let host = request.url.host().unwrap_or_default();
        let authorization = request.headers.iter().find(|(name, _)| *name == "authorization");
        let path = request.url.path_and_query().map_or(0, |path| path.as_str().len());
        let values = request.headers.iter().map(|(_, value)| value.len());
        let longest = values.chain([path, self.settings.user_agent.len()]).max().unwrap_or(0);
        let running = Rc::new(Running {
            call: call.clone(),
            stall_timeout: self.settings.stall_timeout,
            to_head: request.method == Method::HEAD,
            repeatable: request.repeatable,
            authorization: Zeroizing::new(authorization.map_or("", |(_, value)| value).to_owned()),
            room: OUTPUT.max(longest + 256), // with the method or name, and the line break
            replaces_dead: connection == Connection::Replacement,
            may_reuse: connection == Connection::Any,
            connected: Cell::new(false),
            saw_bytes: Cell::new(false),
            headers: RefCell::default(),
            failure: RefCell::new(None),
        });
        let _entered = running.enter();
        let result = self.through_ureq(request, connection == Connection::New);
        if !running.connected.get() {
            call.recorder.reused();
        }
        let response = result.map_err(|e| {
            let error = running.failure.take().unwrap_or_else(|| explain(host, &e));
            Broken::new(error, !running.connected.get(), running.saw_bytes.get())
        })?;
        Ok(Response { headers: running.headers.take(), ..response })
    }

    fn through_ureq(&self, request: &Request<'_>, unpooled: bool) -> Result<Response, ureq::Error> {
        let agent = lock(&self.api().agent).clone();
        let mut head = ureq::http::Request::builder().method(&request.method).uri(request.url);
        head = head.header("user-agent", &self.settings.user_agent);
        for (name, value) in &request.headers {
            head = head.header(*name, if *name == "authorization" { PLACEHOLDER } else { value });
        }
        let response = match request.body {
            Body::Bytes(bytes) if !bytes.is_empty() => run(&agent, head.body(bytes)?, unpooled)?,
            _ => run(&agent, head.body(())?, unpooled)?,
        };
        let (head, mut body) = response.into_parts();
        // The exchange has bounded it.
        let body = body.with_config().limit(u64::MAX).read_to_vec()?;
        Ok(Response {
            status: head.status.as_u16(),
            headers: head.headers,
            body: ZeroizingBytes::new(body),
            replayed: false,
        })
    }
}

/// A request with a setting unlike the agent's neither takes a connection from ureq's pool nor puts one there.
fn run<B: AsSendBody>(
    agent: &Agent,
    request: ureq::http::Request<B>,
    unpooled: bool,
) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
    match unpooled {
        true => agent.run(agent.configure_request(request).no_delay(false).build()),
        false => agent.run(request),
    }
}

fn lock(agent: &Mutex<Agent>) -> MutexGuard<'_, Agent> {
    agent.lock().unwrap_or_else(PoisonError::into_inner)
}

fn rewind(request: &mut Request<'_>) -> Result<bool, Error> {
    match &mut request.body {
        Body::Stream(stream) => stream.rewind(),
        _ => Ok(true),
    }
}

/// The error for one of ureq's, whose text is not shown.
fn explain(host: &str, error: &ureq::Error) -> Error {
    match error {
        ureq::Error::Protocol(_) | ureq::Error::Http(_) => {
            Error::new(ErrorKind::Protocol, format!("{host} did not answer in proper HTTP"))
        }
        _ => Error::new(ErrorKind::Internal, format!("the request to {host} could not be made")),
    }
}
