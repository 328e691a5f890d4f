//! A public key, parsed once from its JWK.

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents};

use crate::jose::algorithm::Algorithm;
use crate::jose::json::value::JsonObject;
use crate::jose::jwk::{
    Unusable, coordinate, judge_purpose, member, number, octets, required_text, text,
};

/// A public key that verifies signatures of at least one supported algorithm.
pub struct VerificationKey {
    key_type: KeyType,
    verifiers: Vec<(Algorithm, ParsedPublicKey)>,
    identity: [u8; 32],
    private_part: PrivatePart,
}

/// The `kty` of a usable public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// RFC 7518 section 6.3.
    Rsa,
    /// RFC 7518 section 6.2.
    Ec,
    /// RFC 8037 section 2.
    Okp,
}

/// Whether a published JWK contains the private key too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PrivatePart {
    /// It contains the public part only.
    Absent,
    /// It contains the private part. accredit uses the public part only and reports the key (CONTRACT 5.7.3).
    Published,
}

/// The signature was not made with this key over this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not a signature of this key")]
pub struct InvalidSignature;

// === impl VerificationKey ===

impl VerificationKey {
    /// Reads the public part of a JWK.
    ///
    /// # Errors
    /// [`Unusable`] if the key cannot verify any token.
    pub fn from_jwk(jwk: JsonObject<'_>) -> Result<VerificationKey, Unusable> {
        let key_type = required_text(jwk, "kty")?;
        judge_purpose(jwk)?;
        let named = match text(jwk, "alg")? {
            Some(name) => Some(Algorithm::from_name(name).ok_or(Unusable::UnsupportedAlgorithm)?),
            None => None,
        };
        let material = match key_type {
            "RSA" => Material::rsa(jwk)?,
            "EC" => Material::ec(jwk)?,
            "OKP" => Material::okp(jwk)?,
            "oct" => return Err(Unusable::Symmetric),
            _ => return Err(Unusable::UnknownType),
        };
        let mut verifiers = Vec::new();
        for algorithm in Algorithm::ALL {
            if named.is_none_or(|named| named == algorithm)
                && let Some(parsed) = material.verifier(algorithm)?
            {
                verifiers.push((algorithm, parsed));
            }
        }
        if verifiers.is_empty() {
            return Err(Unusable::UnsupportedAlgorithm);
        }
        Ok(VerificationKey {
            key_type: material.key_type(),
            identity: material.identity(&verifiers),
            verifiers,
            private_part: if member(jwk, "d").is_some() {
                PrivatePart::Published
            } else {
                PrivatePart::Absent
            },
        })
    }

    /// The `kty`.
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// The algorithms that the key's type, curve and own `alg` suit.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.verifiers.iter().map(|(algorithm, _)| *algorithm)
    }

    /// Whether the key's type, curve and own `alg` suit the algorithm.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithms().any(|own| own == algorithm)
    }

    /// A hash of the public key and its algorithms. Two keys with the same identity verify the same tokens.
    pub fn identity(&self) -> &[u8; 32] {
        &self.identity
    }

    /// Whether the JWK contains the private key too.
    pub(crate) fn private_part(&self) -> PrivatePart {
        self.private_part
    }

    /// Verifies a JWS signature over its signing input.
    ///
    /// # Errors
    /// [`InvalidSignature`], also if the key does not fit the algorithm.
    pub fn verify(
        &self,
        algorithm: Algorithm,
        signing_input: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let (_, key) = self
            .verifiers
            .iter()
            .find(|(own, _)| *own == algorithm)
            .ok_or(InvalidSignature)?;
        key.verify_sig(signing_input, signature)
            .map_err(|_| InvalidSignature)
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerificationKey({:?})", self.key_type)
    }
}

impl KeyType {
    /// The `kty` value.
    pub fn name(self) -> &'static str {
        match self {
            KeyType::Rsa => "RSA",
            KeyType::Ec => "EC",
            KeyType::Okp => "OKP",
        }
    }
}

// === impl Material ===

enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    P521(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl Material {
    fn rsa(jwk: JsonObject<'_>) -> Result<Material, Unusable> {
        let n = number(jwk, "n")?;
        let e = number(jwk, "e")?;
        let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
        if !(2048..=8192).contains(&bits) {
            return Err(Unusable::ModulusSize { bits });
        }
        // aws-lc rejects most of these exponents only while it verifies. Set the key aside now, with a reason.
        if e.len() > 5 {
            return Err(Unusable::Exponent);
        }
        let exponent = e
            .iter()
            .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        if !(3..1 << 33).contains(&exponent) || exponent.is_multiple_of(2) {
            return Err(Unusable::Exponent);
        }
        Ok(Material::Rsa { n, e })
    }

    fn ec(jwk: JsonObject<'_>) -> Result<Material, Unusable> {
        let point = |length: usize| {
            // SEC 1 section 2.3.3: an uncompressed point.
            let mut point = vec![4];
            for name in ["x", "y"] {
                point.extend(coordinate(jwk, name, length)?);
            }
            Ok(point)
        };
        match required_text(jwk, "crv")? {
            "P-256" => Ok(Material::P256(point(32)?)),
            "P-384" => Ok(Material::P384(point(48)?)),
            "P-521" => Ok(Material::P521(point(66)?)),
            _ => Err(Unusable::UnknownType),
        }
    }

    fn okp(jwk: JsonObject<'_>) -> Result<Material, Unusable> {
        match required_text(jwk, "crv")? {
            "Ed25519" => {
                // An octet string, not an integer (RFC 8037 section 2): zeros are neither added nor removed.
                let key = octets(jwk, "x")?;
                match key.len() {
                    32 => Ok(Material::Ed25519(key)),
                    _ => Err(Unusable::MalformedMember("x")),
                }
            }
            _ => Err(Unusable::UnknownType),
        }
    }

    fn key_type(&self) -> KeyType {
        match self {
            Material::Rsa { .. } => KeyType::Rsa,
            Material::P256(_) | Material::P384(_) | Material::P521(_) => KeyType::Ec,
            Material::Ed25519(_) => KeyType::Okp,
        }
    }

    /// The key prepared for one algorithm. `None` if the algorithm does not suit the key.
    fn verifier(&self, algorithm: Algorithm) -> Result<Option<ParsedPublicKey>, Unusable> {
        let parsed = match (self, algorithm) {
            (Material::Rsa { n, e }, _) => match rsa_parameters(algorithm) {
                Some(parameters) => {
                    RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters)
                }
                None => return Ok(None),
            },
            (Material::P256(point), Algorithm::Es256) => {
                ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
            }
            (Material::P384(point), Algorithm::Es384) => {
                ParsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point)
            }
            (Material::P521(point), Algorithm::Es512) => {
                ParsedPublicKey::new(&signature::ECDSA_P521_SHA512_FIXED, point)
            }
            (Material::Ed25519(x), Algorithm::EdDsa) => {
                ParsedPublicKey::new(&signature::ED25519, x)
            }
            (
                Material::P256(_) | Material::P384(_) | Material::P521(_) | Material::Ed25519(_),
                _,
            ) => return Ok(None),
        };
        parsed.map(Some).map_err(|_| Unusable::NotAKey)
    }

    fn identity(&self, verifiers: &[(Algorithm, ParsedPublicKey)]) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        for (algorithm, _) in verifiers {
            context.update(algorithm.name().as_bytes());
            context.update(b" ");
        }
        let (first, second): (&[u8], &[u8]) = match self {
            Material::Rsa { n, e } => (n, e),
            Material::P256(point)
            | Material::P384(point)
            | Material::P521(point)
            | Material::Ed25519(point) => (point, &[]),
        };
        context.update(&(first.len() as u64).to_be_bytes());
        context.update(first);
        context.update(second);
        let mut identity = [0; 32];
        identity
            .iter_mut()
            .zip(context.finish().as_ref())
            .for_each(|(to, from)| *to = *from);
        identity
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512 | Algorithm::EdDsa => None,
    }
}

#[cfg(test)]
mod tests;
