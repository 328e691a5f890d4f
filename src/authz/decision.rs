//! What was decided of a request.

use std::sync::Arc;

use crate::authn::authenticator::Refusal;
use crate::authn::identity::Identity;
use crate::authz::denial::Denial;

/// The name of the rule that applies where no rule matches.
pub const DEFAULT_RULE: &str = "default";

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
    /// Whose token admitted it.
    pub identity: Arc<Identity>,
    /// The headers that are taken from it.
    pub remove: Vec<String>,
    /// The rule that decided.
    pub rule: Arc<str>,
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
    /// The rule that decided.
    pub rule: Arc<str>,
}

impl Refused {
    /// A refusal before any token was looked at.
    pub fn early(denial: Denial) -> Refused {
        Refused {
            denial,
            issuer: None,
            key_id: None,
            rule: DEFAULT_RULE.into(),
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Refused {
        Refused {
            denial: Denial::Unauthenticated(refusal.error),
            issuer: refusal.issuer,
            key_id: refusal.key_id,
            rule: DEFAULT_RULE.into(),
        }
    }
}
