//! Messages for TLS errors that say what to do. rustls's own texts are meant for developers.

use std::borrow::Cow;

use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerIncompatible};

use crate::error::{Error, ErrorKind, network};

/// A failed handshake. With the same server it will fail again.
pub(crate) fn refused(host: &str, error: &rustls::Error) -> Error {
    Error::new(ErrorKind::Tls, format!("no secure connection to {host}: {}", words(error)))
}

/// An error after the handshake; `answered`: a byte of the response had come. In TLS 1.3 a client finishes its
/// handshake before the server has checked it, so a refusal comes in place of a response.
pub(crate) fn broken(host: &str, error: &rustls::Error, answered: bool) -> Error {
    match error {
        rustls::Error::AlertReceived(_) if !answered => refused(host, error),
        // The handshake succeeded, so another connection may work.
        _ => network(format!("the secure connection to {host} broke: {}", words(error))),
    }
}

pub(super) fn words(error: &rustls::Error) -> Cow<'static, str> {
    use rustls::Error as E;
    let words = match error {
        E::InvalidCertificate(bad) => return format!("its certificate {}", certificate(bad)).into(),
        E::AlertReceived(received) => return alert(*received),
        E::General(text) => return text.clone().into(),
        E::InvalidMessage(InvalidMessage::InvalidContentType) => "it does not speak TLS on this port",
        E::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => NO_VERSION,
        E::PeerIncompatible(_) => "it has no cipher, curve or signature algorithm in common with liblinq",
        E::InvalidMessage(_)
        | E::InappropriateMessage { .. }
        | E::InappropriateHandshakeMessage { .. }
        | E::PeerMisbehaved(_)
        | E::PeerSentOversizedRecord => {
            "what it sent breaks the rules of TLS; the server is at fault, or something on the way"
        }
        E::DecryptError => "what it sent cannot be decrypted; something on the way may have changed it",
        E::NoCertificatesPresented => "it showed no certificate",
        E::NoApplicationProtocol => NO_HTTP,
        E::UnsupportedNameType => "no certificate can be checked for a name like this",
        E::InvalidCertRevocationList(_) => "the list of revoked certificates cannot be used",
        E::FailedToGetCurrentTime => "the clock of this machine cannot be read",
        E::FailedToGetRandomBytes => "this system gives no random numbers",
        _ => "TLS failed on this side",
    };
    words.into()
}

const NO_VERSION: &str = "it speaks neither TLS 1.2 nor TLS 1.3";
const NO_HTTP: &str = "it does not speak HTTP/1.1 on this port";
const WANTS_CERTIFICATE: &str = "it wants a client certificate, which liblinq does not support";
const NOT_UNDERSTOOD: &str =
    "it did not understand what it received; something on the way may have changed it";

/// What the alert means, and its name in the standards, which can be searched for.
fn alert(alert: AlertDescription) -> Cow<'static, str> {
    use AlertDescription as A;
    let (words, name) = match alert {
        A::HandshakeFailure => (
            "it has no cipher or signature algorithm in common with liblinq, or it wants a client certificate, which \
             liblinq does not support",
            "handshake_failure",
        ),
        A::ProtocolVersion => (NO_VERSION, "protocol_version"),
        A::InappropriateFallback => (NO_VERSION, "inappropriate_fallback"),
        A::InsufficientSecurity => ("it wants stronger ciphers than liblinq has", "insufficient_security"),
        // A server's alert about a certificate is about the client's, and liblinq has none.
        A::CertificateRequired => (WANTS_CERTIFICATE, "certificate_required"),
        A::NoCertificate => (WANTS_CERTIFICATE, "no_certificate"),
        A::BadCertificate => (WANTS_CERTIFICATE, "bad_certificate"),
        A::UnsupportedCertificate => (WANTS_CERTIFICATE, "unsupported_certificate"),
        A::CertificateRevoked => (WANTS_CERTIFICATE, "certificate_revoked"),
        A::CertificateExpired => (WANTS_CERTIFICATE, "certificate_expired"),
        A::CertificateUnknown => (WANTS_CERTIFICATE, "certificate_unknown"),
        A::UnknownCA => (WANTS_CERTIFICATE, "unknown_ca"),
        A::CertificateUnobtainable => (WANTS_CERTIFICATE, "certificate_unobtainable"),
        A::BadCertificateHashValue => (WANTS_CERTIFICATE, "bad_certificate_hash_value"),
        A::UnknownPSKIdentity => ("it wants a key that was shared beforehand", "unknown_psk_identity"),
        A::AccessDenied => ("it denies access", "access_denied"),
        A::UnrecognisedName => ("it does not know this host name", "unrecognized_name"),
        A::NoApplicationProtocol => (NO_HTTP, "no_application_protocol"),
        A::InternalError => ("it failed itself; its log says why", "internal_error"),
        A::UserCanceled => ("it gave up", "user_canceled"),
        A::CloseNotify => ("it closed the connection", "close_notify"),
        A::UnexpectedMessage => (NOT_UNDERSTOOD, "unexpected_message"),
        A::BadRecordMac => (NOT_UNDERSTOOD, "bad_record_mac"),
        A::DecryptionFailed => (NOT_UNDERSTOOD, "decryption_failed"),
        A::RecordOverflow => (NOT_UNDERSTOOD, "record_overflow"),
        A::DecompressionFailure => (NOT_UNDERSTOOD, "decompression_failure"),
        A::IllegalParameter => (NOT_UNDERSTOOD, "illegal_parameter"),
        A::DecodeError => (NOT_UNDERSTOOD, "decode_error"),
        A::DecryptError => (NOT_UNDERSTOOD, "decrypt_error"),
        A::MissingExtension => (NOT_UNDERSTOOD, "missing_extension"),
        A::UnsupportedExtension => (NOT_UNDERSTOOD, "unsupported_extension"),
        A::BadCertificateStatusResponse => (NOT_UNDERSTOOD, "bad_certificate_status_response"),
        other => return format!("it refused with TLS alert {}", u8::from(other)).into(),
    };
    format!("{words} (TLS alert {name})").into()
}

