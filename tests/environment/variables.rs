//! The key and the base URL.

use serde_json::json;

use crate::common::Sandbox;
use crate::{assert_failed, assert_uploaded, upload_in};

const NO_KEY: &str = "set LINQ_API_V3_API_KEY, or give the client an API key; your \
                      Linq representative provides them: https://docs.linqapp.com/getting-started/authentication/";

#[test]
fn the_key_and_the_base_url() {
    let sandbox = Sandbox::start();
    let (key, api) = (sandbox.get("key"), sandbox.get("api"));
    let result = upload_in(&[("LINQ_API_V3_API_KEY", &key), ("LINQ_API_V3_BASE_URL", &api)], json!({}));
    assert_uploaded(&result, &sandbox);
    assert_eq!(sandbox.reservations()[0].header("authorization"), format!("Bearer {key}"));
}

#[test]
fn as_people_write_them() {
    let sandbox = Sandbox::start();
    let (key, api) = (format!(" {}\n", sandbox.get("key")), format!("{}/v3/", sandbox.get("api")));
    let result = upload_in(&[("LINQ_API_V3_API_KEY", &key), ("LINQ_API_V3_BASE_URL", &api)], json!({}));
    assert_uploaded(&result, &sandbox);
    assert_eq!(sandbox.reservations()[0].path(), "/api/partner/v3/attachments");
}

#[test]
fn the_callers_word_comes_first() {
    let sandbox = Sandbox::start();
    let variables = [("LINQ_API_V3_API_KEY", "wrong"), ("LINQ_API_V3_BASE_URL", "http://127.0.0.1:1/wrong")];
    let config = json!({"api_key": sandbox.get("key"), "base_url": sandbox.get("api")});
    assert_uploaded(&upload_in(&variables, config), &sandbox);
}

#[test]
fn empty_counts_as_unset_on_both_sides() {
    let sandbox = Sandbox::start();
    let (key, api) = (sandbox.get("key"), sandbox.get("api"));
    let result = upload_in(&[("LINQ_API_V3_API_KEY", "")], json!({"base_url": api}));
    assert_failed(&result, "Unauthorized", NO_KEY);
    assert!(sandbox.requests().is_empty());
    let variables = [("LINQ_API_V3_API_KEY", &*key), ("LINQ_API_V3_BASE_URL", &api)];
    let result = upload_in(&variables, json!({"api_key": "", "base_url": ""}));
    assert_uploaded(&result, &sandbox);
}

/// The proxy is asked for the default host. It connects to this machine only, so nothing leaves it.
#[test]
fn without_a_base_url_it_is_linqs_own() {
    let sandbox = Sandbox::start();
    for url in [None, Some("")] {
        let mut config = json!({"api_key": "some-key", "proxy": sandbox.get("proxy")});
        config["base_url"] = json!(url);
        let result = upload_in(&[("LINQ_API_V3_BASE_URL", "")], config);
        assert!(result["error"].is_object(), "{result}");
        let connect = sandbox.requests().pop().unwrap();
        assert_eq!((connect.0["method"].as_str(), connect.path()), (Some("CONNECT"), "api.linqapp.com:443"));
    }
}

#[test]
fn no_environment_at_all() {
    let sandbox = Sandbox::start();
    let (key, api) = (sandbox.get("key"), sandbox.get("api"));
    let variables = [("LINQ_API_V3_API_KEY", &*key), ("LINQ_API_V3_BASE_URL", "http://127.0.0.1:1")];
    let result = upload_in(&variables, json!({"base_url": api, "use_environment": false}));
    assert_failed(&result, "Unauthorized", NO_KEY);
    let config = json!({"base_url": api, "api_key": key, "use_environment": false});
    assert_uploaded(&upload_in(&variables, config), &sandbox);
}

#[test]
fn it_is_read_when_a_client_is_made_and_never_again() {
    let sandbox = Sandbox::start();
    let (key, api) = (sandbox.get("key"), sandbox.get("api"));
    let variables = [("LINQ_API_V3_API_KEY", &*key), ("LINQ_API_V3_BASE_URL", &api)];
    let then = json!({"LINQ_API_V3_API_KEY": "wrong", "LINQ_API_V3_BASE_URL": "http://127.0.0.1:1"});
    assert_uploaded(&upload_in(&variables, json!({"then": then})), &sandbox);
    let then = json!({"LINQ_API_V3_API_KEY": key});
    let result = upload_in(&[("LINQ_API_V3_BASE_URL", &api)], json!({"then": then}));
    assert_failed(&result, "Unauthorized", NO_KEY);
}

#[test]
fn what_cannot_be_used_is_refused_when_the_client_is_made() {
    let key = "LINQ_API_V3_API_KEY";
    let url = "LINQ_API_V3_BASE_URL";
    for (variables, message) in [
        (
            [(key, "a key\nX-Injected: 1"), (url, "")],
            "the API key holds characters that cannot be sent; was it copied whole?",
        ),
        (
            [(key, "k"), (url, "http://api.example.com")],
            "LINQ_API_V3_BASE_URL: the base URL must be https: plain http would show the API key to the network",
        ),
        (
            [(key, "k"), (url, "api.example.com")],
            "LINQ_API_V3_BASE_URL: the base URL must begin with https://",
        ),
    ] {
        assert_failed(&upload_in(&variables, json!({})), "InvalidArgument", message);
    }
}
