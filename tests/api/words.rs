//! What servers say again of what they were sent is not shown.

use linq::{AttachmentInfo, Error, ErrorKind, Presigned, Request, Source, UploadOptions};
use mockito::Matcher;

use super::*;

/// As a generator of random text in base64 may make it: encoders of JSON escape some of it.
const KEY: &str = "abcd/efgh+ijkl";

/// What is said of a reservation that was answered so.
fn refused(status: usize, headers: &[(&str, &str)], body: &str) -> Error {
    let mut server = Server::new();
    let mut answer = reservation(&mut server, status, body);
    for (name, value) in headers {
        answer = answer.with_header(*name, value);
    }
    let answer = answer.create();
    let config = Config {
        api_key: Some(KEY.to_owned()),
        base_url: Some(server.url()),
        use_environment: false,
        max_attempts: 1,
        ..Config::default()
    };
    let error = presign(&Client::new(config).unwrap()).unwrap_err();
    answer.assert();
    error
}

#[test]
fn the_key_is_hidden_however_it_is_written() {
    for written in [r"abcd\/efgh+ijkl", r"abcd/efgh\u002bijkl", KEY] {
        let body = format!(
            r#"{{"error":{{"message":"bad key {written}","doc_url":"https://h/{written}"}},"trace_id":"t-{written}"}}"#
        );
        let error = refused(401, &[], &body);
        assert!(error.message.ends_with("status 401: bad key (the API key); check the API key"), "{error}");
        assert_eq!(error.details.doc_url.as_deref(), Some("https://h/(the API key)"));
        assert_eq!(error.details.trace_id.as_deref(), Some("t-(the API key)"));
    }
    let error = refused(307, &[("Location", "https://abcdefgh/")], "");
    assert!(error.message.contains("redirects to abcdefgh (status 307)"), "{error}");
}

#[test]
fn the_query_of_the_upload_url_is_hidden_however_it_is_written() {
    let mut server = Server::new();
    let mut reply = good_reply(&server);
    let signature = "0123456789abcdef";
    let url = format!("{}/put?X-Amz-Credential=AKIA%2F20260101&X-Amz-Signature={signature}", server.url());
    reply["upload_url"] = json!(url);
    let presigned = Presigned::parse(reply.to_string().as_bytes()).unwrap();
    let config =
        Config { use_environment: false, allow_http_loopback: true, max_attempts: 1, ..Config::default() };
    let client = Client::new(config).unwrap();
    for words in [
        format!("X-Amz-Signature={signature} is wrong"),
        format!("no route for PUT /put?sig={signature}"),
        format!("next=https%3A%2F%2Fh%2Fp%3FX-Amz-Signature%3D{signature}"),
        format!("https://h/p&amp;#63;X-Amz-Signature={signature}"),
        format!("AWS4 AKIA/20260101 AKIA%2F20260101 {signature}"),
    ] {
        let body = format!(
            "<Error><Code>{signature}</Code><Message>{words}</Message><RequestId>{signature}</RequestId></Error>"
        );
        let refusal = server.mock("PUT", Matcher::Any).with_status(403).with_body(body).create();
        let error = client.upload_presigned(
            &presigned,
            Source::Bytes(b"\xff\xd8\xff\xe0j"),
            UploadOptions::default(),
        );
        let error = error.unwrap_err();
        refusal.assert();
        let all = format!("{error:?} {error}");
        assert_eq!(error.kind, ErrorKind::Storage, "{all}");
        assert!(!all.contains(signature) && !all.contains("AKIA"), "{all}");
        assert_eq!(error.details.storage_request_id.as_deref(), Some("(part of the upload URL)"));
    }
}

#[test]
fn a_download_url_may_be_signed_and_is_in_no_print() {
    let mut server = Server::new();
    let body = json!({"id": ID, "filename": "a.txt", "content_type": "text/plain", "size_bytes": 5,
                      "created_at": "2026-01-15T10:45:00Z", "download_url": "https://cdn/x?X-Amz-Signature=secret"});
    let _answer = server.mock("GET", &*format!("/v3/attachments/{ID}")).with_body(body.to_string()).create();
    let info: AttachmentInfo = client(&server).attachment(ID, CallOptions::default()).unwrap();
    assert!(info.download_url.as_deref().unwrap().contains("secret"));
    let print = format!("{info:?}");
    assert!(print.contains(ID) && !print.contains("secret"), "{print}");

    // The same wherever it is: in a place, in an attachment, in an answer.
    let mut reply = good_reply(&server);
    reply["download_url"] = json!("https://cdn/x?X-Amz-Signature=secret");
    reservation(&mut server, 200, reply.to_string()).expect(2).create();
    server.mock("PUT", Matcher::Any).create();
    let client = client(&server);
    let place = format!("{:?}", presign(&client).unwrap());
    let options = UploadOptions { filename: Some("photo.jpg"), ..UploadOptions::default() };
    let attachment = client.upload(Source::Bytes(b"\xff\xd8\xff\xe0a"), options).unwrap();
    assert!(attachment.download_url.as_deref().unwrap().contains("secret"));
    let path = format!("attachments/{ID}");
    let request =
        Request { method: "GET", path: &path, json: None, idempotency_key: None, repeatable: false };
    let response = client.send_request(request, CallOptions::default()).unwrap();
    assert!(response.json.as_deref().unwrap().contains("secret"));
    for print in [place, format!("{attachment:?}"), format!("{response:?}")] {
        assert!(!print.contains("secret"), "{print}");
    }
}
