//! Catches panics before they reach Envoy.

use std::panic::{AssertUnwindSafe, catch_unwind};

use accredit::supervision::discard;

/// Runs one hook; `None` if it panicked. The log has the place of the panic.
///
/// What the hook was changing is not used again: after a panic the stream is refused, and shared state is behind locks that
/// accept a former panic and hold complete values.
pub fn guarded<T>(hook: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(hook)) {
        Ok(result) => Some(result),
        Err(payload) => {
            discard(payload);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn a_panic_ends_at_the_border_and_has_no_result() {
        assert_eq!(guarded(|| 7), Some(7));
        let panicked: Option<u32> = guarded(|| panic!("a fault"));
        assert_eq!(panicked, None);
    }
}
