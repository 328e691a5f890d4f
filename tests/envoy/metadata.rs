//! accredit's dynamic metadata in Envoy's access log and RBAC filter, through envoy-metadata.yaml, with
//! examples/envoy-decides.yaml.

use serde_json::{Value, json};

use super::support::config::{ACME, KID, SCALEKIT, example, inline, issuer};
use super::support::scene::Scene;
use accredit_test_support::bootstrap::{AuthzTarget, Bootstrap};
use accredit_test_support::client::RawRequest;
use accredit_test_support::keys::rsa;
use accredit_test_support::ports::free_address;
use accredit_test_support::service::Service;
use accredit_test_support::token::{Token, with_bad_signature};

const FILE: &str = "envoy-metadata.yaml";
const PATH: &str = "/deployments/7";

const RBAC: &str = "                  - name: envoy.filters.http.rbac
                    typed_config:
                      \"@type\": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC

";
const EXT_AUTHZ: &str = "                  - name: envoy.filters.http.ext_authz\n";

async fn scene(configuration: &str, change: impl FnOnce(Bootstrap) -> Bootstrap) -> Scene {
    let accredit = Service::ready(configuration).await;
    Scene::start_with(accredit, |shipped| change(shipped.of(FILE))).await
}

fn of(organisation: &str) -> Token {
    Token::of_client(SCALEKIT, KID).claim("oid", organisation)
}

fn get(path: &str, token: &Token) -> RawRequest {
    RawRequest::get(path).bearer(&token.signed(rsa(0)))
}

/// The answer's status, and the access log's line.
async fn result(scene: &Scene, request: RawRequest) -> (u16, Value) {
    let answer = request.send(scene.envoy.address()).await;
    (answer.status, scene.next_log().await)
}

/// These members of a line.
fn members(log: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| log[name].clone()).collect()
}

#[tokio::test]
async fn rbac_admits_one_organisation_by_metadata_and_refuses_another() {
    let scene = scene(&example("envoy-decides.yaml"), |shipped| shipped).await;
    let names = ["decision", "organisation", "status", "status_details"];
    let (status, log) = result(&scene, get(PATH, &of("org_2001"))).await;
    assert_eq!((status, scene.upstream.count()), (200, 1), "{log}");
    let line = json!(["allow", "org_2001", 200, "via_upstream"]);
    assert_eq!(members(&log, &names), line);
    let rbac = "rbac_access_denied_matched_policy[none]";
    for token in [
        of("org_2002"),
        of("org_2001x"),
        of("org_2001").without("oid"),
    ] {
        let (status, log) = result(&scene, get(PATH, &token)).await;
        assert_eq!((status, scene.upstream.count()), (403, 1), "{log}");
        assert_eq!(
            members(&log, &["decision", "status_details"]),
            json!(["allow", rbac])
        );
    }
    // Elsewhere anybody with a token passes.
    let (status, log) = result(&scene, get("/other", &of("org_2002"))).await;
    assert_eq!((status, scene.upstream.count()), (200, 2), "{log}");
    assert_eq!(log["organisation"], "org_2002");
}

#[tokio::test]
async fn the_access_log_shows_verified_claims() {
    let scene = scene(&example("envoy-decides.yaml"), |shipped| shipped).await;
    let environment = json!({ "environment": "production_us" });
    let token = of("org_2001").claim("custom_claims", environment);
    let admitted = result(&scene, get(PATH, &token)).await.1;
    // Refused by a rule of accredit's, its signature having held.
    let reader = token.claim("scopes", json!(["read:deployments"]));
    let post = RawRequest::new("POST", PATH).bearer(&reader.signed(rsa(0)));
    let (status, refused) = result(&scene, post).await;
    assert_eq!(status, 403);
    let about = ["decision", "reason", "rule", "scopes"];
    let both = json!(["deploy:applications", "read:deployments"]);
    assert_eq!(
        members(&admitted, &about),
        json!(["allow", "allowed", "read", both])
    );
    let one = json!(["read:deployments"]);
    let line = json!(["deny", "insufficient_scope", "deploy", one]);
    assert_eq!(members(&refused, &about), line);
    for log in [admitted, refused] {
        let names = ["issuer", "key_id", "subject", "client_id", "claims"];
        let claims = json!({
            "sub": "m2morg_1001", "oid": "org_2001", "custom_claims.environment": "production_us",
        });
        let line = json!([SCALEKIT, KID, "m2morg_1001", "m2morg_1001", claims]);
        assert_eq!(members(&log, &names), line);
        assert!(log["expires_at"].is_number(), "{log}");
    }
}

