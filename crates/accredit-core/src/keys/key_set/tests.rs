//! Which key sets are accepted, and which of their keys can verify a token.

use super::{KeyIdStanding, KeySet, SetAside};
use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::Unusable;
use crate::keys::error::KeySetError;

const ED25519: &str =
    r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
const P256: &str = r#""kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#;

fn parse(text: &str) -> Result<KeySet, KeySetError> {
    KeySet::parse(text.as_bytes())
}

#[test]
fn an_unusable_key_is_set_aside_and_the_others_are_held() {
    let set = parse(&format!(
        r#"{{"keys":[5,{{"kid":"oct","kty":"oct"}},{{"kid":7,{ED25519}}},{{"kid":"twice","kid":"twice",{ED25519}}},{{"kid":"good",{ED25519}}}]}}"#
    ))
    .expect("is a set");
    assert_eq!(
        set.keys()
            .iter()
            .filter_map(|key| key.key_id.as_deref())
            .collect::<Vec<_>>(),
        ["good"]
    );
    let aside = |key_id: Option<&str>, reason| SetAside {
        key_id: key_id.map(Box::from),
        reason,
    };
    assert_eq!(
        set.set_aside(),
        [
            aside(None, Unusable::NotAnObject),
            aside(Some("oct"), Unusable::Symmetric),
            aside(None, Unusable::MalformedMember("kid")),
            aside(Some("twice"), Unusable::DuplicateMember),
        ]
    );
    for (key_id, standing) in [
        (None, KeyIdStanding::Absent),
        (Some("good"), KeyIdStanding::Held),
        (Some("oct"), KeyIdStanding::Held),
        (Some("Good"), KeyIdStanding::Unknown),
    ] {
        assert_eq!(set.standing(key_id), standing, "{key_id:?}");
    }
}

#[test]
fn a_malformed_key_set_is_refused_and_an_empty_one_accepted() {
    assert!(parse(r#"{"keys":[]}"#).expect("is a set").keys().is_empty());
    for text in ["{}", "[]", r#"{"keys":{}}"#, r#"{"keys":null}"#, "1"] {
        assert_eq!(parse(text).err(), Some(KeySetError::NoKeys), "{text}");
    }
    for text in [
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[],"x":{"a":1,"a":2}}"#,
        r#"{"x":1,"keys":[],"x":1}"#,
    ] {
        assert_eq!(
            parse(text).err(),
            Some(KeySetError::DuplicateMember),
            "{text}"
        );
    }
    assert_eq!(
        parse(r#"{"keys":[{"kty":"oct"}]}"#).err(),
        Some(KeySetError::NoUsableKey {
            keys: vec![SetAside {
                key_id: None,
                reason: Unusable::Symmetric
            }],
            more: 0
        })
    );
    assert!(matches!(parse("<html>"), Err(KeySetError::NotJson(_))));
}

#[test]
fn the_error_of_a_set_without_usable_keys_names_each_key() {
    let text = format!(
        r#"{{"keys":[{{"kid":"a","kty":"oct"}},{{"use":"enc",{ED25519}}}{}]}}"#,
        ",0".repeat(10)
    );
    let error = parse(&text).expect_err("has no usable key").to_string();
    let names = r#"key "a": it is a symmetric key; a key without kid: its `use` is "#;
    assert!(error.contains(names), "{error}");
    assert!(error.ends_with("; and 4 more"), "{error}");
    let long = format!(
        r#"{{"keys":[{{"kid":"{}","kty":"oct"}}]}}"#,
        "x".repeat(5000)
    );
    let error = parse(&long).expect_err("has no usable key").to_string();
    assert!(error.len() < 300, "{error}");
}

#[test]
fn candidate_keys_have_the_kid_or_none_and_fit_the_algorithm() {
    let set = parse(&format!(
        r#"{{"keys":[{{{ED25519}}},{{"kid":"a",{ED25519}}},{{"kid":"a",{P256}}},{{"kid":"b",{ED25519}}}]}}"#
    ))
    .expect("is a set");
    let candidates = |key_id, algorithm| {
        set.candidates(key_id, algorithm)
            .map(|key| key.key_id.as_deref().unwrap_or("-"))
            .collect::<Vec<_>>()
    };
    assert_eq!(candidates(Some("a"), Algorithm::EdDsa), ["a", "-"]);
    assert_eq!(candidates(Some("a"), Algorithm::Es256), ["a"]);
    assert_eq!(candidates(Some("z"), Algorithm::EdDsa), ["-"]);
    assert_eq!(candidates(None, Algorithm::EdDsa), ["-", "a", "b"]);
    assert!(candidates(Some("a"), Algorithm::Rs256).is_empty());
    let many = vec![format!("{{{ED25519}}}"); 20].join(",");
    let set = parse(&format!(r#"{{"keys":[{many}]}}"#)).expect("is a set");
    assert_eq!(set.candidates(None, Algorithm::EdDsa).count(), 16);
    assert_eq!(set.untried(None, Algorithm::EdDsa), 4);
    assert_eq!(set.untried(Some("a"), Algorithm::EdDsa), 4);
    assert_eq!(set.untried(None, Algorithm::Es256), 0);
}

#[test]
fn key_sets_are_equivalent_only_with_the_same_keys_under_the_same_ids() {
    let one = parse(&format!(r#"{{"keys":[{{"kid":"a",{ED25519}}}]}}"#)).expect("is a set");
    let same = parse(&format!(
        r#"{{"x":1,"keys":[{{"use":"sig",{ED25519},"kid":"a"}}]}}"#
    ))
    .expect("is a set");
    let renamed = parse(&format!(r#"{{"keys":[{{"kid":"b",{ED25519}}}]}}"#)).expect("is a set");
    let other = parse(&format!(r#"{{"keys":[{{"kid":"a",{P256}}}]}}"#)).expect("is a set");
    assert!(one.judges_as(&same));
    assert!(!one.judges_as(&renamed));
    assert!(!one.judges_as(&other));
}
