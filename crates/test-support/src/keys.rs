//! Signing keys. Each is generated on first use and shared by all tests of the process.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaEncoding};
use aws_lc_rs::{hmac, rsa};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// A key pair without a `kid`: the key set that contains it gives it one.
pub struct Key(Secret);

enum Secret {
    Rsa(rsa::KeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    P521(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// An RSA key of 2048 bits; each number is another key.
pub fn rsa(number: usize) -> &'static Key {
    static KEYS: [OnceLock<Key>; 4] = [const { OnceLock::new() }; 4];
    KEYS[number].get_or_init(|| rsa_of(rsa::KeySize::Rsa2048))
}

/// An RSA key of 4096 bits.
pub fn rsa_4096() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| rsa_of(rsa::KeySize::Rsa4096))
}

/// A P-256 key; each number is another key.
pub fn p256(number: usize) -> &'static Key {
    static KEYS: [OnceLock<Key>; 4] = [const { OnceLock::new() }; 4];
    KEYS[number].get_or_init(|| {
        let pair = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING);
        Key(Secret::P256(pair.expect("a key can be made")))
    })
}

/// A P-384 key.
pub fn p384() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| {
        let pair = EcdsaKeyPair::generate(&signature::ECDSA_P384_SHA384_FIXED_SIGNING);
        Key(Secret::P384(pair.expect("a key can be made")))
    })
}

/// A P-521 key.
pub fn p521() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| {
        let pair = EcdsaKeyPair::generate(&signature::ECDSA_P521_SHA512_FIXED_SIGNING);
        Key(Secret::P521(pair.expect("a key can be made")))
    })
}

/// An Ed25519 key.
pub fn ed25519() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| {
        let pair = Ed25519KeyPair::generate();
        Key(Secret::Ed25519(pair.expect("a key can be made")))
    })
}

fn rsa_of(size: rsa::KeySize) -> Key {
    Key(Secret::Rsa(
        rsa::KeyPair::generate(size).expect("a key can be made"),
    ))
}

/// A key set with these keys.
pub fn set(keys: impl IntoIterator<Item = Value>) -> String {
    json!({ "keys": keys.into_iter().collect::<Vec<_>>() }).to_string()
}

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// HMAC-SHA-256, for forged tokens.
pub fn hs256(secret: &[u8], input: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::sign(&key, input).as_ref().to_vec()
}

impl Key {
    /// The public key as a JWK, with this `kid` or none.
    pub fn jwk<'k>(&self, kid: impl Into<Option<&'k str>>) -> Value {
        let mut jwk = match &self.0 {
            Secret::Rsa(pair) => {
                let public = pair.public_key();
                json!({
                    "kty": "RSA",
                    "n": base64url(public.modulus().big_endian_without_leading_zero()),
                    "e": base64url(public.exponent().big_endian_without_leading_zero()),
                })
            }
            Secret::P256(pair) => ec_jwk("P-256", pair.public_key().as_ref()),
            Secret::P384(pair) => ec_jwk("P-384", pair.public_key().as_ref()),
            Secret::P521(pair) => ec_jwk("P-521", pair.public_key().as_ref()),
            Secret::Ed25519(pair) => json!({
                "kty": "OKP",
                "crv": "Ed25519",
                "x": base64url(pair.public_key().as_ref()),
            }),
        };
        if let Some(kid) = kid.into() {
            jwk["kid"] = kid.into();
        }
        jwk
    }

    /// Signs with the algorithm `alg`; RS256 if `alg` is no RSA algorithm and this is an RSA key.
    pub fn sign(&self, alg: &str, input: &[u8]) -> Vec<u8> {
        match &self.0 {
            Secret::Rsa(pair) => sign_rsa(pair, alg, input),
            Secret::P256(pair) | Secret::P384(pair) | Secret::P521(pair) => {
                let signed = pair.sign(&SystemRandom::new(), input);
                signed.expect("it signs").as_ref().to_vec()
            }
            Secret::Ed25519(pair) => pair.sign(input).as_ref().to_vec(),
        }
    }

    /// The public key as DER.
    pub fn public_der(&self) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = self.public_rsa().as_der().expect("has a DER form");
        der.as_ref().to_vec()
    }

    /// The public key in each form that a forger could use as an HMAC secret.
    pub fn public_as_secrets(&self) -> Vec<Vec<u8>> {
        let text = STANDARD.encode(self.public_der());
        let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
        let lines = lines.collect::<Vec<_>>().join("\n");
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n");
        let public = self.public_rsa();
        let modulus = public.modulus().big_endian_without_leading_zero();
        vec![
            self.public_der(),
            public.as_ref().to_vec(),
            pem.trim_end().as_bytes().to_vec(),
            pem.into_bytes(),
            modulus.to_vec(),
            base64url(modulus).into_bytes(),
        ]
    }

    fn public_rsa(&self) -> &rsa::PublicKey {
        match &self.0 {
            Secret::Rsa(pair) => pair.public_key(),
            _ => panic!("not an RSA key"),
        }
    }
}

fn ec_jwk(curve: &str, point: &[u8]) -> Value {
    let (x, y) = point[1..].split_at((point.len() - 1) / 2);
    json!({ "kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y) })
}

fn sign_rsa(pair: &rsa::KeyPair, alg: &str, input: &[u8]) -> Vec<u8> {
    let padding: &'static dyn RsaEncoding = match alg {
        "RS384" => &signature::RSA_PKCS1_SHA384,
        "RS512" => &signature::RSA_PKCS1_SHA512,
        "PS256" => &signature::RSA_PSS_SHA256,
        "PS384" => &signature::RSA_PSS_SHA384,
        "PS512" => &signature::RSA_PSS_SHA512,
        _ => &signature::RSA_PKCS1_SHA256,
    };
    let mut signed = vec![0; pair.public_modulus_len()];
    pair.sign(padding, &SystemRandom::new(), input, &mut signed)
        .expect("it signs");
    signed
}
