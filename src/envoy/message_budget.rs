//! The memory of `Check` messages that arrive or are judged, bounded for the whole process (CONTRACT 7.3.4).
//!
//! `max_concurrent_checks` bounds their number only, and a check that waits for keys does not count there.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of each message that do not count. Most messages of Envoy are shorter, so large messages of other clients do not
/// cause their denial. Their number is bounded by `max_concurrent_checks` and by the number of waiting checks.
const FREE_BYTES: usize = 64 * 1024;

/// The counted bytes of all messages.
const MAX_COUNTED: usize = 64 * 1024 * 1024;

/// The bytes that messages use.
#[derive(Debug, Default)]
pub struct MessageBudget(AtomicUsize);

/// The bytes of one message, which dropping this gives back.
#[derive(Debug)]
pub struct MessageCharge<'a> {
    budget: &'a MessageBudget,
    counted: usize,
}

/// The messages of the process use too many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetExhausted;

// === impl MessageBudget ===

impl MessageBudget {
    /// A message of which nothing has arrived.
    pub fn begin(&self) -> MessageCharge<'_> {
        MessageCharge {
            budget: self,
            counted: 0,
        }
    }
}

// === impl MessageCharge ===

impl MessageCharge<'_> {
    /// Counts a message that occupies `bytes` now.
    ///
    /// # Errors
    /// [`BudgetExhausted`]
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), BudgetExhausted> {
        let more = bytes
            .saturating_sub(FREE_BYTES)
            .saturating_sub(self.counted);
        if more == 0 {
            return Ok(());
        }
        let used = &self.budget.0;
        let counted = used.fetch_update(Ordering::AcqRel, Ordering::Acquire, |used| {
            used.checked_add(more).filter(|used| *used <= MAX_COUNTED)
        });
        counted.map_err(|_| BudgetExhausted)?;
        self.counted += more;
        Ok(())
    }
}

impl Drop for MessageCharge<'_> {
    fn drop(&mut self) {
        if self.counted > 0 {
            self.budget.0.fetch_sub(self.counted, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BudgetExhausted, FREE_BYTES, MAX_COUNTED, MessageBudget};

    #[test]
    fn short_messages_are_accepted_while_long_ones_use_the_whole_budget() {
        let budget = MessageBudget::default();
        let mut long = budget.begin();
        assert_eq!(long.grow_to(FREE_BYTES), Ok(()));
        assert_eq!(long.grow_to(MAX_COUNTED), Ok(()));
        assert_eq!(long.grow_to(FREE_BYTES + MAX_COUNTED), Ok(()));
        assert_eq!(
            long.grow_to(FREE_BYTES + MAX_COUNTED + 1),
            Err(BudgetExhausted)
        );
        assert_eq!(budget.begin().grow_to(FREE_BYTES), Ok(()));
        let mut second = budget.begin();
        assert_eq!(second.grow_to(FREE_BYTES + 1), Err(BudgetExhausted));
        drop(long);
        assert_eq!(second.grow_to(FREE_BYTES + MAX_COUNTED), Ok(()));
    }
}
