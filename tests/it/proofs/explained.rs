//! `explain` with bound tokens: it judges proofs, and uses none up.

use std::path::Path;

use crate::support::certificates::Authority;
use crate::support::keys::{p256, rsa};
use crate::support::process::{Ended, accredit, ended};
use crate::support::proof::certificate_thumbprint;
use crate::support::service::Service;
use crate::support::token::Token;

use super::place::{ISSUER, bound, client_request, configuration, explained, good_proof};
use super::redis::Redis;
use super::replicas::{new_proof, replica, shared};

async fn explain(folder: &Path, token: &str, more: &[&str]) -> Ended {
    explain_by(&configuration("", ""), folder, token, more).await
}

async fn explain_by(configuration: &str, folder: &Path, token: &str, more: &[&str]) -> Ended {
    let config = folder.join("accredit.yaml");
    std::fs::write(&config, configuration).unwrap();
    let file = folder.join("token");
    std::fs::write(&file, token).unwrap();
    let (config, file) = (config.to_str().unwrap(), file.to_str().unwrap());
    let mut arguments = vec!["explain", "--config", config, "--token-file", file];
    arguments.extend(["--host", "api.test", "--path", "/things"]);
    arguments.extend(more);
    ended(&mut accredit(&arguments)).await
}

#[tokio::test]
async fn explain_states_what_is_wrong_with_a_proof() {
    let folder = tempfile::tempdir().unwrap();
    let token = bound(p256(0));
    let header = |proof: &Token| format!("dpop: {}", proof.signed(p256(0)));
    let good = good_proof(&token);
    let allowed = explain(folder.path(), &token, &["--header", &header(&good)]).await;
    assert_eq!(
        allowed.code,
        Some(0),
        "{}{}",
        allowed.stdout,
        allowed.stderr
    );
    for (more, cause) in [
        (
            vec![
                "--header".to_owned(),
                header(&good.clone().claim("htm", "POST")),
            ],
            "`htm` of the DPoP proof is not the method of the request",
        ),
        (
            vec![
                "--scheme".to_owned(),
                "http".to_owned(),
                "--header".to_owned(),
                header(&good),
            ],
            "`htu` of the DPoP proof is not the URL of the request as Envoy saw it",
        ),
        (
            vec![],
            "the token is bound to a key (`jkt`), and was not sent with the scheme DPoP",
        ),
    ] {
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let refused = explain(folder.path(), &token, &more).await;
        assert_eq!(refused.code, Some(3), "{}", refused.stderr);
        let text = refused
            .stdout
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert!(text.contains(cause), "{cause}: {text}");
    }
}

/// The proof would be used up for the replicas, and a server that is down would change the decision.
#[tokio::test]
async fn explain_without_a_service_does_not_use_the_shared_memory() {
    let mut redis = Redis::start().await;
    let configuration = shared(&redis.url(), "");
    let folder = tempfile::tempdir().unwrap();
    let token = bound(p256(0));
    let proof = new_proof(&token);
    let header = format!("dpop: {proof}");
    let code = async || {
        let more = ["--header", &header];
        let explained = explain_by(&configuration, folder.path(), &token, &more).await;
        assert!(explained.stdout.contains("allowed"), "{}", explained.stdout);
        explained.code
    };
    assert_eq!(code().await, Some(0));
    assert_eq!(redis.command("DBSIZE").await, ":0");
    let service = replica(&redis.url(), "").await;
    let answer = service.check(client_request(&token, &proof)).await;
    assert_eq!(answer.reason(), "allowed");
    redis.stop().await;
    assert_eq!(code().await, Some(0));
}

#[tokio::test]
async fn explain_takes_the_certificate_of_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let (own, _) = Authority::new().client();
    let cnf = serde_json::json!({ "x5t#S256": certificate_thumbprint(&own) });
    let token = Token::of(ISSUER).claim("cnf", cnf).signed(rsa(0));
    let file = folder.path().join("client.crt");
    std::fs::write(&file, &own).unwrap();
    let given = ["--source-certificate", file.to_str().unwrap()];
    let allowed = explain(folder.path(), &token, &given).await;
    assert_eq!(
        allowed.code,
        Some(0),
        "{}{}",
        allowed.stdout,
        allowed.stderr
    );
    let refused = explain(folder.path(), &token, &[]).await;
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(
        refused.stdout.contains("unproven_binding"),
        "{}",
        refused.stdout
    );
}

#[tokio::test]
async fn an_explanation_by_the_service_uses_no_proof_up() {
    let service = Service::ready(&configuration("", "")).await;
    let token = bound(p256(0));
    let proof = good_proof(&token).signed(p256(0));
    let explained = async || explained(&service, &token, &proof).await;
    assert_eq!(explained().await, "allowed");
    assert_eq!(explained().await, "allowed");
    let answer = service.check(client_request(&token, &proof)).await;
    assert_eq!(answer.reason(), "allowed");
    assert_eq!(explained().await, "replayed_proof");
}
