//! The notes of the steps `alg`, `key` and `signature`: which keys were considered, and why each was not used.

use std::time::Instant;

use accredit_core::authn::issuers::Issuer;
use accredit_core::jose::algorithm::Algorithm;
use accredit_core::token::unverified::UnverifiedToken;

/// How many keys a note names. The issuer decides how many there are.
const MAX_NAMED_KEYS: usize = 16;

/// The note of the failed step `alg`, at which no key was considered yet.
pub fn unaccepted_algorithm(token: &UnverifiedToken<'_>, issuer: &Issuer) -> String {
    let accepted: Vec<&str> = Algorithm::ALL
        .into_iter()
        .filter(|algorithm| issuer.requirements.algorithms.contains(*algorithm))
        .map(Algorithm::name)
        .collect();
    format!(
        "alg is {:?}; the issuer entry accepts {}; no key was considered",
        token.algorithm(),
        accepted.join(", ")
    )
}

/// The `kid` of a token.
pub fn key_id(token: &UnverifiedToken<'_>) -> String {
    match token.key_id() {
        Some(key_id) => format!("kid is {key_id:?}"),
        None => "kid is absent".to_owned(),
    }
}

/// The note of the failed step `key`, with the error of the latest fetch.
pub fn missing_key(token: &UnverifiedToken<'_>, issuer: &Issuer) -> String {
    let note = unverified(token, issuer);
    match issuer.keys.status(Instant::now()).last_error {
        Some(error) => format!("{note}; the latest fetch failed: {error}"),
        None => note,
    }
}

/// The note of the failed step `signature`.
pub fn unverified(token: &UnverifiedToken<'_>, issuer: &Issuer) -> String {
    format!("{}; {}", key_id(token), considered(token, issuer))
}

fn considered(token: &UnverifiedToken<'_>, issuer: &Issuer) -> String {
    let snapshot = issuer.keys.usable(Instant::now());
    let (Some(snapshot), Some(algorithm)) = (snapshot, Algorithm::from_name(token.algorithm()))
    else {
        return "accredit has no usable key of the issuer".to_owned();
    };
    let keys = snapshot.key_set.considered(token.key_id(), algorithm);
    let more = keys.len().saturating_sub(MAX_NAMED_KEYS);
    let mut named: Vec<String> = keys
        .iter()
        .take(MAX_NAMED_KEYS)
        .map(ToString::to_string)
        .collect();
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    format!("keys considered: {}", named.join("; "))
}