#[tokio::test]
async fn the_access_log_shows_only_configured_names_of_a_refused_token() {
    let scene = scene(&example("envoy-decides.yaml"), |shipped| shipped).await;
    let token = of("org_2001")
        .claim("sub", "not-for-the-log")
        .signed(rsa(0));
    let forged = RawRequest::get(PATH).bearer(&with_bad_signature(&token));
    let (status, log) = result(&scene, forged).await;
    assert_eq!(status, 401);
    let line = json!(["deny", "invalid_signature", "read", SCALEKIT, KID]);
    let names = ["decision", "reason", "rule", "issuer", "key_id"];
    assert_eq!(members(&log, &names), line);
    let nothing = [
        "subject",
        "client_id",
        "scopes",
        "expires_at",
        "claims",
        "organisation",
    ];
    assert_eq!(
        members(&log, &nothing),
        json!([null, null, null, null, null, null])
    );

    let (status, log) = result(&scene, RawRequest::get(PATH)).await;
    assert_eq!(status, 401);
    let line = json!(["deny", "missing_token", "read", null, null]);
    assert_eq!(members(&log, &names), line);
    assert_eq!(
        members(&log, &nothing),
        json!([null, null, null, null, null, null])
    );
}

/// Every part of the policy, taken away: who would get in.
#[tokio::test]
async fn an_rbac_policy_without_the_issuer_admits_claims_of_every_issuer() {
    let other = issuer(
        ACME,
        &inline(&[rsa(1).jwk("k")]),
        &["claim_headers: { x-jwt-org: oid }"],
    );
    let both = example("envoy-decides.yaml").replace("issuers:\n", &format!("issuers:\n{other}"));
    let theirs = Token::of_client(ACME, "k")
        .claim("oid", "org_2001")
        .signed(rsa(1));
    let request = || RawRequest::get(PATH).bearer(&theirs);
    let shipped = scene(&both, |shipped| shipped).await;
    assert_eq!(result(&shipped, request()).await.0, 403);
    assert_eq!(shipped.upstream.count(), 0);
    let issuer = "value: { string_match: { exact: \"https://acme.scalekit.dev\" } }";
    let without = |shipped: Bootstrap| shipped.change(issuer, "value: { present_match: true }");
    let without = scene(&both, without).await;
    assert_eq!(result(&without, request()).await.0, 200);
}

#[tokio::test]
async fn a_request_that_was_not_checked_does_not_pass_rbac() {
    let unreachable = AuthzTarget::Tcp(free_address());
    let failing_open = |mut shipped: Bootstrap| {
        shipped.failure_mode_allow = true;
        shipped.of(FILE)
    };
    let open = Scene::asking(unreachable, failing_open).await;
    let request = || get(PATH, &of("org_2001"));
    assert_eq!(result(&open, request()).await.0, 403);
    assert_eq!(open.upstream.count(), 0);
    // With RBAC before ext_authz, no request passes.
    let swapped = |shipped: Bootstrap| {
        let shipped = shipped.change(RBAC, "");
        shipped.change(EXT_AUTHZ, &format!("{RBAC}{EXT_AUTHZ}"))
    };
    let swapped = scene(&example("envoy-decides.yaml"), swapped).await;
    assert_eq!(result(&swapped, request()).await.0, 403);
}

/// Why one rule of the example names a path.
#[tokio::test]
async fn an_ambiguous_path_does_not_bypass_rbac() {
    let around = "/deployments;x/7";
    let request = || get(around, &of("org_2002"));
    let example = example("envoy-decides.yaml");
    let shipped = scene(&example, |shipped| shipped).await;
    assert_eq!(result(&shipped, request()).await.0, 400);
    let rules = example.find("rules:").unwrap();
    let without = scene(&example[..rules], |shipped| shipped).await;
    assert_eq!(result(&without, request()).await.0, 200);
    assert_eq!(without.upstream.last_request().unwrap().path, around);
}
