//! Row 105: a success that is a web page, by whatever stands before the storage.

use linq::{CallOptions, Error, ErrorKind};
use serde_json::{Value, json};

use crate::common::{Sandbox, jpeg, upload};
use crate::support::{assert_is, both, failed};

/// Asked once, although more attempts are allowed; the caller may try later.
fn is_a_page(sandbox: &Sandbox, tls: bool, respond: &Value) -> Error {
    let puts = sandbox.puts().len();
    let fault = sandbox.on_put(json!({"respond": respond}));
    let error = failed(sandbox, upload(&sandbox.client(tls), &jpeg(50_000)));
    fault.assert_injected(1);
    assert_eq!(sandbox.puts().len(), puts + 1, "{respond}");
    assert_is(&error, ErrorKind::Protocol, Some(200), 1, true);
    let host = if tls { "localhost" } else { "127.0.0.1" };
    let expected = format!(
        "uploading photo.jpg: {host} answered 200 with a web page, so the file is not there; is something in \
         between, such as a captive portal or a CDN?"
    );
    assert_eq!(error.message, expected, "{respond}");
    let reserved = sandbox.puts().pop().unwrap().attachment_id().to_owned();
    assert_eq!(error.details.attachment_id, Some(reserved));
    error
}

#[test]
fn row_105_a_web_page_is_no_success() {
    both(|tls| {
        let sandbox = Sandbox::start();
        for page in [
            "<!DOCTYPE html><html><body>Please log in</body></html>",
            "<!doctype HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\">",
            "\u{feff}\r\n <html lang=en>",
            "<!-- saved --><!-- twice -->\n<HTML>",
            "<?xml version=\"1.0\"?>\n<!DOCTYPE html><html xmlns=\"http://www.w3.org/1999/xhtml\">",
            "<head><title>Login</title>",
            "<script>location='http://portal.example'</script>",
            "<meta http-equiv=refresh content=0>",
            "<body onload=x>",
            "<!DOCTYPE\n html>",
            "<h1>Log in</h1>",
            "<iframe src=http://portal.example></iframe>",
            "<!\0D\0O\0C\0T\0Y\0P\0E\0 \0h\0t\0m\0l\0>\0",
        ] {
            for kind in ["text/html", "application/octet-stream"] {
                is_a_page(&sandbox, tls, &json!({"body": page, "headers": [["Content-Type", kind]]}));
            }
        }
        sandbox.assert_nothing_stored();
    });
}

/// A page that cannot be looked at.
#[test]
fn row_105_a_compressed_web_page_is_no_success() {
    let sandbox = Sandbox::start();
    let headers = json!([["Content-Type", "text/html; charset=utf-8"], ["Content-Encoding", "gzip"]]);
    is_a_page(&sandbox, false, &json!({"body": "compressed", "headers": headers}));
    let fault = sandbox.on_put(json!({"respond": {"body": "", "headers": headers}}));
    upload(&sandbox.client(false), &jpeg(1000)).unwrap();
    fault.assert_injected(1);
}

#[test]
fn row_105_what_only_looks_like_one_is_a_success() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    for body in [
        "",
        "\n",
        "OK",
        "{\"html\": true}",
        "<htmlx>",
        "<?xml version=\"1.0\"?><PutObjectResult/>",
        "<!-- never ends <html>",
        "text <html>",
    ] {
        let fault =
            sandbox.on_put(json!({"respond": {"body": body, "headers": [["Content-Type", "text/html"]]}}));
        upload(&client, &jpeg(1000)).unwrap_or_else(|e| panic!("{body:?}: {e}"));
        fault.assert_injected(1);
    }
}

/// The same from Linq's side: nobody was asked, so nothing was deleted, reserved or sent.
#[test]
fn row_105_a_web_page_is_no_answer_of_linqs() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let id = upload(&client, &jpeg(1000)).unwrap().attachment_id;
    let page =
        json!({"status": 200, "body": "<!DOCTYPE html><html>", "headers": [["Content-Type", "text/html"]]});
    let fault = sandbox.plant(json!({"side": "api", "times": 0, "fault": {"respond": page}}));
    let end = "Linq's answer is a web page; is something in between, such as a captive portal, or is the base URL wrong \
               (LINQ_API_V3_BASE_URL)?";
    for (error, what) in [
        (
            client.delete_attachment(&id, CallOptions::default()).unwrap_err(),
            format!("deleting attachment {id}"),
        ),
        (client.attachment(&id, CallOptions::default()).unwrap_err(), format!("asking for attachment {id}")),
        (upload(&client, &jpeg(1000)).unwrap_err(), "reserving a place for photo.jpg".to_owned()),
    ] {
        assert_is(&error, ErrorKind::Protocol, Some(200), 1, true);
        assert_eq!(error.message, format!("{what}: {end}"));
    }
    fault.assert_injected(3);
    assert_eq!(sandbox.objects().len(), 1, "it was not deleted");
}
