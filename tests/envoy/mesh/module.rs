//! The module in configurations that Envoy Gateway made of an EnvoyExtensionPolicy.

use serde_json::{Value, json};

use super::generated::Generated;
use crate::support::config::{ACME, KID};
use accredit_test_support::client::RawRequest;
use accredit_test_support::envoy::EnvoyProcess;
use accredit_test_support::keys::{rsa, set};
use accredit_test_support::module::file;
use accredit_test_support::token::Token;
use accredit_test_support::upstream::EchoUpstream;

const FOLDER: &str = "envoy-gateway";

const MODULE: &str = "envoy.filters.http.dynamic_modules/";

fn is_module(filter: &Value) -> bool {
    filter["name"].as_str().unwrap().starts_with(MODULE)
}

/// The bootstrap with the built module, and with keys in place of the address of the issuer's.
fn generated(name: &str) -> Generated {
    let mut generated = Generated::read(FOLDER, name);
    let filter = generated
        .filters()
        .iter_mut()
        .find(|filter| is_module(filter));
    let config = &mut filter.unwrap()["typed_config"];
    config["dynamic_module_config"]["module"]["local"]["filename"] = json!(file());
    let text = config["filter_config"]["value"].as_str().unwrap();
    let mut policy: Value = serde_json::from_str(text).unwrap();
    let issuer = &mut policy["issuers"][0];
    issuer["issuer"] = json!(ACME);
    issuer["jwks"] = json!({ "inline": set([rsa(0).jwk(KID)]) });
    config["filter_config"]["value"] = json!(policy.to_string());
    generated
}

async fn status(envoy: &EnvoyProcess, path: &str, token: Option<&str>) -> u16 {
    let mut request = RawRequest::get(path).header("x-jwt-sub", "admin");
    if let Some(token) = token {
        request = request.bearer(token);
    }
    request.send(envoy.address()).await.status
}

#[tokio::test]
async fn a_policy_of_envoy_gateway_checks_with_the_module() {
    let upstream = EchoUpstream::start().await;
    let envoy = generated("module")
        .at(&[], upstream.address())
        .start()
        .await;
    let token = Token::of_client(ACME, KID).signed(rsa(0));
    assert_eq!(status(&envoy, "/api/x", None).await, 401);
    assert_eq!(status(&envoy, "/api/x", Some("garbage")).await, 401);
    assert_eq!(upstream.count(), 0);
    assert_eq!(status(&envoy, "/public/x", None).await, 200);
    let seen = upstream.last_request().unwrap();
    assert_eq!(seen.header("x-jwt-sub"), None);
    assert_eq!(status(&envoy, "/api/x", Some(&token)).await, 200);
    let seen = upstream.last_request().unwrap();
    assert_eq!(seen.header("x-jwt-sub").as_deref(), Some("m2morg_1001"));
}

/// docs/module.md warns of it: the policy of the route replaces the one with the module.
#[tokio::test]
async fn another_policy_on_a_route_takes_the_module_off_unless_it_merges() {
    for (name, later) in [
        ("module-route-eep-replaces", 200),
        ("module-route-eep-merges", 401),
    ] {
        let upstream = EchoUpstream::start().await;
        let envoy = generated(name).at(&[], upstream.address()).start().await;
        assert_eq!(status(&envoy, "/later", None).await, later, "{name}");
        assert_eq!(status(&envoy, "/other", None).await, 401, "{name}");
    }
}

/// docs/module.md warns of it: Envoy leaves a filter out whose file it cannot fetch.
#[tokio::test]
async fn a_module_that_envoy_cannot_fetch_lets_every_request_pass() {
    let upstream = EchoUpstream::start().await;
    let mut generated = Generated::read(FOLDER, "module-remote");
    let has_module = generated.filters().iter().any(is_module);
    assert!(has_module);
    // Every cluster is this upstream, and it has no module.
    let envoy = generated.at(&[], upstream.address()).start().await;
    assert_eq!(status(&envoy, "/api/x", None).await, 200);
}

/// Without `filterOrder`, filters run before the module that read a request which is not verified.
#[test]
fn the_filter_order_of_the_example_puts_the_module_first() {
    let order = |name: &str| {
        let mut generated = Generated::read(FOLDER, name);
        let filters = generated.filters();
        let own = filters.iter().position(is_module).unwrap();
        let readers = ["jwt_authn", "lua", "rbac"];
        let first = filters.iter().position(|filter| {
            let name = filter["name"].as_str().unwrap();
            readers.iter().any(|reader| name.contains(reader))
        });
        (own, first.unwrap())
    };
    let (own, first) = order("module-order-safe");
    assert!(own < first);
    let (own, first) = order("module-everything");
    assert!(own > first);
    // The shipped example has the same order.
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let shipped = std::fs::read_to_string(root.join("deploy/module/envoy-gateway.yaml")).unwrap();
    for name in [
        "wasm",
        "ext_proc",
        "lua",
        "buffer",
        "jwt_authn",
        "oauth2",
        "basic_auth",
        "api_key_auth",
        "ext_authz",
    ] {
        let entry = format!(
            "- {{ name: envoy.filters.http.{name}, after: envoy.filters.http.dynamic_modules }}"
        );
        assert_eq!(shipped.matches(&entry).count(), 1, "{name}");
    }
    assert!(!shipped.contains("Remote"));
}
