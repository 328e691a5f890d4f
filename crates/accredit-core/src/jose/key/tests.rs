//! Keys against the published vectors of RFC 7515 and RFC 8037, and each reason to set a JWK aside.

use super::{KeyType, PrivatePart, Unusable, VerificationKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
};

use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::jose::json::{Duplicates, JsonDocument};

mod unusable;

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
fn verifies_the_rsa_example_of_rfc_7515_a_2() {
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
fn verifies_the_ec_example_of_rfc_7515_a_3() {
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
fn verifies_the_ed25519_example_of_rfc_8037_a_4() {
    let key =
        key(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#)
            .expect("is a key");
    let input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert!(verifies(&key, Algorithm::EdDsa, input, signature));
}

#[test]
fn a_key_fits_the_algorithms_of_its_type_and_its_alg() {
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
fn a_published_private_key_is_reported() {
    assert_eq!(
        rsa("").expect("is a key").private_part(),
        PrivatePart::Absent
    );
    assert_eq!(
        rsa(r#","d":"AQAB""#).expect("is a key").private_part(),
        PrivatePart::Published
    );
}

/// CONTRACT 5.7.1, 5.7.2a
#[test]
fn leading_zeros_of_a_jwk_number_are_dropped_and_do_not_count_as_bits() {
    let bytes = base64url::decode(RFC7515_A2_N).expect("is base64url");
    let padded = base64url::encode(&[&[0; 8], &bytes[..]].concat());
    let padded = key(&format!(r#"{{"kty":"RSA","n":"{padded}","e":"AAEAAQ"}}"#));
    assert_eq!(
        padded.expect("is a key").identity(),
        rsa("").expect("is a key").identity()
    );
    let short = base64url::encode(&[&[0; 8], &bytes[..255]].concat());
    assert_eq!(
        key(&format!(r#"{{"kty":"RSA","n":"{short}","e":"AQAB"}}"#)).err(),
        Some(Unusable::ModulusSize { bits: 2040 })
    );
}

/// CONTRACT 5.7.2a
#[test]
fn a_jwk_coordinate_can_lack_leading_zeros_or_have_more() {
    let ec = |crv: &str, x: &[u8], y: &[u8]| {
        let (x, y) = (base64url::encode(x), base64url::encode(y));
        key(&format!(
            r#"{{"kty":"EC","crv":"{crv}","x":"{x}","y":"{y}"}}"#
        ))
    };
    for (crv, algorithm, size, curve) in [
        (
            "P-256",
            Algorithm::Es256,
            32,
            &ECDSA_P256_SHA256_FIXED_SIGNING,
        ),
        (
            "P-384",
            Algorithm::Es384,
            48,
            &ECDSA_P384_SHA384_FIXED_SIGNING,
        ),
        (
            "P-521",
            Algorithm::Es512,
            66,
            &ECDSA_P521_SHA512_FIXED_SIGNING,
        ),
    ] {
        // One key in 128 has a coordinate that begins with a zero octet; one in two on P-521.
        let (pair, point) = std::iter::repeat_with(|| {
            let pair = EcdsaKeyPair::generate(curve).expect("can be generated");
            let point = pair.public_key().as_ref().to_vec();
            (pair, point)
        })
        .find(|(_, point)| point[1] == 0 || point[1 + size] == 0)
        .expect("one of endlessly many");
        let (x, y) = point[1..].split_at(size);
        let signature = pair
            .sign(&SystemRandom::new(), b"input")
            .expect("can be signed");
        let stripped = |number: &[u8]| {
            let number = number.iter().copied().skip_while(|octet| *octet == 0);
            number.collect::<Vec<_>>()
        };
        let longer = |number: &[u8]| [&[0, 0], number].concat();
        for key in [
            ec(crv, x, y),
            ec(crv, &stripped(x), &stripped(y)),
            ec(crv, &longer(x), &longer(y)),
        ] {
            let key = key.expect("is a key");
            assert_eq!(key.algorithms().collect::<Vec<_>>(), [algorithm]);
            assert!(key.verify(algorithm, b"input", signature.as_ref()).is_ok());
            assert!(key.verify(algorithm, b"other", signature.as_ref()).is_err());
            // CVE-2022-21449: the all-zero signature.
            assert!(key.verify(algorithm, b"input", &vec![0; 2 * size]).is_err());
        }
    }
}

/// CONTRACT 5.7.2a: serializers write unset members as `null`, `""` or `[]`.
#[test]
fn a_jwk_member_without_content_counts_as_absent() {
    for nothing in ["null", r#""""#, "[]"] {
        let extra = format!(
            r#","use":{nothing},"alg":{nothing},"key_ops":{nothing},"kid":{nothing},"x5c":{nothing},"d":{nothing}"#
        );
        let key = rsa(&extra).expect(nothing);
        assert_eq!(key.identity(), rsa("").expect("is a key").identity());
        assert_eq!(key.private_part(), PrivatePart::Absent, "{nothing}");
        for name in ["kty", "n", "e"] {
            let jwk = format!(r#"{{"kty":"RSA","n":"{RFC7515_A2_N}","e":"AQAB"}}"#);
            let start = jwk.find(&format!("\"{name}\":\"")).expect("is there") + name.len() + 3;
            let end = start + 1 + jwk[start + 1..].find('"').expect("has an end") + 1;
            let without = [&jwk[..start], nothing, &jwk[end..]].concat();
            assert_eq!(
                self::key(&without).err(),
                Some(Unusable::MissingMember(name)),
                "{without}"
            );
        }
    }
}

/// CONTRACT 5.7.2a
#[test]
fn jwk_numbers_can_be_padded_base64_with_line_breaks() {
    let standard = RFC7515_A2_N.replace('-', "+").replace('_', "/");
    let lines: Vec<&str> = standard
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).expect("is ASCII"))
        .collect();
    for n in [
        format!("{RFC7515_A2_N}=="),
        format!("{standard}=="),
        lines.join(r"\r\n"),
    ] {
        let key = key(&format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB"}}"#)).expect("is a key");
        assert_eq!(key.identity(), rsa("").expect("is a key").identity());
    }
}

/// CONTRACT 5.2.2
#[test]
fn a_key_with_use_jwt_svid_verifies_signatures() {
    assert!(rsa(r#","use":"jwt-svid""#).is_ok());
    for other in ["x509-svid", "enc", "SIG", "sig "] {
        let error = rsa(&format!(r#","use":"{other}""#)).err();
        assert_eq!(error, Some(Unusable::NotForSignatures), "{other}");
    }
}
