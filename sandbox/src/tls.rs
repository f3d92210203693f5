//! Certificates, made anew at every start: a CA of our own, a good one for loopback, and bad ones of several kinds.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Names the good certificate is valid for. `linq.test` exists only behind the sandbox's own proxy, for clients that
/// never send loopback through one.
const NAMES: [&str; 5] = ["localhost", "127.0.0.1", "::1", "linq.test", "*.linq.test"];

pub struct Certificates {
    pub ca_pem: String,
    pub good: TlsAcceptor,
    pub expired: TlsAcceptor,
    pub not_yet: TlsAcceptor,
    pub wrong_host: TlsAcceptor,
    pub unknown_ca: TlsAcceptor,
}

impl Certificates {
    pub fn new() -> Result<Self> {
        let ca = authority("linq-sandbox CA")?;
        let unknown = authority("linq-sandbox unknown CA")?;
        Ok(Self {
            ca_pem: ca.pem(),
            good: acceptor(&ca, &NAMES, None)?,
            expired: acceptor(&ca, &NAMES, Some((2020, 2021)))?,
            not_yet: acceptor(&ca, &NAMES, Some((2090, 2091)))?,
            wrong_host: acceptor(&ca, &["wrong.example"], None)?,
            unknown_ca: acceptor(&unknown, &NAMES, None)?,
        })
    }
}

fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2100, 1, 1));
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

fn acceptor(
    ca: &CertifiedIssuer<'static, KeyPair>,
    names: &[&str],
    years: Option<(i32, i32)>,
) -> Result<TlsAcceptor> {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "linq-sandbox");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Apple's verifier refuses certificates that live longer than 825 days.
    let now = time::OffsetDateTime::now_utc();
    (params.not_before, params.not_after) = match years {
        Some((from, to)) => (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1)),
        None => (now - time::Duration::days(2), now + time::Duration::days(365)),
    };
    let key = KeyPair::generate()?;
    let cert = params.signed_by(&key, ca)?;
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
