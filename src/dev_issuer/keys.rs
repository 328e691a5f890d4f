//! An RSA key that signs tokens. It exists in memory only.

use std::fmt;

use aws_lc_rs::{
    rand::{self, SystemRandom},
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

/// A private key and its `kid`.
pub(crate) struct SigningKey {
    kid: String,
    pair: KeyPair,
}

impl SigningKey {
    /// Generates a key of 2048 bits. Takes a noticeable fraction of a second, so do not call it on an async thread.
    pub(crate) fn generate() -> Result<SigningKey, KeyError> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Generation)?;
        Ok(SigningKey {
            kid: random_kid()?,
            pair,
        })
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// Signs claims as a compact JWS. The header has `kid` if it is given.
    pub(crate) fn sign(
        &self,
        kid: Option<&str>,
        claims: &Map<String, Value>,
    ) -> Result<String, KeyError> {
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

    /// The public part, as an element of a JWK Set.
    pub(crate) fn public_jwk(&self) -> Value {
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

/// 128 random bits in base64url, for `jti`.
pub(crate) fn random_id() -> Result<String, KeyError> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| KeyError::Randomness)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A `kid` in Scalekit's form: `snk_` and 17 digits, of which the first is not zero.
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

/// A failure of the cryptographic library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("cannot generate an RSA key")]
    Generation,
    #[error("cannot sign the token")]
    Signing,
    #[error("the system has no random bytes")]
    Randomness,
}
