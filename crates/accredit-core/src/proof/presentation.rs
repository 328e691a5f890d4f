//! How a request presents its token, and whether this proves possession of what the token's `cnf` names.

use std::fmt;
use std::time::Duration;

use crate::proof::certificate;
use crate::proof::dpop::{FreshProof, ProofPurpose};
use crate::proof::replay::ReplayAccess;
use crate::request::Request;
use crate::token::binding_error::{BindingError, ProofFault};
use crate::token::confirmation::{Confirmation, Thumbprint};
use crate::token::numeric_date::NumericDate;

/// The authentication scheme of a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CredentialScheme {
    /// `Bearer`, and every token source without that scheme.
    #[default]
    Bearer,
    /// RFC 9449 section 7.1.
    Dpop,
}

/// A token with the request that presents it.
#[derive(Clone, Copy)]
pub struct Presentation<'a> {
    pub request: &'a Request<'a>,
    pub scheme: CredentialScheme,
    pub token: &'a [u8],
    pub memory: &'a ReplayAccess,
}

impl fmt::Debug for Presentation<'_> {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presentation({:?})", self.scheme)
    }
}

impl Presentation<'_> {
    /// Step 13. `confirmation` is absent for a token that is not bound. Returns the DPoP proof, if the token needs one.
    /// It was not used before, and is not used up yet: the later steps can deny the request.
    ///
    /// # Errors
    /// [`BindingError`]
    pub fn judge(
        &self,
        confirmation: Option<&Confirmation>,
        skew: Duration,
        now: NumericDate,
    ) -> Result<Option<Box<FreshProof>>, BindingError> {
        let Some(confirmation) = confirmation else {
            return match self.scheme {
                CredentialScheme::Bearer => Ok(None),
                CredentialScheme::Dpop => Err(ProofFault::NotBound.into()),
            };
        };
        if confirmation.is_unsupported {
            return Err(BindingError::Unsupported);
        }
        if let Some(bound) = &confirmation.certificate {
            certificate::judge(self.request.source_certificate, bound)?;
        }
        match (&confirmation.key, self.scheme) {
            (None, CredentialScheme::Bearer) => Ok(None),
            (None, CredentialScheme::Dpop) => Err(ProofFault::NotBound.into()),
            (Some(_), CredentialScheme::Bearer) => Err(BindingError::BearerScheme),
            (Some(key), CredentialScheme::Dpop) => self.judge_proof(key, skew, now).map(Some),
        }
    }

    fn judge_proof(
        &self,
        key: &Thumbprint,
        skew: Duration,
        now: NumericDate,
    ) -> Result<Box<FreshProof>, BindingError> {
        let purpose = ProofPurpose {
            request: self.request,
            token: self.token,
            key,
            now,
            skew,
        };
        let proof = purpose.verify()?;
        self.memory.look(&proof, now)?;
        Ok(Box::new(proof))
    }
}
