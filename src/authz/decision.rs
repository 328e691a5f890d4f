//! What was decided of a request.

use std::sync::Arc;

use crate::authn::authenticator::{Recall, Refusal};
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

/// What goes with an admitted request.
#[derive(Debug)]
pub struct Grant {
    /// Whose token admitted it; nobody's where the rule asks for none.
    pub identity: Option<Arc<Identity>>,
    /// The headers that are taken from it.
    pub remove: Vec<String>,
    /// Its path with query, if a token was cut out of it.
    pub path: Option<String>,
    /// Its cookies, if a token was cut out of them.
    pub cookie: Option<String>,
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

impl Refused {
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
        refusal: demands::Refusal,
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
