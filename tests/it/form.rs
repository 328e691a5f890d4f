//! What is a token at all, and what a forger may write into one.

use serde_json::{Value, json};

use super::support::check_request::Ask;
use super::support::issuer::KeyServer;
use super::support::keys::{base64url, ed25519, hs256, p256, p384, rsa, set};
use super::support::service::{Envoy, Service, issuer_at};
use super::support::token::{Token, sealed, signed_text};

struct Place {
    server: KeyServer,
    envoy: Envoy,
    _service: Service,
}

async fn place(lines: &str) -> Place {
    let keys = set([
        rsa(0).jwk("k"),
        p256(0).jwk("e"),
        p384().jwk("e3"),
        ed25519().jwk("o"),
    ]);
    let server = KeyServer::with_keys(keys).await;
    let service = Service::ready(&issuer_at(&server, lines)).await;
    Place {
        envoy: service.envoy().await,
        _service: service,
        server,
    }
}

impl Place {
    fn token(&self) -> Token {
        Token::of(&self.server.url(""))
    }

    async fn assert(&self, token: &str, reason: &str, thing: &str) {
        let answer = self.envoy.check(Ask::bearer(token)).await;
        assert_eq!(answer.reason(), reason, "{thing}");
    }
}

const ALL: &str = "algorithms: [RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA]";

#[tokio::test]
async fn every_algorithm_verifies_its_own_signatures_alone() {
    let place = place(ALL).await;
    let rsa_names = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
    let mut signers: Vec<_> = rsa_names.map(|alg| (alg, "k", rsa(0))).into();
    signers.extend([("ES256", "e", p256(0)), ("ES384", "e3", p384())]);
    signers.extend([("EdDSA", "o", ed25519()), ("Ed25519", "o", ed25519())]);
    for (alg, kid, key) in &signers {
        let token = place.token().alg(alg).kid(kid);
        place.assert(&token.signed(key), "allowed", alg).await;
        for (other, _, other_key) in &signers {
            let same = std::ptr::eq(*key, *other_key);
            if same && (alg == other || *kid == "o") {
                continue;
            }
            // Says one algorithm, and is signed by another, or by another key.
            let mixed = sealed(token.header_text(), token.claims_text(), |input| {
                other_key.sign(other, input)
            });
            place
                .assert(&mixed, "invalid_signature", &format!("{alg} by {other}"))
                .await;
        }
    }
    for (alg, kid) in [
        ("ES256", "k"),
        ("RS256", "e"),
        ("ES384", "e"),
        ("EdDSA", "e3"),
        ("PS256", "o"),
    ] {
        let token = place.token().alg(alg).kid(kid).signed(rsa(0));
        place
            .assert(
                &token,
                "unsupported_algorithm",
                &format!("{alg} under {kid}"),
            )
            .await;
    }
}

#[tokio::test]
async fn no_algorithm_turns_a_public_key_into_a_secret() {
    let place = place(ALL).await;
    let token = |alg: &str| place.token().alg(alg);
    let jwk = rsa(0).jwk("k");
    let n = jwk["n"].as_str().unwrap().to_owned();
    let secrets: Vec<(&str, Vec<u8>)> = vec![
        ("PEM", rsa(0).public_pem().into_bytes()),
        (
            "PEM, trimmed",
            rsa(0).public_pem().trim_end().as_bytes().to_vec(),
        ),
        ("DER", rsa(0).public_der()),
        ("n", n.into_bytes()),
        ("the JWK", jwk.to_string().into_bytes()),
        ("nothing", Vec::new()),
    ];
    for (thing, secret) in &secrets {
        for alg in ["HS256", "hs256"] {
            let of = token(alg);
            let forged = sealed(of.header_text(), of.claims_text(), |input| {
                hs256(secret, input)
            });
            place.assert(&forged, "unsupported_algorithm", thing).await;
        }
        let of = token("RS256");
        let forged = sealed(of.header_text(), of.claims_text(), |input| {
            hs256(secret, input)
        });
        place.assert(&forged, "invalid_signature", thing).await;
    }
    for alg in [
        "none", "None", "NONE", "nOnE", "", "HS384", "HS512", "ES256K", "ES512", "rs256", "RS256 ",
        "RSA-OAEP", "dir",
    ] {
        for signature in [Vec::new(), rsa(0).sign("RS256", b"x")] {
            let of = token(alg);
            let forged = sealed(of.header_text(), of.claims_text(), |_| signature);
            place.assert(&forged, "unsupported_algorithm", alg).await;
        }
        let of = token(alg);
        place
            .assert(&of.signed(rsa(0)), "unsupported_algorithm", alg)
            .await;
    }
}

