//! The certificates that the system trusts, on systems that keep them in files.
//!
//! Read here and not by a crate, because the existing crates read the environment even if the caller has turned that
//! off.

use std::fs;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Where distributions keep all certificates in one file. The first that exists is used, as in Go's crypto/x509.
const BUNDLES: [&str; 7] = [
    "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Gentoo, Arch
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL, CentOS
    "/etc/pki/tls/certs/ca-bundle.crt",   // Fedora
    "/etc/ssl/ca-bundle.pem",             // OpenSUSE
    "/etc/pki/tls/cacert.pem",            // OpenELEC
    "/etc/ssl/cert.pem",                  // Alpine
    "/opt/etc/ssl/certs/ca-certificates.crt", // Entware
];

/// Where they keep each certificate in a file of its own.
const DIRECTORIES: [&str; 2] = ["/etc/ssl/certs", "/etc/pki/tls/certs"];

/// The certificates in `SSL_CERT_FILE` and `SSL_CERT_DIR`; if neither is set, the system's own.
pub(crate) fn load(file: Option<&Path>, directories: &[PathBuf]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    if file.is_some() || !directories.is_empty() {
        file.into_iter().for_each(|file| add_file(&mut roots, file));
        directories.iter().for_each(|directory| add_directory(&mut roots, directory));
        return roots;
    }
    if let Some(bundle) = BUNDLES.iter().map(Path::new).find(|path| path.exists()) {
        add_file(&mut roots, bundle);
    }
    if roots.is_empty() {
        DIRECTORIES.iter().for_each(|directory| add_directory(&mut roots, Path::new(directory)));
    }
    roots
}

/// Skips what is not a certificate: one bad file must not disable all the others.
fn add_file(roots: &mut RootCertStore, path: &Path) {
    if let Ok(pem) = fs::read(path) {
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).flatten());
    }
}

fn add_directory(roots: &mut RootCertStore, path: &Path) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.path().is_file() {
            add_file(roots, &entry.path());
        }
    }
}
