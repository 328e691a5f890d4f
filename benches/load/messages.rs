//! The checks that are sent: tokens of two kinds of claims, and requests as Envoy describes them.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use accredit_core::jose::base64url;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, KeyPair as _, RsaKeyPair};
use bytes::{BufMut as _, Bytes, BytesMut};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use prost::Message as _;
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://one.example";

const KEY_ID: &str = "snk_58327480989122566";

pub(crate) struct Minter(RsaKeyPair);

impl Minter {
    pub(crate) fn new() -> Minter {
        Minter(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(crate) fn key_set(&self) -> String {
        let key = self.0.public_key();
        let number = |bytes: &[u8]| base64url::encode(bytes);
        json!({"keys": [{
            "kty": "RSA", "kid": KEY_ID, "alg": "RS256", "use": "sig",
            "n": number(key.modulus().big_endian_without_leading_zero()),
            "e": number(key.exponent().big_endian_without_leading_zero()),
        }]})
        .to_string()
    }

    /// The public key as DER, for a verification without accredit.
    pub(crate) fn public_key(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// A token for a client of that number; `changes` replaces claims.
    pub(crate) fn token(&self, client: usize, changes: Value) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let mut claims = json!({
            "iss": ISSUER, "sub": format!("m2morg_{client}"), "client_id": format!("m2morg_{client}"),
            "aud": ["api.acme.example"], "oid": "org_2001", "jti": format!("tkn_{client:012}"),
            "scopes": ["deploy:applications", "read:deployments"],
            "custom_claims": {"environment": "production_us"},
            "iat": now, "nbf": now, "exp": now + 86_400,
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.sign(KEY_ID, &claims)
    }

    fn sign(&self, key_id: &str, claims: &Value) -> String {
        let header = json!({"alg": "RS256", "kid": key_id, "typ": "JWT"});
        let [header, claims] =
            [header.to_string(), claims.to_string()].map(|text| base64url::encode(text.as_bytes()));
        let signed = format!("{header}.{claims}");
        let mut bytes = vec![0; self.0.public_modulus_len()];
        let padding = &signature::RSA_PKCS1_SHA256;
        let random = SystemRandom::new();
        self.0
            .sign(padding, &random, signed.as_bytes(), &mut bytes)
            .unwrap();
        format!("{signed}.{}", base64url::encode(&bytes))
    }
}

/// The same token with another signature.
pub(crate) fn forged(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    format!("{signed}.{other}{}", &signature[1..])
}

/// The same token, as if another key had signed it.
pub(crate) fn with_unknown_key(token: &str) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    let header = json!({"alg": "RS256", "kid": "other", "typ": "JWT"}).to_string();
    format!("{}.{rest}", base64url::encode(header.as_bytes()))
}

/// A check of a GET, in the frame of gRPC. `number` varies what varies from request to request.
pub(crate) fn check(token: Option<&str>, path: &str, number: usize) -> Bytes {
    let id = format!("{number:08x}-3a5e-4c11-9d0e-6f1f0a7b2c3d");
    let address = format!("203.0.113.{}", number % 250);
    let mut headers: HashMap<String, String> = [
        (":method", "GET"),
        (":authority", "api.acme.example"),
        (":path", path),
        (":scheme", "https"),
        ("accept", "application/json"),
        ("user-agent", "acme-cli/4.2.1 (linux; x86_64)"),
        ("x-request-id", &id),
        ("x-forwarded-for", &address),
        ("x-forwarded-proto", "https"),
        ("accept-encoding", "gzip, deflate, br"),
        ("content-type", "application/json"),
        ("x-envoy-internal", "true"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    headers.extend(token.map(|token| ("authorization".to_owned(), format!("Bearer {token}"))));
    let http = HttpRequest {
        id: format!("{}", 1_000_000_000 + number),
        method: "GET".to_owned(),
        headers,
        path: path.to_owned(),
        host: "api.acme.example".to_owned(),
        scheme: "https".to_owned(),
        protocol: "HTTP/2".to_owned(),
        ..HttpRequest::default()
    };
    let message = CheckRequest {
        attributes: Some(AttributeContext {
            request: Some(Request {
                http: Some(http),
                ..Request::default()
            }),
            ..AttributeContext::default()
        }),
    };
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(message.encoded_len() as u32);
    message.encode(&mut framed).unwrap();
    framed.freeze()
}