/// What is wrong with a certificate, to follow "its certificate".
fn certificate(bad: &CertificateError) -> Cow<'static, str> {
    use CertificateError as C;
    let words = match bad {
        C::Expired | C::ExpiredContext { .. } => "has expired (or this clock is wrong)",
        C::NotValidYet | C::NotValidYetContext { .. } => "is not valid yet (or this clock is wrong)",
        C::NotValidForName | C::NotValidForNameContext { .. } => {
            "is for another host: the address may be wrong, or a captive portal answered"
        }
        C::UnknownIssuer if cfg!(any(target_vendor = "apple", target_os = "android")) => {
            "is by an authority that is not trusted here; a private one can be named in ca_file or ca_pem"
        }
        C::UnknownIssuer => {
            "is by an authority that is not trusted here; a private one can be named in ca_file, ca_pem or SSL_CERT_FILE"
        }
        C::Revoked => "was revoked; the server needs a new one",
        C::UnknownRevocationStatus => "may have been revoked, which could not be found out; try again later",
        C::ExpiredRevocationList | C::ExpiredRevocationListContext { .. } => {
            "may have been revoked: its authority has to publish a new list of those that are"
        }
        C::InvalidOcspResponse => "came with a bad OCSP response; the server has to fetch a new one",
        C::BadEncoding => MALFORMED,
        C::BadSignature => {
            "has a signature that does not match: its chain or the server's key is the wrong one, or an RSA key in it has \
             less than 2048 bits"
        }
        #[allow(deprecated)]
        C::UnsupportedSignatureAlgorithm
        | C::UnsupportedSignatureAlgorithmContext { .. }
        | C::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "is signed in a way that is not supported; it takes RSA, Ed25519, or ECDSA on P-256 or P-384 with SHA-256 or \
             SHA-384"
        }
        C::InvalidPurpose | C::InvalidPurposeContext { .. } => {
            "is not for servers; it needs server authentication among its extended key usages"
        }
        C::UnhandledCriticalExtension => UNKNOWN_EXTENSION,
        C::ApplicationVerificationFailure => "does not satisfy this system; the server needs another",
        C::Other(other) => match other.0.downcast_ref() {
            Some(bad) => rule(bad),
            None => return format!("does not satisfy this system: {other}").into(), // Apple's own words
        },
        _ => MALFORMED,
    };
    words.into()
}

const MALFORMED: &str = "is malformed; the server needs one that keeps to RFC 5280";
const UNKNOWN_EXTENSION: &str =
    "has a critical extension that is not supported; the server needs one without it";

/// Errors of webpki that have no variant in rustls.
fn rule(bad: &webpki::Error) -> &'static str {
    use webpki::Error as E;
    match bad {
        E::CaUsedAsEndEntity => {
            "is an authority's own (CA:TRUE), as self-signed ones often are, and not a server's; make one with CA:FALSE, \
             and name it in ca_file or ca_pem"
        }
        E::EndEntityUsedAsCa => {
            "is signed by one that must not sign others (CA:FALSE); the server needs one by an authority"
        }
        E::UnsupportedCertVersion => {
            "is not of X.509 version 3; make one with extensions, the host in its subject alternative names"
        }
        E::UnsupportedCriticalExtension => UNKNOWN_EXTENSION,
        E::NameConstraintViolation => {
            "is by an authority that may not sign for this host; the server needs one by another"
        }
        E::PathLenConstraintViolated => {
            "has more authorities in its chain than they allow; the server needs one by another"
        }
        E::MaximumPathDepthExceeded
        | E::MaximumPathBuildCallsExceeded
        | E::MaximumSignatureChecksExceeded
        | E::MaximumNameConstraintComparisonsExceeded => {
            "has a chain that is too long to be checked; the server should send only what leads to its root"
        }
        E::CertDistrusted => "has a key that is known to be bad; the server needs a new one",
        _ => MALFORMED,
    }
}

#[cfg(test)]
mod tests;
