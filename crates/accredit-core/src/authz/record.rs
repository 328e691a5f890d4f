//! One decision, as it goes to metrics, log, span, tail, last refusals, dynamic metadata and explanation.

use std::sync::Arc;

use crate::authn::authenticator::attempt::{CacheLookup, TokenDenial};
use crate::authn::identity::Identity;
use crate::authn::token_metadata::MetadataValue;
use crate::authz::denial::Denial;
use crate::authz::step::Step;
use crate::reason::{Decision, Reason};
use crate::rules::table::DEFAULT_RULE;

/// One decision. It contains no token.
#[derive(Clone, Debug)]
pub struct DecisionRecord {
    pub reason: Reason,
    /// Why the request was refused; `None` if it was admitted.
    pub denial: Option<Denial>,
    /// The name of the rule that decided.
    pub rule: Arc<str>,
    pub token: TokenRecord,
    /// The lookup in the token cache, if there was one.
    pub cache: Option<CacheLookup>,
}

/// What is known of the token of a request.
#[derive(Clone, Debug)]
pub enum TokenRecord {
    /// accredit read no token.
    NotRead,
    /// accredit read the token and did not verify it.
    Unverified {
        /// The configured issuer that the token names.
        issuer: Option<Arc<str>>,
        /// The held key that the token names.
        key_id: Option<Box<str>>,
    },
    Verified(Arc<Identity>),
}

impl DecisionRecord {
    /// A refusal before a rule was chosen.
    pub fn early(denial: Denial) -> DecisionRecord {
        DecisionRecord::denied(denial, DEFAULT_RULE.into(), TokenRecord::NotRead)
    }

    /// A refusal.
    pub fn denied(denial: Denial, rule: Arc<str>, token: TokenRecord) -> DecisionRecord {
        DecisionRecord {
            reason: denial.reason(),
            denial: Some(denial),
            rule,
            token,
            cache: None,
        }
    }

    /// A refusal of the token.
    pub fn token_denied(denial: TokenDenial, rule: Arc<str>) -> DecisionRecord {
        DecisionRecord {
            cache: denial.cache,
            ..DecisionRecord::denied(
                Denial::Unauthenticated(denial.error),
                rule,
                TokenRecord::Unverified {
                    issuer: denial.issuer,
                    key_id: denial.key_id,
                },
            )
        }
    }

    pub fn decision(&self) -> Decision {
        self.reason.decision()
    }

    /// The configured issuer that the token names.
    pub fn issuer(&self) -> Option<&str> {
        match &self.token {
            TokenRecord::NotRead => None,
            TokenRecord::Unverified { issuer, .. } => issuer.as_deref(),
            TokenRecord::Verified(identity) => Some(&identity.issuer_name),
        }
    }

    /// The held key that the token names, or that verified it.
    pub fn key_id(&self) -> Option<&str> {
        match &self.token {
            TokenRecord::NotRead => None,
            TokenRecord::Unverified { key_id, .. } => key_id.as_deref(),
            TokenRecord::Verified(identity) => identity.key_id.as_deref(),
        }
    }

    pub fn identity(&self) -> Option<&Arc<Identity>> {
        match &self.token {
            TokenRecord::Verified(identity) => Some(identity),
            TokenRecord::NotRead | TokenRecord::Unverified { .. } => None,
        }
    }

    /// The value of the label `issuer` in metrics (CONTRACT 6.4.2). It is never text of an unverified token.
    pub fn issuer_label(&self) -> &str {
        match &self.token {
            TokenRecord::NotRead => "none",
            TokenRecord::Unverified { .. } | TokenRecord::Verified(_) => {
                self.issuer().unwrap_or("unknown")
            }
        }
    }

    /// The step that failed; `None` if the request was admitted.
    pub fn failed_step(&self) -> Option<Step> {
        self.denial.as_ref().map(Denial::step)
    }

    /// The fields of the dynamic metadata that every answer has, and those of the token (CONTRACT 4.13.1).
    pub fn metadata(&self) -> impl Iterator<Item = (&str, MetadataField<'_>)> {
        let fixed = [
            ("decision", Some(self.decision().as_str())),
            ("reason", Some(self.reason.as_str())),
            ("rule", Some(&*self.rule)),
        ];
        let (names, verified) = match self.identity() {
            Some(identity) => ([("issuer", None), ("key_id", None)], &*identity.metadata),
            None => (
                [("issuer", self.issuer()), ("key_id", self.key_id())],
                &[][..],
            ),
        };
        let texts = fixed.into_iter().chain(names);
        let texts = texts.filter_map(|(name, text)| Some((name, MetadataField::Text(text?))));
        texts.chain(
            verified
                .iter()
                .map(|(name, value)| (*name, MetadataField::Value(value))),
        )
    }

    /// The same decision without the claims of its token, for a record that is kept.
    #[must_use]
    pub fn without_claims(&self) -> DecisionRecord {
        let token = match &self.token {
            TokenRecord::Verified(identity) => TokenRecord::Unverified {
                issuer: Some(identity.issuer_name.clone()),
                key_id: identity.key_id.clone(),
            },
            other => other.clone(),
        };
        DecisionRecord {
            token,
            ..self.clone()
        }
    }
}

/// A field of the dynamic metadata.
#[derive(Clone, Copy, Debug)]
pub enum MetadataField<'a> {
    Text(&'a str),
    Value(&'a MetadataValue),
}
