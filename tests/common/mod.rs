//! A sandbox to test against, and what it saw.
#![allow(dead_code, unused_imports)] // no test uses all of it

mod cargo;
mod files;
mod process;
mod seen;

use std::ops::Range;
use std::time::{Duration, Instant};

use linq::{Attachment, CallOptions, Client, Config, Error, Source, UploadOptions};
use serde_json::{Value, json};

pub use files::{Folder, jpeg, sha256};
use process::Process;
pub use seen::{Fault, Request};

/// Plain and TLS.
pub const BOTH: [bool; 2] = [false, true];

/// A sandbox of its own for a test: faults are global to one. It ends with the test.
pub struct Sandbox {
    process: Process,
    control: ureq::Agent,
}

impl Sandbox {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    pub fn start_with(args: &[&str]) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build();
        Self { process: Process::start(cargo::sandbox(), args), control: config.into() }
    }

    /// A text of the ready line.
    pub fn get(&self, name: &str) -> String {
        self.process.get(name).to_owned()
    }

    pub fn bad_tls(&self, how: &str) -> String {
        self.process.ready["bad_tls"][how].as_str().expect("a kind of bad TLS").to_owned()
    }

    /// What a client of this sandbox needs, and nothing of the environment.
    pub fn config(&self, tls: bool) -> Config {
        Config {
            api_key: Some(self.get("key")),
            base_url: Some(self.get(if tls { "api_tls" } else { "api" })),
            ca_file: Some(self.get("ca_file").into()),
            use_environment: false,
            ..Config::default()
        }
    }

    pub fn client(&self, tls: bool) -> Client {
        Client::new(self.config(tls)).unwrap()
    }

    /// A client that tries once.
    pub fn client_once(&self, tls: bool) -> Client {
        Client::new(Config { max_attempts: 1, ..self.config(tls) }).unwrap()
    }

    fn ask(&self, method: &str, path: &str, body: String) -> Vec<u8> {
        let url = format!("{}{path}", self.get("control"));
        let request = ureq::http::Request::builder().method(method).uri(url).body(body).unwrap();
        let mut answer = self.control.run(request).unwrap();
        let body = answer.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap();
        let status = answer.status();
        assert!(status.is_success(), "{method} {path}: {status} {}", String::from_utf8_lossy(&body));
        body
    }

    pub fn list(&self, path: &str) -> Vec<Value> {
        serde_json::from_slice(&self.ask("GET", path, String::new())).unwrap()
    }

    /// Plants a fault: `{"side": …, "fault": {…}, …}`.
    pub fn plant(&self, spec: Value) -> Fault<'_> {
        let answer: Value = serde_json::from_slice(&self.ask("POST", "/faults", spec.to_string())).unwrap();
        Fault::new(self, answer["id"].as_u64().unwrap())
    }

    /// Plants a fault for the next PUT.
    pub fn on_put(&self, fault: Value) -> Fault<'_> {
        self.plant(json!({"side": "storage", "method": "PUT", "fault": fault}))
    }

    /// Plants a fault for the next reservation.
    pub fn on_reserve(&self, fault: Value) -> Fault<'_> {
        self.plant(
            json!({"side": "api", "method": "POST", "path_contains": "/v3/attachments", "fault": fault}),
        )
    }

    pub fn clear_faults(&self) {
        self.ask("DELETE", "/faults", String::new());
    }

    /// Every request but those to control, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.list("/requests").into_iter().map(Request).collect()
    }

    pub fn requests_to(&self, side: &str, method: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|r| r.0["side"] == side && r.0["method"] == method).collect()
    }

    pub fn puts(&self) -> Vec<Request> {
        self.requests_to("storage", "PUT")
    }

    pub fn reservations(&self) -> Vec<Request> {
        let all = self.requests_to("api", "POST");
        all.into_iter().filter(|r| r.path().ends_with("/v3/attachments")).collect()
    }

    /// How many connections a listener has accepted.
    pub fn accepted(&self, listener: &str) -> u64 {
        self.counter(listener, "accepted")
    }

    pub fn counter(&self, listener: &str, name: &str) -> u64 {
        let counters: Value =
            serde_json::from_slice(&self.ask("GET", "/connections", String::new())).unwrap();
        counters[listener][name].as_u64().unwrap_or_else(|| panic!("{listener}.{name}"))
    }

    /// What was uploaded, in order of reservation.
    pub fn objects(&self) -> Vec<Value> {
        self.list("/objects")
    }

    /// Asserts that nothing was stored for any reservation.
    #[track_caller]
    pub fn assert_nothing_stored(&self) {
        assert_eq!(self.objects(), Vec::<Value>::new());
    }

    /// The stored bytes.
    pub fn stored(&self, attachment_id: &str) -> Vec<u8> {
        self.ask("GET", &format!("/objects/{attachment_id}"), String::new())
    }

    /// Asserts that the server has exactly these bytes, under what was declared, and nothing else was stored.
    #[track_caller]
    pub fn assert_only(&self, attachment: &Attachment, bytes: &[u8]) {
        assert_eq!(self.objects().len(), 1, "{:?}", self.objects());
        self.assert_stored(attachment, bytes);
    }

    #[track_caller]
    pub fn assert_stored(&self, attachment: &Attachment, bytes: &[u8]) {
        let objects = self.objects();
        let object = objects.iter().find(|o| o["attachment_id"] == *attachment.attachment_id);
        let object = object.unwrap_or_else(|| panic!("{attachment:?} is not in {objects:?}"));
        assert_eq!(object["sha256"], sha256(bytes), "{object}");
        assert_eq!(object["size"], bytes.len());
        assert_eq!(object["filename"], *attachment.filename);
        assert_eq!(object["content_type"], *attachment.content_type);
        assert_eq!(attachment.size_bytes, bytes.len() as u64);
    }
}

