//! Certificates as text.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};

use crate::error::{Error, ErrorKind};

/// Every certificate of a PEM text; at least one.
pub(crate) fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(Error::new(ErrorKind::Tls, format!("{what} holds no certificate in PEM form"))),
        Err(e) => Err(Error::new(ErrorKind::Tls, format!("{what} is not PEM: {}", broken_pem(&e)))),
    }
}

fn broken_pem(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "an END line is missing",
        pem::Error::IllegalSectionStart { .. } => "a BEGIN line is malformed",
        pem::Error::Base64Decode(_) => "the text between BEGIN and END is not base64",
        _ => "it cannot be read",
    }
}
