//! The host of a URL.

use std::net::IpAddr;

/// A host without the brackets that an IPv6 address has in a URL.
pub(crate) fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Whether a host is loopback by its name alone, without a lookup.
pub(crate) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || address(host).is_some_and(|ip| ip.is_loopback())
}

/// The address, if the host is one.
pub(crate) fn address(host: &str) -> Option<IpAddr> {
    bare(host).parse().ok()
}
