//! The time of a decision.

use std::time::{Duration, Instant};

use crate::token::numeric_date::NumericDate;

/// The time of a decision on two clocks. Claims are compared with the wall clock. The age of keys is measured on the
/// steady clock, which no correction of the wall clock can turn back.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub wall: NumericDate,
    pub steady: Instant,
}

impl Moment {
    /// `since_epoch` counts from 1970-01-01T00:00:00Z.
    pub fn new(since_epoch: Duration, steady: Instant) -> Moment {
        Moment {
            wall: NumericDate::after_epoch(since_epoch),
            steady,
        }
    }
}
