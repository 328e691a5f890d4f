//! `metadata`: values of expressions in the dynamic metadata (CONTRACT 8.6).

use serde_json::json;

use crate::support::check_request::ClientRequest;

use super::place::{service, token, with};

#[tokio::test]
async fn admissions_have_the_values_of_metadata_with_their_types() {
    let service = service(
        "
metadata:
  limit: 'claims.custom_claims.limit'
  is_admin: '\"admin\" in scopes'
  tenant: 'has(claims.oid) ? claims.oid : \"none\"'
  path: 'request.path'
  parts: '[request.method, claims.n]'
  fails: 'claims.absent'
rules:
  - { name: open, match: { paths: [/open] }, access: anonymous }
",
    )
    .await;
    let token = token()
        .claim("custom_claims", json!({ "limit": 5 }))
        .claim("scope", "a admin")
        .claim("n", 1.5);
    let metadata = service.check(with(token)).await.metadata();
    for (name, expected) in [
        ("limit", json!(5.0)),
        ("is_admin", json!(true)),
        ("tenant", json!("none")),
        ("path", json!("/things")),
        ("parts", json!(["GET", 1.5])),
        ("fails", json!(null)),
    ] {
        assert_eq!(metadata[name], expected, "{name}");
    }
    assert!(metadata.get("fails").is_none());
    // Without a token there are no claims.
    let metadata = service
        .check(ClientRequest::plain().path("/open"))
        .await
        .metadata();
    assert_eq!(
        (&metadata["tenant"], &metadata["is_admin"]),
        (&json!("none"), &json!(false))
    );
    assert!(metadata.get("limit").is_none());
    // A refusal has none of them.
    let metadata = service.check(ClientRequest::plain()).await.metadata();
    assert!(metadata.get("tenant").is_none());
}
