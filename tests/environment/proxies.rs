//! Proxies. The sandbox's proxy goes to this machine whatever it is asked for, so made-up names can be used.

use std::time::Instant;

use serde_json::{Value, json};

use crate::common::{Request, Sandbox};
use crate::{assert_failed, assert_uploaded, upload_in};

/// The API under a name that only the proxy knows.
fn made_up(sandbox: &Sandbox) -> Value {
    json!({
        "api_key": sandbox.get("key"),
        "base_url": sandbox.get("api_tls").replace("localhost", "api.linq.test"),
        "ca_file": sandbox.get("ca_file"),
    })
}

fn connects(sandbox: &Sandbox) -> Vec<Request> {
    sandbox.requests_to("proxy", "CONNECT")
}

/// Asserts that the upload went through the proxy, and there by CONNECT alone.
#[track_caller]
fn assert_proxied(result: &Value, sandbox: &Sandbox) {
    assert_uploaded(result, sandbox);
    let port = |name| sandbox.get(name).split(':').nth(2).unwrap().split('/').next().unwrap().to_owned();
    let expected = [port("api_tls"), port("storage_tls")].map(|port| format!("api.linq.test:{port}"));
    let connects = connects(sandbox);
    assert_eq!(connects.iter().map(Request::path).collect::<Vec<_>>(), expected);
    for connect in &connects {
        assert_eq!(connect.header("host"), connect.path());
        assert!(!connect.0.to_string().contains(&sandbox.get("key")), "{connect:?}");
    }
    assert_eq!(sandbox.requests_to("api", "POST")[0].header("host"), expected[0]);
    assert_eq!(sandbox.puts()[0].header("host"), expected[1]);
    for request in [&sandbox.reservations()[0], &sandbox.puts()[0]] {
        assert!(request.header_names().iter().all(|name| !name.starts_with("proxy-")), "{request:?}");
    }
}

#[test]
fn every_variable_that_names_one() {
    for name in ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        let sandbox = Sandbox::start();
        let result = upload_in(&[(name, &sandbox.get("proxy"))], made_up(&sandbox));
        assert_proxied(&result, &sandbox);
        let names = connects(&sandbox)[0].header_names();
        assert_eq!(names, ["host", "user-agent"], "{name}");
    }
}

#[test]
fn the_first_of_several_and_empty_ones_are_none() {
    const DEAD: &str = "http://127.0.0.1:1";
    let sandbox = Sandbox::start();
    let proxy = &*sandbox.get("proxy");
    let all = [("https_proxy", proxy), ("HTTPS_PROXY", DEAD), ("all_proxy", DEAD), ("ALL_PROXY", DEAD)];
    assert_proxied(&upload_in(&all, made_up(&sandbox)), &sandbox);
    let sandbox = Sandbox::start();
    let proxy = &*sandbox.get("proxy");
    let empty = [("https_proxy", ""), ("HTTPS_PROXY", ""), ("all_proxy", ""), ("ALL_PROXY", proxy)];
    assert_proxied(&upload_in(&empty, made_up(&sandbox)), &sandbox);
}

#[test]
fn credentials_are_for_the_proxy_alone() {
    let sandbox = Sandbox::start();
    let url = sandbox.get("proxy").replace("://", "://me:p%40ss@");
    let result = upload_in(&[("https_proxy", &url)], made_up(&sandbox));
    assert_proxied(&result, &sandbox);
    for connect in connects(&sandbox) {
        assert_eq!(connect.header("proxy-authorization"), "Basic bWU6cEBzcw==");
    }
}

#[test]
fn the_callers_own_comes_first_and_empty_means_none() {
    let sandbox = Sandbox::start();
    let mut config = made_up(&sandbox);
    config["proxy"] = json!(sandbox.get("proxy"));
    let result = upload_in(&[("https_proxy", "http://127.0.0.1:1"), ("no_proxy", "*")], config);
    assert_proxied(&result, &sandbox);

    for (variables, change) in [
        (("https_proxy", "*"), json!({"proxy": ""})),
        (("https_proxy", "*"), json!({"use_environment": false})),
        (("http_proxy", "*"), json!({})), // for plain http, which is never proxied
        (("HTTP_PROXY", "*"), json!({})),
    ] {
        let sandbox = Sandbox::start();
        let mut config = made_up(&sandbox);
        config.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let result = upload_in(&[(variables.0, &sandbox.get("proxy"))], config);
        assert_not_proxied(&result, &sandbox);
    }
}

/// Without the proxy nobody knows the made-up name.
#[track_caller]
fn assert_not_proxied(result: &Value, sandbox: &Sandbox) {
    assert_eq!(sandbox.accepted("proxy"), 0, "{result}");
    assert!(result["error"]["message"].as_str().unwrap().contains("api.linq.test"), "{result}");
    assert_eq!(sandbox.accepted("api_tls"), 0);
}

#[test]
fn loopback_is_never_proxied() {
    for tls in ["api", "api_tls"] {
        let sandbox = Sandbox::start();
        let proxy = sandbox.get("proxy");
        let config = json!({"api_key": sandbox.get("key"), "base_url": sandbox.get(tls), "ca_file": sandbox.get("ca_file"),
                            "proxy": proxy});
        let variables = [("https_proxy", &*proxy), ("http_proxy", &proxy), ("all_proxy", &proxy)];
        assert_uploaded(&upload_in(&variables, config), &sandbox);
        assert_eq!(sandbox.accepted("proxy"), 0);
    }
}

