//! How the time of the drain is divided.

use std::time::Duration;

use super::divide_drain;

#[test]
fn the_phases_of_a_drain_do_not_exceed_its_length() {
    for (drain, expected) in [
        (20_000, [19_000, 1_000]),
        (2_000, [1_500, 500]),
        (1, [0, 0]),
    ] {
        let parts = divide_drain(Duration::from_millis(drain));
        assert!(parts.iter().sum::<Duration>() <= Duration::from_millis(drain));
        let whole_millis = parts.map(|part| part.as_micros() / 1000);
        assert_eq!(whole_millis, expected, "{drain}");
    }
}
