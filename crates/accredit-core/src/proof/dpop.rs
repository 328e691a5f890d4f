//! One DPoP proof (RFC 9449 section 4.3).
//!
//! The proof contains its public key. That key verifies nothing but the proof, and only if its thumbprint is the one
//! that the issuer put into the token.

use std::fmt;
use std::time::Duration;

use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::jose::digest::{are_equal, sha256};
use crate::jose::json::value::{JsonObject, JsonValue};
use crate::jose::json::{Duplicates, JsonDocument};
use crate::jose::key::VerificationKey;
use crate::jose::thumbprint::thumbprint;
use crate::proof::target::is_target;
use crate::request::Request;
use crate::token::binding_error::{BindingError, ProofFault};
use crate::token::confirmation::Thumbprint;
use crate::token::numeric_date::NumericDate;

/// How long a proof can be used after its `iat`, beside the permitted difference of the clocks.
pub const MAX_PROOF_AGE: Duration = Duration::from_secs(60);

const MAX_PROOF_SIZE: usize = 16 * 1024;

/// The longest `jti`, in bytes.
const MAX_ID: usize = 1024;

/// The members of a JWK that contain private key material.
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A proof whose signature is verified, and that is for this request and this token. It is used up when the request is admitted.
pub struct FreshProof {
    /// The thumbprint of its key.
    pub(in crate::proof) key: Thumbprint,
    /// `jti`
    pub(in crate::proof) id: Box<str>,
    pub(in crate::proof) issued: NumericDate,
}

/// The request and the token that a proof has to be made for.
pub(in crate::proof) struct ProofPurpose<'a> {
    pub(in crate::proof) request: &'a Request<'a>,
    pub(in crate::proof) token: &'a [u8],
    pub(in crate::proof) key: &'a Thumbprint,
    pub(in crate::proof) now: NumericDate,
    pub(in crate::proof) skew: Duration,
}

impl ProofPurpose<'_> {
    /// Verifies the proof of the request, except whether it was used before.
    ///
    /// # Errors
    /// [`BindingError`]
    pub(in crate::proof) fn verify(&self) -> Result<FreshProof, BindingError> {
        let mut headers = self.request.headers.all("dpop");
        let proof = headers.next().unwrap_or_default().trim_ascii();
        if headers.next().is_some() {
            return Err(ProofFault::SeveralHeaders.into());
        }
        if proof.is_empty() {
            return Err(BindingError::MissingProof);
        }
        if proof.len() > MAX_PROOF_SIZE {
            return Err(ProofFault::TooLong.into());
        }
        let proof = std::str::from_utf8(proof).map_err(|_| ProofFault::Parts)?;
        Ok(self.read(proof)?)
    }

    fn read(&self, proof: &str) -> Result<FreshProof, ProofFault> {
        let (signing_input, signature) = proof.rsplit_once('.').ok_or(ProofFault::Parts)?;
        let (header, claims) = signing_input.split_once('.').ok_or(ProofFault::Parts)?;
        if claims.contains('.') {
            return Err(ProofFault::Parts);
        }
        let (header, claims) = (json(header)?, json(claims)?);
        let signature = base64url::decode(signature).map_err(ProofFault::NotBase64Url)?;
        let header = header.object().ok_or(ProofFault::NotAnObject)?;
        let (key, algorithm) = self.judge_header(header)?;
        key.verify(algorithm, signing_input.as_bytes(), &signature)
            .map_err(|_| ProofFault::Signature)?;
        self.judge_claims(&claims)
    }

    fn judge_header(
        &self,
        header: JsonObject<'_>,
    ) -> Result<(VerificationKey, Algorithm), ProofFault> {
        // As in a token, they count as present even if they are `null`.
        if let Some(name) = ["crit", "b64"]
            .into_iter()
            .find(|name| header.get(name).is_some())
        {
            return Err(ProofFault::Extension(name));
        }
        let text = |name: &str| header.get(name).and_then(JsonValue::as_str);
        if !text("typ").is_some_and(|typ| typ.eq_ignore_ascii_case("dpop+jwt")) {
            return Err(ProofFault::Type);
        }
        let algorithm = text("alg")
            .and_then(Algorithm::from_name)
            .ok_or(ProofFault::Algorithm)?;
        let jwk = header
            .get("jwk")
            .and_then(JsonValue::as_object)
            .ok_or(ProofFault::NoKey)?;
        if PRIVATE_MEMBERS.iter().any(|name| jwk.get(name).is_some()) {
            return Err(ProofFault::PrivateKey);
        }
        // The thumbprint is compared first, so that the key of another client is not parsed.
        let own = thumbprint(jwk);
        if !own.is_some_and(|own| are_equal(&own, self.key)) {
            return Err(ProofFault::OtherKey);
        }
        let key = VerificationKey::from_jwk(jwk).map_err(ProofFault::UnusableKey)?;
        if !key.fits(algorithm) {
            return Err(ProofFault::Algorithm);
        }
        Ok((key, algorithm))
    }

    fn judge_claims(&self, document: &JsonDocument) -> Result<FreshProof, ProofFault> {
        let claims = document.object().ok_or(ProofFault::NotAnObject)?;
        let text = |name: &'static str| {
            let value = claims.get(name).and_then(JsonValue::as_str);
            value.ok_or(ProofFault::Claim(name))
        };
        let id = text("jti")?;
        if id.is_empty() || id.len() > MAX_ID {
            return Err(ProofFault::Claim("jti"));
        }
        if text("htm")? != self.request.method {
            return Err(ProofFault::Method);
        }
        if !is_target(text("htu")?, self.request) {
            return Err(ProofFault::Target);
        }
        let issued = NumericDate::read(claims.get("iat"))
            .ok()
            .flatten()
            .ok_or(ProofFault::Claim("iat"))?;
        if issued > self.now.plus(self.skew) {
            return Err(ProofFault::AheadOfClock);
        }
        if issued.plus(MAX_PROOF_AGE + self.skew) <= self.now {
            return Err(ProofFault::TooOld);
        }
        let hash = base64url::encode(&sha256(self.token));
        if !are_equal(text("ath")?.as_bytes(), hash.as_bytes()) {
            return Err(ProofFault::TokenHash);
        }
        Ok(FreshProof {
            key: *self.key,
            id: id.into(),
            issued,
        })
    }
}

impl fmt::Debug for FreshProof {
    /// Without the `jti`, which is a client's text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FreshProof(..)")
    }
}

fn json(part: &str) -> Result<JsonDocument, ProofFault> {
    let bytes = base64url::decode(part).map_err(ProofFault::NotBase64Url)?;
    JsonDocument::read(bytes, Duplicates::Refuse).map_err(|(error, _)| ProofFault::NotJson(error))
}
