//! Issuers of tokens for programs, which name no client.

use serde_json::json;

use crate::support::keys::{p256, rsa};

use super::key_sets::{certificate, jwk, rs256};
use super::sample::{Sample, but, claims};

pub(super) fn google() -> Sample {
    let keys = vec![
        jwk(rsa(1), "1f12fa916c3981bf4e0f3ae9e4b5e3ac6e91b50c", rs256()),
        jwk(rsa(0), "82f12fd9de0b15c4d1ac2b2f6e0a7e4eexample0", rs256()),
    ];
    let header =
        json!({ "alg": "RS256", "kid": "82f12fd9de0b15c4d1ac2b2f6e0a7e4eexample0", "typ": "JWT" });
    let token = claims(
        3600,
        json!({
            "aud": "https://api.acme.example",
            "azp": "103547991597142817347",
            "email": "deployer@acme-prod.iam.gserviceaccount.com",
            "email_verified": true,
            "iss": "https://accounts.google.com",
            "sub": "103547991597142817347",
        }),
    );
    let stranger = but(
        &token,
        json!({ "sub": "117347103547991597142", "azp": "117347103547991597142", "email": "x@attacker.iam.gserviceaccount.com" }),
    );
    let account = ("x-jwt-email", "deployer@acme-prod.iam.gserviceaccount.com");
    Sample::of("Google service accounts", rsa(0), keys)
        .admits("the account", &header, &token, &[account])
        .refuses(
            "an account of another customer",
            &header,
            &stranger,
            "condition_failed",
        )
        .refuses_text(
            "an access token",
            "ya29.c.b0AT7lpjAexampleexample",
            "malformed_token",
        )
}

#[tokio::test]
async fn google_tokens_of_another_customer_with_our_audience_are_refused() {
    google().is_decided_as_documented().await;
}

pub(super) fn github_actions() -> Sample {
    let published = |key, kid| jwk(key, kid, certificate(rs256()));
    let keys = vec![
        published(rsa(1), "cc413527-173f-5a05-976e-9c52b1d7b431"),
        published(rsa(0), "38826b17-6a30-5f9b-b169-8beb8202f723"),
        jwk(rsa(2), "001DDCD014A848E8824577B3E4F3AEDB3BCF5FFD", rs256()),
    ];
    let header = json!({ "typ": "JWT", "alg": "RS256", "x5t": "ykNaY4qM_ta4k2TgZOCEYLkcYlA", "kid": "38826b17-6a30-5f9b-b169-8beb8202f723" });
    let token = claims(
        300,
        json!({
            "jti": "6f4762ed-0758-4ccb-808d-ee3af5d723a8",
            "sub": "repo:acme/deployer:ref:refs/heads/main",
            "aud": "api.acme.example",
            "ref": "refs/heads/main",
            "sha": "d5c1c2f1b7f8a4f0d9f6e3c2b1a098765432100f",
            "repository": "acme/deployer",
            "repository_owner": "acme",
            "repository_owner_id": "9919",
            "repository_id": "70107786",
            "run_id": "1530679972",
            "event_name": "push",
            "job_workflow_ref": "acme/deployer/.github/workflows/deploy.yml@refs/heads/main",
            "iss": "https://token.actions.githubusercontent.com",
        }),
    );
    let stranger = but(
        &token,
        json!({ "repository": "attacker/deployer", "repository_owner_id": "6660", "repository_id": "1" }),
    );
    let branch = but(&token, json!({ "ref": "refs/heads/feature" }));
    let default_audience = but(&token, json!({ "aud": "https://github.com/acme" }));
    Sample::of("GitHub Actions", rsa(0), keys)
        .admits(
            "the repository",
            &header,
            &token,
            &[("x-jwt-repository", "acme/deployer")],
        )
        .refuses("another repository", &header, &stranger, "condition_failed")
        .refuses("another branch", &header, &branch, "condition_failed")
        .refuses(
            "the default audience",
            &header,
            &default_audience,
            "invalid_audience",
        )
}

#[tokio::test]
async fn github_tokens_of_another_repository_with_our_audience_are_refused() {
    github_actions().is_decided_as_documented().await;
}

