//! RSA keys made once for all tests of the process, and what can be signed with them.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// A private key that some issuer of a test signs with.
pub(crate) struct TestKey {
    pair: KeyPair,
}

/// The key of that number, the same one for everybody.
pub(crate) fn key(number: usize) -> &'static TestKey {
    static KEYS: [OnceLock<TestKey>; 3] = [const { OnceLock::new() }; 3];
    KEYS[number].get_or_init(|| TestKey {
        pair: KeyPair::generate(KeySize::Rsa2048).unwrap(),
    })
}

impl TestKey {
    /// RS256 over this text, as the last segment of a JWS.
    pub(crate) fn sign(&self, input: &str) -> String {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                input.as_bytes(),
                &mut signature,
            )
            .unwrap();
        base64url(signature)
    }

    /// The public part as a member of a key set.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let public = self.pair.public_key();
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
            "n": base64url(public.modulus().big_endian_without_leading_zero()),
            "e": base64url(public.exponent().big_endian_without_leading_zero()),
        })
    }

    /// The public part in every form that a verifier could mistake for a shared secret.
    pub(crate) fn public_as_secrets(&self) -> Vec<Vec<u8>> {
        let public = self.pair.public_key();
        let spki: PublicKeyX509Der<'_> = public.as_der().unwrap();
        let text = STANDARD.encode(spki.as_ref());
        let lines: Vec<&str> = text
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            lines.join("\n")
        );
        vec![
            spki.as_ref().to_vec(),
            public.as_ref().to_vec(),
            pem.trim_end().as_bytes().to_vec(),
            pem.into_bytes(),
            public.modulus().big_endian_without_leading_zero().to_vec(),
        ]
    }
}

/// A key set of these keys, as text.
pub(crate) fn key_set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// Base64url without padding.
pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
