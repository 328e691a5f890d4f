//! Other spellings of the same token.

use serde_json::json;

use crate::support::keys::{base64url, rsa};

use super::place::place;

#[tokio::test]
async fn token_segments_with_another_encoding_are_refused() {
    let place = place("").await;
    let good = place.token().signed(rsa(0));
    let parts: Vec<_> = good.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        panic!()
    };
    // 256 bytes of signature leave the last character four bits to spare.
    let (whole, last) = signature.split_at(signature.len() - 1);
    let spare = {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let value = alphabet
            .iter()
            .position(|byte| [*byte] == last.as_bytes())
            .unwrap();
        assert_eq!(value % 16, 0);
        char::from(alphabet[value + 1])
    };
    let standard = signature.replace('-', "+").replace('_', "/");
    let cases: Vec<(&str, String)> = vec![
        ("padding", format!("{good}==")),
        ("padding within", format!("{header}=.{claims}.{signature}")),
        ("trailing bits", format!("{header}.{claims}.{whole}{spare}")),
        (
            "the standard alphabet",
            format!("{header}.{claims}.{standard}+"),
        ),
        ("a fourth part", format!("{good}.")),
        (
            "a fifth part",
            format!("{header}.{claims}.{signature}.{signature}.{signature}"),
        ),
        ("two parts", format!("{header}.{claims}")),
        ("one part", header.to_owned()),
        ("no header", format!(".{claims}.{signature}")),
        ("no claims", format!("{header}..{signature}")),
        ("dots alone", "..".to_owned()),
        (
            "white space within",
            format!("{header}. {claims}.{signature}"),
        ),
        ("a percent sign", format!("{header}%2e{claims}.{signature}")),
        (
            "JSON serialization",
            json!({ "payload": claims, "protected": header, "signature": signature }).to_string(),
        ),
    ];
    for (thing, token) in cases {
        // A comma in JSON is none beside a scheme.
        place
            .assert(&token.replace(',', ""), "malformed_token", thing)
            .await;
    }
    let of = place.token();
    let encrypted = format!(
        "{}.{}.{}.{}.{}",
        base64url(r#"{"alg":"RSA-OAEP","enc":"A256GCM","kid":"k"}"#),
        base64url("key"),
        base64url("iv"),
        base64url(of.claims_text()),
        base64url("tag")
    );
    place
        .assert(&encrypted, "malformed_token", "encrypted")
        .await;
    place.assert(&good, "allowed", "the same, untouched").await;
}
