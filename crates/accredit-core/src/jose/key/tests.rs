//! Keys against the published vectors of RFC 7515 and RFC 8037, and every way a JWK is set aside.

use super::{KeyType, PrivatePart, Unusable, VerificationKey};
use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::jose::json::{Duplicates, JsonDocument};

const RFC7515_A2_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const RFC7515_A2_INPUT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const RFC7515_A2_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

fn rsa(extra: &str) -> Result<VerificationKey, Unusable> {
    key(&format!(
        r#"{{"kty":"RSA","n":"{RFC7515_A2_N}","e":"AQAB"{extra}}}"#
    ))
}

fn key(jwk: &str) -> Result<VerificationKey, Unusable> {
    let document = JsonDocument::parse(jwk.as_bytes(), Duplicates::Mark).expect("is JSON");
    VerificationKey::from_jwk(document.object().expect("is an object"))
}

fn verifies(key: &VerificationKey, algorithm: Algorithm, input: &str, signature: &str) -> bool {
    let signature = base64url::decode(signature).expect("is base64url");
    key.verify(algorithm, input.as_bytes(), &signature).is_ok()
}

#[test]
fn rsa_of_rfc_7515_appendix_a_2() {
    let key = rsa("").expect("is a key");
    assert_eq!(key.key_type(), KeyType::Rsa);
    assert!(verifies(
        &key,
        Algorithm::Rs256,
        RFC7515_A2_INPUT,
        RFC7515_A2_SIGNATURE
    ));
    for other in Algorithm::ALL
        .into_iter()
        .filter(|a| *a != Algorithm::Rs256)
    {
        assert!(
            !verifies(&key, other, RFC7515_A2_INPUT, RFC7515_A2_SIGNATURE),
            "{other}"
        );
    }
    let tampered = RFC7515_A2_INPUT.replace("MDA4", "MDA5");
    assert!(!verifies(
        &key,
        Algorithm::Rs256,
        &tampered,
        RFC7515_A2_SIGNATURE
    ));
    assert!(!verifies(&key, Algorithm::Rs256, RFC7515_A2_INPUT, ""));
}

#[test]
fn ec_of_rfc_7515_appendix_a_3() {
    let key = key(r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#)
        .expect("is a key");
    let input = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    assert!(verifies(&key, Algorithm::Es256, input, signature));
    assert!(!verifies(&key, Algorithm::Es384, input, signature));
    // CVE-2022-21449: the all-zero signature.
    assert!(
        key.verify(Algorithm::Es256, input.as_bytes(), &[0; 64])
            .is_err()
    );
}

#[test]
fn ed25519_of_rfc_8037_appendix_a_4() {
    let key =
        key(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#)
            .expect("is a key");
    let input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert!(verifies(&key, Algorithm::EdDsa, input, signature));
}

#[test]
fn a_key_fits_what_its_type_and_its_own_alg_suit() {
    let algorithms =
        |key: &VerificationKey| key.algorithms().map(Algorithm::name).collect::<Vec<_>>();
    let any = rsa("").expect("is a key");
    assert_eq!(
        algorithms(&any),
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
    );
    let one = rsa(r#","alg":"PS256""#).expect("is a key");
    assert_eq!(algorithms(&one), ["PS256"]);
    assert_ne!(any.identity(), one.identity());
    assert_eq!(
        any.identity(),
        rsa(r#","use":"sig","kid":"x""#)
            .expect("is a key")
            .identity()
    );
}

#[test]
fn the_private_part_is_reported() {
    assert_eq!(
        rsa("").expect("is a key").private_part(),
        PrivatePart::Absent
    );
    assert_eq!(
        rsa(r#","d":"AQAB""#).expect("is a key").private_part(),
        PrivatePart::Published
    );
}

#[test]
fn leading_zeros_of_a_number_are_dropped() {
    let bytes = base64url::decode(RFC7515_A2_N).expect("is base64url");
    let padded = base64url::encode(&[&[0], &bytes[..]].concat());
    let key = key(&format!(r#"{{"kty":"RSA","n":"{padded}","e":"AAEAAQ"}}"#)).expect("is a key");
    assert!(verifies(
        &key,
        Algorithm::Rs256,
        RFC7515_A2_INPUT,
        RFC7515_A2_SIGNATURE
    ));
}

#[test]
fn each_way_to_be_set_aside() {
    let modulus = |bytes: usize| base64url::encode(&vec![0xff; bytes]);
    let with_modulus =
        |bytes: usize| format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, modulus(bytes));
    let with_exponent = |e: &str| format!(r#"{{"kty":"RSA","n":"{RFC7515_A2_N}","e":"{e}"}}"#);
    let zeros = base64url::encode(&[0; 32]);
    let cases: Vec<(String, Unusable)> = vec![
        ("{}".into(), Unusable::MalformedMember("kty")),
        (r#"{"kty":1}"#.into(), Unusable::MalformedMember("kty")),
        (r#"{"kty":"oct","k":"AAAA"}"#.into(), Unusable::Symmetric),
        (r#"{"kty":"AKP"}"#.into(), Unusable::UnknownType),
        (
            r#"{"kty":"RSA","e":"AQAB"}"#.into(),
            Unusable::MalformedMember("n"),
        ),
        (
            r#"{"kty":"RSA","n":"!","e":"AQAB"}"#.into(),
            Unusable::MalformedMember("n"),
        ),
        (with_modulus(255), Unusable::ModulusSize),
        (with_modulus(1025), Unusable::ModulusSize),
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
            r#"{"kty":"EC","crv":"P-521"}"#.into(),
            Unusable::UnknownType,
        ),
        (
            r#"{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}"#.into(),
            Unusable::MalformedMember("x"),
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
