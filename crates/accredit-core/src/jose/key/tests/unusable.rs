//! Each reason to set a JWK aside.

use super::{RFC7515_A2_N, key};
use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::jose::json::{Duplicates, JsonDocument};
use crate::jose::key::{Unusable, VerificationKey};

/// A key set comes from the network: no member of it may end the process.
#[test]
fn a_mutated_key_is_usable_or_set_aside() {
    let seeds = [
        format!(r#"{{"kty":"RSA","n":"{RFC7515_A2_N}","e":"AQAB","use":"sig","alg":"RS256"}}"#),
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","key_ops":["verify"]}"#.to_owned(),
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":null}"#.to_owned(),
    ];
    let pieces = [
        "",
        "\"",
        "A",
        "_",
        "+",
        "=",
        "==",
        "null",
        "[]",
        "{}",
        "1",
        "\\n",
        "P-521",
        "P-384",
        "EC",
        "RSA",
        "OKP",
        "AAAA",
        ",\"x\":\"\"",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % bound as u64) as usize
    };
    let (mut keys, mut set_aside) = (0, 0);
    for round in 0..30_000 {
        let mut text = seeds[round % seeds.len()].clone();
        for _ in 0..=next(2) {
            let start = next(text.len());
            let end = (start + next(5)).min(text.len());
            text.replace_range(start..end, pieces[next(pieces.len())]);
        }
        let Ok(document) = JsonDocument::parse(text.as_bytes(), Duplicates::Mark) else {
            continue;
        };
        match document.object().map(VerificationKey::from_jwk) {
            Some(Ok(key)) => {
                keys += 1;
                for algorithm in Algorithm::ALL {
                    assert!(key.verify(algorithm, b"input", &[1; 64]).is_err());
                }
            }
            _ => set_aside += 1,
        }
    }
    assert!(keys > 1000 && set_aside > 1000, "{keys}, {set_aside}");
}

#[test]
fn each_unusable_key_is_set_aside_with_its_reason() {
    let modulus = |bytes: usize| base64url::encode(&vec![0xff; bytes]);
    let with_modulus =
        |bytes: usize| format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, modulus(bytes));
    let with_exponent = |e: &str| format!(r#"{{"kty":"RSA","n":"{RFC7515_A2_N}","e":"{e}"}}"#);
    let zeros = base64url::encode(&[0; 32]);
    let cases: Vec<(String, Unusable)> = vec![
        ("{}".into(), Unusable::MissingMember("kty")),
        (r#"{"kty":1}"#.into(), Unusable::MalformedMember("kty")),
        (r#"{"kty":"oct","k":"AAAA"}"#.into(), Unusable::Symmetric),
        (r#"{"kty":"AKP"}"#.into(), Unusable::UnknownType),
        (
            r#"{"kty":"RSA","e":"AQAB"}"#.into(),
            Unusable::MissingMember("n"),
        ),
        (
            r#"{"kty":"RSA","n":"!","e":"AQAB"}"#.into(),
            Unusable::MalformedMember("n"),
        ),
        (with_modulus(255), Unusable::ModulusSize { bits: 2040 }),
        (with_modulus(1025), Unusable::ModulusSize { bits: 8200 }),
        (with_exponent("AQ"), Unusable::Exponent),
        (with_exponent("AA"), Unusable::MalformedMember("e")),
        (with_exponent("AQAA"), Unusable::Exponent),
        (with_exponent("AgAAAAE"), Unusable::Exponent),
        (with_exponent("AQAAAAAAAAAB"), Unusable::Exponent),
        (
            r#"{"kty":"RSA","use":"enc"}"#.into(),
            Unusable::NotForSignatures,
        ),
        (
            r#"{"kty":"RSA","use":1}"#.into(),
            Unusable::MalformedMember("use"),
        ),
        (
            r#"{"kty":"RSA","key_ops":["sign"]}"#.into(),
            Unusable::NotForVerifying,
        ),
        (
            r#"{"kty":"RSA","key_ops":"verify"}"#.into(),
            Unusable::MalformedMember("key_ops"),
        ),
        (
            r#"{"kty":"RSA","alg":"HS256"}"#.into(),
            Unusable::UnsupportedAlgorithm,
        ),
        (
            r#"{"kty":"RSA","alg":"RSA-OAEP"}"#.into(),
            Unusable::UnsupportedAlgorithm,
        ),
        (
            format!(r#"{{"kty":"RSA","n":"{RFC7515_A2_N}","e":"AQAB","alg":"ES256"}}"#),
            Unusable::UnsupportedAlgorithm,
        ),
        (
            r#"{"kty":"EC","crv":"secp256k1"}"#.into(),
            Unusable::UnknownType,
        ),
        (
            r#"{"kty":"EC","crv":"P-521"}"#.into(),
            Unusable::MissingMember("x"),
        ),
        (
            format!(
                r#"{{"kty":"EC","crv":"P-256","x":"{}","y":"AQ"}}"#,
                modulus(33)
            ),
            Unusable::CoordinateSize {
                name: "x",
                octets: 33,
                size: 32,
            },
        ),
        (
            r#"{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}"#.into(),
            Unusable::NotAKey,
        ),
        (
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{zeros}","y":"{zeros}"}}"#),
            Unusable::NotAKey,
        ),
        (
            r#"{"kty":"OKP","crv":"X25519"}"#.into(),
            Unusable::UnknownType,
        ),
        (
            r#"{"kty":"OKP","crv":"Ed25519","x":"AQ"}"#.into(),
            Unusable::MalformedMember("x"),
        ),
    ];
    for (jwk, reason) in cases {
        assert_eq!(key(&jwk).err(), Some(reason), "{jwk}");
    }
}
