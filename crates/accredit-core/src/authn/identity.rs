//! The holder of a verified token.

use std::fmt;
use std::sync::Arc;

use crate::authn::flat_metadata::FlatMetadata;
use crate::authn::issuers::Issuer;
use crate::authn::token_metadata::{self, MetadataValue};
use crate::forward::claim_headers::SetHeaders;
use crate::revocation::list::RevocableToken;
use crate::revocation::store::ClearedGeneration;
use crate::token::verified::{SignedClaims, VerifiedToken};

/// Writes the parts of an answer that depend on nothing but the identity, as the protocol that carries answers has them. It
/// must not read anything of a request, a rule or a configuration: the result serves every later request with the token.
pub type EncodeIdentity = fn(&Identity) -> EncodedIdentity;

/// The parts of an answer that every admission of one token repeats, encoded once. The core does not read them.
///
/// All of it is encoded when the identity is made, so that all of it counts in the weight of the cached token, which the cache needs to
/// be constant. A form of the metadata that is absent is encoded for each answer that needs it, and not kept.
#[derive(Default)]
pub struct EncodedIdentity {
    /// The headers that an admission sets.
    pub headers: Box<[u8]>,
    /// The part of the dynamic metadata that depends on the token alone.
    pub metadata: Option<Box<[u8]>>,
    /// The same without lists and mappings. `None` in the service, where it takes no room beside this pointer.
    pub flat_metadata: Option<Box<FlatMetadata>>,
}

/// The holder of a verified token, with everything that an admission needs of it. Made once per token, and cached.
#[derive(Debug)]
pub struct Identity {
    /// The issuer entry whose key verified the token.
    pub issuer: Arc<Issuer>,
    /// The configured name that the token's `iss` belongs to.
    pub(crate) issuer_name: Arc<str>,
    /// The `kid` of the key that verified it.
    pub key_id: Option<Box<str>>,
    pub token: VerifiedToken,
    /// The headers that an admission sets.
    headers: SetHeaders,
    /// `None` if the protocol has no encoded form.
    encoded: Option<EncodedIdentity>,
    weight: usize,
    /// The generation of the latest deny list that does not name the token.
    pub(in crate::authn) cleared: ClearedGeneration,
}

/// A token whose signature was verified, and that was not accepted: what a denial may report about it (CONTRACT
/// 4.13.1). It cannot admit a request.
#[derive(Debug)]
pub struct SignedToken {
    pub claims: SignedClaims,
    /// The fields of the dynamic metadata that it gives.
    pub metadata: Vec<(&'static str, MetadataValue<'static>)>,
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
        encode: Option<EncodeIdentity>,
    ) -> Identity {
        let mut identity = Identity {
            issuer: issuer.clone(),
            issuer_name: name.clone(),
            headers: issuer.claim_headers.render(
                token.claims(),
                &issuer.requirements.scope_claims,
                issuer.payload_header.as_ref(),
            ),
            encoded: None,
            weight: 0,
            cleared: ClearedGeneration::default(),
            key_id,
            token,
        };
        identity.encoded = encode.map(|encode| encode(&identity));
        identity.weight = identity.weigh();
        identity
    }

    /// The part of the dynamic metadata that depends on the token alone (CONTRACT 4.13.1).
    pub fn metadata(&self) -> Vec<(&'static str, MetadataValue<'_>)> {
        token_metadata::of_verified(
            self.iss(),
            self.key_id.as_deref(),
            &self.token,
            &self.issuer,
        )
    }

    /// The name and the value of each header that an admission sets.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers = self.headers.iter();
        headers.map(|(name, value)| (name.as_str(), value))
    }

    /// Whether an admission sets the header of this name.
    pub(crate) fn sets_header(&self, name: &str) -> bool {
        self.headers.contains(name)
    }

    /// The token's `iss`. It differs from the configured name if that has a placeholder.
    pub fn iss(&self) -> &str {
        self.token.claims().issuer().unwrap_or(&self.issuer_name)
    }

    /// What a deny list can name of the token.
    pub(in crate::authn) fn revocable(&self) -> RevocableToken<'_> {
        RevocableToken {
            issuer: self.iss(),
            claims: self.token.claims(),
            key_id: self.key_id.as_deref(),
        }
    }

    /// What [`EncodeIdentity`] made of this identity.
    pub fn encoded(&self) -> Option<&EncodedIdentity> {
        self.encoded.as_ref()
    }

    /// The approximate number of bytes that it occupies.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    fn weigh(&self) -> usize {
        let encoded = self.encoded.as_ref();
        let encoded = encoded.map_or(0, |parts| {
            let metadata = parts.metadata.as_ref().map_or(0, |metadata| metadata.len());
            let flat = parts.flat_metadata.as_deref();
            let flat = flat.map_or(0, FlatMetadata::weight);
            parts.headers.len() + metadata + flat
        });
        size_of::<Self>()
            + self.token.heap_weight()
            + self.headers.heap_weight()
            + encoded
            + self.key_id.as_ref().map_or(0, |key_id| key_id.len())
    }
}

impl fmt::Debug for EncodedIdentity {
    /// Shows no content: it has claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncodedIdentity(..)")
    }
}
