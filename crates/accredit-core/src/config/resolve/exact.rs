//! Values that accredit compares character by character.

use crate::config::problem::Problems;

/// White space at the ends of a value that is compared exactly is a mistake: it would never match (CONTRACT 3.1.7).
pub fn exact(key: &str, text: &str, problems: &mut Problems) -> bool {
    let exact = text.trim() == text;
    if !exact {
        problems.error(
            key,
            "this value begins or ends with white space, and accredit compares it character by character",
            "remove the white space at its ends",
        );
    }
    exact
}