#[tokio::test]
async fn keys_and_addresses_in_a_token_are_never_used() {
    let place = place(ALL).await;
    place
        .server
        .serve("/evil", set([rsa(1).jwk("k"), rsa(1).jwk("evil")]));
    let evil = place.server.url("/evil");
    let embedded = rsa(1).jwk("k");
    let members: Vec<(&str, Value)> = vec![
        ("jwk", embedded.clone()),
        ("jku", evil.clone().into()),
        ("x5u", evil.clone().into()),
        ("x5c", json!([base64url(rsa(1).public_der())])),
        ("x5t", "AAAA".into()),
        ("x5t#S256", "AAAA".into()),
        ("jwks", json!({ "keys": [embedded] })),
        ("iss", evil.into()),
    ];
    for (name, value) in &members {
        let token = place.token().header(name, value.clone()).kid("evil");
        place
            .assert(&token.signed(rsa(1)), "unknown_key", name)
            .await;
    }
    for (name, value) in &members {
        let token = place.token().header(name, value.clone());
        place
            .assert(&token.signed(rsa(1)), "invalid_signature", name)
            .await;
        // What is ignored does no harm to a token that is good without it.
        place.assert(&token.signed(rsa(0)), "allowed", name).await;
    }
    assert_eq!(place.server.count("/evil"), 0);
}

