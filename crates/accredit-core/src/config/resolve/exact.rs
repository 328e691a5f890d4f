//! Values that accredit compares character by character.

use crate::config::path;
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

/// Each element is an audience. `any` stands for all audiences only where it replaces the list, as `instead` says.
pub(crate) fn exact_audiences(
    key: &str,
    listed: &[String],
    instead: &'static str,
    problems: &mut Problems,
) {
    for (number, audience) in listed.iter().enumerate() {
        let key = path::item(key, number);
        match audience.as_str() {
            "any" => problems.error(&key, "`any` is in a list", instead),
            "" => problems.error(
                &key,
                "this audience is empty",
                "write the audience, or remove it",
            ),
            _ => {
                exact(&key, audience, problems);
            }
        }
    }
}
