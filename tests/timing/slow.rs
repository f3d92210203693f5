//! A slow link is no stall.

use std::process::Command;
use std::time::{Duration, Instant};

use linq::Attachment;
use serde_json::json;

use crate::child::{case, here, ip, may_unshare, ran_under};
use crate::common::{Sandbox, jpeg, upload};
use crate::support::{assert_stored_after, both, each};

/// The slow one: about a minute. 300 KB over a link that carries 5 KB/s, with the default stall timeout. The link is
/// a loopback of its own with an Ethernet's packets; where that cannot be made, the server reads slowly instead.
#[test]
#[ignore = "takes a minute"]
fn slow_link() {
    if let Some(case) = case() {
        return over_a_slow_link(case == "TLS");
    }
    if !may_unshare() {
        return both(to_a_slow_reader);
    }
    each(&["plain", "TLS"], |how| {
        ran_under(here!(), &["unshare", "-n", "env", &format!("MATRIX_CASE={how}")], |_, _| {});
    });
}

fn to_a_slow_reader(tls: bool) {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(300_000));
    let fault = sandbox.on_put(json!({"slow_read": {"bytes_per_s": 5000}}));
    let began = Instant::now();
    let attachment = upload(&sandbox.client_once(tls), &bytes).unwrap();
    fault.assert_injected(1);
    assert_slow(&sandbox, &attachment, &bytes, tls, began.elapsed());
}

fn over_a_slow_link(tls: bool) {
    let tc = |arguments: &str| {
        assert!(
            Command::new("tc").args(arguments.split(' ')).status().expect("iproute2").success(),
            "{arguments}"
        );
    };
    ip("link set lo up mtu 1500");
    let (sandbox, bytes) = (Sandbox::start(), jpeg(300_000));
    let client = sandbox.client_once(tls);
    tc("qdisc add dev lo root tbf rate 40kbit burst 3000 latency 400ms");
    let began = Instant::now();
    let result = upload(&client, &bytes);
    let took = began.elapsed();
    tc("qdisc del dev lo root");
    assert_slow(&sandbox, &result.unwrap(), &bytes, tls, took);
}

fn assert_slow(sandbox: &Sandbox, attachment: &Attachment, bytes: &[u8], tls: bool, took: Duration) {
    assert_stored_after(sandbox, 1, attachment, bytes);
    let how = if tls { "TLS" } else { "plain" };
    println!("figure: 300 KB at 5 KB/s, {how:<5} stored after {:.1} s", took.as_secs_f64());
    assert!(took > Duration::from_secs(50), "it was not slow: {took:?}");
}
