//! No secret is in anything that is shown: errors, prints, log lines.

use std::sync::{Arc, Mutex};

use linq::{CallOptions, Client, Config, FileInfo, Level, Presigned, Source, UploadOptions};
use serde_json::json;

use crate::common::{Sandbox, jpeg, upload};

const MARK: &[u8] = b"the-contents-of-the-file-are-nobodys-business";
const PROXY_PASSWORD: &str = "the-proxys-password";

/// Everything that could be shown to somebody.
#[derive(Default)]
struct Shown(Vec<String>);

impl Shown {
    fn error(&mut self, error: linq::Error) {
        self.0.extend([error.to_string(), format!("{error:?}"), format!("{error:#?}")]);
    }
}

/// The only test of this binary that sets the log: it gets the lines of all the others too, which is welcome.
#[test]
fn no_secret_is_ever_shown() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let received = lines.clone();
    let here = std::thread::current().id();
    let log = move |level: Level, line: &str| {
        received.lock().unwrap().push((std::thread::current().id() == here, level, line.to_owned()));
    };
    assert!(linq::set_log(Level::Debug, Some(Box::new(log))));

    let mut shown = Shown::default();
    let mut signatures = Vec::new();
    let sandboxes = [false, true].map(|tls| {
        let sandbox = Sandbox::start();
        everything(&sandbox, tls, &mut shown, &mut signatures);
        sandbox
    });
    assert!(linq::set_log(Level::Debug, None));

    let lines = std::mem::take(&mut *lines.lock().unwrap());
    let mine: Vec<_> = lines.iter().filter(|(mine, ..)| *mine).collect();
    for level in [Level::Warn, Level::Info, Level::Debug] {
        assert!(mine.iter().any(|(_, l, _)| *l == level), "no line of level {level:?} in {mine:?}");
    }
    assert!(mine.iter().any(|(.., line)| line.contains("PUT")), "{mine:?}");
    shown.0.extend(lines.into_iter().map(|(.., line)| line));

    let mut secrets = signatures;
    secrets.extend(sandboxes.iter().map(|sandbox| sandbox.get("key")));
    secrets.extend(["X-Amz-", "Bearer", PROXY_PASSWORD].map(str::to_owned));
    secrets.push(String::from_utf8(MARK.to_vec()).unwrap());
    assert!(secrets.iter().all(|secret| secret.len() >= 6), "{secrets:?}");
    for text in &shown.0 {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{secret} in {text}");
        }
    }
}

/// What S3 says of a wrong signature: it repeats all that it was sent, and here in the fields that are read too.
fn refusal_that_repeats(url: &str, signature: &str, credential: &str) -> String {
    let (path, query) = url.split_once('?').unwrap();
    let (escaped, twice) = (query.replace('&', "&amp;"), credential.replace('%', "%25"));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SignatureDoesNotMatch</Code><Message>The request \
         signature we calculated does not match {signature}; {escaped} {twice} \
         <![CDATA[{query}]]></Message><AWSAccessKeyId>{credential}</AWSAccessKeyId>\
         <StringToSign>AWS4-HMAC-SHA256\n{credential}\n{signature}</StringToSign>\
         <SignatureProvided>{signature}</SignatureProvided><CanonicalRequest>PUT\n{path}\n{escaped}</CanonicalRequest>\
         <RequestId>{signature}</RequestId><HostId>{twice}</HostId></Error>"
    )
}

