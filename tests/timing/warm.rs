//! A thousand small uploads: two connections, two lookups.

use std::time::Instant;

use linq::{Client, Config};

use super::machine;
use crate::child::{here, ran_alone, shimmed};
use crate::common::{Sandbox, jpeg, upload};
use crate::support::port;

#[test]
#[ignore = "measures time"]
fn a_thousand_warm_uploads() {
    let _machine = machine();
    if ran_alone(here!(), &[]) {
        return;
    }
    let (sandbox, bytes) = (Sandbox::start(), jpeg(10_000));
    let base_url = Some(format!("https://warm.linq.test:{}/api/partner", port(&sandbox.get("api_tls"))));
    let client = Client::new(Config { base_url, ..sandbox.config(true) }).unwrap();
    let began = Instant::now();
    for _ in 0..1000 {
        assert_eq!(upload(&client, &bytes).unwrap().attempts, 1);
    }
    let took = began.elapsed();
    let connections = ["api_tls", "storage_tls"].map(|side| sandbox.accepted(side));
    let lookups = shimmed("lookup warm.linq.test");
    println!(
        "figure: 1,000 warm uploads of 10 kB over TLS: {} connections, {lookups} lookups, {:.2} s",
        connections.iter().sum::<u64>(),
        took.as_secs_f64()
    );
    assert_eq!(connections, [1, 1]);
    assert_eq!(lookups, 2);
    assert_eq!(sandbox.objects().len(), 1000);
}
