//! One decision, as it goes to metrics, log, span, tail, last denials, dynamic metadata and explanation.

use std::sync::Arc;

use crate::authn::authenticator::attempt::{CacheLookup, TokenDenial};
use crate::authn::identity::{Identity, SignedToken};
use crate::authn::token_metadata::MetadataValue;
use crate::authz::denial::Denial;
use crate::authz::denial_context::DenialContext;
use crate::reason::{Decision, Reason};
use crate::rules::table::DEFAULT_RULE;
use crate::token::claims::Claims;

/// One decision. It contains no token.
#[derive(Clone, Debug)]
pub struct DecisionRecord {
    pub reason: Reason,
    /// Why the request was denied, or would be denied if its rule were not on trial; `None` otherwise.
    pub denial: Option<Denial>,
    /// Whether the rule is on trial and admitted a request that it would deny. `denial` is then the cause (CONTRACT 8.7).
    pub is_shadow: bool,
    /// The name of the rule that decided.
    pub rule: Arc<str>,
    pub token: TokenRecord,
    /// The lookup in the token cache, if there was one.
    pub cache: Option<CacheLookup>,
    /// For the answer to a denial. The default for every other decision.
    pub denial_context: DenialContext,
}

/// What is known of the token of a request.
#[derive(Clone, Debug)]
pub enum TokenRecord {
    /// accredit read no token.
    NotRead,
    /// accredit read the token and did not accept it.
    NotAccepted {
        /// The configured issuer that the token names.
        issuer: Option<Arc<str>>,
        /// The held key that the token names.
        key_id: Option<Box<str>>,
        /// What is known of the signed token; `None` if its signature was not verified.
        signed: Option<SignedRecord>,
    },
    Verified(Arc<Identity>),
}

/// A token whose signature was verified, and that was not accepted.
#[derive(Clone, Debug)]
pub enum SignedRecord {
    Known(Arc<SignedToken>),
    /// A stored record has no claims.
    WithoutClaims,
}

impl DecisionRecord {
    /// A denial before a rule was chosen.
    pub fn early(denial: Denial) -> DecisionRecord {
        DecisionRecord::denied(denial, DEFAULT_RULE.into(), TokenRecord::NotRead)
    }

    /// A denial.
    pub fn denied(denial: Denial, rule: Arc<str>, token: TokenRecord) -> DecisionRecord {
        DecisionRecord {
            reason: denial.reason(),
            denial: Some(denial),
            is_shadow: false,
            rule,
            token,
            cache: None,
            denial_context: DenialContext::default(),
        }
    }

    /// A denial because of the token.
    pub fn token_denied(denial: TokenDenial, rule: Arc<str>) -> DecisionRecord {
        DecisionRecord {
            cache: denial.cache,
            ..DecisionRecord::denied(
                Denial::Unauthenticated(denial.error),
                rule,
                TokenRecord::NotAccepted {
                    issuer: denial.issuer,
                    key_id: denial.key_id,
                    signed: denial.signed.map(SignedRecord::Known),
                },
            )
        }
    }

    pub fn decision(&self) -> Decision {
        match self.is_shadow {
            true => Decision::Shadow,
            false => self.reason.decision(),
        }
    }

    /// The configured issuer that the token names.
    pub fn issuer(&self) -> Option<&str> {
        match &self.token {
            TokenRecord::NotRead => None,
            TokenRecord::NotAccepted { issuer, .. } => issuer.as_deref(),
            TokenRecord::Verified(identity) => Some(&identity.issuer_name),
        }
    }

    /// The held key that the token names, or that verified it.
    pub fn key_id(&self) -> Option<&str> {
        match &self.token {
            TokenRecord::NotRead => None,
            TokenRecord::NotAccepted { key_id, .. } => key_id.as_deref(),
            TokenRecord::Verified(identity) => identity.key_id.as_deref(),
        }
    }

    pub fn identity(&self) -> Option<&Arc<Identity>> {
        match &self.token {
            TokenRecord::Verified(identity) => Some(identity),
            TokenRecord::NotRead | TokenRecord::NotAccepted { .. } => None,
        }
    }

    /// The claims of the token, if its signature was verified.
    pub fn signed_claims(&self) -> Option<&Claims> {
        match &self.token {
            TokenRecord::NotRead => None,
            TokenRecord::NotAccepted { signed, .. } => match signed {
                Some(SignedRecord::Known(token)) => Some(token.claims.claims()),
                Some(SignedRecord::WithoutClaims) | None => None,
            },
            TokenRecord::Verified(identity) => Some(identity.token.claims()),
        }
    }

    /// The value of the label `issuer` in metrics (CONTRACT 6.4.2). It is never text of an unverified token.
    pub fn issuer_label(&self) -> &str {
        match &self.token {
            TokenRecord::NotRead => "none",
            TokenRecord::NotAccepted { .. } | TokenRecord::Verified(_) => {
                self.issuer().unwrap_or("unknown")
            }
        }
    }

    /// Whether accredit verified the signature of the request's token.
    pub fn has_verified_signature(&self) -> bool {
        match &self.token {
            TokenRecord::NotRead => false,
            TokenRecord::NotAccepted { signed, .. } => signed.is_some(),
            TokenRecord::Verified(_) => true,
        }
    }

    /// The fields of the dynamic metadata that depend on the decision (CONTRACT 4.13.1).
    pub fn metadata(&self) -> [(&'static str, &str); 3] {
        [
            ("decision", self.decision().as_str()),
            ("reason", self.reason.as_str()),
            ("rule", &self.rule),
        ]
    }

    /// The fields of the dynamic metadata of a token that was not accepted (CONTRACT 4.13.1). Those of a verified token are its
    /// identity's.
    pub fn unaccepted_metadata(
        &self,
    ) -> (
        impl Iterator<Item = (&'static str, &str)>,
        &[(&'static str, MetadataValue<'static>)],
    ) {
        let (issuer, key_id, signed) = match &self.token {
            TokenRecord::NotRead | TokenRecord::Verified(_) => (None, None, None),
            TokenRecord::NotAccepted {
                issuer,
                key_id,
                signed,
            } => (issuer.as_deref(), key_id.as_deref(), signed.as_ref()),
        };
        let names = [("issuer", issuer), ("key_id", key_id)].into_iter();
        (
            names.filter_map(|(name, text)| Some((name, text?))),
            match signed {
                Some(SignedRecord::Known(token)) => &token.metadata,
                Some(SignedRecord::WithoutClaims) | None => &[],
            },
        )
    }

    /// The same decision without the claims of its token, for a record that is stored.
    #[must_use]
    pub fn without_claims(&self) -> DecisionRecord {
        let token = match &self.token {
            TokenRecord::NotRead => TokenRecord::NotRead,
            TokenRecord::NotAccepted {
                issuer,
                key_id,
                signed,
            } => TokenRecord::NotAccepted {
                issuer: issuer.clone(),
                key_id: key_id.clone(),
                signed: signed.as_ref().map(|_| SignedRecord::WithoutClaims),
            },
            TokenRecord::Verified(identity) => TokenRecord::NotAccepted {
                issuer: Some(identity.issuer_name.clone()),
                key_id: identity.key_id.clone(),
                signed: Some(SignedRecord::WithoutClaims),
            },
        };
        DecisionRecord {
            token,
            ..self.clone()
        }
    }
}
