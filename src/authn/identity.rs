//! Who was authenticated, and what the upstream is told of it.

use std::sync::Arc;

use crate::authn::issuers::Issuer;
use crate::forward::claim_headers::SetHeader;
use crate::token::verified::VerifiedToken;

/// The holder of a verified token. Made once per token, and remembered with it.
#[derive(Debug)]
pub struct Identity {
    /// The issuer entry whose key verified the token.
    pub issuer: Arc<Issuer>,
    /// The token's own `iss`.
    pub issuer_name: Arc<str>,
    /// The `kid` of the key that verified it.
    pub key_id: Option<Box<str>>,
    /// The token.
    pub token: VerifiedToken,
    /// The headers that tell the upstream of it.
    pub headers: Vec<SetHeader>,
}

impl Identity {
    /// About how many bytes it occupies.
    pub fn weight(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|header| size_of::<SetHeader>() + header.value.len())
            .sum();
        size_of::<Self>()
            + self.token.weight()
            + headers
            + self.key_id.as_ref().map_or(0, |key_id| key_id.len())
    }
}