/// Uploads bytes as `photo.jpg`.
pub fn upload(client: &Client, bytes: &[u8]) -> Result<Attachment, Error> {
    upload_with(client, bytes, CallOptions::default())
}

pub fn upload_with(client: &Client, bytes: &[u8], call: CallOptions<'_>) -> Result<Attachment, Error> {
    let options = UploadOptions { filename: Some("photo.jpg"), call, ..UploadOptions::default() };
    client.upload(Source::Bytes(bytes), options)
}

/// Asserts that `began` lies so many milliseconds back.
#[track_caller]
pub fn assert_took(began: Instant, milliseconds: Range<u64>) {
    let (took, range) = (began.elapsed(), range(milliseconds));
    assert!(range.contains(&took), "took {took:?}, not {range:?}");
}

/// Tries until a call takes as long as `range` says, and gives what that one gave. `run` tells the time that counts.
///
/// A machine that is busy with something else comes late, to many calls in a row, but not to all of half a minute; a
/// library that is late is late each time. Nothing may be early.
#[track_caller]
pub fn in_time<T>(range: Range<Duration>, mut run: impl FnMut() -> (Duration, T)) -> T {
    let mut all = Vec::new();
    let began = Instant::now();
    loop {
        let (took, value) = run();
        assert!(took >= range.start, "too early: {took:?}, not {range:?}");
        if took < range.end {
            return value;
        }
        all.push(took);
        assert!(began.elapsed() < Duration::from_secs(30), "never within {range:?}: {all:?}");
    }
}

/// The same for a call that is timed as a whole; the range is in milliseconds.
#[track_caller]
pub fn takes<T>(milliseconds: Range<u64>, mut run: impl FnMut() -> T) -> T {
    in_time(range(milliseconds), || {
        let began = Instant::now();
        let value = run();
        (began.elapsed(), value)
    })
}

fn range(milliseconds: Range<u64>) -> Range<Duration> {
    Duration::from_millis(milliseconds.start)..Duration::from_millis(milliseconds.end)
}
