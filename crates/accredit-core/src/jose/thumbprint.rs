//! The SHA-256 thumbprint of a public key (RFC 7638).

use crate::jose::base64url;
use crate::jose::digest::sha256;
use crate::jose::json::value::{JsonObject, JsonValue};

/// The thumbprint of a JWK. `None` if a required member is missing, or is not base64url in its one form.
pub fn thumbprint(jwk: JsonObject<'_>) -> Option<[u8; 32]> {
    let text = |name: &str| jwk.get(name).and_then(JsonValue::as_str);
    let number = |name: &str| text(name).filter(|text| base64url::decode(text).is_ok());
    // The required members in the order of their names, without white space. Neither base64url nor a name of a curve has a
    // character that JSON escapes.
    let curve = || {
        text("crv").filter(|curve| {
            curve
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
    };
    let canonical = match text("kty")? {
        "RSA" => format!(
            r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
            number("e")?,
            number("n")?
        ),
        "EC" => format!(
            r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#,
            curve()?,
            number("x")?,
            number("y")?
        ),
        "OKP" => format!(
            r#"{{"crv":"{}","kty":"OKP","x":"{}"}}"#,
            curve()?,
            number("x")?
        ),
        _ => return None,
    };
    Some(sha256(canonical.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::thumbprint;
    use crate::jose::base64url;
    use crate::jose::json::{Duplicates, JsonDocument};

    fn of(jwk: &str) -> Option<String> {
        let document = JsonDocument::parse(jwk.as_bytes(), Duplicates::Refuse).expect("is JSON");
        let digest = thumbprint(document.object().expect("is an object"))?;
        Some(base64url::encode(&digest))
    }

    #[test]
    fn thumbprints_are_those_of_the_rfcs() {
        // RFC 7638 section 3.1.
        let rsa = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
        assert_eq!(
            of(rsa).as_deref(),
            Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
        );
        // RFC 9449 section 4.2 and 6.1.
        let ec = r#"{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}"#;
        assert_eq!(
            of(ec).as_deref(),
            Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I")
        );
        // RFC 8037 appendix A.3.
        let okp =
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        assert_eq!(
            of(okp).as_deref(),
            Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
        );
        for bad in [
            r#"{"kty":"RSA","n":"AQAB"}"#,
            r#"{"kty":"RSA","n":"AQAB=","e":"AQAB"}"#,
            r#"{"kty":"EC","crv":"\"","x":"AQAB","y":"AQAB"}"#,
            r#"{"kty":"oct","k":"AQAB"}"#,
            r#"{"n":"AQAB","e":"AQAB"}"#,
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
