//! The holder of a verified token.

use std::sync::Arc;

use crate::authn::issuers::Issuer;
use crate::authn::token_metadata::{self, MetadataValue};
use crate::forward::claim_headers::SetHeader;
use crate::token::verified::{SignedClaims, VerifiedToken};

/// The holder of a verified token, with everything that an admission needs of it. Made once per token, and cached.
#[derive(Debug)]
pub struct Identity {
    /// The issuer entry whose key verified the token.
    pub issuer: Arc<Issuer>,
    /// The token's `iss`.
    pub(crate) issuer_name: Arc<str>,
    /// The `kid` of the key that verified it.
    pub key_id: Option<Box<str>>,
    pub token: VerifiedToken,
    /// The headers that an admission sets.
    pub headers: Vec<SetHeader>,
    /// The part of the dynamic metadata that depends on the token alone (CONTRACT 4.13.1).
    pub metadata: Vec<(&'static str, MetadataValue)>,
}

/// A token that was not accepted after its signature had been verified: what a refusal may report of it (CONTRACT 4.13.1).
/// It cannot admit a request.
#[derive(Debug)]
pub struct SignedToken {
    pub claims: SignedClaims,
    /// The fields of the dynamic metadata that it gives.
    pub metadata: Vec<(&'static str, MetadataValue)>,
}

impl SignedToken {
    pub fn new(claims: SignedClaims) -> SignedToken {
        SignedToken {
            metadata: token_metadata::of_signed(&claims),
            claims,
        }
    }
}

impl Identity {
    pub fn new(
        issuer: &Arc<Issuer>,
        name: &Arc<str>,
        key_id: Option<Box<str>>,
        token: VerifiedToken,
    ) -> Identity {
        Identity {
            issuer: issuer.clone(),
            issuer_name: name.clone(),
            headers: issuer.claim_headers.render(
                &token,
                &issuer.requirements.scope_claims,
                issuer.payload_header.as_ref(),
            ),
            metadata: token_metadata::of_verified(name, key_id.as_deref(), &token, issuer),
            key_id,
            token,
        }
    }

    /// About how many bytes it occupies.
    pub(crate) fn weight(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|header| size_of::<SetHeader>() + header.value.len())
            .sum();
        let metadata: usize = self.metadata.iter().map(|(_, value)| value.weight()).sum();
        size_of::<Self>()
            + self.token.weight()
            + headers
            + metadata
            + self.key_id.as_ref().map_or(0, |key_id| key_id.len())
    }
}
