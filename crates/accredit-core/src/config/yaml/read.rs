//! Reads a YAML text into a tree with positions, within limits. The result of every text is a tree or problems.

use saphyr_parser::{Event, Parser, ScanError, Span};

use crate::config::problem::{Problem, Problems};
use crate::config::sentence::Sentence;
use crate::config::yaml::budget::MAX_BYTES;
use crate::config::yaml::builder::Builder;
use crate::config::yaml::tree::YamlNode;

/// Reads one document. `None` if a problem left no tree. An empty text is an empty mapping.
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

/// Reads every document of a text. A document without content is an empty mapping.
///
/// # Errors
/// Every problem.
pub fn read_all(text: &str) -> Result<Vec<YamlNode>, Vec<Problem>> {
    let mut problems = Problems::default();
    let mut documents = Vec::new();
    if text.len() > MAX_BYTES {
        problems.error("", "the text is over 4 MiB", "divide it, or use JSON");
    } else {
        let mut events = Parser::new_from_str(text);
        while let Some(document) = next_document(&mut events, text, &mut problems) {
            documents.push(document);
        }
    }
    match problems.has_errors() {
        true => Err(problems.into_sorted()),
        false => Ok(documents),
    }
}

/// The next document, or `None` at the end of the text and after a problem.
fn next_document<'t>(
    events: &mut impl Iterator<Item = Result<(Event<'t>, Span), ScanError>>,
    text: &str,
    problems: &mut Problems,
) -> Option<YamlNode> {
    let mut builder = Builder::new(problems);
    let mut has_begun = false;
    for event in events {
        match event {
            Ok((event, span)) => {
                let ends = matches!(event, Event::DocumentEnd);
                has_begun |= matches!(event, Event::DocumentStart(_));
                if builder.take(event, span).is_break() {
                    return None;
                }
                if ends {
                    return builder.finish();
                }
            }
            Err(error) => {
                syntax(&error, text, problems);
                return None;
            }
        }
    }
    has_begun.then(|| builder.finish()).flatten()
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
