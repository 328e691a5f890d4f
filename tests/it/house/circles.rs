//! No circle of files: the imports between the files of a member fall in one direction, also inside a room.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::{Source, sources};

type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn source_files_do_not_import_each_other_in_circles() {
    let found = circles(&imports(&sources()));
    assert!(found.is_empty(), "circles of files:\n{}", found.join("\n"));
}

#[test]
fn import_circles_are_found_through_lists_and_inline_paths() {
    let source = |path: &str, code: &str| Source {
        member: "src",
        path: path.to_owned(),
        text: String::new(),
        code: code.to_owned(),
    };
    let files = [
        source("a/mod.rs", "pub mod b;\npub mod c;"),
        source("a/b.rs", "use crate::a::{\n    b::d::D,\n    c::C,\n};"),
        source("a/b/d.rs", "pub(in crate::a::b) struct D;"),
        source("a/c.rs", "fn f() { crate::e::g(); }"),
        source("e.rs", "use crate::a::b::B;"),
    ];
    assert_eq!(
        circles(&imports(&files)),
        ["src/a/b.rs -> src/a/c.rs -> src/e.rs"]
    );
}

/// The files of the same member that each file names.
fn imports(files: &[Source]) -> Imports {
    let names: BTreeSet<String> = files.iter().map(Source::name).collect();
    let mut imports = Imports::new();
    for file in files {
        let named = paths(&file.code)
            .into_iter()
            .filter_map(|path| file_of(&names, file.member, &path));
        let own = file.name();
        let named = named.filter(|name| *name != own).collect();
        imports.insert(own, named);
    }
    imports
}

/// The file that defines the longest module of a path.
fn file_of(names: &BTreeSet<String>, member: &str, path: &[String]) -> Option<String> {
    (1..=path.len()).rev().find_map(|length| {
        let module = path[..length].join("/");
        [
            format!("{member}/{module}.rs"),
            format!("{member}/{module}/mod.rs"),
        ]
        .into_iter()
        .find(|name| names.contains(name))
    })
}

/// Each path after `crate::`, with lists in braces expanded. `pub(in crate::…)` imports nothing.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (at, own) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        let is_longer = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
        if !is_longer && !code[..at].ends_with("(in ") {
            expand(&code[at + own.len()..], &mut Vec::new(), &mut found);
        }
    }
    found
}

/// Reads one tree of a `use`, and returns what follows it.
fn expand<'a>(mut rest: &'a str, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'a str {
    let length = path.len();
    loop {
        rest = rest.trim_start();
        if let Some(list) = rest.strip_prefix('{') {
            rest = list;
            loop {
                rest = rest.trim_start();
                match rest.strip_prefix('}') {
                    Some(after) => {
                        rest = after;
                        break;
                    }
                    None if rest.is_empty() => break,
                    None => {}
                }
                let before = rest.len();
                rest = expand(rest, path, found).trim_start();
                rest = rest.strip_prefix(',').unwrap_or(rest);
                if rest.len() == before {
                    // Not a list of imports.
                    break;
                }
            }
            break;
        }
        let ends = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        let (word, after) = rest.split_at(ends.unwrap_or(rest.len()));
        path.push(word.to_owned());
        rest = after;
        match rest.strip_prefix("::") {
            Some(after) => rest = after,
            None => {
                found.push(path.clone());
                if let Some(name) = rest.strip_prefix(" as ") {
                    let ends = name.find(|c: char| !c.is_alphanumeric() && c != '_');
                    rest = &name[ends.unwrap_or(name.len())..];
                }
                break;
            }
        }
    }
    path.truncate(length);
    rest
}

/// The groups of more than one file in which each file reaches each other one.
fn circles(imports: &Imports) -> Vec<String> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = imports
        .keys()
        .map(|name| (name, reachable(imports, name)))
        .collect();
    let mut found = BTreeSet::new();
    for (name, reaches) in &reached {
        let circle: Vec<&str> = reaches
            .iter()
            .filter(|other| reached[*other].contains(name))
            .map(|other| other.as_str())
            .collect();
        if circle.len() > 1 {
            found.insert(circle.join(" -> "));
        }
    }
    found.into_iter().collect()
}

fn reachable<'a>(imports: &'a Imports, from: &'a String) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(name) = next.pop() {
        for named in &imports[name] {
            if reached.insert(named) {
                next.push(named);
            }
        }
    }
    reached
}
