//! Why a credential was not accepted.

use crate::authn::extraction_error::{AmbiguousCredential, ExtractionError};
use crate::authn::tenants::TenantError;
use crate::keys::ledger::MissingKey;
use crate::reason::Reason;
use crate::revocation::store::RevocationError;
use crate::token::error::TokenError;

/// Why no token was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthenticationError {
    /// The request carries no token.
    MissingToken,
    /// The request carries several credentials, or one that can be interpreted in more than one way.
    AmbiguousCredential(AmbiguousCredential),
    /// The token itself is wrong.
    Token(TokenError),
    /// `iss` is absent or not configured.
    UnknownIssuer,
    /// The issuer entry does not accept the tenant that `iss` names.
    Tenant(TenantError),
    /// accredit holds no key that can verify the token.
    Key(MissingKey),
    /// The deny list names the token, or there is no list yet.
    Revocation(RevocationError),
}

impl AuthenticationError {
    pub fn reason(&self) -> Reason {
        match self {
            AuthenticationError::MissingToken => Reason::MissingToken,
            AuthenticationError::AmbiguousCredential(_) => Reason::InvalidRequest,
            AuthenticationError::Token(error) => error.reason(),
            AuthenticationError::UnknownIssuer | AuthenticationError::Tenant(_) => {
                Reason::UnknownIssuer
            }
            AuthenticationError::Key(missing) => match missing {
                MissingKey::Unfit => Reason::UnsupportedAlgorithm,
                MissingKey::Unknown | MissingKey::Untried(_) => Reason::UnknownKey,
                MissingKey::NoKeys { .. }
                | MissingKey::EmptyKeySet { .. }
                | MissingKey::Unavailable { .. } => Reason::KeysUnavailable,
                MissingKey::Pending { .. } => Reason::KeyPending,
            },
            AuthenticationError::Revocation(RevocationError::Revoked(_)) => Reason::Revoked,
            AuthenticationError::Revocation(RevocationError::NoList) => Reason::InternalError,
        }
    }
}

impl From<TokenError> for AuthenticationError {
    fn from(error: TokenError) -> AuthenticationError {
        AuthenticationError::Token(error)
    }
}

impl From<ExtractionError> for AuthenticationError {
    fn from(error: ExtractionError) -> AuthenticationError {
        match error {
            ExtractionError::Ambiguous(error) => error.into(),
            ExtractionError::NotAToken(cause) => TokenError::from(cause).into(),
        }
    }
}

impl From<AmbiguousCredential> for AuthenticationError {
    fn from(error: AmbiguousCredential) -> AuthenticationError {
        AuthenticationError::AmbiguousCredential(error)
    }
}

impl From<MissingKey> for AuthenticationError {
    fn from(missing: MissingKey) -> AuthenticationError {
        AuthenticationError::Key(missing)
    }
}

impl From<RevocationError> for AuthenticationError {
    fn from(error: RevocationError) -> AuthenticationError {
        AuthenticationError::Revocation(error)
    }
}

impl From<TenantError> for AuthenticationError {
    fn from(error: TenantError) -> AuthenticationError {
        AuthenticationError::Tenant(error)
    }
}