pub(super) fn kubernetes() -> Sample {
    let kid = "8tlMzZ5ER8o6bVUxmT1nYkKsgkOWvFpZl5kEXAMPLE0";
    let keys = vec![jwk(rsa(0), kid, rs256())];
    let header = json!({ "alg": "RS256", "kid": kid });
    let token = claims(
        3607,
        json!({
            "aud": ["api.acme.example"],
            "iss": "https://kubernetes.default.svc.cluster.local",
            "jti": "4d1bd9b1-5ad5-4bbd-b0f7-1dca3ab80ba8",
            "kubernetes.io": {
                "namespace": "billing",
                "node": { "name": "node-1", "uid": "4b5d0c5d-0d4c-4d0f-8f5a-5e2a3c1b0a99" },
                "pod": { "name": "worker-6d4b75cb6d-hbvx6", "uid": "1e4d6f0a-6a0c-4b92-b7f2-1f3f5d8f1a11" },
                "serviceaccount": { "name": "worker", "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798" },
                "warnafter": 1_700_003_600,
            },
            "nbf": 1_700_000_000,
            "sub": "system:serviceaccount:billing:worker",
        }),
    );
    let api_server = but(
        &token,
        json!({ "aud": ["https://kubernetes.default.svc.cluster.local"] }),
    );
    let other = but(
        &token,
        json!({ "sub": "system:serviceaccount:billing:default" }),
    );
    let of_a_secret = json!({
        "iss": "kubernetes/serviceaccount",
        "kubernetes.io/serviceaccount/namespace": "billing",
        "kubernetes.io/serviceaccount/service-account.name": "worker",
        "sub": "system:serviceaccount:billing:worker",
    });
    Sample::of("Kubernetes service accounts", rsa(0), keys)
        .admits(
            "a projected token",
            &header,
            &token,
            &[
                ("x-jwt-namespace", "billing"),
                ("x-jwt-service-account", "worker"),
            ],
        )
        .refuses(
            "for the API server",
            &header,
            &api_server,
            "invalid_audience",
        )
        .refuses("another account", &header, &other, "condition_failed")
        .refuses("of a Secret", &header, &of_a_secret, "unknown_issuer")
}

#[tokio::test]
async fn kubernetes_tokens_for_the_api_server_and_of_secrets_are_refused() {
    kubernetes().is_decided_as_documented().await;
}

pub(super) fn spiffe() -> Sample {
    // A trust bundle: keys of certificates have no `kid`, and no key has `alg`.
    let authority = {
        let mut jwk = p256(1).jwk(None);
        for (name, value) in certificate(json!({ "use": "x509-svid", "x5t": "" }))
            .as_object()
            .unwrap()
        {
            jwk[name] = value.clone();
        }
        jwk
    };
    let kid = "C6vs25welZOx6WksNYfbMfiw9l96pMnD";
    let keys = vec![
        authority,
        jwk(p256(0), kid, json!({ "use": "jwt-svid" })),
        jwk(rsa(1), "gHTCunJbefYtnZnTctd84xeRWyMrEsWD", json!({})),
    ];
    let header = json!({ "alg": "ES256", "kid": kid, "typ": "JWT" });
    let jose = json!({ "alg": "ES256", "kid": kid, "typ": "JOSE" });
    let token = claims(
        300,
        json!({
            "aud": ["api.acme.example"],
            "iss": "https://oidc.acme.example",
            "sub": "spiffe://acme.example/ns/billing/sa/worker",
        }),
    );
    let no_issuer = but(&token, json!({ "iss": null }));
    let other = but(
        &token,
        json!({ "sub": "spiffe://acme.example/ns/billing-test/sa/worker" }),
    );
    let workload = [("x-jwt-sub", "spiffe://acme.example/ns/billing/sa/worker")];
    Sample::of("SPIFFE", p256(0), keys)
        .beside_keys("spiffe_sequence", 12)
        .beside_keys("spiffe_refresh_hint", 300)
        .admits("a JWT-SVID", &header, &token, &workload)
        .admits("typ JOSE", &jose, &token, &workload)
        .refuses("no issuer", &header, &no_issuer, "unknown_issuer")
        .refuses("another namespace", &header, &other, "condition_failed")
}

#[tokio::test]
async fn spiffe_tokens_without_issuer_or_of_other_workloads_are_refused() {
    spiffe().is_decided_as_documented().await;
}
