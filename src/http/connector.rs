//! How ureq comes by a connection: name, addresses, proxy, TLS; asked for only when the pool has none.

use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout};
use zeroize::Zeroizing;

use super::exchange::Exchange;
use super::link::Link;
use super::wire::Wire;
use super::{MAX_HEAD, Settings, connect, resolve};
use crate::error::Error;

/// ureq asks for addresses before it looks into its pool. The connector asks, when it has to connect.
#[derive(Debug)]
pub(super) struct Unasked;

impl Resolver for Unasked {
    fn resolve(
        &self,
        _: &Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}

pub(super) struct LinqConnector(pub(super) Settings);

impl std::fmt::Debug for LinqConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinqConnector")
    }
}

impl Connector for LinqConnector {
    type Out = Wire;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Wire>, ureq::Error> {
        let exchange = Exchange::current().ok_or(ureq::Error::ConnectionFailed)?;
        exchange.connected.set(true);
        self.establish(&exchange, details.uri, details.needs_tls()).map(Some).map_err(|e| exchange.fail(e))
    }
}

impl LinqConnector {
    fn establish(&self, exchange: &Exchange, uri: &Uri, secure: bool) -> Result<Wire, Error> {
        let limit = exchange.connect_deadline();
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let tls = secure.then(|| self.0.trust.connect(host)).transpose()?;
        let proxy = self.0.proxies.pick(host, port)?;
        let (via, via_port) = proxy.map_or((host, port), |proxy| (&*proxy.host, proxy.port));
        let addresses = resolve::resolve(&exchange.call, via, via_port, limit)?;
        let socket = connect::connect(&exchange.call, via, &addresses, limit)?;
        let mut link = Link::new(socket, host);
        if let Some(proxy) = proxy {
            let enough = |answer: &[u8]| answer.ends_with(b"\r\n\r\n") || answer.len() >= MAX_HEAD;
            let request = Zeroizing::new(proxy.request(host, port));
            let answer = link.converse(exchange, via, request.as_bytes(), limit, enough)?;
            proxy.accepted(&answer)?;
        }
        if let Some(tls) = tls {
            link.start_tls(exchange, tls, limit)?;
        }
        Ok(Wire::new(link))
    }
}
