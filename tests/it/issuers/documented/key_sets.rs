//! Keys as issuers publish them, and the ways in which serializers write them.

use serde_json::{Map, Value, json};

use crate::support::keys::{Key, base64url};

use super::sample::Rewrite;

/// Ways to write the same key: each is found in the field.
pub(super) const WAYS: [(&str, Rewrite); 5] = [
    ("unset members are null", |key| {
        with_unset(key, &Value::Null)
    }),
    ("unset members are empty text", |key| {
        with_unset(key, &json!(""))
    }),
    ("unset members are empty lists", |key| {
        with_unset(key, &json!([]))
    }),
    ("padded numbers in the standard alphabet", |key| {
        with_numbers(key, |number| {
            let padding = "=".repeat((4 - number.len() % 4) % 4);
            number.replace('-', "+").replace('_', "/") + &padding
        })
    }),
    ("numbers in lines", |key| {
        with_numbers(key, |number| {
            let lines: Vec<_> = number.as_bytes().chunks(64).collect();
            String::from_utf8(lines.join(&b"\r\n"[..])).unwrap()
        })
    }),
];

/// The key under that name, with these members.
pub(super) fn jwk(key: &Key, kid: &str, members: Value) -> Value {
    let mut jwk = key.jwk(None);
    jwk["kid"] = kid.into();
    for (name, value) in members.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

/// The members of a key for RS256 signatures, as most issuers publish it.
pub(super) fn rs256() -> Value {
    json!({ "use": "sig", "alg": "RS256" })
}

/// The members that describe a certificate. Nothing reads them (CONTRACT 5.7.4), so its content does not matter.
pub(super) fn certificate(members: Value) -> Value {
    let mut all = json!({
        "x5c": ["MIIDBTCCAe2gAwIBAgIQGQ6YG6NleJxJGDRAwAd/ZTANBgkqhkiG9w0BAQsFADAtMSswKQYDVQQDEyI="],
        "x5t": base64url([7; 20]),
    });
    for (name, value) in members.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

fn with_unset(mut key: Map<String, Value>, unset: &Value) -> Map<String, Value> {
    for name in [
        "kid", "use", "alg", "key_ops", "x5u", "x5c", "x5t", "x5t#S256", "d", "p", "q", "k", "oth",
        "ext",
    ] {
        key.entry(name).or_insert_with(|| unset.clone());
    }
    key
}

fn with_numbers(
    mut key: Map<String, Value>,
    rewrite: impl Fn(&str) -> String,
) -> Map<String, Value> {
    for name in ["n", "e", "x", "y"] {
        if let Some(Value::String(number)) = key.get_mut(name) {
            *number = rewrite(number);
        }
    }
    key
}
