//! A token's claims, changed as an attacker without the key would change them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// A payload segment with one claim set.
pub(crate) fn with_claim(claims: &str, name: &str, value: &str) -> String {
    let mut claims = read(claims);
    claims.insert(name.to_owned(), value.into());
    URL_SAFE_NO_PAD.encode(Value::from(claims).to_string())
}

/// A token whose claims are changed and whose signature is not.
pub(crate) fn tamper(token: &str, name: &str, value: &str) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    [parts[0], &with_claim(parts[1], name, value), parts[2]].join(".")
}

/// The claims of a token, unverified.
pub(crate) fn claims_of(token: &str) -> Map<String, Value> {
    read(token.split('.').nth(1).unwrap())
}

fn read(segment: &str) -> Map<String, Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).unwrap()).unwrap()
}
