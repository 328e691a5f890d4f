//! `metadata` through Envoy: the RBAC filter and the local rate limit decide by its values, and the access log has their types
//! (CONTRACT 8.6). The configurations of accredit and Envoy are those of docs/typed-metadata.md.

use accredit_test_support::bootstrap::Bootstrap;
use accredit_test_support::client::RawRequest;
use accredit_test_support::keys::rsa;
use accredit_test_support::process::root;
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;
use serde_json::{Value, json};

use super::support::config::{ACME, KID, acme};
use super::support::scene::Scene;

const RULE_FIELD: &str = "rule: \"%DYNAMIC_METADATA(envoy.filters.http.ext_authz:rule)%\"\n";
const AFTER_EXT_AUTHZ: &str = "- name: envoy.filters.http.header_mutation\n";

/// The block of YAML in the page that begins with this line.
fn block(first_line: &str) -> String {
    let page = std::fs::read_to_string(root().join("docs/typed-metadata.md")).unwrap();
    let begin = format!("```yaml\n{first_line}\n");
    let (_, rest) = page.split_once(&begin).unwrap();
    let (block, _) = rest.split_once("```").unwrap();
    block.to_owned()
}

/// Puts lines of YAML at the place of a text, with the indentation that the text has.
fn insert(bootstrap: Bootstrap, lines: &str, at: &str, indentation: usize) -> Bootstrap {
    let margin = " ".repeat(indentation);
    let lines: String = lines
        .lines()
        .map(|line| format!("{line}\n{margin}"))
        .collect();
    bootstrap.change(at, &format!("{lines}{at}"))
}

async fn scene(filter: &str) -> Scene {
    let metadata = format!("metadata:\n{}", block("metadata:"));
    let accredit = Service::ready(&format!("{}{metadata}", acme(&[]))).await;
    Scene::start_with(accredit, |shipped| {
        let shipped = insert(shipped, &block(filter), AFTER_EXT_AUTHZ, 18);
        insert(shipped, &block("# envoy: access log"), RULE_FIELD, 26)
    })
    .await
}

fn token(claims: &Value) -> String {
    let mut token = Token::of_client(ACME, KID);
    for (name, value) in claims.as_object().unwrap() {
        token = token.claim(name, value.clone());
    }
    token.signed(rsa(0))
}

async fn status(scene: &Scene, path: &str, token: &str) -> (u16, Value) {
    let answer = RawRequest::get(path)
        .bearer(token)
        .send(scene.envoy.address())
        .await;
    (answer.status, scene.next_log().await)
}

#[tokio::test]
async fn rbac_decides_by_a_string_a_number_and_a_boolean_of_metadata() {
    let scene = scene("# envoy: rbac").await;
    let limit = |limit: Value| json!({ "custom_claims": { "limit": limit } });
    let denied = json!("rbac_access_denied_matched_policy[none]");
    for (path, claims, expected) in [
        ("/reports", json!({ "scopes": ["tier:gold"] }), 200),
        ("/reports", json!({ "scopes": ["tier:silver"] }), 403),
        ("/reports", json!({}), 403),
        ("/beta", json!({ "beta": true }), 200),
        ("/beta", json!({ "beta": false }), 403),
        ("/beta", json!({ "beta": "true" }), 403),
        ("/beta", json!({}), 403),
        ("/export", limit(json!(100)), 200),
        ("/export", limit(json!(250.5)), 200),
        ("/export", limit(json!(99)), 403),
        // A text is no number, whatever its digits are.
        ("/export", limit(json!("100")), 403),
        ("/export", json!({}), 403),
        ("/other", json!({}), 200),
    ] {
        let (status, log) = status(&scene, path, &token(&claims)).await;
        assert_eq!(status, expected, "{path} {claims}: {log}");
        assert_eq!(log["decision"], "allow", "accredit admits all of them");
        assert_eq!(log["status_details"] == denied, expected == 403, "{log}");
    }
    // A header of the client is not metadata.
    let request = RawRequest::get("/reports")
        .bearer(&token(&json!({})))
        .header("tier", "gold")
        .header("x-envoy-dynamic-metadata", "tier=gold");
    assert_eq!(request.send(scene.envoy.address()).await.status, 403);
}

#[tokio::test]
async fn a_rate_limit_takes_its_bucket_from_a_string_and_its_hits_from_a_number() {
    let scene = scene("# envoy: rate limit").await;
    let free = token(&json!({}));
    let gold = token(&json!({ "scopes": ["tier:gold"] }));
    // The bucket of the tier has 10, of which these take 5, 1, 1, 1, 1 and 1.
    for path in ["/bulk", "/a", "/b", "/c", "/d", "/e"] {
        assert_eq!(status(&scene, path, &free).await.0, 200, "{path}");
    }
    let (limited, log) = status(&scene, "/f", &free).await;
    assert_eq!(limited, 429, "{log}");
    assert_eq!(
        (&log["decision"], &log["status_details"]),
        (&json!("allow"), &json!("local_rate_limited"))
    );
    assert_eq!(scene.upstream.count(), 6);
    for path in ["/bulk", "/bulk", "/bulk"] {
        assert_eq!(status(&scene, path, &gold).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn the_access_log_has_metadata_with_their_json_types() {
    let scene = scene("# envoy: rbac").await;
    let claims = json!({ "scopes": ["tier:gold"], "beta": true, "custom_claims": { "limit": 7 } });
    let (_, log) = status(&scene, "/other", &token(&claims)).await;
    assert_eq!(
        json!([log["tier"], log["limit"], log["beta"]]),
        json!(["gold", 7, true])
    );
    // A refusal has none of them, also if the token is good.
    let other = token(&json!({ "aud": "other.example", "beta": true }));
    let (refused, log) = status(&scene, "/other", &other).await;
    assert_eq!(refused, 401);
    assert_eq!(
        json!([log["tier"], log["limit"], log["beta"]]),
        json!([null, null, null])
    );
}
