//! Every documented code, with all that is said about it.

use linq::ErrorKind::{self, Api, NotFound, RateLimited, Unauthorized};
use mockito::Server;
use serde_json::json;

use crate::{client, presign, reservation};

/// The code, the HTTP status, what it becomes, and whether it passes by itself.
const CODES: [(u32, u16, ErrorKind, bool); 58] = [
    (1001, 400, Api, false),
    (1002, 400, Api, false),
    (1003, 400, Api, false),
    (1003, 422, Api, false),
    (1004, 400, Api, false),
    (1005, 400, Api, false),
    (1006, 400, Api, false),
    (1006, 409, Api, false),
    (1007, 429, RateLimited, true),
    (1008, 400, Api, false),
    (2001, 404, NotFound, false),
    (2002, 404, NotFound, false),
    (2003, 404, NotFound, false),
    (2004, 401, Unauthorized, false),
    (2005, 403, Api, false),
    (2006, 403, Api, false),
    (2007, 404, Api, true),
    (2008, 403, Api, false),
    (2009, 409, Api, true),
    (2010, 404, NotFound, false),
    (2011, 403, Api, false),
    (2012, 404, NotFound, false),
    (2013, 409, Api, false),
    (2014, 409, Api, false),
    (2015, 409, Api, false),
    (2016, 409, Api, false),
    (2017, 409, Api, false),
    (2018, 409, Api, false),
    (2019, 404, NotFound, false),
    (2021, 404, NotFound, false),
    (2022, 500, Api, true),
    (2023, 409, Api, false),
    (2024, 403, Api, false),
    (2026, 403, Api, false),
    (2027, 403, Api, false),
    (2028, 409, Api, false),
    (3001, 500, Api, true),
    (3002, 500, Api, true),
    (3003, 500, Api, true),
    (3004, 500, Api, true),
    (3005, 504, Api, true),
    (3006, 500, Api, true),
    (3007, 500, Api, true),
    (4001, 500, Api, true),
    (4002, 500, Api, true),
    (4003, 500, Api, true),
    (4004, 503, Api, true),
    (4005, 422, Api, false),
    (5001, 500, Api, true),
    (5001, 413, Api, false),
    (5002, 500, Api, true),
    (5003, 500, Api, true),
    (5004, 400, Api, false),
    (5005, 400, Api, false),
    (5006, 400, Api, false),
    (5007, 400, Api, false),
    // numbers that no table has
    (1015, 400, Api, false),
    (99_999, 418, Api, false),
];

#[test]
fn every_documented_code_says_all_it_says() {
    let mut server = Server::new();
    let client = client(&server);
    for (code, status, kind, retryable) in CODES {
        let doc_url = format!("https://docs.linqapp.com/error/codes/{}xxx/{code}/", code / 1000);
        let trace_id = format!("trace_{code}");
        let body = json!({
            "success": false,
            "error": {"status": status, "code": code, "message": format!("words about {code}"), "doc_url": doc_url},
            "trace_id": trace_id,
        });
        let mock = reservation(&mut server, status.into(), body.to_string())
            .with_header("x-trace-id", "the header's")
            .expect(1)
            .create();
        let error = presign(&client).unwrap_err();
        mock.assert();
        mock.remove();
        let advice = match kind {
            Unauthorized => "; check the API key",
            RateLimited => "; try again later",
            _ => "",
        };
        let message = format!(
            "reserving a place for photo.jpg: Linq refused with status {status}, code {code}: words about \
             {code}{advice}"
        );
        assert_eq!((error.kind, error.message), (kind, message));
        let details = *error.details;
        assert_eq!((details.http_status, details.api_code), (Some(status), Some(code)));
        assert_eq!(details.doc_url, Some(doc_url));
        assert_eq!(details.trace_id, Some(trace_id), "the body's comes first");
        assert_eq!((details.retryable, details.attempts), (retryable, 1), "{code} {status}");
        assert_eq!((details.retry_after, details.storage_code, details.attachment_id), (None, None, None));
    }
}
