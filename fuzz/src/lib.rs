//! The targets of `make fuzz`: each is a function of some bytes that panics where a promise is broken.
//!
//! `fuzz_targets/` gives each to libFuzzer, `tests/corpora.rs` runs each over its corpus without it.

mod calls;
mod check;
mod pure;
mod server;

/// A target: its name, which is that of its corpus too, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("api", calls::api),
    ("api_error", pure::api_error),
    ("api_tls", calls::api_tls),
    ("body", calls::body),
    ("head", calls::head),
    ("no_proxy", pure::no_proxy),
    ("presigned", pure::presigned),
    ("put", calls::put),
    ("put_tls", calls::put_tls),
    ("redaction", calls::redaction),
    ("reservation", calls::reservation),
    ("retry_after", pure::retry_after),
    ("sniff", pure::sniff),
    ("storage_error", pure::storage_error),
    ("urls", pure::urls),
];

/// Runs a target once.
pub fn run(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    target.unwrap_or_else(|| panic!("there is no target {name}")).1(input);
}
