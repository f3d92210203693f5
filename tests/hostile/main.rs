//! A server that answers what it likes when it likes, and a C program that calls the library: the process lives, each
//! call ends in time and says something that is true and no secret, and nothing is left behind.
//!
//! Everything is made from a seed, which is printed when something goes wrong.
//!
//! | variable | |
//! |---|---|
//! | `LINQ_HOSTILE_SEED` | the first seed; alone: the only one, and what the program said is shown |
//! | `LINQ_HOSTILE_SECONDS` | one seed after the other for so long, instead of as many as CI runs |
//!
//! The variables of tests/c.rs choose the compiler and the library.
#![cfg(feature = "capi")]

#[allow(dead_code)]
#[path = "../c/support/runner.rs"]
mod runner;

mod reply;
mod script;
mod server;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use reply::{PLACE_ID, Random, info};
use runner::{Build, root};
use script::{Expected, Script};
use server::{Server, Tls};

const KEY: &str = "hostile-key-0123456789";
const SIGNATURE: &str = "hostile5ignature0123456789";

/// How many seeds CI runs.
const SEEDS: u64 = 600;
/// How much later a call may end on a machine that is busy.
const MARGIN: u64 = 1500;
/// The same for a call that was cancelled.
const CANCEL: i64 = 1000;
/// What a process may need besides the bytes that it uploads.
const KIBIBYTES: i64 = 48 * 1024;

/// What a client does, and what must come of it.
#[derive(Debug)]
struct Plan {
    what: &'static str,
    tls: bool,
    many_tickets: bool,
    /// Whether the storage misbehaves; else Linq does.
    storage: bool,
    expect_header: bool,
    size: usize,
    timeout: u64,
    stall: u64,
    attempts: u64,
    cancel: i64,
    calls: usize,
    expected: Expected,
}

impl Plan {
    fn new(random: &mut Random) -> Self {
        let what = ["put", "put", "put", "whole", "get"][random.below(5)];
        let expected = match random.below(10) {
            0..2 => Expected::Success,
            2..4 => Expected::Status([400, 403, 404, 409, 412, 429, 500, 503, 307][random.below(9)]),
            _ => Expected::Anything,
        };
        // Where the outcome is certain, a busy machine must not change it.
        let sure = expected != Expected::Anything;
        Plan {
            what,
            tls: random.often(50),
            many_tickets: random.often(10),
            storage: what == "put" || what == "whole" && random.often(30),
            expect_header: what == "put" && random.often(15),
            size: [1, 1000, 100_000, 1_000_000, 8_000_000, 8_000_000][random.below(6)],
            timeout: if sure { 10_000 } else { random.within(300, 1500) as u64 },
            stall: if sure { 5000 } else { random.within(200, 700) as u64 },
            attempts: if sure { 1 } else { random.within(1, 4) as u64 },
            cancel: if !sure && random.often(30) { random.below(600) as i64 } else { -1 },
            // After a refusal that came early, the connection may be one that nobody serves.
            calls: if matches!(expected, Expected::Status(_)) { 1 } else { random.within(1, 4) },
            expected,
        }
    }

    /// One for each call; `body`: what a success must hold.
    fn scripts(&self, random: &mut Random, body: Option<&str>) -> Vec<Script> {
        let script = |_| match self.expected {
            Expected::Anything => Script::hostile(random),
            Expected::Status(status) => Script::refusal(random, status, self.storage),
            Expected::Success => Script::success(random, body, self.storage),
        };
        (0..self.calls).map(script).collect()
    }
}

