//! Why a condition does not hold, and what is ambiguous, wherever the operator looks; the client sees none of it
//! (CONTRACT 2.5.6).

use accredit::admin::pb;
use serde_json::json;

use crate::support::check_request::ClientRequest;
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::Token;

const ISSUER: &str = "https://one.test";

fn configuration() -> String {
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
    let rule = |path: &str, when: &str| {
        format!(
            "  - {{ match: {{ paths: [{path}] }}, when: {} }}\n",
            json!(when)
        )
    };
    format!(
        "issuers:\n{issuer}rules:\n{}{}{}{}",
        rule("/false", "claims.tier == 'gold'"),
        rule("/absent", "claims.custom_claims.environment == 'x'"),
        rule("/type", "claims.tier > 3"),
        rule(
            "/budget",
            "claims.l.all(x, claims.l.all(y, x + y != 999 && size(claims.tier) > 0))"
        ),
    )
}

#[tokio::test]
async fn causes_of_refusals_are_shown_to_the_operator_and_not_to_the_client() {
    let service = Service::ready(&configuration()).await;
    let envoy = service.envoy().await;
    let members: Vec<u32> = (1..=200).collect();
    let token = Token::of(ISSUER)
        .claim("tier", "silver-secret")
        .claim("l", json!(members))
        .signed(rsa(0));
    let cases = [
        ("/false", "the condition is false"),
        (
            "/absent",
            "the expression reads `claims.custom_claims`, which is absent",
        ),
        ("/type", "type error: `>` is not defined for string and int"),
        (
            "/budget",
            "the expression exceeds its budget of steps or bytes",
        ),
        (
            "/a/..;x/%ff",
            "the path is ambiguous: dot_segments, bad_encoding, parameters",
        ),
    ];
    for (number, (path, cause)) in cases.into_iter().enumerate() {
        let id = format!("r-{number}");
        let client_request = ClientRequest::bearer(&token)
            .to("GET", path)
            .header("x-request-id", id.clone());
        let answer = envoy.check(client_request).await;
        assert!(!answer.is_admission(), "{path}");
        assert!(!format!("{answer:?}").contains(cause), "{answer:?}");

        let request = pb::FindRefusalsRequest { request_id: id };
        let found = service.admin().await.find_refusals(request).await;
        let refusal = found.unwrap().into_inner().refusals.remove(0);
        assert_eq!(refusal.decision.unwrap().cause.as_deref(), Some(cause));
        let steps = refusal.explanation.unwrap().steps;
        let failed = steps.iter().find(|step| step.note.is_some()).unwrap();
        assert_eq!(failed.note.as_deref(), Some(cause), "{failed:?}");

        let request = pb::ExplainRequest {
            token: Some(token.clone()),
            method: Some("GET".to_owned()),
            path: Some(path.to_owned()),
            ..pb::ExplainRequest::default()
        };
        let explained = service.admin().await.explain(request).await;
        let explained = format!("{:?}", explained.unwrap().into_inner().explanation);
        assert!(
            explained.contains(&cause.replace('"', "\\\"")),
            "{explained}"
        );
        assert!(!cause.contains("silver-secret"));
    }
}

/// The cause names the claim, and has no value of the token.
#[tokio::test]
async fn causes_of_refused_claims_are_shown_to_the_operator() {
    let lines = "claims: { tier: [gold] }\nmax_lifetime: 24h";
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), lines);
    let service = Service::ready(&format!("issuers:\n{issuer}")).await;
    let envoy = service.envoy().await;
    let gold = || Token::of(ISSUER).claim("tier", "gold");
    for (number, (token, cause)) in [
        (gold().without("exp"), "the token has no claim `exp`"),
        (
            gold().without("sub"),
            "the token has no claim `sub`, which `required_claims` has",
        ),
        (
            gold().without("iat"),
            "the token has no claim `iat`, which `max_lifetime` requires",
        ),
        (
            gold().claim("tier", "silver-secret"),
            "the claim `tier` has none of the required values",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("r-{number}");
        let request =
            ClientRequest::bearer(&token.signed(rsa(0))).header("x-request-id", id.clone());
        let answer = envoy.check(request).await;
        assert!(!format!("{answer:?}").contains(cause), "{answer:?}");
        let request = pb::FindRefusalsRequest { request_id: id };
        let found = service.admin().await.find_refusals(request).await;
        let refusal = found.unwrap().into_inner().refusals.remove(0);
        assert_eq!(refusal.decision.unwrap().cause.as_deref(), Some(cause));
    }
}
