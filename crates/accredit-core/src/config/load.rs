//! From the text of a configuration to its typed document, with every problem of its form.

use serde::Deserialize;

use crate::config::document::ConfigDocument;
use crate::config::env::{self, EnvLookup};
use crate::config::locations::Locations;
use crate::config::problem::{Problem, Problems};
use crate::config::schema;
use crate::config::structure::check;
use crate::config::yaml;

/// Reads a configuration; the environment is looked up by `lookup`.
///
/// # Errors
/// All that is wrong with the form of the text, in its order: syntax, names, types. What the values mean is judged later.
pub fn read(
    text: &str,
    lookup: EnvLookup<'_>,
) -> Result<(ConfigDocument, Locations), Vec<Problem>> {
    let mut problems = Problems::default();
    let Some(mut root) = yaml::read::read(text, &mut problems) else {
        return Err(problems.into_sorted());
    };
    let locations = Locations::of(&root);
    problems.locate_in(locations.clone());
    env::expand(&mut root, lookup, &mut problems);
    check::check(&mut root, &schema::schema(), &mut problems);
    if problems.has_errors() {
        return Err(problems.into_sorted());
    }
    ConfigDocument::deserialize(&root)
        .map(|document| (document, locations))
        .map_err(|mismatch| {
            problems.error(
                "",
                mismatch.to_string(),
                "report this: the schema should have named the place",
            );
            problems.into_sorted()
        })
}

#[cfg(test)]
mod tests;
