//! From the text of a configuration to its typed document, with every problem of its structure.

use std::sync::Arc;

use serde::Deserialize;

use crate::config::document::ConfigDocument;
use crate::config::env::{self, EnvLookup};
use crate::config::locations::Locations;
use crate::config::problem::{Problem, Problems};
use crate::config::rule_document::RuleDocument;
use crate::config::rules_memory::rules_memory;
use crate::config::schema;
use crate::config::sentence::Sentence;
use crate::config::structure::check;
use crate::config::yaml;
use crate::config::yaml::tree::YamlNode;

/// Reads a configuration, with the variables that `lookup` finds.
///
/// Problems of names and types are in the returned [`Problems`], which `resolve` continues. The values concerned have
/// placeholders in the document, so that a problem of structure does not hide a problem of a value elsewhere.
///
/// # Errors
/// Every problem, if the text is not YAML at all.
pub fn read(text: &str, lookup: EnvLookup<'_>) -> Result<(ConfigDocument, Problems), Vec<Problem>> {
    let (document, problems, ()) = read_taking(text, lookup, |_, _| ())?;
    Ok((document, problems))
}

/// Like [`read`]. `take` removes the keys from the tree that are not keys of [`ConfigDocument`], and returns their values.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_taking<T>(
    text: &str,
    lookup: EnvLookup<'_>,
    take: impl FnOnce(&mut YamlNode, &mut Problems) -> T,
) -> Result<(ConfigDocument, Problems, T), Vec<Problem>> {
    let mut problems = Problems::default();
    let Some(mut root) = yaml::read::read(text, &mut problems) else {
        return Err(problems.into_sorted());
    };
    problems.locate_in(Locations::of(&root));
    env::expand(&mut root, lookup, &mut problems);
    // The problems can only be located now, because it is now known which values came from the environment.
    problems.locate_in(Locations::of(&root));
    let taken = take(&mut root, &mut problems);
    let repaired = check::check(&mut root, schema::schema(), &mut problems);
    problems.ignore_consequences_of(repaired);
    match ConfigDocument::deserialize(&root) {
        Ok(mut document) => {
            document.expression_values =
                env::values(document.expression_env.as_deref(), lookup, &mut problems);
            Ok((document, problems, taken))
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

/// A rules file as it was read.
pub(crate) struct RulesText {
    pub(crate) documents: Vec<RuleDocument>,
    pub(crate) problems: Problems,
    /// The bytes that the rules take once they are compiled, without their expressions.
    pub(crate) memory: usize,
}

/// Reads a rules file. Environment variables are not replaced in it: a team could otherwise read every variable of accredit.
///
/// Problems are in the result, with placeholders in the documents, as in [`read`]. Without documents, the text is not a list at
/// all.
pub(crate) fn read_rules(path: Arc<str>, text: &str) -> RulesText {
    let mut problems = Problems::of_file(path);
    let Some(mut root) = yaml::read::read(text, &mut problems) else {
        return RulesText {
            documents: Vec::new(),
            problems,
            memory: 0,
        };
    };
    let memory = rules_memory(&root);
    problems.locate_in(Locations::of(&root));
    env::refuse(&root, &mut problems);
    let repaired = check::check(&mut root, schema::rules_schema(), &mut problems);
    problems.ignore_consequences_of(repaired);
    let documents = match Vec::<RuleDocument>::deserialize(&root) {
        Ok(documents) if documents.len() <= MAX_RULES_OF_A_FILE => documents,
        Ok(_) => {
            problems.error(
                "",
                Sentence::own(format!("the file has over {MAX_RULES_OF_A_FILE} rules")),
                "divide it into several files",
            );
            Vec::new()
        }
        Err(mismatch) => {
            if !problems.has_errors() {
                problems.error(
                    "",
                    Sentence::own(mismatch.to_string()),
                    "report this as a fault of accredit",
                );
            }
            Vec::new()
        }
    };
    RulesText {
        documents,
        problems,
        memory,
    }
}

/// Each check compares every rule without `paths`, so the number of rules in one team's file is limited.
const MAX_RULES_OF_A_FILE: usize = 1_000;

#[cfg(test)]
mod tests;
