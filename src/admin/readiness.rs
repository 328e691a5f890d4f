//! The body of `/readyz` (CONTRACT 6.1.3): readiness, and the state of each issuer's keys.

use accredit_core::authz::authorizer::Authorizer;
use serde_json::{Value, json};
use std::time::Instant;

use crate::admin::convert;

pub fn report(ready: bool, authorizer: &Authorizer, now: Instant) -> Value {
    let issuers: Vec<_> = authorizer
        .authenticator()
        .issuers()
        .iter()
        .map(|issuer| {
            let snapshot = issuer.keys.usable(now);
            let keys = snapshot.map_or(0, |snapshot| snapshot.key_set.keys().len());
            let issuer = convert::without_keys(issuer, now);
            let set_aside: Vec<_> = issuer
                .set_aside
                .iter()
                .map(|key| json!({ "kid": key.kid, "reason": key.reason }))
                .collect();
            json!({
                "issuers": issuer.issuers,
                "required": issuer.required,
                "keys": keys,
                "age_seconds": issuer.age_seconds,
                "set_aside": set_aside,
                "omitted_set_aside": issuer.omitted_set_aside,
                "last_error": Some(issuer.last_error).filter(|error| !error.is_empty()),
            })
        })
        .collect();
    let without_keys: Vec<_> = authorizer
        .authenticator()
        .issuers()
        .iter()
        .filter(|issuer| !issuer.keys.has_keys(now))
        .flat_map(|issuer| issuer.names.iter().map(|name| name.to_string()))
        .collect();
    let rules_files: Vec<_> = authorizer
        .rules()
        .files()
        .iter()
        .map(|file| json!({ "file": &*file.path, "state": file.state.as_str(), "rules": file.rules }))
        .collect();
    json!({
        "ready": ready,
        "without_keys": without_keys,
        "issuers": issuers,
        "rules_files": rules_files,
    })
}
