//! Row 38: the device changes its network in the middle of an upload.

use std::thread;
use std::time::{Duration, Instant};

use linq::{Client, Config};
use serde_json::json;

use crate::child::{here, ip, is_alone, may_unshare, ran_under};
use crate::common::{Sandbox, upload};
use crate::support::{BIG, assert_stored_after};

/// The address that a connection was made from goes away: whatever is sent to it gets lost silently. The
/// attempt stalls, and the next one is made from the new address.
#[test]
fn row_38_the_network_is_switched() {
    if !is_alone() && !may_unshare() {
        return;
    }
    if ran_under(here!(), &["unshare", "-n"], |_, _| {}) {
        return;
    }
    ip("link set lo up");
    ip("addr add 10.9.9.2/32 dev lo");
    for tls in [false, true] {
        let sandbox = Sandbox::start();
        assert!(sandbox.requests().is_empty()); // the connection to control is made, and stays
        ip("addr replace 10.9.9.1/32 dev lo");
        ip("route replace local 127.0.0.1 dev lo src 10.9.9.1 table local");
        let fault = sandbox.on_put(json!({"slow_read": {"bytes_per_s": 20_000_000}}));
        let stall_timeout = Duration::from_secs(1);
        let client = Client::new(Config { stall_timeout, ..sandbox.config(tls) }).unwrap();
        let (attachment, took) = thread::scope(|scope| {
            let uploading = scope.spawn(|| upload(&client, &BIG));
            while sandbox.puts().first().is_none_or(|put| put.number("body_bytes") < 1_000_000) {
                thread::sleep(Duration::from_millis(5));
            }
            ip("route replace local 127.0.0.1 dev lo src 10.9.9.2 table local");
            ip("addr del 10.9.9.1/32 dev lo");
            let switched = Instant::now();
            (uploading.join().unwrap(), switched.elapsed())
        });
        fault.assert_injected(1);
        assert_stored_after(&sandbox, 2, &attachment.unwrap(), &BIG);
        let puts = sandbox.puts();
        assert_eq!(puts.len(), 2);
        assert!(puts[0].number("body_bytes") < BIG.len() as u64, "the first got lost on its way");
        assert_ne!(puts[0].0["connection"], puts[1].0["connection"]);
        // The stall timeout, up to half a second of backoff, and the upload itself.
        assert!((1000..10_000).contains(&took.as_millis()), "{took:?}");
    }
}
