//! How long the pauses are, and whole lives of a store under a clock that tests move.

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

mod life;
mod many;
mod scripted;
mod sequences;
