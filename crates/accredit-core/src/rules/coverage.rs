//! Whether a `match` holds for every request for which another one holds. Only warnings depend on it, and it is not always seen.

use crate::rules::matcher::{ContextEntry, Matcher, Preflight};
use crate::rules::matching_budget::{MatchingBudget, MatchingBudgetExceeded};
use crate::rules::pattern::PathPattern;

impl Matcher {
    /// Whether this matches every request that `other` matches. `false` if that cannot be seen from the patterns.
    ///
    /// # Errors
    /// [`MatchingBudgetExceeded`]
    pub fn covers(
        &self,
        other: &Matcher,
        budget: &mut MatchingBudget,
    ) -> Result<bool, MatchingBudgetExceeded> {
        budget.spend(1)?;
        Ok(
            (self.preflight == Preflight::Any || other.preflight == Preflight::Only)
                && all_covered(
                    self.hosts.as_deref(),
                    other.hosts.as_deref(),
                    budget,
                    |own, other, _| Ok(own == other),
                )?
                && all_covered(
                    self.methods.as_deref(),
                    other.methods.as_deref(),
                    budget,
                    |own, other, budget| are_equal(own, other, budget),
                )?
                && has_context_of(self, other, budget)?
                && all_covered(
                    self.paths.as_deref(),
                    other.paths.as_deref(),
                    budget,
                    PathPattern::covers_within,
                )?
                && all_covered(
                    self.principals.as_deref(),
                    other.principals.as_deref(),
                    budget,
                    |own, other, budget| {
                        budget.spend_comparing(own.text().len().min(other.text().len()))?;
                        Ok(own.covers(other))
                    },
                )?
                && all_covered(
                    self.addresses.as_deref(),
                    other.addresses.as_deref(),
                    budget,
                    |own, other, _| Ok(own.covers(other)),
                )?,
        )
    }
}

/// Whether each member of `other` is covered by one of `own`. Without a list, everything matches.
fn all_covered<T>(
    own: Option<&[T]>,
    other: Option<&[T]>,
    budget: &mut MatchingBudget,
    covers: impl Fn(&T, &T, &mut MatchingBudget) -> Result<bool, MatchingBudgetExceeded>,
) -> Result<bool, MatchingBudgetExceeded> {
    let Some(own) = own else {
        return Ok(true);
    };
    let Some(other) = other else {
        return Ok(false);
    };
    for narrow in other {
        let mut is_covered = false;
        for wide in own {
            budget.spend(1)?;
            is_covered = covers(wide, narrow, budget)?;
            if is_covered {
                break;
            }
        }
        if !is_covered {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether `other` requires each entry of the context that `own` requires.
fn has_context_of(
    own: &Matcher,
    other: &Matcher,
    budget: &mut MatchingBudget,
) -> Result<bool, MatchingBudgetExceeded> {
    for entry in &own.context {
        let mut is_there = false;
        for other in &other.context {
            budget.spend(1)?;
            is_there = are_equal_entries(entry, other, budget)?;
            if is_there {
                break;
            }
        }
        if !is_there {
            return Ok(false);
        }
    }
    Ok(true)
}

fn are_equal_entries(
    own: &ContextEntry,
    other: &ContextEntry,
    budget: &mut MatchingBudget,
) -> Result<bool, MatchingBudgetExceeded> {
    if own.values.len() != other.values.len() || !are_equal(&own.name, &other.name, budget)? {
        return Ok(false);
    }
    for (own, other) in own.values.iter().zip(&other.values) {
        budget.spend(1)?;
        if !are_equal(own, other, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn are_equal(
    own: &str,
    other: &str,
    budget: &mut MatchingBudget,
) -> Result<bool, MatchingBudgetExceeded> {
    if own.len() != other.len() {
        return Ok(false);
    }
    budget.spend_comparing(own.len())?;
    Ok(own == other)
}
