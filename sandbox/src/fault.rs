//! One fault: all that can be made to go wrong. README.md says what each field does; `serve` injects those that concern the
//! making of a connection, `exchange` the rest.

use serde::Deserialize;
use serde_json::Value;

use crate::response::Frame;

/// One fault. Each field is a deviation of its own; they combine where that makes sense.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    // While a connection is made (`on: connect`).
    pub connect: Option<Connect>,
    pub alert: Option<u8>,
    // While the request is read.
    pub slow_read: Option<SlowRead>,
    pub pauses: Option<Pauses>,
    pub stall_after: Option<u64>,
    pub for_ms: Option<u64>,
    pub reset_after: Option<i64>,
    pub close_after: Option<u64>,
    pub key_update: Option<u64>,
    pub late_100: Option<u64>,
    pub two_100: bool,
    pub status_417: bool,
    // Instead of the real response.
    pub early: Option<Respond>,
    pub respond: Option<Respond>,
    pub redirect: Option<Redirect>,
    pub no_answer: bool,
    pub die_before_answer: Option<Then>,
    // Changes to the real response.
    pub delay_ms: Option<u64>,
    pub drip_ms: Option<u64>,
    pub interim: Vec<u16>,
    pub set_headers: Vec<(String, String)>,
    pub date: Option<Value>,
    pub merge: Option<Value>,
    pub expired: bool,
    pub expires_in: Option<i64>,
    // After the response.
    pub close_idle: bool,
    pub rst_idle: bool,
    pub after_ms: Option<u64>,
    pub close_on_next: bool,
    pub no_close_notify: bool,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connect {
    Silent,
    Plaintext,
    Reset,
    Close,
    CloseMidHandshake,
    OneByte,
    Alert,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlowRead {
    pub bytes_per_s: u64,
    #[serde(default)]
    pub from: u64,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pauses {
    pub every: u64,
    pub ms: u64,
}

/// A response made up by the test.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Respond {
    /// Only in `early`: after how many body bytes.
    pub after: u64,
    pub status: Option<u16>,
    pub reason: Option<String>,
    pub headers: Vec<(String, String)>,
    pub body: Option<Value>,
    pub body_base64: Option<String>,
    pub code: Option<Value>,
    pub message: Option<String>,
    pub raw: Option<String>,
    pub raw_base64: Option<String>,
    pub endless: bool,
    pub body_repeat: Option<Repeat>,
    pub framing: Frame,
    pub delay_ms: u64,
    pub drip_ms: Option<u64>,
    pub then: Option<Then>,
    pub grace_ms: Option<u64>,
    pub no_close_notify: bool,
    /// The bytes are read, but not hashed: the cheapest sink there is.
    pub no_hash: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    pub text: String,
    pub count: u64,
}

/// What becomes of the connection.
#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    Keep,
    Close,
    Reset,
    HalfClose,
    KeepOpen,
    Drain,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    pub status: u16,
    pub location: String,
}

impl Fault {
    /// Whether it answers, or ends the exchange, by itself, so that the real service is not asked.
    pub fn replaces_service(&self) -> bool {
        self.early.is_some()
            || self.respond.is_some()
            || self.redirect.is_some()
            || self.reset_after.is_some()
            || self.close_after.is_some()
    }

    pub fn reads_slowly(&self) -> bool {
        self.slow_read.is_some() || self.stall_after.is_some()
    }
}
