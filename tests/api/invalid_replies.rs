//! Invalid replies to a reservation: none of them leads to a PUT.

use linq::{ErrorKind, Presigned, Source, UploadOptions};
use mockito::{Matcher, Mock, Server, ServerGuard};
use serde_json::{Value, json};

use crate::{client, good_reply, presign, reservation};

/// Uploads 5 bytes with this reply, which must be refused without a PUT, and returns why.
fn refused(reply: impl Fn(&Server) -> String) -> String {
    let mut server = Server::new();
    let put = no_put(&mut server);
    let reply = reply(&server);
    reservation(&mut server, 200, &reply).with_header("x-trace-id", "trace").expect(1).create();
    let client = client(&server);
    let options = UploadOptions { filename: Some("photo.jpg"), ..UploadOptions::default() };
    let error = client.upload(Source::Bytes(b"\xff\xd8\xff\xe0a"), options).expect_err(&reply);
    put.assert();
    assert_eq!((error.kind, error.details.retryable), (ErrorKind::Protocol, false), "{error}: {reply}");
    assert_eq!(error.details.trace_id.as_deref(), Some("trace"), "{reply}");
    assert!(!error.message.contains("secret"), "{error}");
    let why = error.message.strip_prefix("reserving a place for photo.jpg: Linq's ");
    why.unwrap_or_else(|| panic!("{error}: {reply}")).to_owned()
}

fn no_put(server: &mut ServerGuard) -> Mock {
    server.mock("PUT", Matcher::Any).expect(0).create()
}

fn with(field: &str, value: Value) -> impl Fn(&Server) -> String {
    move |server| {
        let mut reply = good_reply(server);
        reply[field] = value.clone();
        reply.to_string()
    }
}

#[test]
fn the_valid_reply_is_accepted() {
    let mut server = Server::new();
    let put = server
        .mock("PUT", "/put?X-Amz-Signature=secret")
        .match_header("content-type", "image/jpeg")
        .match_header("content-length", "5")
        .match_body(b"\xff\xd8\xff\x04\x05".to_vec())
        .expect(1)
        .create();
    let reply = good_reply(&server).to_string();
    reservation(&mut server, 200, reply).create();
    let options = UploadOptions { filename: Some("photo.jpg"), ..UploadOptions::default() };
    client(&server).upload(Source::Bytes(b"\xff\xd8\xff\x04\x05"), options).unwrap();
    put.assert();
}

#[test]
fn invalid_upload_urls() {
    let not_https = "reply has an upload_url that is not https";
    let no_url = "reply has an upload_url that is not a URL";
    let no_ascii = "reply has an upload_url that has an international host name, which must be in its ASCII form (xn--...)";
    for (url, why) in [
        ("http://uploads.example/a?secret", not_https),
        ("http://10.0.0.1/a?secret", not_https),
        ("http://localhost.example/a?secret", not_https),
        ("http://127.0.0.1.example/a?secret", not_https),
        ("ftp://uploads.example/a?secret", not_https),
        ("file:///etc/secret", no_url),
        ("https://user:secret@uploads.example/a", "reply has an upload_url with a user name in it"),
        ("https://secret@uploads.example/a", "reply has an upload_url with a user name in it"),
        ("https:///a?secret", no_url),
        ("uploads.example/a?secret", no_url),
        ("/relative?secret", "reply has an upload_url without a host"),
        ("https://uploads.example/with space?secret", no_url),
        ("https://b\u{fc}cher.example/a?secret", no_ascii),
        ("https://\u{4f8b}\u{3048}.example:8443?secret", no_ascii),
        ("https://uploads.example/a\r\nX-Injected: secret", "reply holds control characters"),
        ("", no_url),
    ] {
        assert_eq!(refused(with("upload_url", json!(url))), why, "{url}");
    }
    let long = format!("https://uploads.example/{}", "a".repeat(70_000));
    assert_eq!(refused(with("upload_url", json!(long))), no_url);
    for method in ["POST", "PUT ", "", "GET"] {
        let why = "reply asks for another method than PUT";
        assert_eq!(refused(with("http_method", json!(method))), why, "{method}");
    }
}

#[test]
fn invalid_ids_and_dates() {
    for id in ["", "a\u{0}b", "../chats?x=y", "a/b"] {
        assert_eq!(refused(with("attachment_id", json!(id))), "reply has an invalid attachment_id", "{id}");
    }
    for field in ["download_url", "expires_at"] {
        for text in ["a\u{0}b", "a\u{85}b"] {
            assert_eq!(
                refused(with(field, json!(text))),
                "reply holds control characters",
                "{field}: {text:?}"
            );
        }
    }
    for date in ["", "soon", "1705315500", "2024-13-15T10:45:00Z", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        assert_eq!(
            refused(with("expires_at", json!(date))),
            "reply has an expires_at that is not a date",
            "{date}"
        );
    }
}

#[test]
fn invalid_headers() {
    let unsendable = "reply requires a header that cannot be sent";
    let length = "reply requires a Content-Length that is not the file's size";
    let table = [
        (json!({"A\r\nB": "secret"}), unsendable),
        (json!({"A": "b\r\nC: secret"}), unsendable),
        (json!({"A": "b\u{0}"}), unsendable),
        (json!({"": "b"}), unsendable),
        (json!({"A B": "c"}), unsendable),
        (json!({"A:": "c"}), unsendable),
        (json!({"Transfer-Encoding": "chunked"}), "reply requires the header Transfer-Encoding"),
        (json!({"authorization": "Bearer secret"}), "reply requires the header authorization"),
        (json!({"Host": "other.example"}), "reply requires another Host than that of its upload_url"),
        (json!({"Content-Length": "4"}), length),
        (json!({"Content-Length": "6"}), length),
        (json!({"content-length": "50"}), length),
        (json!({"Content-Length": "-5"}), "reply has a bad Content-Length"),
        (json!({"Content-Length": "five"}), "reply has a bad Content-Length"),
        (json!({"Content-Length": ""}), "reply has a bad Content-Length"),
        (json!({"X-A": "1", "x-a": "2"}), "reply requires the header x-a twice, with different values"),
        (
            json!({"Content-Type": "image/jpeg", "content-type": "image/png"}),
            "reply requires the header content-type twice, with different values",
        ),
    ];
    for (headers, why) in table {
        assert_eq!(refused(with("required_headers", headers.clone())), why, "{headers}");
    }
}

