//! Tokens of several tenants through Envoy.

use super::support::config::{KID, inline, issuer};
use super::support::scene::Scene;
use accredit_test_support::client::RawRequest;
use accredit_test_support::keys::rsa;
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

#[tokio::test]
async fn envoy_admits_tokens_of_listed_tenants_only() {
    let lines = [
        "tenants: [acme, globex]",
        "claim_headers: { x-jwt-tenant: tid, x-jwt-sub: sub }",
    ];
    let jwks = inline(&[rsa(0).jwk(KID)]);
    let entry = issuer("'https://login.example/{tid}/v2.0'", &jwks, &lines);
    let scene = Scene::start(Service::ready(&format!("issuers:\n{entry}")).await).await;
    let get = |tenant: &str, claim: &str| {
        let issuer = format!("https://login.example/{tenant}/v2.0");
        let token = Token::of_client(&issuer, KID).claim("tid", claim);
        RawRequest::get("/")
            .header("x-jwt-tenant", "other")
            .bearer(&token.signed(rsa(0)))
    };
    for tenant in ["acme", "globex"] {
        let admitted = scene.admitted(get(tenant, tenant)).await;
        assert_eq!(
            admitted.seen.header("x-jwt-tenant").as_deref(),
            Some(tenant)
        );
    }
    for (tenant, claim) in [("evil", "evil"), ("acme", "globex"), ("acme", "evil")] {
        scene.refused(get(tenant, claim), "unknown_issuer").await;
    }
}
