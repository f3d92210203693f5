//! Row 27: redirects, of the reservation and of the PUT.

use linq::{Client, Config, ErrorKind};
use serde_json::json;

use crate::common::{Sandbox, jpeg, upload};
use crate::support::{assert_is, each, failed};

/// Neither with the key nor with the bytes. The message names the host alone.
#[test]
fn row_27_redirects_are_never_followed() {
    each(&[301, 302, 303, 307, 308], |status| {
        for tls in [false, true] {
            let sandbox = Sandbox::start();
            let to = if tls { "other_tls" } else { "other" };
            let host = if tls { "localhost" } else { "127.0.0.1" };
            let redirect = json!({"redirect": {"status": status, "location": to}});
            let client = sandbox.client(tls);
            for (side, what) in
                [("api", "reserving a place for photo.jpg"), ("storage", "uploading photo.jpg")]
            {
                let fault = sandbox.plant(json!({"side": side, "fault": redirect}));
                let error = failed(&sandbox, upload(&client, &jpeg(100_000)));
                fault.assert_injected(1);
                assert_is(&error, ErrorKind::Protocol, Some(*status), 1, false);
                let hint = match side {
                    "api" => "; is the base URL right? LINQ_API_V3_BASE_URL sets it",
                    _ => "",
                };
                assert_eq!(
                    error.message,
                    format!(
                        "{what}: {host} redirects to {host} (status {status}), which is never followed{hint}"
                    )
                );
            }
            assert_eq!(sandbox.accepted("other") + sandbox.accepted("other_tls"), 0, "never contacted");
            assert!(sandbox.requests_to("other", "GET").is_empty());
        }
    });
}

/// A Location may be a path, another host, or empty.
#[test]
fn row_27_locations_of_every_kind() {
    let sandbox = Sandbox::start();
    let client = Client::new(Config { max_attempts: 2, ..sandbox.config(false) }).unwrap();
    for (location, host) in [
        ("self", "127.0.0.1"),
        ("https://evil.example/a?token=X-Amz-Signature", "evil.example"),
        ("/relative?X-Amz-Signature=1", "somewhere else"),
        ("", "somewhere else"),
    ] {
        let fault = sandbox.on_put(json!({"redirect": {"status": 302, "location": location}}));
        let error = failed(&sandbox, upload(&client, &jpeg(1000)));
        fault.assert_injected(1);
        assert!(error.message.contains(&format!(" redirects to {host} (status 302)")), "{location}: {error}");
    }
}
