//! `match`: the requests to which a rule applies.

use std::fmt;
use std::net::IpAddr;

use crate::rules::facts::{Facts, MatchedPath};
use crate::rules::host::HostPattern;
use crate::rules::matching_budget::{MatchingBudget, MatchingBudgetExceeded};
use crate::rules::pattern::PathPattern;
use crate::rules::peer::{AddressRange, PrincipalPattern};

/// The conditions of a `match`. All of them must hold; a list holds if one of its members does. The default matches
/// every request.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    pub hosts: Option<Vec<HostPattern>>,
    /// Compared exactly, case included (RFC 9110 section 9.1).
    pub methods: Option<Vec<String>>,
    pub paths: Option<Vec<PathPattern>>,
    pub preflight: Preflight,
    pub context: Vec<ContextEntry>,
    /// Of the connection's peer. A peer without a principal matches none.
    pub principals: Option<Vec<PrincipalPattern>>,
    /// Of the connection's peer. A peer without an address matches none.
    pub addresses: Option<Vec<AddressRange>>,
}

/// Whether a rule applies to CORS preflights only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preflight {
    /// Only `OPTIONS` with `Origin` and `Access-Control-Request-Method`.
    Only,
    #[default]
    Any,
}

/// An entry that Envoy's per-route `context_extensions` must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextEntry {
    pub name: String,
    pub values: Vec<String>,
}

/// The first condition of a rule that a request does not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleMismatch {
    Preflight,
    Method,
    Host,
    Path,
    /// The path is ambiguous, and the rule could admit the request without a token (CONTRACT 3.10.4).
    AmbiguousPath,
    Context,
    Principal,
    Address,
    /// The request is outside the hosts and paths of the `rules_from` entry of the rule's file.
    OutOfBounds,
}

impl Matcher {
    /// The first condition that the request does not meet; `None` if the rule applies.
    ///
    /// # Errors
    /// [`MatchingBudgetExceeded`]
    pub fn mismatch(
        &self,
        facts: &Facts<'_>,
        budget: &mut MatchingBudget,
    ) -> Result<Option<RuleMismatch>, MatchingBudgetExceeded> {
        Ok(
            if self.preflight == Preflight::Only && !facts.is_preflight {
                Some(RuleMismatch::Preflight)
            } else if !self.has_method(facts.method, budget)? {
                Some(RuleMismatch::Method)
            } else if !self.has_host(facts, budget)? {
                Some(RuleMismatch::Host)
            } else if !self.has_path(&facts.path, budget)? {
                Some(RuleMismatch::Path)
            } else if !self.has_context(facts, budget)? {
                Some(RuleMismatch::Context)
            } else if !self.has_principal(facts.principal, budget)? {
                Some(RuleMismatch::Principal)
            } else if !self.has_address(facts.address, budget)? {
                Some(RuleMismatch::Address)
            } else {
                None
            },
        )
    }

    fn has_method(
        &self,
        method: &str,
        budget: &mut MatchingBudget,
    ) -> Result<bool, MatchingBudgetExceeded> {
        has_one(self.methods.as_deref(), budget, |own| own == method)
    }

    fn has_host(
        &self,
        facts: &Facts<'_>,
        budget: &mut MatchingBudget,
    ) -> Result<bool, MatchingBudgetExceeded> {
        has_one(self.hosts.as_deref(), budget, |own| {
            facts.host.as_ref().is_some_and(|host| own.matches(host))
        })
    }

    fn has_path(
        &self,
        path: &MatchedPath<'_>,
        budget: &mut MatchingBudget,
    ) -> Result<bool, MatchingBudgetExceeded> {
        let Some(patterns) = &self.paths else {
            return Ok(true);
        };
        let Some(segments) = path.segments() else {
            return Ok(false);
        };
        budget.spend_list(patterns.len())?;
        for pattern in patterns {
            if pattern.matches(segments, budget)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn has_context(
        &self,
        facts: &Facts<'_>,
        budget: &mut MatchingBudget,
    ) -> Result<bool, MatchingBudgetExceeded> {
        for entry in &self.context {
            // Each entry is looked up among those of the route.
            budget.spend(facts.context.len())?;
            budget.spend_list(entry.values.len())?;
            if !entry.is_in(facts) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn has_principal(
        &self,
        principal: &str,
        budget: &mut MatchingBudget,
    ) -> Result<bool, MatchingBudgetExceeded> {
        has_one(self.principals.as_deref(), budget, |own| {
            own.matches(principal)
        })
    }

    fn has_address(
        &self,
        address: Option<IpAddr>,
        budget: &mut MatchingBudget,
    ) -> Result<bool, MatchingBudgetExceeded> {
        has_one(self.addresses.as_deref(), budget, |own| {
            address.is_some_and(|address| own.contains(address))
        })
    }

    /// Whether this matches every request.
    pub(crate) fn matches_all(&self) -> bool {
        self.hosts.is_none()
            && self.methods.is_none()
            && self.preflight == Preflight::Any
            && self.context.is_empty()
            && self.principals.is_none()
            && self.addresses.is_none()
            && self
                .paths
                .as_ref()
                .is_none_or(|paths| paths.iter().any(PathPattern::matches_all))
    }
}

/// Whether a list has a member that matches. Without a list, everything matches.
fn has_one<T>(
    list: Option<&[T]>,
    budget: &mut MatchingBudget,
    matches: impl FnMut(&T) -> bool,
) -> Result<bool, MatchingBudgetExceeded> {
    let Some(list) = list else {
        return Ok(true);
    };
    budget.spend_list(list.len())?;
    Ok(list.iter().any(matches))
}

impl ContextEntry {
    fn is_in(&self, facts: &Facts<'_>) -> bool {
        facts
            .context(&self.name)
            .is_some_and(|value| self.values.iter().any(|own| own == value))
    }
}

impl fmt::Display for RuleMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RuleMismatch::Preflight => "the request is not a CORS preflight",
            RuleMismatch::Method => "the method differs",
            RuleMismatch::Host => "the host differs",
            RuleMismatch::Path => "the path differs",
            RuleMismatch::AmbiguousPath => {
                "the path is ambiguous, and such a path must not match a rule that admits without a token"
            }
            RuleMismatch::Context => "the route's context differs",
            RuleMismatch::Principal => "the peer has none of the principals",
            RuleMismatch::Address => "the peer's address is in none of the ranges",
            RuleMismatch::OutOfBounds => {
                "the request is outside the hosts and paths that rules_from permits the file of this rule"
            }
        })
    }
}
