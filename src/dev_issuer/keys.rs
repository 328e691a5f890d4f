//! One RSA key that signs tokens: made in memory, never written anywhere, gone with the process.

use std::{error::Error, fmt};

use aws_lc_rs::{
    rand::{self, SystemRandom},
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

/// A private key and the `kid` it is known by.
pub struct SigningKey {
    kid: String,
    pair: KeyPair,
}

impl SigningKey {
    /// Makes a key of 2048 bits. Takes a noticeable fraction of a second: not for an async thread.
    pub fn generate() -> Result<SigningKey, KeyError> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Generation)?;
        Ok(SigningKey {
            kid: random_kid()?,
            pair,
        })
    }

    /// The `kid` under which the public part is served.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The compact JWS of these claims, with `kid` in its header, or with none.
    pub fn sign(&self, kid: Option<&str>, claims: &Map<String, Value>) -> Result<String, KeyError> {
        let mut header = Map::new();
        header.insert("alg".into(), "RS256".into());
        if let Some(kid) = kid {
            header.insert("kid".into(), kid.into());
        }
        header.insert("typ".into(), "JWT".into());
        let mut token = segment(&header)?;
        token.push('.');
        token.push_str(&segment(claims)?);

        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                token.as_bytes(),
                &mut signature,
            )
            .map_err(|_| KeyError::Signing)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// The public part, as a member of a JWK Set.
    pub fn public_jwk(&self) -> Value {
        let public = self.pair.public_key();
        let modulus = public.modulus();
        let exponent = public.exponent();
        json!({
            "use": "sig",
            "kty": "RSA",
            "kid": self.kid,
            "alg": "RS256",
            "n": URL_SAFE_NO_PAD.encode(modulus.big_endian_without_leading_zero()),
            "e": URL_SAFE_NO_PAD.encode(exponent.big_endian_without_leading_zero()),
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// 128 random bits, as the text of a `jti`.
pub fn random_id() -> Result<String, KeyError> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| KeyError::Randomness)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// `snk_` and 17 digits, the first of them not zero.
fn random_kid() -> Result<String, KeyError> {
    const SMALLEST: u64 = 10_u64.pow(16);
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).map_err(|_| KeyError::Randomness)?;
    let digits = SMALLEST + u64::from_le_bytes(bytes) % (9 * SMALLEST);
    Ok(format!("snk_{digits}"))
}

fn segment(members: &Map<String, Value>) -> Result<String, KeyError> {
    let json = serde_json::to_vec(members).map_err(|_| KeyError::Signing)?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// What the cryptographic library would not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// It made no key.
    Generation,
    /// It made no signature.
    Signing,
    /// It gave no random bytes.
    Randomness,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyError::Generation => "no RSA key could be generated",
            KeyError::Signing => "the token could not be signed",
            KeyError::Randomness => "the system gave no random bytes",
        })
    }
}

impl Error for KeyError {}
