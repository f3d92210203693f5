//! How long a call goes on after it was cancelled, or after its time is over, while bytes keep arriving.

use std::time::Duration;

use linq::{CallOptions, CancelToken, ErrorKind};

use super::cancel::{SAMPLES, promptly, woken};
use super::{machine, ms, percentile};
use crate::common::jpeg;
use crate::server::flow::{ANSWERS, Flow, HEADS};
use crate::server::host::{Host, What};
use crate::support::cancelled_after;

fn round(host: &Host, what: What, bytes: &[u8]) -> [[Duration; 2]; 2] {
    let client = host.client(Duration::from_secs(10));
    let samples = (0..SAMPLES).map(|_| {
        let token = CancelToken::new().unwrap();
        let call = CallOptions { cancel: Some(&token), ..CallOptions::default() };
        let delay = Duration::from_millis(40);
        let (late, result) = cancelled_after(&token, delay, || host.call(what, &client, bytes, call));
        assert_eq!(result.unwrap_err().kind, ErrorKind::Cancelled);
        (late, woken())
    });
    let (late, machine): (Vec<_>, Vec<_>) = samples.unzip();
    [late, machine].map(|mut samples| [50, 99].map(|percent| percentile(&mut samples, percent)))
}

fn measure(flow: Flow, when: &str, what: What, host: &Host, bytes: &[u8]) {
    let phase = format!("{}, {when}, {what:?}", flow.name);
    let [[half, most], [_, any]] =
        promptly(&phase, || round(host, what, bytes)).map(|figures| figures.map(ms));
    println!("figure: cancel amid {phase:<45} p50 {half:<9}  p99 {most:<9} (any thread {any})");
}

#[test]
#[ignore = "measures time"]
fn cancel_latency_while_bytes_arrive() {
    let _machine = machine();
    let (small, large) = (jpeg(1000), jpeg(8 << 20));
    for flow in HEADS.into_iter().chain(ANSWERS) {
        let plain = (!flow.needs_tls()).then_some((false, "plain", What::Put));
        for (tls, when, what) in plain.into_iter().chain([(true, "TLS", What::Api)]) {
            measure(flow, when, what, &flow.after_the_request(tls, false), &small);
        }
    }
    for flow in HEADS {
        measure(flow, "TLS, sending", What::Put, &flow.after_the_head(true, false), &large);
    }
}