/// What Linq replies, and a phone is given.
fn place(tls: bool, port: u16, expect: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    let headers = if expect { r#"{"Expect":"100-continue"}"# } else { "{}" };
    format!(
        r#"{{"attachment_id":"{PLACE_ID}","upload_url":"{scheme}://127.0.0.1:{port}/b/o?X-Amz-Signature={SIGNATURE}","download_url":"https://d/","http_method":"PUT","expires_at":"2040-01-15T10:45:00Z","required_headers":{headers}}}"#
    )
}

/// What is the same for all seeds.
struct Setup {
    client: PathBuf,
    tls: Tls,
    ca_file: PathBuf,
}

/// Runs a seed; how its calls ended, or what was wrong.
fn run(seed: u64, setup: &Setup) -> Result<Vec<u32>, String> {
    let mut random = Random::new(seed);
    let plan = Plan::new(&mut random);
    let tls = || plan.tls.then(|| setup.tls.config(plan.many_tickets));
    let scripts = if plan.storage { plan.scripts(&mut random, None) } else { Vec::new() };
    let mut told = format!("{plan:#?}\n{scripts:#?}");
    let storage = Server::start(tls(), scripts, String::new());
    let place = place(plan.tls, storage.port, plan.expect_header);
    let answer = if plan.what == "get" { info() } else { place.clone() };
    let scripts = if plan.storage { Vec::new() } else { plan.scripts(&mut random, Some(&answer)) };
    told += &format!("\n{scripts:#?}");
    let api = Server::start(tls(), scripts, answer);

    let base = format!("{}://127.0.0.1:{}", if plan.tls { "https" } else { "http" }, api.port);
    let numbers =
        [plan.size as i64, plan.timeout as i64, plan.stall as i64, plan.attempts as i64, plan.cancel];
    let limit = (plan.timeout + MARGIN) * plan.calls as u64 / 1000 + 5;
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", &limit.to_string()]).arg(&setup.client);
    command.args([plan.what, &base, &place]).args(numbers.map(|n| n.to_string())).arg(plan.calls.to_string());
    command
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("LINQ_API_V3_API_KEY", KEY)
        .env("SSL_CERT_FILE", &setup.ca_file);
    let output = command.output().map_err(|why| why.to_string())?;
    let judged = judge(&plan, &output);
    if env::var_os("LINQ_HOSTILE_SEED").is_some_and(|seed| !seed.is_empty()) {
        println!("{told}\n{judged:?}");
    }
    judged.map_err(|why| format!("seed {seed}: {why}\n{told}"))
}

/// How the calls ended, where everything is as linq.h says.
fn judge(plan: &Plan, output: &Output) -> Result<Vec<u32>, String> {
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => {}
        Some(137) => return Err(format!("a call does not end:\n{said}")),
        _ => return Err(format!("the process died: {}\n{said}{errors}", output.status)),
    }
    if !errors.is_empty() {
        return Err(format!("it wrote to stderr: {errors}"));
    }
    if let Some(secret) = [KEY, SIGNATURE].iter().find(|secret| said.contains(**secret)) {
        return Err(format!("{secret} is shown:\n{said}"));
    }
    let calls: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("call ")).collect();
    let statuses: Result<Vec<_>, _> = calls.iter().map(|line| judge_call(plan, line)).collect();
    let statuses = statuses.map_err(|why| format!("{why}\n{said}"))?;
    let end = said.lines().find_map(|line| line.strip_prefix("end ")).ok_or("it did not come to its end")?;
    let [descriptors, kibibytes] = numbers(end)[..] else { return Err(format!("what is {end}?")) };
    if descriptors != 0 {
        return Err(format!("{descriptors} descriptors are left"));
    }
    if kibibytes > KIBIBYTES + plan.size as i64 / 1024 {
        return Err(format!("it took {kibibytes} KiB"));
    }
    if statuses.len() != plan.calls {
        return Err(format!("{} calls instead of {}", statuses.len(), plan.calls));
    }
    Ok(statuses)
}

fn numbers(text: &str) -> Vec<i64> {
    text.split(' ').map_while(|word| word.parse().ok()).collect()
}

