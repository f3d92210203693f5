//! Early answers: five endings, plain and TLS, 20 times each.

use std::time::{Duration, Instant};

use linq::{CallOptions, Client, Config, ErrorKind, FileInfo, Source, UploadOptions};
use serde_json::json;

use super::{machine, ms, percentile};
use crate::common::Sandbox;
use crate::support::{BIG, each, failed};

const EACH: usize = 20;
const ENDINGS: [&str; 5] = ["close", "reset", "half_close", "keep_open", "drain"];

/// How many of the answers arrived, and how long the slowest upload took.
fn delivered(ending: &str, tls: bool) -> (usize, Duration) {
    let sandbox = Sandbox::start();
    let refusal = json!({"early": {"after": 50_000, "status": 403, "code": "AccessDenied", "message": "No.",
        "then": ending}});
    let fault = sandbox.plant(json!({"side": "storage", "times": 0, "fault": refusal}));
    let client = Client::new(Config { max_attempts: 1, ..sandbox.config(tls) }).unwrap();
    let file = FileInfo { filename: "a.jpg", content_type: None, size_bytes: BIG.len() as u64 };
    let presigned = client.presign(file, CallOptions::default()).unwrap();
    let mut samples = Vec::new();
    let arrived = (0..EACH).filter(|_| {
        let began = Instant::now();
        let result = client.upload_presigned(&presigned, Source::Bytes(&BIG), UploadOptions::default());
        samples.push(began.elapsed());
        let error = failed(&sandbox, result);
        error.kind == ErrorKind::Storage
            && error.details.http_status == Some(403)
            && error.details.storage_code.as_deref() == Some("AccessDenied")
    });
    let arrived = arrived.count();
    fault.assert_injected(EACH as u64);
    (arrived, percentile(&mut samples, 100))
}

#[test]
#[ignore = "measures time"]
fn early_answers() {
    let _machine = machine();
    let cases: Vec<_> = ENDINGS.iter().flat_map(|ending| [(*ending, false), (*ending, true)]).collect();
    let table = std::sync::Mutex::new(Vec::new());
    each(&cases, |(ending, tls)| {
        let (arrived, slowest) = delivered(ending, *tls);
        table.lock().unwrap().push((*ending, *tls, arrived, slowest));
    });
    let mut table = table.into_inner().unwrap();
    table.sort();
    for (ending, tls, arrived, slowest) in &table {
        let how = if *tls { "TLS" } else { "plain" };
        println!(
            "figure: early answer, then {ending:<10} {how:<5} {arrived} of {EACH}, slowest {}",
            ms(*slowest)
        );
    }
    let all: usize = table.iter().map(|row| row.2).sum();
    println!("figure: early answers delivered: {all} of {}", table.len() * EACH);
    assert_eq!(all, 200);
}
