//! Which signature is valid, and which key verifies it.

use serde_json::{Value, json};

use crate::support::keys::{base64url, ed25519, hs256, p256, p384, p521, rsa, set};
use crate::support::token::sealed;

use super::place::{ALL, place};

#[tokio::test]
async fn each_algorithm_verifies_only_its_own_signatures() {
    let place = place(ALL).await;
    let rsa_names = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
    let mut signers: Vec<_> = rsa_names.map(|alg| (alg, "k", rsa(0))).into();
    signers.extend([("ES256", "e", p256(0)), ("ES384", "e3", p384())]);
    signers.push(("ES512", "e5", p521()));
    signers.extend([("EdDSA", "o", ed25519()), ("Ed25519", "o", ed25519())]);
    for (alg, kid, key) in &signers {
        let token = place.token().alg(alg).kid(kid);
        place.assert(&token.signed(key), "allowed", alg).await;
        for (other, _, other_key) in &signers {
            let same = std::ptr::eq(*key, *other_key);
            if same && (alg == other || *kid == "o") {
                continue;
            }
            // Says one algorithm, and is signed by another, or by another key.
            let mixed = sealed(token.header_text(), token.claims_text(), |input| {
                other_key.sign(other, input)
            });
            place
                .assert(&mixed, "invalid_signature", &format!("{alg} by {other}"))
                .await;
        }
    }
    for (alg, kid) in [
        ("ES256", "k"),
        ("RS256", "e"),
        ("ES384", "e"),
        ("EdDSA", "e3"),
        ("ES512", "e3"),
        ("ES384", "e5"),
        ("PS256", "o"),
    ] {
        let token = place.token().alg(alg).kid(kid).signed(rsa(0));
        place
            .assert(
                &token,
                "unsupported_algorithm",
                &format!("{alg} under {kid}"),
            )
            .await;
    }
}

#[tokio::test]
async fn a_public_key_is_never_used_as_an_hmac_secret() {
    let place = place(ALL).await;
    let token = |alg: &str| place.token().alg(alg);
    let jwk = rsa(0).jwk("k");
    let mut secrets = rsa(0).public_as_secrets();
    secrets.extend([jwk.to_string().into_bytes(), Vec::new()]);
    for (number, secret) in secrets.iter().enumerate() {
        let thing = &format!("secret {number}");
        for alg in ["HS256", "hs256"] {
            let of = token(alg);
            let forged = sealed(of.header_text(), of.claims_text(), |input| {
                hs256(secret, input)
            });
            place.assert(&forged, "unsupported_algorithm", thing).await;
        }
        let of = token("RS256");
        let forged = sealed(of.header_text(), of.claims_text(), |input| {
            hs256(secret, input)
        });
        place.assert(&forged, "invalid_signature", thing).await;
    }
    for alg in [
        "none", "None", "NONE", "nOnE", "", "HS384", "HS512", "ES256K", "rs256", "RS256 ",
        "RSA-OAEP", "dir",
    ] {
        for signature in [Vec::new(), rsa(0).sign("RS256", b"x")] {
            let of = token(alg);
            let forged = sealed(of.header_text(), of.claims_text(), |_| signature);
            place.assert(&forged, "unsupported_algorithm", alg).await;
        }
        let of = token(alg);
        place
            .assert(&of.signed(rsa(0)), "unsupported_algorithm", alg)
            .await;
    }
}

#[tokio::test]
async fn keys_and_key_urls_in_a_token_are_never_used() {
    let place = place(ALL).await;
    place
        .server
        .serve("/evil", set([rsa(1).jwk("k"), rsa(1).jwk("evil")]));
    let evil = place.server.url("/evil");
    let embedded = rsa(1).jwk("k");
    let members: Vec<(&str, Value)> = vec![
        ("jwk", embedded.clone()),
        ("jku", evil.clone().into()),
        ("x5u", evil.clone().into()),
        ("x5c", json!([base64url(rsa(1).public_der())])),
        ("x5t", "AAAA".into()),
        ("x5t#S256", "AAAA".into()),
        ("jwks", json!({ "keys": [embedded] })),
        ("iss", evil.into()),
    ];
    for (name, value) in &members {
        let token = place.token().header(name, value.clone()).kid("evil");
        place
            .assert(&token.signed(rsa(1)), "unknown_key", name)
            .await;
    }
    for (name, value) in &members {
        let token = place.token().header(name, value.clone());
        place
            .assert(&token.signed(rsa(1)), "invalid_signature", name)
            .await;
        // What is ignored does no harm to a token that is good without it.
        place.assert(&token.signed(rsa(0)), "allowed", name).await;
    }
    assert_eq!(place.server.count("/evil"), 0);
}
