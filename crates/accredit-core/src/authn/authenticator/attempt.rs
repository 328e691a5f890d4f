//! Attempts at a token, and why one was denied.

use std::sync::Arc;

use crate::authn::authenticator::ticket::KeyTicket;
use crate::authn::error::AuthenticationError;
use crate::authn::identity::{Identity, SignedToken};
use crate::proof::dpop::FreshProof;
use crate::trace::CheckTrace;

/// Why a token was not accepted, with what may be reported of it (CONTRACT 4.13.1, 4.13.3).
#[derive(Clone, Debug)]
pub struct TokenDenial {
    pub error: AuthenticationError,
    /// The configured issuer that the token names.
    pub issuer: Option<Arc<str>>,
    /// The token's `iss`, if its issuer has no key for it and is configured with a placeholder for the tenant.
    pub(crate) tenant_issuer: Option<Box<str>>,
    /// The held key that the token names.
    pub key_id: Option<Box<str>>,
    /// The token, if its signature was verified.
    pub signed: Option<Arc<SignedToken>>,
    pub cache: Option<CacheLookup>,
}

/// A token that passed every step of the token itself.
#[derive(Debug)]
pub struct AcceptedToken {
    pub identity: Arc<Identity>,
    pub cache: Option<CacheLookup>,
    /// The DPoP proof of a token that needs one. An admission uses it up.
    pub proof: Option<Box<FreshProof>>,
}

/// The result of a lookup in the token cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheLookup {
    Hit,
    Miss,
}

/// Which attempt at a token this is.
#[derive(Clone, Copy, Debug)]
pub enum Attempt<'t> {
    /// The first: the check may wait for keys. The fetch that it waits for is a part of this trace.
    First(Option<&'t dyn CheckTrace>),
    /// The second, after the wait of that ticket.
    AfterWait(&'t KeyTicket),
    /// An explanation by the held keys: nothing is fetched, cached or logged for it.
    Peek,
}

impl TokenDenial {
    /// The denial of a token whose signature was verified.
    pub fn of_verified(
        identity: &Identity,
        error: AuthenticationError,
        cache: Option<CacheLookup>,
    ) -> TokenDenial {
        TokenDenial {
            error,
            issuer: Some(identity.issuer_name.clone()),
            tenant_issuer: None,
            key_id: identity.key_id.clone(),
            signed: Some(Arc::new(SignedToken::new(identity.token.signed_claims()))),
            cache,
        }
    }
}

impl CacheLookup {
    pub fn as_str(self) -> &'static str {
        match self {
            CacheLookup::Hit => "hit",
            CacheLookup::Miss => "miss",
        }
    }
}

impl From<AuthenticationError> for TokenDenial {
    /// A denial of a token that was not verified, so that nothing of it may be reported.
    fn from(error: AuthenticationError) -> TokenDenial {
        TokenDenial {
            error,
            issuer: None,
            tenant_issuer: None,
            key_id: None,
            signed: None,
            cache: None,
        }
    }
}
