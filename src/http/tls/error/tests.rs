use std::sync::Arc;

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{
    CertRevocationListError, ContentType, EncryptedClientHelloError, ExtendedKeyPurpose, HandshakeType,
    InconsistentKeys, OtherError, PeerMisbehaved,
};

use super::*;

fn certificate_errors() -> Vec<CertificateError> {
    use CertificateError as C;
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_000_000_000));
    let id = || vec![6, 8, 42, 134, 72, 206, 61, 4, 3, 4];
    let server = || ServerName::try_from("linq.test").unwrap();
    #[allow(deprecated)]
    let mut all = vec![
        C::BadEncoding,
        C::Expired,
        C::ExpiredContext { time, not_after: time },
        C::NotValidYet,
        C::NotValidYetContext { time, not_before: time },
        C::Revoked,
        C::UnhandledCriticalExtension,
        C::UnknownIssuer,
        C::UnknownRevocationStatus,
        C::ExpiredRevocationList,
        C::ExpiredRevocationListContext { time, next_update: time },
        C::BadSignature,
        C::UnsupportedSignatureAlgorithm,
        C::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: id(),
            supported_algorithms: Vec::new(),
        },
        C::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: id(),
            public_key_algorithm_id: id(),
        },
        C::NotValidForName,
        C::NotValidForNameContext {
            expected: server(),
            presented: vec!["DnsName(\"wrong.example\")".to_owned()],
        },
        C::InvalidPurpose,
        C::InvalidPurposeContext {
            required: ExtendedKeyPurpose::ServerAuth,
            presented: vec![ExtendedKeyPurpose::ClientAuth],
        },
        C::InvalidOcspResponse,
        C::ApplicationVerificationFailure,
        C::Other(OtherError(Arc::new(std::io::Error::other("the root is disabled in the keychain")))),
    ];
    all.extend(rules().into_iter().map(|rule| C::Other(OtherError(Arc::new(rule)))));
    all
}

/// All that rustls passes on under no name of its own.
fn rules() -> Vec<webpki::Error> {
    use webpki::Error as E;
    vec![
        E::CaUsedAsEndEntity,
        E::CertDistrusted,
        E::EmptyEkuExtension,
        E::EndEntityUsedAsCa,
        E::ExtensionValueInvalid,
        E::InvalidCrlNumber,
        E::InvalidNetworkMaskConstraint,
        E::InvalidSerialNumber,
        E::MalformedDnsIdentifier,
        E::MalformedExtensions,
        E::MalformedNameConstraint,
        E::MaximumNameConstraintComparisonsExceeded,
        E::MaximumPathBuildCallsExceeded,
        E::MaximumPathDepthExceeded,
        E::MaximumSignatureChecksExceeded,
        E::NameConstraintViolation,
        E::PathLenConstraintViolated,
        E::SignatureAlgorithmMismatch,
        E::UnsupportedCertVersion,
        E::UnsupportedCriticalExtension,
        E::UnsupportedCrlIssuingDistributionPoint,
        E::UnsupportedCrlVersion,
        E::UnsupportedDeltaCrl,
        E::UnsupportedIndirectCrl,
        E::UnsupportedNameType,
        E::UnsupportedRevocationReason,
        E::UnsupportedRevocationReasonsPartitioning,
    ]
}

