//! Responses that are not a success: refusals with the servers' own words and ids, redirects, and what is not HTTP.

use linq::ErrorKind;
use serde_json::json;

use crate::common::{BOTH, Sandbox, jpeg, upload};

#[test]
fn a_redirect_is_never_followed_and_names_the_host_alone() {
    let bytes = jpeg(300_000);
    for tls in BOTH {
        for status in [301, 302, 303, 307, 308] {
            let sandbox = Sandbox::start();
            let client = sandbox.client(tls);
            let host = if tls { "localhost" } else { "127.0.0.1" };
            let target = if tls { "other_tls" } else { "other" };
            let redirect = json!({"redirect": {"status": status, "location": target}});

            let fault = sandbox.on_put(redirect.clone());
            let error = upload(&client, &bytes).unwrap_err();
            fault.assert_injected(1);
            let expected = format!(
                "uploading photo.jpg: {host} redirects to {host} (status {status}), which is never followed"
            );
            assert_eq!((error.kind, &*error.message), (ErrorKind::Protocol, &*expected));
            assert_eq!((error.details.http_status, error.details.attempts), (Some(status), 1));

            let fault = sandbox.on_reserve(redirect);
            let error = upload(&client, &bytes).unwrap_err();
            fault.assert_injected(1);
            let expected = expected.replace("uploading", "reserving a place for")
                + "; is the base URL right? LINQ_API_V3_BASE_URL sets it";
            assert_eq!((error.kind, &*error.message), (ErrorKind::Protocol, &*expected));
            assert_eq!(error.details.http_status, Some(status));

            assert_eq!((sandbox.accepted("other"), sandbox.accepted("other_tls")), (0, 0));
            assert_eq!((sandbox.reservations().len(), sandbox.puts().len()), (2, 1));
        }
    }
}

#[test]
fn where_a_redirect_leads_is_told_without_path_and_query() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    for (location, host) in [
        ("https://elsewhere.example:8443/a/b?X-Amz-Signature=secret", "elsewhere.example"),
        ("/relative?X-Amz-Signature=secret", "somewhere else"),
        ("https://user:secret@elsewhere.example/", "elsewhere.example"),
        ("", "somewhere else"),
    ] {
        let fault = sandbox.on_put(json!({"redirect": {"status": 307, "location": location}}));
        let error = upload(&client, &jpeg(10)).unwrap_err();
        fault.assert_injected(1);
        assert!(error.message.contains(&format!(" redirects to {host} (status 307)")), "{error}");
        assert!(!error.message.contains("secret"), "{error}");
    }
}

#[test]
fn a_200_that_carries_s3s_error_is_a_refusal() {
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let fault =
            sandbox.on_put(json!({"respond": {"status": 200, "code": "AccessDenied", "message": "no"}}));
        let error = upload(&sandbox.client(tls), &jpeg(300_000)).unwrap_err();
        fault.assert_injected(1);
        let host = if tls { "localhost" } else { "127.0.0.1" };
        let expected =
            format!("uploading photo.jpg: the storage at {host} refused with status 200 AccessDenied: no");
        assert_eq!((error.kind, &*error.message), (ErrorKind::Storage, &*expected));
        assert_eq!(error.details.storage_code.as_deref(), Some("AccessDenied"));
    }
}

#[test]
fn any_2xx_without_an_error_is_a_success() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    for respond in [
        json!({"status": 200}),
        json!({"status": 201, "body": "<PostResponse><ETag>x</ETag></PostResponse>"}),
        json!({"status": 204}),
        json!({"status": 200, "body": "no <Errors> here"}),
        json!({"status": 200, "framing": "chunked", "body": "ok"}),
        json!({"status": 200, "framing": "none", "body": "ok"}),
    ] {
        let fault = sandbox.on_put(json!({"respond": respond}));
        let attachment = upload(&client, &jpeg(1000)).unwrap_or_else(|e| panic!("{respond}: {e}"));
        fault.assert_injected(1);
        assert_eq!(attachment.attempts, 1, "{respond}");
    }
}