#[test]
fn exceptions() {
    for (list, proxied) in [
        ("linq.test", false),
        (".linq.test", false),
        ("example.com, API.LINQ.TEST", false),
        ("*", false),
        ("notlinq.test", true),
        ("pi.linq.test", true),
        ("api.linq.test:1", true),
        ("10.0.0.0/8 192.168.0.1", true),
        ("", true),
    ] {
        for name in ["no_proxy", "NO_PROXY"] {
            let sandbox = Sandbox::start();
            let variables = [("HTTPS_PROXY", &*sandbox.get("proxy")), (name, list)];
            let result = upload_in(&variables, made_up(&sandbox));
            match proxied {
                true => assert_proxied(&result, &sandbox),
                false => assert_not_proxied(&result, &sandbox),
            }
        }
    }
}

#[test]
fn what_cannot_be_used_is_refused_and_not_passed_by() {
    let sandbox = Sandbox::start();
    for (name, url, why) in [
        (
            "ALL_PROXY",
            "socks5://me:secret@127.0.0.1:1080",
            "is a socks5:// one, which liblinq does not support; use an http:// one, or none",
        ),
        (
            "https_proxy",
            "https://127.0.0.1:3128",
            "is a https:// one, which liblinq does not support; use an http:// one, or none",
        ),
        ("https_proxy", "http://127.0.0.1:none", "has an invalid port"),
        ("https_proxy", "http://:3128", "names no host"),
    ] {
        let result = upload_in(&[(name, url)], made_up(&sandbox));
        let message = format!("reserving a place for photo.jpg: the proxy in {name} {why}");
        assert_failed(&result, "Network", &message);
        let mut config = made_up(&sandbox);
        config["proxy"] = json!(url);
        assert_failed(&upload_in(&[], config), "InvalidArgument", &format!("the proxy {why}"));
    }
    assert_eq!(sandbox.accepted("api_tls"), 0);
}

#[test]
fn proxies_that_refuse_fail_or_say_nothing() {
    let place = |sandbox: &Sandbox| sandbox.get("proxy").split("://").nth(1).unwrap().to_owned();
    // the fault, what is said, the status, and whether it may pass
    for (fault, why, status, retryable) in [
        (
            json!({"respond": {"status": 407}}),
            "the proxy {} (from https_proxy) wants other credentials (407) in its URL",
            Some(407),
            false,
        ),
        (
            json!({"respond": {"status": 502}}),
            "the proxy {} (from https_proxy) refused the tunnel with status 502",
            Some(502),
            true,
        ),
        (
            json!({"respond": {"status": 403}}),
            "the proxy {} (from https_proxy) refused the tunnel with status 403",
            Some(403),
            false,
        ),
        (
            json!({"respond": {"raw": "SSH-2.0-hello\r\n\r\n", "then": "close"}}),
            "the proxy {} (from https_proxy) did not answer as an HTTP proxy does",
            None,
            false,
        ),
    ] {
        let sandbox = Sandbox::start();
        let planted = sandbox.plant(json!({"side": "proxy", "fault": fault}));
        let url = sandbox.get("proxy").replace("://", "://me:secret@");
        let result = upload_in(&[("https_proxy", &url)], made_up(&sandbox));
        planted.assert_injected(1);
        let why = why.replace("{}", &place(&sandbox));
        assert_failed(&result, "Network", &format!("reserving a place for photo.jpg: {why}"));
        assert_eq!(result["error"]["http_status"], json!(status));
        assert_eq!(result["error"]["retryable"], retryable, "{fault}");
        assert_eq!(sandbox.accepted("api_tls"), 0);
    }
    for fault in [json!({"close_after": 0}), json!({"reset_after": 0}), json!({"reset_after": -1})] {
        let sandbox = Sandbox::start();
        let planted = sandbox.plant(json!({"side": "proxy", "fault": fault}));
        let result = upload_in(&[("https_proxy", &sandbox.get("proxy"))], made_up(&sandbox));
        planted.assert_injected(1);
        assert_eq!(result["error"]["kind"], "Network", "{result}");
        assert_eq!(result["error"]["retryable"], true, "{result}");
        let message = result["error"]["message"].as_str().unwrap();
        let why = format!("the proxy {} (from https_proxy): ", place(&sandbox));
        assert!(message.contains(&why) && message.contains("while it was asked for a tunnel"), "{message}");
    }
    let sandbox = Sandbox::start();
    let planted = sandbox.plant(json!({"side": "proxy", "fault": {"delay_ms": 300}}));
    let began = Instant::now();
    assert_proxied(&upload_in(&[("https_proxy", &sandbox.get("proxy"))], made_up(&sandbox)), &sandbox);
    planted.assert_injected(1);
    assert!(began.elapsed().as_millis() >= 300);
}

#[test]
fn a_dead_proxy_is_named_with_where_it_was_set() {
    let sandbox = Sandbox::start();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = &*format!("http://127.0.0.1:{port}");
    for (variable, from) in
        [("https_proxy", " (from https_proxy)"), ("ALL_PROXY", " (from ALL_PROXY)"), ("", "")]
    {
        let mut config = made_up(&sandbox);
        if variable.is_empty() {
            config["proxy"] = json!(url);
        }
        let result = upload_in(&[(variable, url)][..usize::from(!variable.is_empty())], config);
        let why = "cannot connect to 127.0.0.1: Connection refused";
        let expected = format!("reserving a place for photo.jpg: the proxy 127.0.0.1:{port}{from}: {why}");
        assert_failed(&result, "Network", &expected);
    }
    let result = upload_in(&[("https_proxy", "http://no.such.host.invalid:3128")], made_up(&sandbox));
    let message = result["error"]["message"].as_str().unwrap();
    let expected =
        "the proxy no.such.host.invalid:3128 (from https_proxy): cannot look up no.such.host.invalid: ";
    assert!(message.contains(expected), "{message}");
}
