//! Keys for the tokens of test cases, in place of the issuers' keys. They exist in memory only.

use std::fmt;
use std::sync::{Arc, Mutex};

use accredit_core::jose::algorithm::Algorithm;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaEncoding};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

/// The `kid` of every test key.
const KEY_ID: &str = "accredit-test";

/// The library cannot generate a key, or cannot sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot make a key for the tokens of test cases")]
pub(crate) struct TestKeyError;

/// The keys that sign for an issuer entry, by its algorithm. Entries with one algorithm share them, since making an RSA key takes
/// long.
pub(crate) struct EntryKeys {
    algorithm: Algorithm,
    own: Arc<TestKey>,
}

/// Whether a key is in the key set, or signs forged tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Published,
    Foreign,
}

/// The keys that were made in this process.
static MADE: Mutex<Vec<(Algorithm, Standing, Arc<TestKey>)>> = Mutex::new(Vec::new());

enum TestKey {
    Rsa(rsa::KeyPair),
    Ec(&'static str, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl EntryKeys {
    /// Keys for one of these algorithms: the one whose keys are made fastest.
    pub(crate) fn generate(permitted: &[Algorithm]) -> Result<EntryKeys, TestKeyError> {
        let fast = [
            Algorithm::EdDsa,
            Algorithm::Es256,
            Algorithm::Es384,
            Algorithm::Es512,
        ];
        let is_permitted = |algorithm: &&Algorithm| permitted.contains(algorithm);
        let mut by_speed = fast.iter().chain(&Algorithm::ALL);
        let algorithm = *by_speed.find(is_permitted).ok_or(TestKeyError)?;
        Ok(EntryKeys {
            algorithm,
            own: key(algorithm, Standing::Published)?,
        })
    }

    /// The public key, as an element of a key set.
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = self.own.jwk();
        if let Some(members) = jwk.as_object_mut() {
            members.insert("kid".to_owned(), KEY_ID.into());
        }
        jwk
    }

    /// A token with these claims. A forged one names the same key and is signed by another.
    pub(crate) fn sign(
        &self,
        claims: &Map<String, Value>,
        is_forged: bool,
    ) -> Result<String, TestKeyError> {
        let header = json!({ "alg": self.algorithm.name(), "kid": KEY_ID });
        let claims = serde_json::to_vec(claims).map_err(|_| TestKeyError)?;
        let mut token = URL_SAFE_NO_PAD.encode(header.to_string());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = match is_forged {
            false => self.own.sign(self.algorithm, token.as_bytes())?,
            true => {
                let foreign = key(self.algorithm, Standing::Foreign)?;
                foreign.sign(self.algorithm, token.as_bytes())?
            }
        };
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

/// The key of that algorithm and standing, made when it is first needed.
fn key(algorithm: Algorithm, standing: Standing) -> Result<Arc<TestKey>, TestKeyError> {
    let mut made = MADE.lock().map_err(|_| TestKeyError)?;
    let mut own = made.iter();
    if let Some((_, _, key)) = own.find(|(of, is, _)| (*of, *is) == (algorithm, standing)) {
        return Ok(key.clone());
    }
    let key = Arc::new(TestKey::generate(algorithm)?);
    made.push((algorithm, standing, key.clone()));
    Ok(key)
}

impl TestKey {
    fn generate(algorithm: Algorithm) -> Result<TestKey, TestKeyError> {
        let ec = |curve, signing| {
            EcdsaKeyPair::generate(signing)
                .map(|pair| TestKey::Ec(curve, pair))
                .map_err(|_| TestKeyError)
        };
        match algorithm {
            Algorithm::Es256 => ec("P-256", &signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::Es384 => ec("P-384", &signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::Es512 => ec("P-521", &signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            Algorithm::EdDsa => Ed25519KeyPair::generate()
                .map(TestKey::Ed25519)
                .map_err(|_| TestKeyError),
            _ => rsa::KeyPair::generate(KeySize::Rsa2048)
                .map(TestKey::Rsa)
                .map_err(|_| TestKeyError),
        }
    }

    fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            TestKey::Rsa(pair) => {
                let public = pair.public_key();
                json!({
                    "kty": "RSA",
                    "n": text(public.modulus().big_endian_without_leading_zero()),
                    "e": text(public.exponent().big_endian_without_leading_zero()),
                })
            }
            TestKey::Ec(curve, pair) => {
                // An uncompressed point: 4, x, y.
                let point = pair.public_key().as_ref();
                let coordinates = point.get(1..).unwrap_or_default();
                let (x, y) = coordinates.split_at(coordinates.len() / 2);
                json!({ "kty": "EC", "crv": curve, "x": text(x), "y": text(y) })
            }
            TestKey::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref()) })
            }
        }
    }

    fn sign(&self, algorithm: Algorithm, input: &[u8]) -> Result<Vec<u8>, TestKeyError> {
        let random = SystemRandom::new();
        match self {
            TestKey::Rsa(pair) => {
                let padding: &'static dyn RsaEncoding = match algorithm {
                    Algorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
                    Algorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
                    Algorithm::Ps256 => &signature::RSA_PSS_SHA256,
                    Algorithm::Ps384 => &signature::RSA_PSS_SHA384,
                    Algorithm::Ps512 => &signature::RSA_PSS_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                let mut signed = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, input, &mut signed)
                    .map_err(|_| TestKeyError)?;
                Ok(signed)
            }
            TestKey::Ec(_, pair) => pair
                .sign(&random, input)
                .map(|signed| signed.as_ref().to_vec())
                .map_err(|_| TestKeyError),
            TestKey::Ed25519(pair) => Ok(pair.sign(input).as_ref().to_vec()),
        }
    }
}

/// Shows no private key.
impl fmt::Debug for EntryKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryKeys({})", self.algorithm)
    }
}
