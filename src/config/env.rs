//! `${NAME}` and `${NAME:-default}` in the strings of a document.
//!
//! What comes from the environment is text: it is never parsed as YAML, and never expanded again.

use crate::config::path;
use crate::config::problem::Problems;
use crate::config::yaml::tree::{Node, Origin, Value};

/// Where the environment is looked up.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Expands every string of the tree, names aside.
pub fn expand(root: &mut Node, lookup: Lookup<'_>, problems: &mut Problems) {
    expand_at(root, "", lookup, problems);
}

fn expand_at(node: &mut Node, at: &str, lookup: Lookup<'_>, problems: &mut Problems) {
    match &mut node.value {
        Value::String(text) if text.contains("${") => match substitute(text, lookup) {
            Ok(expanded) => {
                *text = expanded;
                node.origin = Origin::Environment;
            }
            Err(faults) => {
                for fault in faults {
                    problems.error(at, fault.what, fault.mend);
                }
                node.origin = Origin::Unresolved;
            }
        },
        Value::Sequence(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                expand_at(item, &path::item(at, index), lookup, problems);
            }
        }
        Value::Mapping(members) => {
            for (key, member) in members {
                expand_at(member, &path::member(at, &key.name), lookup, problems);
            }
        }
        _ => {}
    }
}

struct Fault {
    what: String,
    mend: String,
}

/// The text with everything replaced, or all that stands in the way.
fn substitute(text: &str, lookup: Lookup<'_>) -> Result<String, Vec<Fault>> {
    let mut expanded = String::with_capacity(text.len());
    let mut faults = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        expanded.push_str(before);
        let Some((reference, after)) = after.split_once('}') else {
            faults.push(malformed("`${` without a `}`"));
            rest = "";
            break;
        };
        match resolve(reference, lookup) {
            Ok(value) => expanded.push_str(&value),
            Err(fault) => faults.push(fault),
        }
        rest = after;
    }
    expanded.push_str(rest);
    if faults.is_empty() {
        Ok(expanded)
    } else {
        Err(faults)
    }
}

/// What stands between the braces, looked up.
fn resolve(reference: &str, lookup: Lookup<'_>) -> Result<String, Fault> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    if !is_name(name) {
        return Err(malformed(
            "`${` is not followed by the name of an environment variable",
        ));
    }
    match (lookup(name), default) {
        (_, Some(default)) if default.contains("${") => {
            Err(malformed("a default cannot hold another `${`"))
        }
        // As in a shell, `:-` stands in for an empty value too.
        (Some(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(Fault {
            what: format!("the environment variable `{name}` is not set"),
            mend: format!("set it, or give a default with `${{{name}:-default}}`"),
        }),
    }
}

fn malformed(what: &str) -> Fault {
    Fault {
        what: what.to_owned(),
        mend: "write `${NAME}` or `${NAME:-default}`".to_owned(),
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests;
