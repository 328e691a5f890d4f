//! What a JWK (RFC 7517) says of itself, and why one is set aside.

use std::fmt;

use crate::jose::base64url;
use crate::jose::json::{JsonKind, JsonObject, JsonValue};

/// Why a JWK is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// The member of the set is not a JSON object.
    NotAnObject,
    /// A member stands in the key twice.
    DuplicateMember,
    /// `kid`, `kty`, `alg`, `use`, `key_ops` or a key parameter is absent or of the wrong type.
    MalformedMember(&'static str),
    /// A symmetric key: whoever can verify with it can also sign.
    Symmetric,
    /// A `kty` or `crv` that no accepted algorithm uses.
    UnknownType,
    /// `use` is not `sig`.
    NotForSignatures,
    /// `key_ops` does not hold `verify`.
    NotForVerifying,
    /// The key's `alg` is none that we accept, or does not suit its type.
    UnsupportedAlgorithm,
    /// An RSA modulus under 2048 or over 8192 bits.
    ModulusSize,
    /// An RSA exponent that is even, under 3 or over 33 bits.
    Exponent,
    /// A point that is not on its curve, or a number no key has.
    NotAKey,
}

impl Unusable {
    /// The stable name, for metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Unusable::NotAnObject => "not_an_object",
            Unusable::DuplicateMember => "duplicate_member",
            Unusable::MalformedMember(_) => "malformed_member",
            Unusable::Symmetric => "symmetric",
            Unusable::UnknownType => "unknown_type",
            Unusable::NotForSignatures => "not_for_signatures",
            Unusable::NotForVerifying => "not_for_verifying",
            Unusable::UnsupportedAlgorithm => "unsupported_algorithm",
            Unusable::ModulusSize => "modulus_size",
            Unusable::Exponent => "exponent",
            Unusable::NotAKey => "not_a_key",
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unusable::NotAnObject => f.write_str("not a JSON object"),
            Unusable::DuplicateMember => f.write_str("a member stands in it twice"),
            Unusable::MalformedMember(name) => write!(f, "`{name}` is missing or malformed"),
            Unusable::Symmetric => f.write_str("a symmetric key"),
            Unusable::UnknownType => f.write_str("a key type or curve that is not supported"),
            Unusable::NotForSignatures => f.write_str("`use` is not `sig`"),
            Unusable::NotForVerifying => f.write_str("`key_ops` lacks `verify`"),
            Unusable::UnsupportedAlgorithm => {
                f.write_str("`alg` is not supported or does not suit the key")
            }
            Unusable::ModulusSize => f.write_str("an RSA modulus outside of 2048 to 8192 bits"),
            Unusable::Exponent => f.write_str("an RSA exponent that is not safe"),
            Unusable::NotAKey => f.write_str("the key parameters make no key"),
        }
    }
}

/// `use` and `key_ops`: RFC 7517 sections 4.2 and 4.3.
pub(in crate::jose) fn judge_purpose(jwk: &JsonObject) -> Result<(), Unusable> {
    if text(jwk, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(Unusable::NotForSignatures);
    }
    let Some(operations) = member(jwk, "key_ops") else {
        return Ok(());
    };
    let operations = operations
        .as_array()
        .ok_or(Unusable::MalformedMember("key_ops"))?;
    if operations
        .iter()
        .any(|operation| operation.as_str() == Some("verify"))
    {
        Ok(())
    } else {
        Err(Unusable::NotForVerifying)
    }
}

/// A member that is `null` is none: some serializers write what is not there so.
pub(in crate::jose) fn member<'a>(jwk: &'a JsonObject, name: &str) -> Option<&'a JsonValue> {
    jwk.get(name).filter(|value| value.kind != JsonKind::Null)
}

pub(in crate::jose) fn text<'a>(
    jwk: &'a JsonObject,
    name: &'static str,
) -> Result<Option<&'a str>, Unusable> {
    member(jwk, name)
        .map(|value: &JsonValue| value.as_str().ok_or(Unusable::MalformedMember(name)))
        .transpose()
}

fn bytes(jwk: &JsonObject, name: &'static str) -> Result<Vec<u8>, Unusable> {
    let encoded = text(jwk, name)?.ok_or(Unusable::MalformedMember(name))?;
    base64url::decode_jwk_member(encoded).map_err(|_| Unusable::MalformedMember(name))
}

/// A Base64urlUInt (RFC 7518 section 2) without the leading zeros that some exporters write.
pub(in crate::jose) fn number(jwk: &JsonObject, name: &'static str) -> Result<Vec<u8>, Unusable> {
    let bytes = bytes(jwk, name)?;
    let number: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    if number.is_empty() {
        Err(Unusable::MalformedMember(name))
    } else {
        Ok(number)
    }
}

/// A coordinate has its field's full length (RFC 7518 section 6.2.1.2).
pub(in crate::jose) fn coordinate(
    jwk: &JsonObject,
    name: &'static str,
    length: usize,
) -> Result<Vec<u8>, Unusable> {
    let coordinate = bytes(jwk, name)?;
    if coordinate.len() == length {
        Ok(coordinate)
    } else {
        Err(Unusable::MalformedMember(name))
    }
}
