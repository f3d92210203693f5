//! Row 55: the retry budget that the calls of one client share.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use crate::common::{Sandbox, upload};
use crate::support::{BIG, failed};

/// A service that is down gets little more than one request for each upload.
#[test]
fn row_55_a_failing_service_is_not_hammered() {
    let sandbox = Sandbox::start();
    let down = json!({"respond": {"status": 503, "headers": [["Retry-After-Ms", "1"]]}});
    let fault = sandbox.plant(json!({"side": "api", "times": 0, "fault": down}));
    let client = sandbox.client(false);
    let tired = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let error = failed(&sandbox, upload(&client, &BIG[..1000]));
                    assert_eq!(error.details.http_status, Some(503));
                    let text = "not tried again: too many calls of this client failed lately";
                    tired.fetch_add(u64::from(error.message.contains(text)), Ordering::Relaxed);
                }
            });
        }
    });
    let requests = fault.injected();
    let amplification = requests as f64 / 1280.0;
    assert!(requests >= 1280, "{requests}");
    assert!(amplification <= 1.1, "{requests} requests for 1,280 uploads");
    assert!(tired.load(Ordering::Relaxed) > 1000, "and the errors say so: {tired:?}");
    // When the service is back, it serves; each success gives back a little of the budget.
    sandbox.clear_faults();
    sandbox.assert_stored(&upload(&client, &BIG[..1000]).unwrap(), &BIG[..1000]);
}
