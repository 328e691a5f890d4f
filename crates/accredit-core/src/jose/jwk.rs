//! Reads the members of a JWK (RFC 7517), and states why a key is set aside.

use crate::jose::base64url;
use crate::jose::json::value::{JsonArray, JsonObject, JsonValue};

/// Why a JWK is set aside (CONTRACT 5.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The element of `keys` is not a JSON object.
    #[error("it is not a JSON object")]
    NotAnObject,
    /// The key has a member twice.
    #[error("it has a member twice")]
    DuplicateMember,
    /// `kty` or a member that the key type requires is absent.
    #[error("`{0}` is missing")]
    MissingMember(&'static str),
    /// A member has the wrong type or cannot be decoded.
    #[error("`{0}` is malformed")]
    MalformedMember(&'static str),
    /// A symmetric key. A party that can verify with it can also sign with it.
    #[error("it is a symmetric key")]
    Symmetric,
    /// A `kty` or `crv` of no supported algorithm.
    #[error("its key type or curve is not supported")]
    UnknownType,
    /// `use` is neither `sig` nor `jwt-svid` (SPIFFE).
    #[error("its `use` is neither `sig` nor `jwt-svid`")]
    NotForSignatures,
    /// `key_ops` lacks `verify`.
    #[error("its `key_ops` lacks `verify`")]
    NotForVerifying,
    /// `alg` is not supported, or contradicts the key type.
    #[error("its `alg` is not supported or does not suit the key type")]
    UnsupportedAlgorithm,
    /// An RSA modulus under 2048 or over 8192 bits.
    #[error("its RSA modulus has {bits} bits; 2048 to 8192 are supported")]
    ModulusSize {
        /// The size without leading zeros.
        bits: usize,
    },
    /// An RSA exponent that is even, under 3 or over 33 bits.
    #[error("its RSA exponent is not safe")]
    Exponent,
    /// A coordinate with more significant octets than the curve's size.
    #[error("`{name}` has {octets} octets; the curve has {size}")]
    CoordinateSize {
        /// `x` or `y`.
        name: &'static str,
        octets: usize,
        /// The size of a coordinate of the curve.
        size: usize,
    },
    /// A point outside its curve, or numbers that are not a key.
    #[error("its numbers are not a public key")]
    NotAKey,
}

impl Unusable {
    /// The stable code, for metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Unusable::NotAnObject => "not_an_object",
            Unusable::DuplicateMember => "duplicate_member",
            Unusable::MissingMember(_)
            | Unusable::MalformedMember(_)
            | Unusable::CoordinateSize { .. } => "malformed_member",
            Unusable::Symmetric => "symmetric",
            Unusable::UnknownType => "unknown_type",
            Unusable::NotForSignatures => "not_for_signatures",
            Unusable::NotForVerifying => "not_for_verifying",
            Unusable::UnsupportedAlgorithm => "unsupported_algorithm",
            Unusable::ModulusSize { .. } => "modulus_size",
            Unusable::Exponent => "exponent",
            Unusable::NotAKey => "not_a_key",
        }
    }
}

/// `use` and `key_ops` (RFC 7517 sections 4.2 and 4.3).
pub(in crate::jose) fn judge_purpose(jwk: JsonObject<'_>) -> Result<(), Unusable> {
    if text(jwk, "use")?.is_some_and(|purpose| !matches!(purpose, "sig" | "jwt-svid")) {
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

/// The `kid` of a JWK.
///
/// # Errors
/// [`Unusable::MalformedMember`] if it is not a string.
pub fn key_id(jwk: JsonObject<'_>) -> Result<Option<&str>, Unusable> {
    text(jwk, "kid")
}

/// A member of a JWK. `null`, an empty string and an empty list count as absent (CONTRACT 5.7.2a): serializers write
/// unset members in these forms.
pub(in crate::jose) fn member<'a>(jwk: JsonObject<'a>, name: &str) -> Option<JsonValue<'a>> {
    jwk.get_non_null(name).filter(|value| {
        value.as_str() != Some("") && !value.as_array().is_some_and(JsonArray::is_empty)
    })
}

pub(in crate::jose) fn text<'a>(
    jwk: JsonObject<'a>,
    name: &'static str,
) -> Result<Option<&'a str>, Unusable> {
    member(jwk, name)
        .map(|value| value.as_str().ok_or(Unusable::MalformedMember(name)))
        .transpose()
}

pub(in crate::jose) fn required_text<'a>(
    jwk: JsonObject<'a>,
    name: &'static str,
) -> Result<&'a str, Unusable> {
    text(jwk, name)?.ok_or(Unusable::MissingMember(name))
}

pub(in crate::jose) fn octets(
    jwk: JsonObject<'_>,
    name: &'static str,
) -> Result<Vec<u8>, Unusable> {
    base64url::decode_jwk_member(required_text(jwk, name)?)
        .map_err(|_| Unusable::MalformedMember(name))
}

/// A Base64urlUInt (RFC 7518 section 2) without the leading zero octets that some issuers write.
pub(in crate::jose) fn number(
    jwk: JsonObject<'_>,
    name: &'static str,
) -> Result<Vec<u8>, Unusable> {
    let number = without_leading_zeros(octets(jwk, name)?);
    if number.is_empty() {
        Err(Unusable::MalformedMember(name))
    } else {
        Ok(number)
    }
}

/// A coordinate of an elliptic curve, in the size of the curve (RFC 7518 section 6.2.1.2).
///
/// Issuers that treat it as an integer drop leading zero octets, or prepend one for the sign. The value is the same.
pub(in crate::jose) fn coordinate(
    jwk: JsonObject<'_>,
    name: &'static str,
    size: usize,
) -> Result<Vec<u8>, Unusable> {
    let number = without_leading_zeros(octets(jwk, name)?);
    let Some(missing) = size.checked_sub(number.len()) else {
        let octets = number.len();
        return Err(Unusable::CoordinateSize { name, octets, size });
    };
    Ok([vec![0; missing], number].concat())
}

fn without_leading_zeros(octets: Vec<u8>) -> Vec<u8> {
    octets.into_iter().skip_while(|octet| *octet == 0).collect()
}
