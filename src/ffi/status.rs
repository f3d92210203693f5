//! Static texts: the names of the statuses, and the version.

use std::ffi::CStr;

use super::types::*;

macro_rules! names {
    ($($name:ident)+) => { const NAMES: &[(linq_status, &CStr)] = &[$(($name, text(concat!(stringify!($name), "\0")))),+]; };
}

names! {
    LINQ_OK LINQ_INVALID_ARGUMENT LINQ_FILE LINQ_UNSUPPORTED LINQ_NETWORK LINQ_TLS LINQ_TIMEOUT LINQ_CANCELLED
    LINQ_UNAUTHORIZED LINQ_NOT_FOUND LINQ_RATE_LIMITED LINQ_API LINQ_STORAGE LINQ_EXPIRED LINQ_PROTOCOL LINQ_NO_MEMORY
    LINQ_INTERNAL
}

/// The version in Cargo.toml.
pub(super) const VERSION: &CStr = text(concat!(env!("CARGO_PKG_VERSION"), "\0"));

const fn text(with_nul: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(with_nul.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("not one NUL at the end"),
    }
}

/// The name of a status. An unknown one counts as LINQ_INTERNAL, for callers too.
pub(super) fn name(status: linq_status) -> &'static CStr {
    NAMES.iter().find(|(number, _)| *number == status).map_or(c"LINQ_INTERNAL", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    /// (the constant of linq.h, its name, the core's kind)
    const ALL: [(linq_status, &CStr, ErrorKind); 16] = [
        (LINQ_INVALID_ARGUMENT, c"LINQ_INVALID_ARGUMENT", ErrorKind::InvalidArgument),
        (LINQ_FILE, c"LINQ_FILE", ErrorKind::File),
        (LINQ_UNSUPPORTED, c"LINQ_UNSUPPORTED", ErrorKind::Unsupported),
        (LINQ_NETWORK, c"LINQ_NETWORK", ErrorKind::Network),
        (LINQ_TLS, c"LINQ_TLS", ErrorKind::Tls),
        (LINQ_TIMEOUT, c"LINQ_TIMEOUT", ErrorKind::Timeout),
        (LINQ_CANCELLED, c"LINQ_CANCELLED", ErrorKind::Cancelled),
        (LINQ_UNAUTHORIZED, c"LINQ_UNAUTHORIZED", ErrorKind::Unauthorized),
        (LINQ_NOT_FOUND, c"LINQ_NOT_FOUND", ErrorKind::NotFound),
        (LINQ_RATE_LIMITED, c"LINQ_RATE_LIMITED", ErrorKind::RateLimited),
        (LINQ_API, c"LINQ_API", ErrorKind::Api),
        (LINQ_STORAGE, c"LINQ_STORAGE", ErrorKind::Storage),
        (LINQ_EXPIRED, c"LINQ_EXPIRED", ErrorKind::Expired),
        (LINQ_PROTOCOL, c"LINQ_PROTOCOL", ErrorKind::Protocol),
        (LINQ_NO_MEMORY, c"LINQ_NO_MEMORY", ErrorKind::NoMemory),
        (LINQ_INTERNAL, c"LINQ_INTERNAL", ErrorKind::Internal),
    ];

    #[test]
    fn every_status_has_its_number_its_name_and_its_kind() {
        assert_eq!(name(LINQ_OK), c"LINQ_OK");
        for (index, (status, text, kind)) in ALL.into_iter().enumerate() {
            assert_eq!(status, index as i32 + 1);
            assert_eq!(name(status), text);
            assert_eq!(kind as i32, status);
        }
    }

    #[test]
    fn an_unknown_status_is_internal() {
        for status in [-1, 17, i32::MIN, i32::MAX] {
            assert_eq!(name(status), c"LINQ_INTERNAL");
        }
    }
}
