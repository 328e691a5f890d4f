//! From the text of a configuration to its typed document, with every problem of its structure.

use serde::Deserialize;

use crate::config::document::ConfigDocument;
use crate::config::env::{self, EnvLookup};
use crate::config::locations::Locations;
use crate::config::problem::{Problem, Problems};
use crate::config::schema;
use crate::config::sentence::Sentence;
use crate::config::structure::check;
use crate::config::yaml;

/// Reads a configuration, with the variables that `lookup` finds.
///
/// Problems of names and types are in the returned [`Problems`], which `resolve` continues. The values concerned have
/// placeholders in the document, so that a problem of structure does not hide a problem of a value elsewhere.
///
/// # Errors
/// Every problem, if the text is not YAML at all.
pub fn read(text: &str, lookup: EnvLookup<'_>) -> Result<(ConfigDocument, Problems), Vec<Problem>> {
    let mut problems = Problems::default();
    let Some(mut root) = yaml::read::read(text, &mut problems) else {
        return Err(problems.into_sorted());
    };
    problems.locate_in(Locations::of(&root));
    env::expand(&mut root, lookup, &mut problems);
    // Only now is it known which values came from the environment.
    problems.locate_in(Locations::of(&root));
    let repaired = check::check(&mut root, schema::schema(), &mut problems);
    problems.ignore_consequences_of(repaired);
    match ConfigDocument::deserialize(&root) {
        Ok(mut document) => {
            document.expression_values =
                env::values(document.expression_env.as_deref(), lookup, &mut problems);
            Ok((document, problems))
        }
        Err(mismatch) => {
            if !problems.has_errors() {
                problems.error(
                    "",
                    Sentence::own(mismatch.to_string()),
                    "report this as a fault of accredit",
                );
            }
            Err(problems.into_sorted())
        }
    }
}

#[cfg(test)]
mod tests;