#[test]
fn s3s_words_and_ids_reach_the_caller() {
    let sandbox = Sandbox::start();
    let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SignatureDoesNotMatch</Code>\
                <Message>The request signature we calculated does not match &amp; so on</Message>\
                <RequestId>REQ123</RequestId><HostId>host/id+2=</HostId></Error>";
    let fault = sandbox.on_put(json!({"respond": {"status": 403, "body": body}}));
    let error = upload(&sandbox.client(false), &jpeg(10)).unwrap_err();
    fault.assert_injected(1);
    let expected = "uploading photo.jpg: the storage at 127.0.0.1 refused with status 403 SignatureDoesNotMatch: The \
                    request signature we calculated does not match & so on";
    assert_eq!((error.kind, &*error.message), (ErrorKind::Storage, expected));
    let details = &*error.details;
    assert_eq!(details.storage_request_id.as_deref(), Some("REQ123"));
    assert_eq!(details.storage_id_2.as_deref(), Some("host/id+2="));
    assert_eq!(details.attachment_id.as_deref(), Some(sandbox.puts()[0].attachment_id()));
    assert_eq!(
        (details.api_code, details.trace_id.as_deref(), details.doc_url.as_deref()),
        (None, None, None)
    );
}

/// The S3 server itself notices a header that is not the signed one.
#[test]
fn the_storage_itself_refuses_what_was_not_signed() {
    for tls in BOTH {
        let sandbox = Sandbox::start();
        let lie = json!({"merge": {"required_headers": {"Content-Type": "image/png"}}});
        let fault = sandbox.on_reserve(lie);
        let error = upload(&sandbox.client(tls), &jpeg(300_000)).unwrap_err();
        fault.assert_injected(1);
        assert_eq!((error.kind, error.details.http_status), (ErrorKind::Storage, Some(403)), "{error}");
        assert_eq!(error.details.storage_code.as_deref(), Some("SignatureDoesNotMatch"));
        assert!(error.details.storage_request_id.is_some() && error.details.storage_id_2.is_some());
        assert_eq!(sandbox.puts()[0].header("content-type"), "image/png", "values are sent untouched");
        sandbox.assert_nothing_stored();
    }
}

#[test]
fn bodies_that_are_no_s3_error_leave_the_status() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaa\">]><Error><Code>&a;</Code></Error>";
    // the answer, and what follows the status in the message
    let table = [
        (json!({"body": "<html><h1>403 Forbidden</h1></html>"}), " (its answer is a web page)"),
        (json!({"body": ""}), ""),
        (json!({"body": "{\"error\": \"no\"}"}), ": no"),
        (json!({"body_base64": "/////w=="}), ""),
        (json!({"body": "<Error><Code>AccessDen"}), ""),
        (json!({"body": "<Error><Code>AccessDenied</Code><Mess"}), " AccessDenied"),
        (json!({"body": bomb}), " &a;"),
        (json!({"body_repeat": {"text": "<Error>", "count": 1_000_000}}), ""),
        (json!({"endless": true}), ""),
        (json!({"framing": "chunked", "body": "<Error><Code>AccessDenied</Code></Error>"}), " AccessDenied"),
        (json!({"framing": "none", "body": "<Error><Code>AccessDenied</Code></Error>"}), " AccessDenied"),
        (
            json!({"headers": [["Content-Length", "9999"]], "then": "close",
                   "body": "<Error><Code>AccessDenied</Code></Error>"}),
            " AccessDenied",
        ),
    ];
    for (mut respond, words) in table {
        respond["status"] = json!(403);
        let fault = sandbox.on_put(json!({"respond": respond}));
        let error = upload(&client, &jpeg(1000)).expect_err(&respond.to_string());
        fault.assert_injected(1);
        let expected =
            format!("uploading photo.jpg: the storage at 127.0.0.1 refused with status 403{words}");
        assert_eq!((error.kind, &*error.message), (ErrorKind::Storage, &*expected), "{respond}");
        assert_eq!(error.details.http_status, Some(403));
        assert_eq!(error.details.attempts, 1);
    }
}

#[test]
fn answers_that_are_no_http_break_the_contract() {
    let sandbox = Sandbox::start();
    let client = sandbox.client_once(false);
    for (side, method) in [("api", "POST"), ("storage", "PUT")] {
        for (raw, why) in [
            ("SSH-2.0-OpenSSH_9.6\r\n".repeat(20), "did not answer in proper HTTP"),
            ("HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n".to_owned(), ""),
            (
                format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "x".repeat(40_000)),
                "sent more than 32 KiB of headers",
            ),
        ] {
            let respond = json!({"respond": {"raw": raw, "then": "close"}});
            let fault = sandbox.plant(json!({"side": side, "method": method, "fault": respond}));
            let error = upload(&client, &jpeg(10)).unwrap_err();
            fault.assert_injected(1);
            assert_eq!(error.kind, ErrorKind::Protocol, "{raw:.40}: {error}");
            assert!(error.message.ends_with(why), "{error}");
            assert!(error.message.contains("127.0.0.1"), "{error}");
            assert!(!error.details.retryable, "{error}");
        }
    }
}
