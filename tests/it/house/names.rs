//! Each type has a name of its own: one name, one thing, in the whole tree.

use std::collections::BTreeMap;

use super::sources::sources;

#[test]
fn each_type_name_is_defined_once() {
    let mut homes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources() {
        for name in defined(&source.code) {
            homes.entry(name).or_default().push(source.name());
        }
    }
    let several: Vec<_> = homes
        .iter()
        .filter(|(_, homes)| homes.len() > 1)
        .map(|(name, homes)| format!("{name}: {}", homes.join(", ")))
        .collect();
    assert!(
        several.is_empty(),
        "names that are defined more than once:\n{}",
        several.join("\n")
    );
}

#[test]
fn type_definitions_are_found_without_associated_types() {
    let code = "pub struct A;\n    pub(crate) enum B {}\ntrait C {\n    type Item;\n}\npub type D = A;\nstructure!();";
    assert_eq!(defined(code), ["A", "B", "C", "D"]);
}

/// The structs, enums, traits and type aliases that the code defines. An alias that is indented is an associated type.
fn defined(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for line in code.lines() {
        let words = without_visibility(line.trim_start());
        let is_indented = line.starts_with(char::is_whitespace);
        for keyword in ["struct ", "enum ", "trait ", "type "] {
            let Some(rest) = words.strip_prefix(keyword) else {
                continue;
            };
            if keyword == "type " && is_indented {
                continue;
            }
            let ends = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            names.push(rest[..ends.unwrap_or(rest.len())].to_owned());
        }
    }
    names
}

fn without_visibility(line: &str) -> &str {
    let Some(rest) = line.strip_prefix("pub") else {
        return line;
    };
    match rest.strip_prefix('(') {
        Some(scope) => scope
            .split_once(')')
            .map_or(line, |(_, rest)| rest.trim_start()),
        None => rest.trim_start(),
    }
}
