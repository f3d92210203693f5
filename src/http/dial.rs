//! Makes a connection to a server: lookup, connect, proxy, TLS.

use std::time::Instant;

use ureq::http::Uri;
use zeroize::Zeroizing;

use super::link::Link;
use super::settings::Settings;
use super::{connect, resolve};
use crate::call::Call;
use crate::error::{Error, ErrorKind};
use crate::report::Phase;

/// The origin that a connection is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) secure: bool,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Origin {
    pub(super) fn of(url: &Uri) -> Self {
        let secure = url.scheme_str() == Some("https");
        let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Origin { secure, host: url.host().unwrap_or_default().to_owned(), port }
    }
}

/// Makes a connection, within the connect timeout.
pub(super) fn dial(settings: &Settings, call: &Call, origin: &Origin) -> Result<Link, Error> {
    let limit = Instant::now().checked_add(settings.connect_timeout);
    let Origin { secure, host, port } = origin;
    if *secure {
        call.recorder.phase(Phase::Tls);
    }
    let tls = secure.then(|| settings.trust.connect(host)).transpose()?;
    call.recorder.phase(Phase::Lookup);
    let proxy = settings.proxies.pick(host, *port)?;
    let (via, via_port) = proxy.map_or((&**host, *port), |proxy| (&*proxy.host, proxy.port));
    let blame = |error: Error| match proxy {
        Some(proxy) if matches!(error.kind, ErrorKind::Network | ErrorKind::Timeout) => {
            error.on(&proxy.to_string())
        }
        _ => error,
    };
    let addresses = resolve::resolve(call, via, via_port, limit).map_err(blame)?;
    call.recorder.phase(Phase::Connect);
    let socket = connect::connect(call, via, &addresses, limit).map_err(blame)?;
    let mut link = Link::new(socket, host);
    let agree = || {
        if let Some(proxy) = proxy {
            call.recorder.phase(Phase::Proxy);
            let request = Zeroizing::new(proxy.request(host, *port, &settings.user_agent));
            let response = link.converse(call, via, request.as_bytes(), limit).map_err(blame)?;
            proxy.accepted(&response)?;
        }
        if let Some(tls) = tls {
            call.recorder.phase(Phase::Tls);
            link.start_tls(call, tls, limit).map_err(|error| settings.trust.explain(error))?;
        }
        Ok(())
    };
    let agreed: Result<(), Error> = agree();
    call.recorder.moved(link.sent, link.received);
    agreed.map(|()| link)
}
