//! What the sandbox saw and did.

use serde_json::Value;

use super::Sandbox;

/// A planted fault.
pub struct Fault<'a> {
    sandbox: &'a Sandbox,
    id: u64,
}

impl<'a> Fault<'a> {
    pub(super) fn new(sandbox: &'a Sandbox, id: u64) -> Self {
        Fault { sandbox, id }
    }

    pub fn injected(&self) -> u64 {
        let faults = self.sandbox.list("/faults");
        let fault = faults.iter().find(|f| f["id"] == self.id).expect("a fault that was not cleared");
        fault["injected"].as_u64().unwrap()
    }

    /// A fault that was not injected proves nothing.
    #[track_caller]
    pub fn assert_injected(&self, times: u64) {
        assert_eq!(self.injected(), times, "how often fault {} was injected", self.id);
    }
}

/// A request as the sandbox saw it.
#[derive(Debug)]
pub struct Request(pub Value);

impl Request {
    pub fn path(&self) -> &str {
        self.0["path"].as_str().unwrap()
    }

    /// The headers in order, as they came.
    pub fn headers(&self) -> Vec<(String, String)> {
        serde_json::from_value(self.0["headers"].clone()).unwrap()
    }

    /// The value of a header that is there exactly once.
    #[track_caller]
    pub fn header(&self, name: &str) -> String {
        let mut found = self.headers();
        found.retain(|(n, _)| n.eq_ignore_ascii_case(name));
        assert_eq!(found.len(), 1, "{name} in {:?}", self.headers());
        found.remove(0).1
    }

    /// The names of all headers, in lower case and sorted.
    pub fn header_names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.headers().iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        names
    }

    /// The attachment id in a PUT's path.
    pub fn attachment_id(&self) -> &str {
        let path = self.path().split('?').next().unwrap();
        path.rsplit('/').next().unwrap()
    }

    /// The JSON that came.
    pub fn json(&self) -> Value {
        serde_json::from_str(self.0["body"].as_str().expect("a body")).unwrap()
    }

    pub fn number(&self, field: &str) -> u64 {
        self.0[field].as_u64().unwrap_or_else(|| panic!("{field} in {}", self.0))
    }
}
