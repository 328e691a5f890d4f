//! `${NAME}` and `${NAME:-default}` in the strings of a document.
//!
//! A value from the environment is text. It is not parsed as YAML and not expanded again.

use std::collections::BTreeMap;

use crate::config::path;
use crate::config::problem::Problems;
use crate::config::sentence::Sentence;
use crate::config::yaml::tree::{Origin, YamlNode, YamlValue};

/// Looks up a variable of the environment.
pub(crate) type EnvLookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Expands every string value of the tree. `${` in a key is an error: a name that looks as if it were replaced would match
/// nothing.
pub fn expand(root: &mut YamlNode, lookup: EnvLookup<'_>, problems: &mut Problems) {
    expand_at(root, "", lookup, problems);
}

/// Reports every `${` of a document in which variables are not replaced.
pub(crate) fn refuse(root: &YamlNode, problems: &mut Problems) {
    refuse_at(root, "", problems);
}

fn refuse_at(node: &YamlNode, at: &str, problems: &mut Problems) {
    match &node.value {
        YamlValue::String(text) if text.contains("${") => problems.error(
            at,
            "`${...}` is not replaced in a rules file",
            "write the value itself; an expression can read env.NAME if expression_env of the configuration names the variable",
        ),
        YamlValue::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                refuse_at(item, &path::item(at, index), problems);
            }
        }
        YamlValue::Mapping(members) => {
            for (key, member) in members {
                let at = path::member(at, &key.name);
                if key.name.contains("${") {
                    problems.error(
                        &at,
                        "`${...}` is not replaced in a key",
                        "write the name itself",
                    );
                }
                refuse_at(member, &at, problems);
            }
        }
        _ => {}
    }
}

fn expand_at(node: &mut YamlNode, at: &str, lookup: EnvLookup<'_>, problems: &mut Problems) {
    match &mut node.value {
        YamlValue::String(text) if text.contains("${") && is_expression(at) => {
            problems.error(
                at,
                "`${...}` is not replaced in an expression",
                "name the variable in expression_env, and read it as env.NAME",
            );
            node.origin = Origin::Unresolved;
        }
        YamlValue::String(text) if text.contains("${") => match substitute(text, lookup) {
            Ok(expanded) => {
                *text = expanded;
                node.origin = Origin::Environment;
            }
            Err(faults) => {
                for fault in faults {
                    problems.error(at, Sentence::own(fault.what), Sentence::own(fault.advice));
                }
                node.origin = Origin::Unresolved;
            }
        },
        YamlValue::Sequence(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                expand_at(item, &path::item(at, index), lookup, problems);
            }
        }
        YamlValue::Mapping(members) => {
            for (key, member) in members {
                let at = path::member(at, &key.name);
                if key.name.contains("${") {
                    problems.error(
                        &at,
                        "`${...}` is not replaced in a key",
                        "write the name itself; only values are replaced",
                    );
                    member.origin = Origin::Unresolved;
                } else {
                    expand_at(member, &at, lookup, problems);
                }
            }
        }
        _ => {}
    }
}

/// Whether the value at this key path is a CEL expression (CONTRACT 3.2.5).
fn is_expression(path: &str) -> bool {
    let in_rule = || {
        let (_, key) = path.strip_prefix("rules[")?.split_once(']')?;
        Some(matches!(key, ".when" | ".when.expression"))
    };
    let in_claim_header = || {
        let (_, header) = path
            .strip_prefix("issuers[")?
            .split_once("].claim_headers")?;
        let name = header.strip_suffix(".expression")?;
        Some(!name.is_empty())
    };
    let in_metadata = path
        .strip_prefix("metadata")
        .is_some_and(|name| name.starts_with(['.', '[']));
    in_rule() == Some(true) || in_claim_header() == Some(true) || in_metadata
}

/// The values of `expression_env`.
pub fn values(
    names: Option<&[String]>,
    lookup: EnvLookup<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for (number, name) in names.unwrap_or_default().iter().enumerate() {
        let at = path::item("expression_env", number);
        match resolve(name, lookup) {
            _ if !is_name(name) => problems.error(
                &at,
                "this is not the name of an environment variable",
                "write a name of letters, digits and `_`",
            ),
            Ok(value) => {
                values.insert(name.clone(), value);
            }
            Err(_) => problems.error(
                &at,
                Sentence::own("the environment variable ")
                    .and_quote(&at, name)
                    .and(" is not set, is empty, or is not UTF-8"),
                "set it, or remove it from the list",
            ),
        }
    }
    values
}

struct SubstitutionFault {
    what: String,
    advice: String,
}

fn substitute(text: &str, lookup: EnvLookup<'_>) -> Result<String, Vec<SubstitutionFault>> {
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

/// The value of `NAME` or `NAME:-default`.
fn resolve(reference: &str, lookup: EnvLookup<'_>) -> Result<String, SubstitutionFault> {
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    if !is_name(name) {
        return Err(malformed(
            "`${` is not followed by the name of an environment variable",
        ));
    }
    // An empty variable counts as unset (CONTRACT 3.2.3), and white space at the ends is not part of a value (3.2.4).
    let value = lookup(name)
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty());
    match (value, default) {
        (Some(value), _) if value.contains(char::REPLACEMENT_CHARACTER) => Err(SubstitutionFault {
            what: format!(
                "the value of the environment variable `{name}` is not UTF-8, or contains U+FFFD"
            ),
            advice: "set it to a text in UTF-8 without this character".to_owned(),
        }),
        (_, Some(default)) if default.contains("${") => {
            Err(malformed("a default cannot contain `${`"))
        }
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.trim().to_owned()),
        (None, None) => Err(SubstitutionFault {
            what: format!("the environment variable `{name}` is not set, or is empty"),
            advice: format!("set it, or give a default with `${{{name}:-default}}`"),
        }),
    }
}

fn malformed(what: &str) -> SubstitutionFault {
    SubstitutionFault {
        what: what.to_owned(),
        advice: "write `${NAME}` or `${NAME:-default}`".to_owned(),
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests;