const WRONG_TYPE: &str = "answer has a field of the wrong type (line 1, column ";

#[test]
fn fields_that_are_missing_or_of_another_type() {
    let fields = ["attachment_id", "upload_url", "http_method", "expires_at", "required_headers"];
    for field in fields {
        let why = refused(|server| {
            let mut reply = good_reply(server);
            reply.as_object_mut().unwrap().remove(field);
            reply.to_string()
        });
        assert_eq!(why, format!("answer has a missing field `{field}`"));
        let why = refused(with(field, json!(null)));
        assert!(why.starts_with(WRONG_TYPE), "{field}: {why}");
    }
    for field in fields.into_iter().chain(["download_url"]) {
        for wrong in [json!(7), json!(["secret"]), json!(true), json!({"secret": [1]})] {
            let why = refused(with(field, wrong.clone()));
            assert!(why.starts_with(WRONG_TYPE), "{field} {wrong}: {why}");
        }
    }
    for wrong in [json!(true), json!(["5"]), json!({"secret": 1})] {
        let why = refused(with("required_headers", json!({"Content-Length": wrong})));
        assert!(why.starts_with(WRONG_TYPE), "{wrong}: {why}");
    }
}

/// None of this is as documented.
#[test]
fn replies_that_can_only_mean_one_thing_are_read() {
    let headers = json!({"Content-Type": "image/jpeg", "Content-Length": 5, "x-amz-acl": null, "x-n": 1.5});
    for (field, value) in [
        ("download_url", json!(null)),
        ("http_method", json!("put")),
        ("http_method", json!("Put")),
        ("required_headers", headers),
        ("expires_at", json!("2099-01-15T10:45:00")),
        ("expires_at", json!("2099-01-15 10:45:00Z")),
        ("expires_at", json!("2099-01-15 10:45:00.000000")),
        ("expires_at", json!("2099-01-15t10:45:00z")),
    ] {
        let mut server = Server::new();
        let put = server
            .mock("PUT", "/put?X-Amz-Signature=secret")
            .match_header("content-type", "image/jpeg")
            .match_header("content-length", "5")
            .match_header("x-amz-acl", Matcher::Missing)
            .match_header("x-n", if field == "required_headers" { "1.5".into() } else { Matcher::Missing });
        let put = put.expect(1).create();
        let mut reply = good_reply(&server);
        reply[field] = value.clone();
        reservation(&mut server, 200, reply.to_string()).expect(2).create();
        let client = client(&server);
        let options = UploadOptions { filename: Some("photo.jpg"), ..UploadOptions::default() };
        let attachment = client.upload(Source::Bytes(b"\xff\xd8\xff\xe0a"), options);
        let attachment = attachment.unwrap_or_else(|e| panic!("{field} {value}: {e}"));
        put.assert();
        let url = (field != "download_url").then_some("https://cdn.linqapp.com/photo.jpg");
        assert_eq!(attachment.download_url.as_deref(), url);
        let presigned = presign(&client).unwrap();
        assert_eq!((&*presigned.http_method, presigned.expires_at_ms), ("PUT", 4_072_157_100_000), "{value}");
        // The app that it is handed to reads the same.
        assert_eq!(Presigned::parse(presigned.to_json().as_bytes()).unwrap().download_url.as_deref(), url);
    }
}

#[test]
fn a_reply_without_a_download_url_does_not_fail_the_upload() {
    let mut server = Server::new();
    let mut reply = good_reply(&server);
    reply.as_object_mut().unwrap().remove("download_url");
    let put = server.mock("PUT", Matcher::Any).expect(1).create();
    reservation(&mut server, 200, reply.to_string()).create();
    let options = UploadOptions { filename: Some("photo.jpg"), ..UploadOptions::default() };
    let attachment = client(&server).upload(Source::Bytes(b"\xff\xd8\xff\xe0a"), options).unwrap();
    put.assert();
    assert_eq!((&*attachment.attachment_id, attachment.download_url), (crate::ID, None));
}

#[test]
fn a_field_that_stands_there_twice() {
    let why = refused(|server| {
        let reply = good_reply(server).to_string();
        reply.replacen('{', "{\"attachment_id\": \"another\", ", 1)
    });
    assert_eq!(why, "answer has a duplicate field `attachment_id`");
}

#[test]
fn what_the_reply_calls_the_file_changes_nothing() {
    let mut server = Server::new();
    let mut reply = good_reply(&server);
    reply["filename"] = json!("other.exe");
    reply["content_type"] = json!("text/html");
    reply["size_bytes"] = json!(99);
    reply["added_later"] = json!({"deep": [[[null, 1e9, "x"]]]});
    reservation(&mut server, 200, reply.to_string()).create();
    let presigned = presign(&client(&server)).unwrap();
    assert_eq!(presigned.filename.as_deref(), Some("photo.jpg"));
    assert_eq!((presigned.content_type.as_deref(), presigned.size_bytes), (Some("image/jpeg"), Some(5)));
}
