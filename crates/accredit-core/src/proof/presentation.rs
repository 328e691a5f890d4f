//! How a request presents its token, and whether that proves what the token's `cnf` demands.

use std::fmt;
use std::time::Duration;

use crate::proof::certificate;
use crate::proof::dpop::{MAX_PROOF_AGE, ProofPurpose};
use crate::proof::replay::ReplayCache;
use crate::request::Request;
use crate::token::binding_error::{BindingError, ProofFault};
use crate::token::confirmation::{Confirmation, Thumbprint};
use crate::token::numeric_date::NumericDate;

/// The authentication scheme of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialScheme {
    /// `Bearer`, and every token source without that scheme.
    Bearer,
    /// RFC 9449 section 7.1.
    Dpop,
}

/// Whether a proof counts as used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofUse {
    Take,
    /// An explanation changes nothing.
    Look,
}

/// A token with the request that presents it.
#[derive(Clone, Copy)]
pub struct Presentation<'a> {
    pub request: &'a Request<'a>,
    pub scheme: CredentialScheme,
    pub token: &'a [u8],
    pub memory: &'a ReplayCache,
    pub proof_use: ProofUse,
}

impl fmt::Debug for Presentation<'_> {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presentation({:?})", self.scheme)
    }
}

impl Presentation<'_> {
    /// Step 13. `confirmation` is absent for a token that is not bound.
    ///
    /// # Errors
    /// [`BindingError`]
    pub fn judge(
        &self,
        confirmation: Option<&Confirmation>,
        skew: Duration,
        now: NumericDate,
    ) -> Result<(), BindingError> {
        let Some(confirmation) = confirmation else {
            return match self.scheme {
                CredentialScheme::Bearer => Ok(()),
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
            (None, CredentialScheme::Bearer) => Ok(()),
            (None, CredentialScheme::Dpop) => Err(ProofFault::NotBound.into()),
            (Some(_), CredentialScheme::Bearer) => Err(BindingError::BearerScheme),
            (Some(key), CredentialScheme::Dpop) => self.judge_proof(key, skew, now),
        }
    }

    fn judge_proof(
        &self,
        key: &Thumbprint,
        skew: Duration,
        now: NumericDate,
    ) -> Result<(), BindingError> {
        let purpose = ProofPurpose {
            request: self.request,
            token: self.token,
            key,
            now,
            skew,
        };
        let proof = purpose.verify()?;
        // The first whole second in which the proof is too old for every issuer entry with this skew.
        let end = proof.issued.plus(MAX_PROOF_AGE + skew).seconds().ceil() as u64 + 1;
        match self.proof_use {
            ProofUse::Take => self.memory.take(key, &proof.id, now.seconds() as u64, end),
            ProofUse::Look => self.memory.look(key, &proof.id),
        }
    }
}
