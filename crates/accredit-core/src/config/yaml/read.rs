//! From a YAML text to a located tree, with bounds: a text of any content ends in a tree or in problems.

use saphyr_parser::{Parser, ScanError};

use crate::config::problem::Problems;
use crate::config::sentence::Sentence;
use crate::config::yaml::budget::MAX_BYTES;
use crate::config::yaml::builder::Builder;
use crate::config::yaml::tree::YamlNode;

/// Reads one document; nothing where the text has no tree to look at further. Nothing at all is an empty mapping.
pub fn read(text: &str, problems: &mut Problems) -> Option<YamlNode> {
    if text.len() > MAX_BYTES {
        problems.error("", "the configuration is over 4 MiB", "make it smaller");
        return None;
    }
    let mut builder = Builder::new(problems);
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => {
                if builder.take(event, span).is_break() {
                    break;
                }
            }
            Err(error) => {
                syntax(&error, text, problems);
                return None;
            }
        }
    }
    builder.finish()
}

fn syntax(error: &ScanError, text: &str, problems: &mut Problems) {
    let (line, column) = (error.marker().line(), error.marker().col() + 1);
    let what = format!(
        "the YAML cannot be read at column {column}: {}",
        error.info()
    );
    let written = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let advice = match written {
        // Within [ ] and { } a brace ends a plain scalar.
        _ if written.contains("${") => "put the value with `${...}` in quotes",
        _ if written.contains('\t') => "indent with spaces, not tabs",
        _ => "look at this line and the one before it",
    };
    problems.error_at("", (line, column), Sentence::own(what), advice);
}

#[cfg(test)]
mod tests;
