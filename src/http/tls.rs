//! The trusted certificates, and the TLS client made from them. Verification cannot be turned off.

mod error;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

#[cfg(not(target_vendor = "apple"))]
use rustls::RootCertStore;
use rustls::client::Resumption;
#[cfg(not(target_vendor = "apple"))]
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection};

use crate::crypto::provider;
use crate::error::{Error, ErrorKind};
use crate::host::bare;
use crate::process::PerProcess;
pub(crate) use error::{broken, refused};

/// The certificates that a client trusts. Reading the system's takes tens of milliseconds: a client that will need them
/// reads them when it is made, where there is no call to cancel, and one that may never need them at the first use.
pub(crate) struct Trust {
    extra: Vec<CertificateDer<'static>>,
    // Only systems that keep their certificates in files look at these two.
    #[cfg_attr(any(target_os = "android", target_vendor = "apple"), allow(dead_code))]
    file: Option<PathBuf>,
    #[cfg_attr(any(target_os = "android", target_vendor = "apple"), allow(dead_code))]
    directories: Vec<PathBuf>,
    client: OnceLock<Result<Arc<ClientConfig>, String>>,
    /// PerProcess, because a fork may happen while its session cache is locked.
    in_process: PerProcess<Arc<ClientConfig>>,
}

impl Trust {
    /// `file` and `directories`: what the environment names in place of the system's own certificates.
    pub(crate) fn new(
        extra: Vec<CertificateDer<'static>>,
        file: Option<PathBuf>,
        directories: Vec<PathBuf>,
    ) -> Self {
        Trust { extra, file, directories, client: OnceLock::new(), in_process: PerProcess::new() }
    }

    /// Reads the certificates.
    pub(crate) fn prepare(&self) -> Result<Arc<ClientConfig>, Error> {
        let prepared = self.client.get_or_init(|| self.build().map(Arc::new)).clone();
        prepared.map_err(|message| Error::new(ErrorKind::Tls, message))
    }

    pub(crate) fn connect(&self, host: &str) -> Result<ClientConnection, Error> {
        let tls = |message: String| Error::new(ErrorKind::Tls, message);
        let prepared = self.prepare()?;
        let fresh = || {
            let mut config = (*prepared).clone();
            config.resumption = Resumption::default();
            Arc::new(config)
        };
        let config = self.in_process.get(fresh).clone();
        let name = ServerName::try_from(bare(host).to_owned())
            .map_err(|_| tls(format!("{host} is not a host name")))?;
        ClientConnection::new(config, name).map_err(|e| refused(host, &e))
    }

    /// Adds which variable names certificates that are not there, since the error may come of that.
    #[cfg(any(target_os = "android", target_vendor = "apple"))]
    pub(crate) fn explain(&self, error: Error) -> Error {
        error
    }

    /// Adds which variable names certificates that are not there, since the error may come of that.
    #[cfg(not(any(target_os = "android", target_vendor = "apple")))]
    pub(crate) fn explain(&self, mut error: Error) -> Error {
        if error.kind == ErrorKind::Tls {
            for problem in super::roots::problems(self.file.as_deref(), &self.directories) {
                error.message = format!("{}; {problem}", error.message);
            }
        }
        error
    }

    fn build(&self) -> Result<ClientConfig, String> {
        let failed = |e: rustls::Error| format!("TLS cannot be set up: {}", error::words(&e));
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions() // 1.2 and up
            .map_err(failed)?
            .dangerous() // the only way to set a verifier; every one below verifies
            .with_custom_certificate_verifier(self.verifier()?)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    #[cfg(target_vendor = "apple")]
    fn verifier(&self) -> Result<Arc<dyn ServerCertVerifier>, String> {
        rustls_platform_verifier::Verifier::new_with_extra_roots(self.extra.clone(), provider())
            .map(|verifier| Arc::new(verifier) as _)
            .map_err(|e| format!("the platform's trust store cannot be used: {e}"))
    }

    #[cfg(not(target_vendor = "apple"))]
    fn verifier(&self) -> Result<Arc<dyn ServerCertVerifier>, String> {
        let mut roots = self.platform_roots();
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        for certificate in &self.extra {
            roots
                .add(certificate.clone())
                .map_err(|_| "a certificate in ca_file or ca_pem is not a readable X.509 certificate")?;
        }
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map(|verifier| verifier as _)
            .map_err(|e| format!("the trusted certificates cannot be used: {e}"))
    }

    #[cfg(target_os = "android")]
    fn platform_roots(&self) -> RootCertStore {
        RootCertStore::empty() // the system's are available through the JVM only
    }

    #[cfg(not(any(target_os = "android", target_vendor = "apple")))]
    fn platform_roots(&self) -> RootCertStore {
        super::roots::load(self.file.as_deref(), &self.directories)
    }
}
