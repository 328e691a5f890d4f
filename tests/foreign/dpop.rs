//! DPoP (RFC 9449) with a token of npm oidc-provider and proofs that npm jose makes, through a real Envoy.

use std::collections::BTreeMap;

use accredit_test_support::client::RawRequest;
use serde::Deserialize;
use serde_json::json;

use super::support::edge::Edge;
use super::support::provider::Provider;
use super::support::scripts::{answer, node};

const URL: &str = "http://api.example/api/data";

#[derive(Deserialize)]
struct Proofs {
    token: String,
    good: Vec<String>,
    wrong: BTreeMap<String, String>,
}

#[tokio::test]
async fn proofs_of_jose_are_admitted_once_and_each_wrong_one_is_refused() {
    let provider = Provider::start().await;
    let edge = Edge::start(&[provider.entry(json!({ "algorithms": ["RS256"] }))]).await;
    let script = node("dpop_proofs.js", &[provider.issuer(), URL]);
    let proofs: Proofs = answer("dpop_proofs.js", script).await;
    let status = async |proof: &str| {
        let request = RawRequest::get("/api/data?page=2")
            .host(Some(b"api.example"))
            .header("authorization", format!("DPoP {}", proofs.token))
            .header("dpop", proof);
        edge.send(request).await.status
    };
    let mut reasons = Vec::new();
    for good in &proofs.good {
        assert_eq!(status(good).await, 200);
        reasons.push("allowed");
    }
    for good in &proofs.good {
        assert_eq!(status(good).await, 401);
        reasons.push("replayed_proof");
    }
    assert_eq!(proofs.wrong.len(), 12);
    for (thing, wrong) in &proofs.wrong {
        assert_eq!(status(wrong).await, 401, "{thing}");
        reasons.push("invalid_proof");
    }
    assert_eq!(edge.reasons(reasons.len()).await, reasons);
}
