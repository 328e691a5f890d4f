//! The time from one attempt to the next. A random part keeps replicas from fetching at the same moment.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// A `max-age` shortens the time between refreshes to no less than this (CONTRACT 5.1.3).
const MIN_MAX_AGE: Duration = Duration::from_secs(30);

/// The longest time between two attempts while the issuer fails, unless `refresh` is shorter.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// The time until the next refresh: before the age of the keys reaches `refresh`, and at another moment in each replica.
pub(crate) fn refresh_delay(
    refresh: Duration,
    max_age: Option<Duration>,
    fraction: f64,
) -> Duration {
    let age = max_age.map_or(refresh, |max_age| refresh.min(max_age.max(MIN_MAX_AGE)));
    age.mul_f64(0.8 + 0.15 * fraction)
}

pub(crate) fn retry_delay(failures: u32, refresh: Duration, fraction: f64) -> Duration {
    let doubled = Duration::from_secs(1 << failures.saturating_sub(1).min(6));
    doubled
        .min(MAX_BACKOFF)
        .min(refresh)
        .mul_f64(0.75 + 0.5 * fraction)
}

pub(crate) fn random_fraction() -> f64 {
    // Each `RandomState` has another key, which is random enough to spread load.
    (RandomState::new().hash_one(0_u8) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{refresh_delay, retry_delay};

    fn seconds(delay: Duration) -> f64 {
        (delay.as_secs_f64() * 1000.0).round() / 1000.0
    }

    #[test]
    fn a_refresh_is_due_before_the_keys_reach_their_refresh_age() {
        let five_minutes = Duration::from_secs(300);
        let delay = |max_age: Option<u64>, fraction| {
            seconds(refresh_delay(
                five_minutes,
                max_age.map(Duration::from_secs),
                fraction,
            ))
        };
        assert_eq!(delay(None, 0.0), 240.0);
        assert_eq!(delay(None, 1.0), 285.0);
        assert_eq!(delay(Some(100), 0.0), 80.0);
        assert_eq!(delay(Some(0), 1.0), 28.5, "never under 30 s of age");
        assert_eq!(delay(Some(86_400), 0.0), 240.0, "the shorter one wins");
        assert_eq!(
            seconds(refresh_delay(
                Duration::from_secs(10),
                Some(Duration::ZERO),
                0.0
            )),
            8.0
        );
    }

    #[test]
    fn the_retry_delay_grows_up_to_a_limit() {
        let five_minutes = Duration::from_secs(300);
        let delays: Vec<f64> = [1, 2, 3, 7, 8, 1000]
            .map(|failures| seconds(retry_delay(failures, five_minutes, 0.5)))
            .to_vec();
        assert_eq!(delays, [1.0, 2.0, 4.0, 60.0, 60.0, 60.0]);
        assert_eq!(seconds(retry_delay(1, five_minutes, 0.0)), 0.75);
        assert_eq!(seconds(retry_delay(9, Duration::from_secs(10), 0.5)), 10.0);
    }
}
