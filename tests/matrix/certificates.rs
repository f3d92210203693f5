//! Rows 83 to 85: real certificates, and a real server that shows or wants them: openssl's.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use linq::{Attachment, CallOptions, Client, Config, Error, ErrorKind, FileInfo, Source, UploadOptions};

use crate::common::{Folder, Sandbox, jpeg, upload};
use crate::support::{assert_is, each, failed};

type Options = &'static [&'static [&'static str]];

const P256: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
const P521: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"];
const RSA: &[&str] = &["-newkey", "rsa:2048"];
const SHORT_RSA: &[&str] = &["-newkey", "rsa:1024"];
const FOR_A_SERVER: &[&str] = &["-addext", "basicConstraints=critical,CA:FALSE"];
const WANTS_ONE: &str = "it wants a client certificate, which liblinq does not support";

/// Makes a certificate for localhost and its key.
fn certificate(folder: &Folder, name: &str, options: &[&[&str]]) -> (PathBuf, PathBuf) {
    let (pem, key) = (folder.path(&format!("{name}.pem")), folder.path(&format!("{name}.key")));
    let mut make = Command::new("openssl");
    make.args(["req", "-x509", "-nodes", "-days", "30", "-subj", &format!("/CN={name}")]);
    make.args(["-addext", "subjectAltName=DNS:localhost"]).args(options.concat());
    let made = make.arg("-keyout").arg(&key).arg("-out").arg(&pem).output().expect("openssl is there");
    assert!(made.status.success(), "{name}: {}", String::from_utf8_lossy(&made.stderr));
    (pem, key)
}

struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(certificate: &Path, key: &Path, options: &[&str]) -> Self {
        Self::answering(b"", certificate, key, options)
    }

    /// This goes to its standard input when a request has come.
    fn answering(answer: &'static [u8], certificate: &Path, key: &Path, options: &[&str]) -> Self {
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-cipher", "ALL:@SECLEVEL=0"]).args(options);
        command.arg("-cert").arg(certificate).arg("-key").arg(key);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("openssl is there");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).split(b'\n').map_while(Result::ok);
        let accepts = lines.find_map(|line| {
            String::from_utf8(line).ok()?.strip_prefix("ACCEPT 127.0.0.1:").map(str::to_owned)
        });
        let port = accepts.expect("it listens").parse().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // It shows what it receives; a full pipe would stop it.
        std::thread::spawn(move || {
            for _ in lines.filter(|line| line.ends_with(b" HTTP/1.1\r")) {
                let _ = stdin.write_all(answer);
            }
        });
        Self { child, port }
    }

    fn base_url(&self) -> Option<String> {
        Some(format!("https://localhost:{}/api/partner", self.port))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What becomes of an upload to a server with this certificate where `ca_file` is trusted.
fn refused(sandbox: &Sandbox, server: &Server, ca_file: &Path) -> Error {
    let config =
        Config { base_url: server.base_url(), ca_file: Some(ca_file.into()), ..sandbox.config(true) };
    failed(sandbox, upload(&Client::new(config).unwrap(), &jpeg(1000)))
}

/// In TLS 1.3 the client has long sent its request when it learns of it; in TLS 1.2 it is still shaking hands.
#[test]
fn row_83_a_client_certificate_is_wanted() {
    let (sandbox, folder) = (Sandbox::start(), Folder::new());
    let (pem, key) = certificate(&folder, "localhost", &[P256, FOR_A_SERVER]);
    let older = format!(
        "it has no cipher or signature algorithm in common with liblinq, or {WANTS_ONE} (TLS alert \
         handshake_failure)"
    );
    let newer = format!("{WANTS_ONE} (TLS alert certificate_required)");
    for (version, why) in [("-tls1_2", older), ("-tls1_3", newer)] {
        let server = Server::start(&pem, &key, &[version, "-Verify", "1", "-verify_return_error"]);
        let error = refused(&sandbox, &server, &pem);
        assert_is(&error, ErrorKind::Tls, None, 1, false);
        let expected = format!("reserving a place for photo.jpg: no secure connection to localhost: {why}");
        assert_eq!(error.message, expected);

        for size in [1000, 8 << 20] {
            let error = failed(&sandbox, put(&sandbox, &server, &pem, &jpeg(size)));
            assert_is(&error, ErrorKind::Tls, None, 1, false);
            let expected = format!("uploading photo.jpg: no secure connection to localhost: {why}");
            assert_eq!(error.message, expected);
        }
    }
}

/// A server may ask for it once it has seen the request. With TLS 1.2 it shakes hands anew for that, and waits.
#[test]
fn row_83_a_client_certificate_is_wanted_for_a_request() {
    let (sandbox, folder) = (Sandbox::start(), Folder::new());
    let (pem, key) = certificate(&folder, "localhost", &[P256, FOR_A_SERVER]);
    let server = Server::answering(b"R\n", &pem, &key, &["-tls1_2"]); // renegotiate
    for error in
        [refused(&sandbox, &server, &pem), failed(&sandbox, put(&sandbox, &server, &pem, &jpeg(1000)))]
    {
        assert_is(&error, ErrorKind::Tls, None, 1, false);
        assert!(error.message.contains(WANTS_ONE), "{error}");
    }
}

/// Uploads to a place that the sandbox reserved, as if its storage were this server.
fn put(sandbox: &Sandbox, server: &Server, ca_file: &Path, bytes: &[u8]) -> Result<Attachment, Error> {
    let file = FileInfo { filename: "photo.jpg", content_type: None, size_bytes: bytes.len() as u64 };
    let mut place = sandbox.client(true).presign(file, CallOptions::default())?;
    let path = place.upload_url.splitn(4, '/').last().unwrap();
    place.upload_url = format!("https://localhost:{}/{path}", server.port);
    let client = Client::new(Config { ca_file: Some(ca_file.into()), ..sandbox.config(true) })?;
    let options = UploadOptions { filename: Some("photo.jpg"), ..UploadOptions::default() };
    client.upload_presigned(&place, Source::Bytes(bytes), options)
}

#[test]
fn row_84_certificates_that_rustls_has_no_words_for() {
    const UNSUPPORTED: &str = "is signed in a way that is not supported; it takes RSA, Ed25519, or ECDSA on P-256 or \
                               P-384 with SHA-256 or SHA-384";
    let kinds: &[(&str, Options, &str)] = &[
        (
            "self-signed",
            &[P256],
            "is an authority's own (CA:TRUE), as self-signed ones often are, and not a server's; make one with \
             CA:FALSE, and name it in ca_file or ca_pem",
        ),
        ("ecdsa-with-sha512", &[P256, FOR_A_SERVER, &["-sha512"]], UNSUPPORTED),
        ("rsa-with-sha1", &[RSA, FOR_A_SERVER, &["-sha1"]], UNSUPPORTED),
        (
            "short-rsa",
            &[SHORT_RSA, FOR_A_SERVER],
            "has a signature that does not match: its chain or the server's key is the wrong one, or an RSA key in it \
             has less than 2048 bits",
        ),
        (
            "for-clients",
            &[P256, FOR_A_SERVER, &["-addext", "extendedKeyUsage=clientAuth"]],
            "is not for servers; it needs server authentication among its extended key usages",
        ),
        (
            "critical",
            &[P256, FOR_A_SERVER, &["-addext", "1.2.3.4=critical,ASN1:NULL"]],
            "has a critical extension that is not supported; the server needs one without it",
        ),
    ];
    let sandbox = Sandbox::start();
    each(kinds, |(name, options, why)| {
        let folder = Folder::new();
        let (pem, key) = certificate(&folder, name, options);
        let error = refused(&sandbox, &Server::start(&pem, &key, &[]), &pem);
        assert_is(&error, ErrorKind::Tls, None, 1, false);
        let what = "reserving a place for photo.jpg: no secure connection to localhost";
        assert_eq!(error.message, format!("{what}: its certificate {why}"));
    });
}

#[test]
fn row_84_certificates_by_authorities_that_will_not_do() {
    let kinds: &[(&str, Options, &[&str], &str)] = &[
        (
            "p521",
            &[P521],
            P256,
            "its certificate is signed in a way that is not supported; it takes RSA, Ed25519, or ECDSA on P-256 or \
             P-384 with SHA-256 or SHA-384",
        ),
        (
            "constrained",
            &[P256, &["-addext", "nameConstraints=critical,permitted;DNS:linq.example"]],
            P256,
            "its certificate is by an authority that may not sign for this host; the server needs one by another",
        ),
        // The server itself sees that there is nothing that it could sign with.
        (
            "good",
            &[P256],
            P521,
            "it has no cipher or signature algorithm in common with liblinq, or it wants a client certificate, which \
             liblinq does not support (TLS alert handshake_failure)",
        ),
    ];
    let sandbox = Sandbox::start();
    each(kinds, |(name, authority, key, why)| {
        let folder = Folder::new();
        let (ca, ca_key) = certificate(&folder, name, authority);
        let signed = ["-CA", ca.to_str().unwrap(), "-CAkey", ca_key.to_str().unwrap()];
        let (pem, key) = certificate(&folder, "localhost", &[key, FOR_A_SERVER, &signed]);
        let error = refused(&sandbox, &Server::start(&pem, &key, &[]), &ca);
        assert_is(&error, ErrorKind::Tls, None, 1, false);
        let what = "reserving a place for photo.jpg: no secure connection to localhost";
        assert_eq!(error.message, format!("{what}: {why}"));
    });
}

/// What the message on self-signed certificates says to do.
#[test]
fn row_84_a_self_signed_certificate_for_a_server_can_be_named() {
    let (sandbox, folder) = (Sandbox::start(), Folder::new());
    let (pem, key) = certificate(&folder, "localhost", &[P256, FOR_A_SERVER]);
    let answer = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
    let server = Server::answering(answer, &pem, &key, &[]);
    let error = refused(&sandbox, &server, &pem);
    assert_eq!(error.details.http_status, Some(403), "{error}");
}

#[test]
fn row_85_a_ca_file_that_cannot_be_used() {
    let folder = Folder::new();
    let (pem, _) = certificate(&folder, "localhost", &[P256]);
    let text = std::fs::read_to_string(pem).unwrap();
    let [begin, end] = ["-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n"];
    let table = [
        (text.replace(end, ""), "is not PEM: an END line is missing"),
        (text.replace("E-----\nM", "E----\nM"), "is not PEM: a BEGIN line is malformed"),
        (text.replace("E-----\nM", "E-----\n!"), "is not PEM: the text between BEGIN and END is not base64"),
        (String::new(), "holds no certificate in PEM form"),
    ];
    for (text, why) in table {
        let path = folder.file("ca.pem", text.as_bytes());
        let config = Config { ca_file: Some(path.clone()), use_environment: false, ..Config::default() };
        let error = Client::new(config).expect_err(why);
        assert_eq!(error.kind, ErrorKind::Tls);
        assert!(error.message.ends_with(why), "{error}");
    }
    let path = folder.file("ca.pem", format!("{begin}AAAA\n{end}").as_bytes());
    let config = Config {
        ca_file: Some(path),
        use_environment: false,
        api_key: Some("key".to_owned()),
        ..Config::default()
    };
    let error = Client::new(config).expect_err("three zeros are no certificate");
    let why = "a certificate in ca_file or ca_pem is not a readable X.509 certificate";
    assert_eq!((error.kind, &*error.message), (ErrorKind::Tls, why));
}
