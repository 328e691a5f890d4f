//! What was decided of a request.

use std::sync::Arc;

use crate::authn::authenticator::{Recall, Refusal};
use crate::authn::error::Error;
use crate::authn::identity::Identity;
use crate::authz::denial::Denial;
use crate::rules::demands;
use crate::rules::rule::Rule;
use crate::rules::table::DEFAULT_RULE;

/// One decision. There is no third outcome and no default.
#[derive(Debug)]
pub enum Decision {
    /// The request goes on to the upstream.
    Allow(Grant),
    /// It does not.
    Deny(Refused),
}

impl Decision {
    /// The stable name of why it was decided so.
    pub fn reason(&self) -> &'static str {
        match self {
            Decision::Allow(Grant {
                identity: Some(_), ..
            }) => "allowed",
            Decision::Allow(Grant { identity: None, .. }) => "anonymous",
            Decision::Deny(refused) => refused.denial.code(),
        }
    }
}

/// What goes with an admitted request.
#[derive(Debug)]
pub struct Grant {
    /// Whose token admitted it; nobody's where the rule asks for none.
    pub identity: Option<Arc<Identity>>,
    /// The headers that are taken from it.
    pub remove: Vec<String>,
    /// The headers, `:path` included, that get another value because a token was removed from them.
    pub set: Vec<(&'static str, String)>,
    /// The rule that decided.
    pub rule: Arc<str>,
    /// Whether the token was remembered, where one was looked for.
    pub recall: Option<Recall>,
}

/// What is known of a refused request.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Why.
    pub denial: Denial,
    /// The configured issuer that its token names.
    pub issuer: Option<Arc<str>>,
    /// The held key that its token names.
    pub key_id: Option<Box<str>>,
    /// Whose token was verified, and not enough.
    pub identity: Option<Arc<Identity>>,
    /// The rule that decided.
    pub rule: Arc<str>,
    /// Whether the token was remembered, where one was looked for.
    pub recall: Option<Recall>,
}

/// A refusal for the one reason that `unavailable: defer` is about: the token's issuer has no usable key at all. Made by
/// [`Refused::without_keys`] alone.
#[derive(Clone, Copy, Debug)]
pub struct WithoutKeys<'a>(&'a Refused);

impl<'a> WithoutKeys<'a> {
    /// The refusal.
    pub fn refused(self) -> &'a Refused {
        self.0
    }
}

impl Refused {
    /// Whether it is for want of any key of the issuer. Nothing else counts: not an unknown key while keys are held, nor
    /// one that is pending, nor that we are overloaded or at fault.
    pub fn without_keys(&self) -> Option<WithoutKeys<'_>> {
        match &self.denial {
            Denial::Unauthenticated(Error::NoKeys { .. }) => Some(WithoutKeys(self)),
            Denial::Unauthenticated(
                Error::MissingToken
                | Error::AmbiguousCredential(_)
                | Error::Token(_)
                | Error::UnknownIssuer
                | Error::UnknownKey
                | Error::KeysUnavailable { .. }
                | Error::KeyPending { .. },
            )
            | Denial::InvalidRequest(_)
            | Denial::Forbidden(_)
            | Denial::Overloaded
            | Denial::Internal => None,
        }
    }

    /// A refusal before any rule was looked at.
    pub fn early(denial: Denial) -> Refused {
        Refused {
            denial,
            issuer: None,
            key_id: None,
            identity: None,
            rule: DEFAULT_RULE.into(),
            recall: None,
        }
    }

    /// A refusal before any token was looked at.
    pub fn by_rule(denial: Denial, rule: &Rule) -> Refused {
        Refused {
            rule: rule.name.clone(),
            ..Refused::early(denial)
        }
    }

    /// A refusal of the token.
    pub fn of_token(refusal: Refusal, rule: &Rule) -> Refused {
        Refused {
            denial: Denial::Unauthenticated(refusal.error),
            issuer: refusal.issuer,
            key_id: refusal.key_id,
            identity: None,
            rule: rule.name.clone(),
            recall: refusal.recall,
        }
    }

    /// A refusal of what a verified token asks for.
    pub fn of_identity(
        refusal: demands::RuleDenial,
        identity: Arc<Identity>,
        recall: Option<Recall>,
        rule: &Rule,
    ) -> Refused {
        Refused {
            denial: Denial::Forbidden(refusal),
            issuer: Some(identity.issuer_name.clone()),
            key_id: identity.key_id.clone(),
            identity: Some(identity),
            rule: rule.name.clone(),
            recall,
        }
    }
}