fn other_errors() -> Vec<rustls::Error> {
    use rustls::Error as E;
    let alerts = (0..=u8::MAX).map(|number| E::AlertReceived(AlertDescription::from(number)));
    let mut all: Vec<_> = alerts.collect();
    all.extend([
        E::InappropriateMessage {
            expect_types: vec![ContentType::Handshake],
            got_type: ContentType::ApplicationData,
        },
        E::InappropriateHandshakeMessage {
            expect_types: vec![HandshakeType::ServerHello],
            got_type: HandshakeType::ClientHello,
        },
        E::InvalidEncryptedClientHello(EncryptedClientHelloError::InvalidConfigList),
        E::InvalidMessage(InvalidMessage::InvalidContentType),
        E::InvalidMessage(InvalidMessage::MissingData("ServerHello")),
        E::NoCertificatesPresented,
        E::UnsupportedNameType,
        E::DecryptError,
        E::EncryptError,
        E::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
        E::PeerIncompatible(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig),
        E::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
        E::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare),
        E::InvalidCertRevocationList(CertRevocationListError::ParseError),
        E::General("the keychain is locked".to_owned()),
        E::FailedToGetCurrentTime,
        E::FailedToGetRandomBytes,
        E::HandshakeNotComplete,
        E::PeerSentOversizedRecord,
        E::NoApplicationProtocol,
        E::BadMaxFragmentSize,
        E::InconsistentKeys(InconsistentKeys::KeyMismatch),
        E::Other(OtherError(Arc::new(std::io::Error::other("whatever")))),
    ]);
    all
}

/// No names of Rust's, and nothing that only `Debug` writes.
#[track_caller]
fn assert_plain(text: &str, error: &rustls::Error) {
    let debug = format!("{error:?}");
    let bytes = text.as_bytes();
    assert!(!text.contains(['{', '}', '[', ']', '"']) && !text.contains("::"), "{text}");
    for pair in bytes.windows(2) {
        assert!(!(pair[0].is_ascii_alphanumeric() && pair[1] == b'('), "{text}");
        assert!(!(pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase()), "{text}");
    }
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 3).map(str::to_owned).collect()
    };
    let names: Vec<_> =
        words(&debug).into_iter().filter(|word| word.starts_with(char::is_uppercase)).collect();
    assert!(words(text).iter().all(|word| !names.contains(word)), "{text}: {debug}");
    assert!(text.len() > 20 && text.len() < 250, "{text}");
}

#[test]
fn everything_is_said_in_words() {
    let certificates = certificate_errors().into_iter().map(rustls::Error::InvalidCertificate);
    for error in certificates.chain(other_errors()) {
        let refused = refused("linq.test", &error);
        assert_eq!((refused.kind, refused.details.retryable), (ErrorKind::Tls, false));
        let why = refused.message.strip_prefix("no secure connection to linq.test: ").unwrap();
        assert_plain(why, &error);
        let broken = broken("linq.test", &error, true);
        assert_eq!((broken.kind, broken.details.retryable), (ErrorKind::Network, true));
        assert_eq!(broken.message, format!("the secure connection to linq.test broke: {why}"));
    }
}

/// Apple's verifier has errors that only it knows; they keep its words.
#[test]
fn every_certificate_error_says_what_to_do() {
    for error in certificate_errors() {
        let said = certificate(&error);
        let advice = [';', ':'].iter().any(|mark| said.contains(*mark)) || said.contains("or this clock");
        assert!(advice, "{said}");
    }
    let kept = CertificateError::Other(OtherError(Arc::new(std::io::Error::other("the root is disabled"))));
    assert_eq!(certificate(&kept), "does not satisfy this system: the root is disabled");
}

#[test]
fn alerts_that_come_in_place_of_an_answer_are_refusals() {
    use AlertDescription as A;
    let table = [
        (
            A::CertificateRequired,
            "it wants a client certificate, which liblinq does not support (TLS alert certificate_required)",
        ),
        (A::AccessDenied, "it denies access (TLS alert access_denied)"),
        (A::InternalError, "it failed itself; its log says why (TLS alert internal_error)"),
        (A::Unknown(200), "it refused with TLS alert 200"),
    ];
    for (alert, why) in table {
        let error = rustls::Error::AlertReceived(alert);
        let before = broken("linq.test", &error, false);
        assert_eq!((before.kind, before.details.retryable), (ErrorKind::Tls, false));
        assert_eq!(before.message, format!("no secure connection to linq.test: {why}"));
        assert_eq!(broken("linq.test", &error, true).kind, ErrorKind::Network);
    }
    let damaged = broken("linq.test", &rustls::Error::DecryptError, false);
    assert_eq!((damaged.kind, damaged.details.retryable), (ErrorKind::Network, true), "no alert");
}
