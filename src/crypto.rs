//! The one crypto provider.

use std::sync::{Arc, OnceLock};

use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;

/// Always given explicitly: a Rust host may have installed another as its default.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let ring = || CryptoProvider { key_provider: &NoKeys, ..rustls::crypto::ring::default_provider() };
    PROVIDER.get_or_init(|| Arc::new(ring())).clone()
}

/// No client certificates: without the code that would load and use their keys, the library is a good deal smaller.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("client certificates are not used".to_owned()))
    }
}
