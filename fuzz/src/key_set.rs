//! JWK Sets: each element of `keys` is either a key of bounded size that can verify, or set aside with its cause, and none
//! of them changes what becomes of another.

use accredit_core::jose::algorithm::Algorithm;
use accredit_core::jose::json::value::JsonValue;
use accredit_core::jose::json::{Duplicates, JsonDocument};
use accredit_core::keys::error::KeySetError;
use accredit_core::keys::key_set::{Key, KeySet};
use accredit_core::keys::set_aside::SetAside;

use super::json_oracle::{Reading, Tree, read};

/// How many elements are looked at alone: preparing a key costs time.
const MOST_ALONE: usize = 4;

/// The octets of an RSA modulus of 2048 and of 8192 bits.
const MIN_MODULUS: usize = 256;
const MAX_MODULUS: usize = 1024;

/// Whether the text is a key set.
pub fn check(text: &[u8]) -> bool {
    let shown = String::from_utf8_lossy(text);
    let parsed = KeySet::parse(text);
    let elements = elements(text);
    match &parsed {
        Err(error) => {
            let line = error.to_string();
            assert!(
                !line.is_empty() && !line.contains('\n') && line.len() < 16 * 1024,
                "{line:?}"
            );
            let Some(elements) = elements else {
                return false;
            };
            if let KeySetError::NoUsableKey { keys, more } = error {
                assert_eq!(keys.len() + more, elements.len(), "{shown}");
                keys.iter().for_each(has_cause);
            }
        }
        Ok(set) => {
            let elements = elements.expect("a key set has elements");
            assert_eq!(
                set.keys().len() + set.set_aside().len(),
                elements.len(),
                "{shown}"
            );
            set.set_aside().iter().for_each(has_cause);
            set.keys().iter().take(MOST_ALONE).for_each(can_verify);
            assert!(set.judges_as(set), "{shown}");
            let alone = elements
                .iter()
                .take(MOST_ALONE)
                .filter(|element| is_kept_alone(element));
            let kept = alone.count();
            if elements.len() <= MOST_ALONE {
                assert_eq!(kept, set.keys().len(), "{shown}");
            }
        }
    }
    parsed.is_ok()
}

/// The texts of the elements of `keys`. `None` if the text as a whole is no key set.
fn elements(text: &[u8]) -> Option<Vec<String>> {
    let document = JsonDocument::parse(text, Duplicates::Mark).ok()?;
    let elements = document
        .object()?
        .get("keys")
        .and_then(JsonValue::as_array)?;
    Some(
        elements
            .iter()
            .map(|element| element.raw().to_owned())
            .collect(),
    )
}

/// Whether a set of this element alone has a key, which then has a bounded size.
fn is_kept_alone(element: &str) -> bool {
    let Ok(set) = KeySet::parse(format!("{{\"keys\":[{element}]}}").as_bytes()) else {
        return false;
    };
    let [key] = set.keys() else {
        panic!("one element, and {} keys", set.keys().len());
    };
    let Reading::Json(tree) = read(element.as_bytes()) else {
        return true;
    };
    assert!(!tree.has_duplicates(), "{element}");
    let has_text = |name| {
        tree.get(name)
            .is_some_and(|value| matches!(value, Tree::Text(_)))
    };
    let kty = tree
        .get("kty")
        .and_then(Tree::text)
        .expect("a key has a type");
    assert_eq!(kty, key.key.key_type().name());
    match kty {
        "RSA" => {
            assert!(has_text("n") && has_text("e"), "{element}");
            let n = tree.get("n").and_then(Tree::text).expect("has `n`");
            let digits: String = n
                .chars()
                .filter(|c| !matches!(c, '\r' | '\n' | '='))
                .collect();
            let octets = digits.trim_start_matches('A').len() * 3 / 4;
            assert!(
                (MIN_MODULUS - 1..=MAX_MODULUS + 1).contains(&octets),
                "{element}"
            );
        }
        "EC" => assert!(
            has_text("crv") && has_text("x") && has_text("y"),
            "{element}"
        ),
        _ => assert!(has_text("crv") && has_text("x"), "{element}"),
    }
    let purpose = tree.get("use").and_then(Tree::text).unwrap_or_default();
    assert!(["", "sig", "jwt-svid"].contains(&purpose), "{element}");
    true
}

fn has_cause(key: &SetAside) {
    let cause = key.reason.to_string();
    assert!(!cause.is_empty() && !key.reason.code().is_empty());
    assert!(key.to_string().ends_with(&cause) && !key.to_string().contains('\n'));
}

fn can_verify(key: &Key) {
    let mut algorithms = key.key.algorithms().peekable();
    assert!(algorithms.peek().is_some());
    for algorithm in algorithms {
        for length in [0, 64, 96, 132, 256] {
            let _ = key
                .key
                .verify(algorithm, b"signing input", &vec![0x5a; length]);
        }
    }
    for algorithm in Algorithm::ALL
        .into_iter()
        .filter(|algorithm| !key.key.fits(*algorithm))
    {
        assert!(key.key.verify(algorithm, b"", &[0; 64]).is_err());
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let ed25519 =
        r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
    let p256 = r#""kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#;
    let rsa = |bytes: usize| {
        format!(
            r#""kty":"RSA","e":"AQAB","n":"{}""#,
            "3".repeat(bytes * 4 / 3 + 1)
        )
    };
    let set = |keys: &[String]| {
        let keys: Vec<String> = keys.iter().map(|key| format!("{{{key}}}")).collect();
        format!("{{\"keys\":[{}]}}", keys.join(",")).into_bytes()
    };
    vec![
        set(&[ed25519.to_owned()]),
        set(&[
            format!(r#""kid":"a","use":"sig","alg":"EdDSA",{ed25519}"#),
            format!(r#""kid":"b",{p256}"#),
        ]),
        set(&[rsa(256), rsa(255), rsa(1024)]),
        set(&[
            format!(r#""kid":"a","key_ops":["verify"],"d":"AQAB",{p256}"#),
            r#""kty":"oct","k":"AQAB""#.to_owned(),
        ]),
        set(&[
            format!(r#""kid":7,{ed25519}"#),
            format!(r#""use":"enc",{ed25519}"#),
            format!(r#""kid":"x","kid":"x",{ed25519}"#),
            p256.to_owned(),
        ]),
        br#"{"keys":[5,null,{}]}"#.to_vec(),
        br#"{"keys":[],"keys":[]}"#.to_vec(),
        br#"{"keys":[]}"#.to_vec(),
    ]
}