#[tokio::test]
async fn headers_that_two_readers_could_read_differently() {
    let place = place("").await;
    let claims = place.token().claims_text();
    let good = r#"{"alg":"RS256","kid":"k"}"#;
    let deep = |depth: usize| {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"alg":"RS256","kid":"k","x":{nested}}}"#)
    };
    let cases: Vec<(&str, String, &str)> = vec![
        ("good", good.into(), "allowed"),
        ("white space", format!(" \n{good}\t"), "allowed"),
        (
            "escapes",
            r#"{"\u0061lg":"RS25\u0036","kid":"k"}"#.into(),
            "allowed",
        ),
        (
            "crit",
            r#"{"alg":"RS256","kid":"k","crit":["exp"],"exp":1}"#.into(),
            "malformed_token",
        ),
        (
            "empty crit",
            r#"{"alg":"RS256","kid":"k","crit":[]}"#.into(),
            "malformed_token",
        ),
        (
            "b64 false",
            r#"{"alg":"RS256","kid":"k","b64":false}"#.into(),
            "malformed_token",
        ),
        (
            "b64 true",
            r#"{"alg":"RS256","kid":"k","b64":true}"#.into(),
            "malformed_token",
        ),
        (
            "alg twice",
            r#"{"alg":"RS256","alg":"RS256","kid":"k"}"#.into(),
            "malformed_token",
        ),
        (
            "alg twice, escaped",
            r#"{"alg":"RS256","\u0061lg":"none","kid":"k"}"#.into(),
            "malformed_token",
        ),
        (
            "kid twice",
            r#"{"alg":"RS256","kid":"k","kid":"z"}"#.into(),
            "malformed_token",
        ),
        (
            "twice below",
            r#"{"alg":"RS256","kid":"k","x":[{"y":{"a":1,"a":1}}]}"#.into(),
            "malformed_token",
        ),
        (
            "alg no string",
            r#"{"alg":["RS256"],"kid":"k"}"#.into(),
            "malformed_token",
        ),
        ("no alg", r#"{"kid":"k"}"#.into(), "malformed_token"),
        (
            "kid a number",
            r#"{"alg":"RS256","kid":1}"#.into(),
            "malformed_token",
        ),
        (
            "kid null",
            r#"{"alg":"RS256","kid":null}"#.into(),
            "malformed_token",
        ),
        (
            "typ a number",
            r#"{"alg":"RS256","kid":"k","typ":1}"#.into(),
            "malformed_token",
        ),
        ("a mark", format!("\u{feff}{good}"), "malformed_token"),
        ("bytes after", format!("{good}x"), "malformed_token"),
        ("two objects", format!("{good}{good}"), "malformed_token"),
        ("NUL after", format!("{good}\0"), "malformed_token"),
        ("a comment", format!("/**/{good}"), "malformed_token"),
        ("single quotes", good.replace('"', "'"), "malformed_token"),
        (
            "a final comma",
            r#"{"alg":"RS256","kid":"k",}"#.into(),
            "malformed_token",
        ),
        ("an array", "[]".into(), "malformed_token"),
        ("empty", String::new(), "malformed_token"),
        ("deep", deep(63), "allowed"),
        ("too deep", deep(64), "malformed_token"),
        ("far too deep", deep(5_000), "malformed_token"),
    ];
    for (thing, header, reason) in cases {
        place
            .assert(
                &signed_text(header, &claims, rsa(0), "RS256"),
                reason,
                thing,
            )
            .await;
    }
    let latin = [&br#"{"alg":"RS256","kid":"k","x":""#[..], b"\xe9\"}"].concat();
    place
        .assert(
            &signed_text(latin, &claims, rsa(0), "RS256"),
            "malformed_token",
            "not UTF-8",
        )
        .await;
}

#[tokio::test]
async fn claims_that_two_readers_could_read_differently() {
    let place = place("").await;
    let header = r#"{"alg":"RS256","kid":"k"}"#;
    let good = place.token().claims_text();
    let with = |more: &str| format!("{},{more}}}", good.strip_suffix('}').unwrap());
    let instead = |name: &str, value: Value| place.token().claim(name, value).claims_text();
    let cases: Vec<(&str, String, &str)> = vec![
        ("good", good.clone(), "allowed"),
        ("sub twice", with(r#""sub":"admin""#), "malformed_token"),
        (
            "sub twice, escaped",
            with(r#""s\u0075b":"admin""#),
            "malformed_token",
        ),
        (
            "twice below",
            with(r#""x":{"y":[{"z":1,"z":2}]}"#),
            "malformed_token",
        ),
        (
            "twice deep below",
            with(&format!(
                r#""x":{}{{"z":1,"z":2}}{}"#,
                "[".repeat(40),
                "]".repeat(40)
            )),
            "malformed_token",
        ),
        (
            "the same at two depths",
            with(r#""x":{"sub":"y"}"#),
            "allowed",
        ),
        ("a mark", format!("\u{feff}{good}"), "malformed_token"),
        ("bytes after", format!("{good} x"), "malformed_token"),
        ("two objects", format!("{good}{{}}"), "malformed_token"),
        ("NaN", with(r#""x":NaN"#), "malformed_token"),
        ("a leading zero", with(r#""x":01"#), "malformed_token"),
        (
            "half a surrogate",
            with(r#""x":"\ud800""#),
            "malformed_token",
        ),
        (
            "a plain line break",
            with("\"x\":\"a\nb\""),
            "malformed_token",
        ),
        (
            "iss a list",
            instead("iss", json!(["a"])),
            "malformed_token",
        ),
        ("iss null", instead("iss", json!(null)), "malformed_token"),
        ("aud a number", instead("aud", json!(1)), "malformed_token"),
        ("aud null", instead("aud", json!(null)), "malformed_token"),
        (
            "aud with a number",
            instead("aud", json!(["api.test", 1])),
            "malformed_token",
        ),
        (
            "aud an object",
            instead("aud", json!({})),
            "malformed_token",
        ),
        ("cnf null", instead("cnf", json!(null)), "malformed_token"),
        (
            "cnf a string",
            instead("cnf", json!("x")),
            "malformed_token",
        ),
        (
            "exp text",
            instead("exp", json!("9999999999")),
            "malformed_token",
        ),
        (
            "exp beyond",
            with(r#""x":1"#).replace(r#""exp":"#, r#""exp":1e400,"was":"#),
            "malformed_token",
        ),
        (
            "exp past 9999",
            instead("exp", json!(253_402_300_800_u64)),
            "malformed_token",
        ),
        (
            "exp at the last",
            instead("exp", json!(253_402_300_799_u64)),
            "allowed",
        ),
        ("exp negative", instead("exp", json!(-1)), "malformed_token"),
        ("a string", "\"x\"".into(), "malformed_token"),
        ("empty", String::new(), "malformed_token"),
        (
            "too deep",
            with(&format!(r#""x":{}{}"#, "[".repeat(64), "]".repeat(64))),
            "malformed_token",
        ),
    ];
    for (thing, claims, reason) in cases {
        place
            .assert(&signed_text(header, claims, rsa(0), "RS256"), reason, thing)
            .await;
    }
}

#[tokio::test]
async fn segments_that_have_another_spelling() {
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
