//! The moment for which a decision is made.

use std::time::Duration;

use tokio::time::Instant;

use crate::token::numeric_date::NumericDate;

/// One moment on both clocks: tokens speak of the wall's, the age of keys is counted on the steady one, which no
/// correction of the time can turn back.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The wall clock.
    pub wall: NumericDate,
    /// The steady clock.
    pub steady: Instant,
}

impl Moment {
    /// The moment that long after 1970-01-01T00:00:00Z.
    pub fn new(since_epoch: Duration, steady: Instant) -> Moment {
        Moment {
            wall: NumericDate::after_epoch(since_epoch),
            steady,
        }
    }
}
