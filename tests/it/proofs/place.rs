//! A service, tokens that are bound to a key, and requests with proofs.

use accredit::admin::pb;
use serde_json::json;

use crate::support::check_request::ClientRequest;
use crate::support::connection::Envoy;
use crate::support::keys::{Key, p256, rsa, set};
use crate::support::proof::{key_thumbprint, proof};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::Token;

pub(super) const ISSUER: &str = "https://issuer.test";

/// The URL of [`ClientRequest::plain`].
pub(super) const URL: &str = "https://api.test/things";

/// The configuration of one issuer with the key `k`. `lines` are of its entry, `more` of the file.
pub(super) fn configuration(lines: &str, more: &str) -> String {
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), lines);
    format!("issuers:\n{issuer}{more}")
}

/// A token that is bound to this key.
pub(super) fn bound(key: &Key) -> String {
    let cnf = json!({ "jkt": key_thumbprint(key) });
    Token::of(ISSUER).claim("cnf", cnf).signed(rsa(0))
}

/// A valid proof of the first P-256 key.
pub(super) fn good_proof(token: &str) -> Token {
    proof(p256(0), "ES256", ("GET", URL), token)
}

/// A request with a token and a proof.
pub(super) fn client_request(token: &str, proof: &str) -> ClientRequest {
    ClientRequest::plain()
        .header("authorization", format!("DPoP {token}"))
        .header("dpop", proof)
}

/// The reason that the service explains for the request of a token and a proof.
pub(super) async fn explained(service: &Service, token: &str, proof: &str) -> String {
    let header = pb::Header {
        name: "dpop".to_owned(),
        value: proof.to_owned(),
    };
    let request = pb::ExplainRequest {
        token: Some(token.to_owned()),
        host: Some("api.test".to_owned()),
        path: Some("/things".to_owned()),
        headers: vec![header],
        ..pb::ExplainRequest::default()
    };
    let explained = service.admin().await.explain(request).await.unwrap();
    explained.into_inner().explanation.unwrap().reason
}

/// Of many concurrent checks with one proof, one is admitted, on whichever of these connections.
pub(super) async fn one_of_many_is_admitted(connections: &[Envoy]) {
    let token = bound(p256(0));
    for _ in 0..10 {
        let proof = good_proof(&token).signed(p256(0));
        let checks = (0..16).map(|number| {
            let envoy = &connections[number % connections.len()];
            let request = client_request(&token, &proof);
            async move { envoy.check(request).await.reason() }
        });
        let mut reasons = futures_util::future::join_all(checks).await;
        reasons.sort_unstable();
        assert_eq!(reasons.remove(0), "allowed");
        assert!(
            reasons.iter().all(|reason| reason == "replayed_proof"),
            "{reasons:?}"
        );
    }
}
