//! The API's error envelope and its codes.

use serde_json::json;

use crate::response::Response;
use crate::util::random_hex;

/// A refusal: HTTP status, Linq's code, and a sentence.
pub struct Refusal(pub u16, pub u16, pub String);

pub fn refuse<T>(status: u16, code: u16, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(status, code, message.into()))
}

impl Refusal {
    pub fn response(&self) -> Response {
        let Self(status, code, message) = self;
        let doc_url = format!("https://docs.linqapp.com/error/codes/{}xxx/{code}/", code / 1000);
        let trace_id = random_hex();
        let mut response = Response::json(
            *status,
            &json!({
                "success": false,
                "error": {"status": status, "code": code, "message": message, "doc_url": doc_url},
                "trace_id": trace_id,
            }),
        );
        response.set("X-Trace-ID", trace_id);
        response
    }
}

/// The code that a status has when nothing more is known.
pub fn usual_code(status: u16) -> u16 {
    match status {
        401 => 2004,
        403 => 2005,
        404 => 2001,
        409 => 2015,
        429 => 1007,
        503 => 4004,
        504 => 3005,
        500.. => 3006,
        _ => 1003,
    }
}
