//! The certificates that the system trusts, on systems that keep them in files.
//!
//! Read here and not by a crate, because the existing crates read the environment even if the caller has turned that
//! off.

use std::path::{Path, PathBuf};
use std::{fs, io};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::{reason, shown};

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

/// What is wrong with the variables' values.
pub(crate) fn problems(file: Option<&Path>, directories: &[PathBuf]) -> Vec<String> {
    let unreadable = |name: &str, path: &Path, e: &io::Error| {
        format!("{name} names {}, which cannot be read: {}", shown(path), reason(e))
    };
    let of_file = file.and_then(|path| match fs::read(path) {
        Ok(pem) if CertificateDer::pem_slice_iter(&pem).flatten().next().is_some() => None,
        Ok(_) => Some(format!("SSL_CERT_FILE names {}, which holds no certificate", shown(path))),
        Err(e) => Some(unreadable("SSL_CERT_FILE", path, &e)),
    });
    let of_directory = |path: &PathBuf| Some(unreadable("SSL_CERT_DIR", path, &fs::read_dir(path).err()?));
    of_file.into_iter().chain(directories.iter().filter_map(of_directory)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_a_message_steers_no_terminal() {
        let path = PathBuf::from("/nowhere/a\u{1b}[31m\nb");
        let expected = "/nowhere/a\\u{1b}[31m\\nb, which cannot be read: No such file or directory";
        let found = problems(Some(&path), std::slice::from_ref(&path));
        assert_eq!(found, ["FILE", "DIR"].map(|kind| format!("SSL_CERT_{kind} names {expected}")));

        let config = crate::Config { ca_file: Some(path), ..crate::Config::default() };
        let error = crate::Client::new(config).unwrap_err();
        let expected = "the CA file /nowhere/a\\u{1b}[31m\\nb cannot be read: No such file or directory";
        assert_eq!(error.message, expected);
    }
}