/// One call: `STATUS HTTP_STATUS MS AFTER_CANCEL_MS MESSAGE`.
fn judge_call(plan: &Plan, line: &str) -> Result<u32, String> {
    let mut words = line.splitn(5, ' ');
    let parts = numbers(&words.by_ref().take(4).collect::<Vec<_>>().join(" "));
    let message = words.next().unwrap_or_default();
    let [status, http_status, time, after_cancel] = parts[..] else {
        return Err("it cannot be read".to_owned());
    };
    if time > (plan.timeout + MARGIN) as i64 {
        return Err(format!("a call with a deadline of {} ms took {time} ms", plan.timeout));
    }
    if after_cancel > CANCEL {
        return Err(format!("a call ended {after_cancel} ms after it was cancelled"));
    }
    if (status == OK) != message.is_empty() || message.contains(char::is_control) {
        return Err(format!("status {status} says {message:?}"));
    }
    let possible = match status {
        OK | NETWORK | TLS | TIMEOUT | PROTOCOL => true,
        CANCELLED => plan.cancel >= 0,
        UNAUTHORIZED | NOT_FOUND | RATE_LIMITED | API => plan.what != "put",
        STORAGE | EXPIRED => plan.what != "get",
        _ => false,
    };
    let wanted = match plan.expected {
        Expected::Anything => true,
        Expected::Success => status == OK,
        Expected::Status(wanted) => http_status == i64::from(wanted) && status != OK,
    };
    match (possible, wanted) {
        (false, _) => Err(format!("status {status} cannot be")),
        (_, false) => {
            Err(format!("{:?} became status {status}, http {http_status}: {message}", plan.expected))
        }
        _ => Ok(status as u32),
    }
}

const OK: i64 = 0;
const NETWORK: i64 = 4;
const TLS: i64 = 5;
const TIMEOUT: i64 = 6;
const CANCELLED: i64 = 7;
const UNAUTHORIZED: i64 = 8;
const NOT_FOUND: i64 = 9;
const RATE_LIMITED: i64 = 10;
const API: i64 = 11;
const STORAGE: i64 = 12;
const EXPIRED: i64 = 13;
const PROTOCOL: i64 = 14;

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().filter(|text| !text.is_empty()).map(|text| text.parse().expect(variable))
}

#[test]
#[ignore = "scripts/test fuzz runs it"]
fn the_process_lives() {
    let build = Build::new();
    let tls = Tls::new();
    let ca_file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hostile-{}.pem", std::process::id()));
    fs::write(&ca_file, &tls.pem).unwrap();
    let client = build.compile(&[root().join("tests/hostile/client.c")], "hostile");
    let setup = Setup { client, tls, ca_file };

    let (first, seconds) = (number("LINQ_HOSTILE_SEED"), number("LINQ_HOSTILE_SECONDS"));
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(u64::from(u32::MAX)));
    let count = match (first, seconds) {
        (_, Some(_)) => u64::MAX / 2,
        (Some(_), None) => 1,
        (None, None) => SEEDS,
    };
    let first = first.unwrap_or(1);
    let next = AtomicU64::new(first);
    let (tally, failed) = (Mutex::new(BTreeMap::<u32, u32>::new()), Mutex::new(Vec::new()));
    // Most of them wait for something most of the time.
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while Instant::now() < end {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        break;
                    }
                    match run(seed, &setup) {
                        Ok(statuses) => statuses
                            .iter()
                            .for_each(|status| *tally.lock().unwrap().entry(*status).or_default() += 1),
                        Err(why) => failed.lock().unwrap().push(why),
                    }
                }
            });
        }
    });
    let ran = next.into_inner().min(first + count) - first;
    let (tally, failed) = (tally.into_inner().unwrap(), failed.into_inner().unwrap());
    println!("{ran} seeds from {first} on; how often each status: {tally:?}");
    let _ = fs::remove_file(&setup.ca_file);
    assert!(failed.is_empty(), "{} of {ran} seeds failed:\n{}", failed.len(), failed.join("\n\n"));
    for status in [OK, NETWORK, TIMEOUT, CANCELLED, API, STORAGE, PROTOCOL] {
        assert!(count < SEEDS || tally.contains_key(&(status as u32)), "no call ended with status {status}");
    }
}
