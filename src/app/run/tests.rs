//! The drain.

use std::time::Duration;

use super::divided;

#[test]
fn the_drain_of_checks_and_ports_is_no_longer_than_the_drain() {
    for (drain, expected) in [
        (20_000, [19_000, 1_000]),
        (2_000, [1_500, 500]),
        (1, [0, 0]),
    ] {
        let parts = divided(Duration::from_millis(drain));
        assert!(parts.iter().sum::<Duration>() <= Duration::from_millis(drain));
        let whole_millis = parts.map(|part| part.as_micros() / 1000);
        assert_eq!(whole_millis, expected, "{drain}");
    }
}
