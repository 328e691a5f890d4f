//! What the comparison of one request with the rules may cost.
//!
//! The client chooses the path, and the author of a rules file chooses the patterns. Without a limit, a valid file and one client
//! without a token kept every thread busy for seconds, and no check of any other host was answered. A step stands for some 2 ns
//! of work, so that a check that exhausts the budget ends after about 2 ms.

/// The most steps of a check. The 100,000 patterns that a configuration can have need less for a path of usual length, also if they
/// differ in their eighth segment only.
pub(crate) const MAX_STEPS: usize = 1_000_000;

/// The steps that are left.
#[derive(Debug)]
pub struct MatchingBudget {
    steps: usize,
}

/// The comparison needs more steps than a check may make. It has no result: neither that the rule matches nor that it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("comparing the request with the rules takes too many steps")]
pub struct MatchingBudgetExceeded;

impl MatchingBudget {
    /// The budget of a check.
    pub fn of_check() -> MatchingBudget {
        MatchingBudget { steps: MAX_STEPS }
    }

    /// A budget of that many steps.
    pub fn of(steps: usize) -> MatchingBudget {
        MatchingBudget { steps }
    }

    /// For comparisons that no client causes.
    pub fn unlimited() -> MatchingBudget {
        MatchingBudget { steps: usize::MAX }
    }

    /// # Errors
    /// [`MatchingBudgetExceeded`]
    pub fn spend(&mut self, steps: usize) -> Result<(), MatchingBudgetExceeded> {
        match self.steps.checked_sub(steps) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => {
                self.steps = 0;
                Err(MatchingBudgetExceeded)
            }
        }
    }

    /// Spends steps for a list of which each member can be compared.
    ///
    /// # Errors
    /// [`MatchingBudgetExceeded`]
    pub fn spend_list(&mut self, members: usize) -> Result<(), MatchingBudgetExceeded> {
        self.spend(members / 2)
    }

    /// Spends steps for comparing two texts of this length.
    ///
    /// # Errors
    /// [`MatchingBudgetExceeded`]
    pub fn spend_comparing(&mut self, bytes: usize) -> Result<(), MatchingBudgetExceeded> {
        self.spend(bytes / 32)
    }

    /// Spends steps for a search for a text of the length `sought` that read this many bytes.
    ///
    /// # Errors
    /// [`MatchingBudgetExceeded`]
    pub fn spend_searching(
        &mut self,
        sought: usize,
        bytes: usize,
    ) -> Result<(), MatchingBudgetExceeded> {
        self.spend(4 + sought / 4 + bytes / 4)
    }
}
