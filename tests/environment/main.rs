//! What the environment decides. It belongs to the whole process, so each case runs in one of its own: this program
//! again, told to run the one test `in_a_process_of_its_own`, which makes a client and uploads with it.

#[path = "../common/mod.rs"]
mod common;

mod proxies;
mod trust;
mod variables;

use std::env;
use std::process::Command;
use std::time::Duration;

use common::{Sandbox, jpeg, upload_with};
use linq::{CallOptions, Client, Config, Error};
use serde_json::{Value, json};

const CASE: &str = "LINQ_TEST_CASE";
const RESULT: &str = "the result is ";

/// Everything that might be set where the tests run, and would change what they see.
const KNOWN: [&str; 14] = [
    "LINQ_API_V3_API_KEY",
    "LINQ_API_V3_BASE_URL",
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "RUST_LOG",
    "RUST_BACKTRACE",
];

/// Uploads in a process with just these variables. `config`: what is not as in [`Config::default`], but for one
/// attempt and a timeout. `{"then": {"NAME": "value"}}` sets variables after the client was made.
fn upload_in(variables: &[(&str, &str)], config: Value) -> Value {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "in_a_process_of_its_own", "--ignored", "--nocapture", "--test-threads=1"]);
    for name in KNOWN {
        child.env_remove(name);
    }
    let output = child.envs(variables.iter().copied()).env(CASE, config.to_string()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
    let line = text.lines().find_map(|line| Some(line.split_once(RESULT)?.1));
    serde_json::from_str(line.unwrap_or_else(|| panic!("no result in {text}"))).unwrap()
}

#[track_caller]
fn assert_uploaded(result: &Value, sandbox: &Sandbox) {
    assert!(result["error"].is_null(), "{result}");
    let stored = sandbox.stored(result["attachment_id"].as_str().unwrap());
    assert_eq!(stored, jpeg(1000));
}

#[track_caller]
fn assert_failed(result: &Value, kind: &str, message: &str) {
    assert_eq!(result["error"]["kind"], kind, "{result}");
    assert_eq!(result["error"]["message"], message);
}

#[test]
#[ignore = "the other half of all the other tests"]
fn in_a_process_of_its_own() {
    let Ok(case) = env::var(CASE) else { return };
    let case: Value = serde_json::from_str(&case).unwrap();
    let result = match run(&case) {
        Ok(id) => json!({"attachment_id": id}),
        Err(error) => json!({"error": {
            "kind": format!("{:?}", error.kind),
            "message": error.message,
            "http_status": error.details.http_status,
            "retryable": error.details.retryable,
        }}),
    };
    println!("{RESULT}{result}");
}

fn run(case: &Value) -> Result<String, Error> {
    let text = |name: &str| case[name].as_str().map(str::to_owned);
    let client = Client::new(Config {
        api_key: text("api_key"),
        base_url: text("base_url"),
        ca_file: text("ca_file").map(Into::into),
        proxy: text("proxy"),
        use_environment: case["use_environment"].as_bool().unwrap_or(true),
        max_attempts: 1,
        ..Config::default()
    })?;
    for (name, value) in case["then"].as_object().into_iter().flatten() {
        // SAFETY: this is the only test of the process, on its only thread.
        unsafe { env::set_var(name, value.as_str().unwrap()) };
    }
    let call = CallOptions { timeout: Some(Duration::from_secs(10)), ..CallOptions::default() };
    Ok(upload_with(&client, &jpeg(1000), call)?.attachment_id)
}