fn everything(sandbox: &Sandbox, tls: bool, shown: &mut Shown, signatures: &mut Vec<String>) {
    let config = Config { proxy: Some(format!("http://me:{PROXY_PASSWORD}@proxy:1")), ..sandbox.config(tls) };
    shown.0.push(format!("{config:?} {config:#?}"));
    let client = Client::new(config).unwrap();
    shown.0.push(format!("{client:?}"));
    let bytes = [&jpeg(100), MARK, &jpeg(100_000)].concat();

    let attachment = upload(&client, &bytes).unwrap();
    shown.0.push(format!("{attachment:?}"));
    let file = FileInfo { filename: "photo.jpg", content_type: None, size_bytes: bytes.len() as u64 };
    let presigned = client.presign(file, CallOptions::default()).unwrap();
    shown.0.push(format!("{presigned:?} {presigned:#?}"));
    let url = presigned.upload_url.clone();
    let value = |name: &str| url.split(name).nth(1).unwrap().split('&').next().unwrap().to_owned();
    let (signature, credential) = (value("X-Amz-Signature="), value("X-Amz-Credential="));
    signatures.extend([signature.clone(), credential.clone(), credential.replace("%2F", "/")]);
    signatures.push(credential.replace('%', "%25"));

    // Whatever the storage says, also where it says the URL itself.
    for fault in [
        json!({"respond": {"status": 503, "code": "SlowDown", "headers": [["Retry-After", "0"]]}}),
        json!({"respond": {"status": 403, "code": "SignatureDoesNotMatch", "message": format!("<{url}> is bad")}}),
        json!({"respond": {"status": 403, "code": "AccessDenied", "message": format!("GET {url}")}}),
        json!({"respond": {"status": 403, "body": format!("<Error><Code>{url}</Code></Error>")}}),
        json!({"respond": {"status": 403, "body": refusal_that_repeats(&url, &signature, &credential)}}),
        json!({"respond": {"status": 403, "body": format!("<Error><Code>{signature}</Code></Error>"), "headers":
            [["x-amz-request-id", signature], ["x-amz-id-2", credential], ["x-should-retry", signature],
             ["Retry-After", signature], ["Content-Encoding", signature], ["Date", credential]]}}),
        json!({"respond": {"status": 403, "body": json!({"code": signature, "message":
            format!("{credential} {signature} {url}"), "requestId": signature}).to_string()}}),
        json!({"respond": {"status": 403, "body": "?", "headers": [["Content-Encoding", signature]]}}),
        json!({"redirect": {"status": 307, "location": format!("https://{signature}.example/")}}),
        json!({"redirect": {"status": 307, "location": url}}),
        json!({"redirect": {"status": 307, "location": "self"}}),
        json!({"respond": {"raw": format!("{url}\r\n\r\n"), "then": "close"}}),
        json!({"reset_after": 1000}),
        json!({"stall_after": 1000}),
    ] {
        let fault = sandbox.on_put(fault);
        let call =
            CallOptions { timeout: Some(std::time::Duration::from_millis(500)), ..CallOptions::default() };
        let options = UploadOptions { call, ..UploadOptions::default() };
        if let Err(error) = client.upload_presigned(&presigned, Source::Bytes(&bytes), options) {
            shown.error(error);
        }
        fault.assert_injected(1);
        sandbox.clear_faults();
    }
    // Replies of the API that cannot be used, with the URL in them.
    for lie in [
        json!({"upload_url": url.replacen("http", "ftp", 1)}),
        json!({"upload_url": format!("{url} with spaces")}),
        json!({"http_method": url}),
        json!({"expires_at": url}),
        json!({"required_headers": {"X-Amz-Odd\n": url}}),
        json!({"attachment_id": [url]}),
    ] {
        let fault = sandbox.on_reserve(json!({"merge": lie}));
        shown.error(upload(&client, &bytes).unwrap_err());
        fault.assert_injected(1);
    }
    let message = format!("no {url}");
    let fault = sandbox.on_reserve(json!({"respond": {"status": 400, "code": 1005, "message": message}}));
    let error = upload(&client, &bytes).unwrap_err();
    fault.assert_injected(1);
    assert!(error.message.contains("code 1005: no "), "{error}");
    shown.error(error);
    let mut broken: serde_json::Value = serde_json::from_str(&presigned.to_json()).unwrap();
    for field in ["upload_url", "expires_at", "http_method"] {
        broken[field] = json!(format!("\u{1}{url}"));
        shown.error(Presigned::parse(broken.to_string().as_bytes()).unwrap_err());
        broken[field] = json!([url]);
        shown.error(Presigned::parse(broken.to_string().as_bytes()).unwrap_err());
    }
}

#[test]
fn a_reservation_that_cannot_be_read_is_not_shown() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let file = FileInfo { filename: "photo.jpg", content_type: None, size_bytes: 10 };
    let presigned = client.presign(file, CallOptions::default()).unwrap();
    let mut errors = Vec::new();
    // encoded twice, as happens on the way to an app
    let twice = serde_json::to_string(&presigned.to_json()).unwrap();
    errors.push(Presigned::parse(twice.as_bytes()).unwrap_err());
    let url = &*presigned.upload_url;
    for field in ["attachment_id", "required_headers", "size_bytes"] {
        for wrong in [json!(url), json!([url]), json!({url: url}), json!({"A": {url: 1}})] {
            if field == "attachment_id" && wrong.is_string() {
                continue;
            }
            let mut reply: serde_json::Value = serde_json::from_str(&presigned.to_json()).unwrap();
            reply[field] = wrong.clone();
            errors.push(Presigned::parse(reply.to_string().as_bytes()).unwrap_err());
            if field != "size_bytes" {
                let fault = sandbox.on_reserve(json!({"respond": {"body": reply}}));
                errors.push(upload(&client, &jpeg(10)).unwrap_err());
                fault.assert_injected(1);
            }
        }
    }
    for error in errors {
        assert!(!format!("{error:?}").contains("X-Amz-"), "{error}");
    }
}

#[test]
fn a_key_that_the_server_repeats_is_not_shown() {
    let sandbox = Sandbox::start();
    let key = sandbox.get("key");
    let message = format!("no such key: Bearer {key}, {key}");
    let fault = sandbox.on_reserve(json!({"respond": {"status": 401, "code": 2004, "message": message}}));
    let error = upload(&sandbox.client(false), &jpeg(10)).unwrap_err();
    fault.assert_injected(1);
    assert!(error.message.contains("no such key: Bearer"), "{error}");
    assert!(!format!("{error:?}").contains(&key), "{error}");
}

/// Ids are words of the server too, and are shown.
#[test]
fn no_id_of_the_storage_holds_a_signed_url() {
    let sandbox = Sandbox::start();
    let url = "https://uploads.example/a?X-Amz-Signature=secret";
    let headers = [["x-amz-request-id", url], ["x-amz-id-2", url]];
    let fault = sandbox.on_put(json!({"respond": {"status": 403, "headers": headers}}));
    let error = upload(&sandbox.client(false), &jpeg(10)).unwrap_err();
    fault.assert_injected(1);
    assert_eq!(error.details.storage_request_id.as_deref(), Some("https://uploads.example/a"));
    assert_eq!(error.details.storage_id_2.as_deref(), Some("https://uploads.example/a"));
}
