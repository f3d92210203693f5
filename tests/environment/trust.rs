//! The variables that name certificates, where the platform has no trust store of its own.
#![cfg(not(any(target_vendor = "apple", target_os = "android")))]

use serde_json::{Value, json};

use crate::common::{Folder, Sandbox};
use crate::{assert_failed, assert_uploaded, upload_in};

const UNKNOWN: &str = "reserving a place for photo.jpg: no secure connection to localhost: its certificate is by an \
                       authority that is not trusted here; a private one can be named in ca_file, ca_pem or \
                       SSL_CERT_FILE";

fn config(sandbox: &Sandbox) -> Value {
    json!({"api_key": sandbox.get("key"), "base_url": sandbox.get("api_tls")})
}

#[test]
fn a_file_and_a_directory_of_trusted_certificates() {
    let sandbox = Sandbox::start();
    let ca = sandbox.get("ca_file");
    assert_uploaded(&upload_in(&[("SSL_CERT_FILE", &ca)], config(&sandbox)), &sandbox);
    let folder = Folder::new();
    folder.file("0123abcd.0", &std::fs::read(&ca).unwrap());
    let directory = folder.path("").to_str().unwrap().to_owned();
    assert_uploaded(&upload_in(&[("SSL_CERT_DIR", &directory)], config(&sandbox)), &sandbox);
}

#[test]
fn without_them_a_private_authority_is_not_trusted() {
    let sandbox = Sandbox::start();
    let folder = Folder::new();
    let garbage = folder.file("garbage.pem", b"no certificate").to_str().unwrap().to_owned();
    let missing = folder.path("missing.pem").to_str().unwrap().to_owned();
    for variables in [&[][..], &[("SSL_CERT_FILE", "")], &[("SSL_CERT_FILE", ""), ("SSL_CERT_DIR", "")]] {
        assert_failed(&upload_in(variables, config(&sandbox)), "Tls", UNKNOWN);
    }
    // What the variables name is of no use, and that is said.
    for (variables, why) in [
        (
            &[("SSL_CERT_FILE", &*garbage)][..],
            format!("SSL_CERT_FILE names {garbage}, which holds no certificate"),
        ),
        (
            &[("SSL_CERT_FILE", &missing)],
            format!("SSL_CERT_FILE names {missing}, which cannot be read: No such file or directory"),
        ),
        (
            &[("SSL_CERT_DIR", &missing)],
            format!("SSL_CERT_DIR names {missing}, which cannot be read: No such file or directory"),
        ),
    ] {
        let result = upload_in(variables, config(&sandbox));
        assert_failed(&result, "Tls", &format!("{UNKNOWN}; {why}"));
    }
    assert_eq!(sandbox.counter("api_tls", "app_bytes"), 0);
}

#[test]
fn ca_file_is_added_to_them() {
    let sandbox = Sandbox::start();
    let folder = Folder::new();
    let missing = folder.path("missing.pem").to_str().unwrap().to_owned();
    let mut config = config(&sandbox);
    config["ca_file"] = json!(sandbox.get("ca_file"));
    assert_uploaded(&upload_in(&[("SSL_CERT_FILE", &missing)], config), &sandbox);
}

#[test]
fn no_environment_at_all() {
    let sandbox = Sandbox::start();
    let mut config = config(&sandbox);
    config["use_environment"] = json!(false);
    assert_failed(&upload_in(&[("SSL_CERT_FILE", &sandbox.get("ca_file"))], config), "Tls", UNKNOWN);
}

#[test]
fn they_are_read_when_a_client_is_made_and_never_again() {
    let sandbox = Sandbox::start();
    let ca = sandbox.get("ca_file");
    let mut config = config(&sandbox);
    config["then"] = json!({"SSL_CERT_FILE": ca});
    assert_failed(&upload_in(&[], config.clone()), "Tls", UNKNOWN);
    config["then"] = json!({"SSL_CERT_FILE": "/nowhere"});
    assert_uploaded(&upload_in(&[("SSL_CERT_FILE", &ca)], config), &sandbox);
}
