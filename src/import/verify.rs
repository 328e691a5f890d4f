//! The errors that `accredit check` finds in a configuration, or in a part of one.

use accredit_core::config::load;
use accredit_core::config::resolve::resolve;

/// The errors of a configuration. Variables of the environment count as set.
///
/// # Errors
/// One line for each problem.
pub(crate) fn verify(text: &str) -> Result<(), Vec<String>> {
    let lines = |problems: Vec<accredit_core::config::problem::Problem>| {
        problems
            .iter()
            .map(ToString::to_string)
            .filter(|line| !line.starts_with("warning["))
            .collect::<Vec<_>>()
    };
    let any_value = |_: &str| Some(r#"{"keys":[]}"#.to_owned());
    let (document, problems) = load::read(text, &any_value).map_err(lines)?;
    resolve(&document, problems).map(drop).map_err(lines)
}
