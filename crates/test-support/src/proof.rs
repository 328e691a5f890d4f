//! DPoP proofs that are valid except for what a test changes, and the thumbprints that tokens are bound to.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::keys::{Key, base64url};
use crate::token::{Token, now};

/// A proof of this key for a request with this method and URL, and this token, with a `jti` of its own.
pub fn proof(key: &Key, alg: &str, request: (&str, &str), token: &str) -> Token {
    let mut id = [0; 16];
    aws_lc_rs::rand::fill(&mut id).expect("random bytes");
    let header = json!({ "typ": "dpop+jwt", "alg": alg, "jwk": key.jwk(None) });
    let (method, url) = request;
    let claims = json!({
        "jti": base64url(id), "htm": method, "htu": url, "iat": now(), "ath": base64url(sha256(token.as_bytes())),
    });
    Token::exactly(header, claims)
}

/// The thumbprint of a public key (RFC 7638): what `cnf.jkt` has.
pub fn key_thumbprint(key: &Key) -> String {
    let jwk = key.jwk(None);
    let members = match jwk["kty"].as_str() {
        Some("RSA") => vec!["e", "kty", "n"],
        Some("EC") => vec!["crv", "kty", "x", "y"],
        _ => vec!["crv", "kty", "x"],
    };
    let members: Vec<String> = members
        .into_iter()
        .map(|name| format!("\"{name}\":{}", jwk[name]))
        .collect();
    base64url(sha256(format!("{{{}}}", members.join(",")).as_bytes()))
}

/// The thumbprint of a PEM certificate: what `cnf.x5t#S256` has.
pub fn certificate_thumbprint(pem: &str) -> String {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    let der = STANDARD.decode(lines.collect::<String>());
    base64url(sha256(&der.expect("is base64")))
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}
