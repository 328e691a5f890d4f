//! One rule: which requests it is for, and what it asks of them.

use std::fmt;
use std::sync::Arc;

use crate::forward::strip::TokenForwarding;
use crate::rules::condition::Condition;
use crate::rules::context::ContextEntry;
use crate::rules::demands::Demands;
use crate::rules::facts::{Facts, Target};
use crate::rules::host::HostPattern;
use crate::rules::pattern::PathPattern;

/// A rule, compiled.
#[derive(Debug)]
pub struct Rule {
    /// Its name, in metadata, metrics and logs.
    pub name: Arc<str>,
    /// Which requests it is for.
    pub matcher: Matcher,
    /// What it asks of them.
    pub access: Access,
    /// Its own word on what becomes of the token.
    pub token_forwarding: Option<TokenForwarding>,
}

/// What a rule asks of a request.
#[derive(Debug)]
pub enum Access {
    /// It is refused.
    Deny,
    /// No token is looked at.
    Anonymous {
        /// What must hold all the same.
        when: Option<Condition>,
    },
    /// No token is fine, a bad one is refused.
    Optional(Demands),
    /// A verified token, and these demands.
    Token(Demands),
}

/// Which requests a rule is for: each condition that is there must hold.
#[derive(Debug, Default)]
pub struct Matcher {
    /// One of these hosts.
    pub hosts: Option<Vec<HostPattern>>,
    /// One of these methods, compared as they stand.
    pub methods: Option<Vec<String>>,
    /// One of these paths.
    pub paths: Option<Vec<PathPattern>>,
    /// Whether the request must be a CORS preflight.
    pub preflight: Preflight,
    /// Each of these entries in the route's context.
    pub context: Vec<ContextEntry>,
}

/// Whether a rule is for CORS preflights alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preflight {
    /// `OPTIONS` with `Origin` and `Access-Control-Request-Method`.
    Only,
    /// Whatever the request.
    #[default]
    Whatever,
}

/// Why a rule is not for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// No preflight.
    Preflight,
    /// Another method.
    Method,
    /// Another host.
    Host,
    /// Another path.
    Path,
    /// The path has more than one reading, and the rule asks for less than a token.
    AmbiguousPath,
    /// The route's context.
    Context,
}

impl Rule {
    /// Why the rule is not for the request; `None` if it is.
    pub fn mismatch(&self, facts: &Facts<'_>) -> Option<Mismatch> {
        let lenient = matches!(self.access, Access::Anonymous { .. } | Access::Optional(_));
        if lenient && facts.target.is_ambiguous() {
            return Some(Mismatch::AmbiguousPath);
        }
        self.matcher.mismatch(facts)
    }

    /// The condition, if it has one.
    pub fn condition(&self) -> Option<&Condition> {
        match &self.access {
            Access::Deny => None,
            Access::Anonymous { when } => when.as_ref(),
            Access::Optional(demands) | Access::Token(demands) => demands.when.as_ref(),
        }
    }
}

impl Matcher {
    fn mismatch(&self, facts: &Facts<'_>) -> Option<Mismatch> {
        let one_of = |members: bool, mismatch| (!members).then_some(mismatch);
        one_of(
            self.preflight == Preflight::Whatever || facts.is_preflight,
            Mismatch::Preflight,
        )
        .or_else(|| one_of(self.allows_method(facts.method), Mismatch::Method))
        .or_else(|| one_of(self.allows_host(facts), Mismatch::Host))
        .or_else(|| one_of(self.allows_path(&facts.target), Mismatch::Path))
        .or_else(|| {
            one_of(
                self.context
                    .iter()
                    .all(|entry| entry.holds(|name| facts.context(name))),
                Mismatch::Context,
            )
        })
    }

    fn allows_method(&self, method: &str) -> bool {
        self.methods
            .as_ref()
            .is_none_or(|methods| methods.iter().any(|own| own == method))
    }

    fn allows_host(&self, facts: &Facts<'_>) -> bool {
        self.hosts.as_ref().is_none_or(|hosts| {
            facts
                .host
                .as_ref()
                .is_some_and(|host| hosts.iter().any(|pattern| pattern.matches(host)))
        })
    }

    fn allows_path(&self, target: &Target) -> bool {
        self.paths.as_ref().is_none_or(|paths| {
            target
                .segments()
                .is_some_and(|segments| paths.iter().any(|pattern| pattern.matches(segments)))
        })
    }

    /// Whether every request that `other` matches is matched by this one too; `false` where that is not plain.
    pub fn covers(&self, other: &Matcher) -> bool {
        fn subset<T: PartialEq>(own: Option<&Vec<T>>, other: Option<&Vec<T>>) -> bool {
            own.is_none_or(|own| {
                other.is_some_and(|other| other.iter().all(|member| own.contains(member)))
            })
        }
        let paths_covered = self.paths.as_ref().is_none_or(|own| {
            other.paths.as_ref().is_some_and(|other| {
                other
                    .iter()
                    .all(|pattern| own.iter().any(|covering| covering.covers(pattern)))
            })
        });
        subset(self.hosts.as_ref(), other.hosts.as_ref())
            && subset(self.methods.as_ref(), other.methods.as_ref())
            && (self.preflight == Preflight::Whatever || other.preflight == Preflight::Only)
            && self
                .context
                .iter()
                .all(|entry| other.context.contains(entry))
            && paths_covered
    }

    /// Whether it is for CORS preflights alone.
    pub fn is_for_preflights(&self) -> bool {
        self.preflight == Preflight::Only
    }

    /// Whether every request is matched.
    pub fn matches_all(&self) -> bool {
        self.hosts.is_none()
            && self.methods.is_none()
            && self.preflight == Preflight::Whatever
            && self.context.is_empty()
            && self
                .paths
                .as_ref()
                .is_none_or(|paths| paths.iter().any(PathPattern::matches_all))
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mismatch::Preflight => "the request is no CORS preflight",
            Mismatch::Method => "the method differs",
            Mismatch::Host => "the host differs",
            Mismatch::Path => "the path differs",
            Mismatch::AmbiguousPath => {
                "the path has more than one reading, and such a path needs a token"
            }
            Mismatch::Context => "the route's context differs",
        })
    }
}
