//! Tokens whose text is the same in every run: Ed25519 keys of fixed seeds, which are no secret.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

use super::base64_oracle::encode;

/// A key whose seed is this byte, repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningKey(pub u8);

impl SigningKey {
    fn pair(self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[self.0; 32]).expect("is a seed")
    }

    /// A key set of this key alone.
    pub fn key_set(self, key_id: &str) -> String {
        let x = encode(self.pair().public_key().as_ref());
        format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"{key_id}","x":"{x}"}}]}}"#)
    }

    pub fn sign(self, header: &str, claims: &str) -> String {
        let signing_input = signing_input(header, claims);
        let signature = self.pair().sign(signing_input.as_bytes());
        format!("{signing_input}.{}", encode(signature.as_ref()))
    }

    /// A token that is authenticated with the public key as if it were a shared secret.
    pub fn confuse(self, header: &str, claims: &str) -> String {
        let signing_input = signing_input(header, claims);
        let secret = hmac::Key::new(hmac::HMAC_SHA256, self.pair().public_key().as_ref());
        let tag = hmac::sign(&secret, signing_input.as_bytes());
        format!("{signing_input}.{}", encode(tag.as_ref()))
    }
}

fn signing_input(header: &str, claims: &str) -> String {
    format!(
        "{}.{}",
        encode(header.as_bytes()),
        encode(claims.as_bytes())
    )
}
