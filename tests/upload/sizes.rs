//! Every size arrives whole, with exactly the headers that were signed; what Linq would refuse is never sent.

use linq::{ErrorKind, MAX_SIZE, Source, UploadOptions};
use serde_json::json;

use crate::common::{BOTH, Folder, Sandbox, jpeg, sha256, upload};

const MIB: usize = 1024 * 1024;

#[test]
fn every_size_arrives_whole() {
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let client = sandbox.client(tls);
        for size in [1, 2, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 10 * MIB] {
            let bytes = jpeg(size);
            let attachment = upload(&client, &bytes).unwrap();
            sandbox.assert_stored(&attachment, &bytes);
            assert_eq!(sandbox.stored(&attachment.attachment_id), bytes);
            assert_eq!(attachment.attempts, 1);
            let url = attachment.download_url.as_deref().unwrap_or_default();
            let download = url.rsplit('/').nth(1);
            assert_eq!(download, Some(&*attachment.attachment_id), "{url}");
        }
        assert_eq!(sandbox.puts().len(), 6);
        assert_eq!(sandbox.reservations().len(), 6);
    }
}

#[test]
fn the_largest_size_arrives_whole_from_a_file() {
    let folder = Folder::new();
    let bytes = jpeg(MAX_SIZE as usize);
    let path = folder.file("largest.jpg", &bytes);
    let digest = sha256(&bytes);
    drop(bytes);
    std::thread::scope(|scope| {
        for tls in BOTH {
            let (path, digest) = (&path, &digest);
            scope.spawn(move || {
                let sandbox = Sandbox::start();
                let attachment = sandbox.client(tls).upload(Source::Path(path), UploadOptions::default());
                let attachment = attachment.unwrap();
                assert_eq!((attachment.size_bytes, &*attachment.filename), (104_857_600, "largest.jpg"));
                let objects = sandbox.objects();
                assert_eq!(objects[0]["sha256"], **digest);
                assert_eq!(objects[0]["size"], 104_857_600);
                assert_eq!(sandbox.puts()[0].number("body_bytes"), 104_857_600);
            });
        }
    });
}

#[test]
fn sizes_that_linq_would_refuse_never_reach_the_network() {
    let folder = Folder::new();
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let path = folder.file("large.jpg", b"");
    std::fs::File::options().write(true).open(&path).unwrap().set_len(MAX_SIZE + 1).unwrap();
    let empty = folder.file("empty.jpg", b"");
    for (path, why) in [
        (&path, "has 104857601 bytes (100.1 MiB); Linq takes files of 1 byte to 100 MiB"),
        (&empty, "is empty; Linq takes files of 1 byte to 100 MiB"),
    ] {
        let error = client.upload(Source::Path(path), UploadOptions::default()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert_eq!(error.message, format!("{} {why}", path.display()));
        assert!(!error.details.retryable);
    }
    let error = upload(&client, b"").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.message.ends_with("is empty; Linq takes files of 1 byte to 100 MiB"), "{error}");
    assert!(sandbox.requests().is_empty());
    assert_eq!(sandbox.accepted("api"), 0);
}

/// The exact list: nothing signed is missing or there twice, and nothing else is there (no `Authorization`, `Cookie`,
/// `Expect`, `Transfer-Encoding`, `Accept-Encoding` or `x-amz-*`).
#[test]
fn the_put_has_exactly_the_headers_that_were_signed() {
    for tls in BOTH {
        let sandbox = Sandbox::start();
        upload(&sandbox.client(tls), &jpeg(100_000)).unwrap();
        let puts = sandbox.puts();
        let [put] = &puts[..] else { panic!("{puts:?}") };
        assert_eq!(put.header_names(), ["content-length", "content-type", "host", "user-agent"]);
        let storage = sandbox.get(if tls { "storage_tls" } else { "storage" });
        assert_eq!(put.header("host"), storage.split("://").nth(1).unwrap());
        assert_eq!(put.header("content-length"), "100000");
        assert_eq!(put.header("content-type"), "image/jpeg");
        assert_eq!(put.header("user-agent"), concat!("liblinq/", env!("CARGO_PKG_VERSION")));
        assert_eq!(put.0["tls"], tls);
        assert!(!put.0.to_string().contains(&sandbox.get("key")), "the key is for the API alone");
    }
}

#[test]
fn further_required_headers_are_sent_once_and_untouched() {
    let sandbox = Sandbox::start();
    let headers =
        json!({"Content-Type": "image/jpeg", "Content-Length": "5", "X-Odd": " a  b;C=\"d\"".trim()});
    let lie = sandbox.on_reserve(json!({"merge": {"required_headers": headers}}));
    upload(&sandbox.client(false), &jpeg(5)).unwrap();
    lie.assert_injected(1);
    let put = &sandbox.puts()[0];
    assert_eq!(put.header_names(), ["content-length", "content-type", "host", "user-agent", "x-odd"]);
    assert_eq!(put.header("x-odd"), "a  b;C=\"d\"");
}

/// What is signed stands in the place of our own.
#[test]
fn a_required_user_agent_is_the_only_one() {
    let sandbox = Sandbox::start();
    let lie = sandbox.on_reserve(json!({"merge": {"required_headers": {"user-agent": "signed/1"}}}));
    upload(&sandbox.client(false), &jpeg(5)).unwrap();
    lie.assert_injected(1);
    let put = &sandbox.puts()[0];
    assert_eq!(put.header_names(), ["content-length", "content-type", "host", "user-agent"]);
    assert_eq!(put.header("user-agent"), "signed/1");
}

#[test]
fn the_reservation_says_exactly_what_the_api_takes() {
    for tls in BOTH {
        let sandbox = Sandbox::start();
        upload(&sandbox.client(tls), &jpeg(1234)).unwrap();
        let reservations = sandbox.reservations();
        let [request] = &reservations[..] else { panic!("{reservations:?}") };
        let expected = json!({"filename": "photo.jpg", "content_type": "image/jpeg", "size_bytes": 1234});
        assert_eq!(request.json(), expected);
        assert_eq!(request.header("authorization"), format!("Bearer {}", sandbox.get("key")));
        assert_eq!(request.header("content-type"), "application/json");
        let names = ["accept", "authorization", "content-length", "content-type", "host", "user-agent"];
        assert_eq!(request.header_names(), names);
    }
}
