//! What one evaluation may cost. A step stands for some 20 ns of work, so that an evaluation that exhausts its budget
//! ends after about 1 ms (CONTRACT 3.11.7).

use crate::expression::failure::EvaluationFailure;

/// The most steps of an evaluation.
pub const MAX_STEPS: usize = 40_000;

/// The most bytes that an evaluation builds: texts, lists and maps.
pub const MAX_BYTES: usize = 256 * 1024;

/// The most members over which a comprehension iterates.
pub const MAX_MEMBERS: usize = 256;

/// The steps and bytes that are left.
#[derive(Debug)]
pub struct EvaluationBudget {
    steps: usize,
    bytes: usize,
}

impl EvaluationBudget {
    pub fn new() -> EvaluationBudget {
        EvaluationBudget {
            steps: MAX_STEPS,
            bytes: MAX_BYTES,
        }
    }

    /// The steps that were used.
    pub fn used(&self) -> usize {
        MAX_STEPS - self.steps
    }

    /// # Errors
    /// [`EvaluationFailure::BudgetExceeded`]
    pub fn spend(&mut self, steps: usize) -> Result<(), EvaluationFailure> {
        match self.steps.checked_sub(steps) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => {
                // An error can be absorbed by `||`. Nothing after it may find steps that are left.
                self.steps = 0;
                Err(EvaluationFailure::BudgetExceeded)
            }
        }
    }

    /// Spends steps for reading a text of this length once.
    ///
    /// # Errors
    /// [`EvaluationFailure::BudgetExceeded`]
    pub fn spend_reading(&mut self, bytes: usize) -> Result<(), EvaluationFailure> {
        self.spend(1 + bytes / 32)
    }

    /// Spends bytes that are about to be allocated, and the steps to fill them.
    ///
    /// # Errors
    /// [`EvaluationFailure::BudgetExceeded`]
    pub fn allocate(&mut self, bytes: usize) -> Result<(), EvaluationFailure> {
        match self.bytes.checked_sub(bytes) {
            Some(left) => self.bytes = left,
            None => {
                self.steps = 0;
                return Err(EvaluationFailure::BudgetExceeded);
            }
        }
        self.spend(2 + bytes / 64)
    }
}

impl Default for EvaluationBudget {
    fn default() -> EvaluationBudget {
        EvaluationBudget::new()
    }
}
