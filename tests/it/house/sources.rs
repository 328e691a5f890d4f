//! The files of the members' `src` folders, and what their code names.

use std::fs;
use std::path::Path;

/// One file, and its code without comments and without what is compiled only for tests. `path` is relative to the `src`
/// folder of its member.
pub(super) struct Source {
    pub(super) member: &'static str,
    pub(super) path: String,
    pub(super) text: String,
    pub(super) code: String,
}

impl Source {
    /// The path from the root of the repository.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.member, self.path)
    }
}

pub(super) fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for member in [
        "src",
        "crates/accredit-core/src",
        "crates/accredit-module/src",
    ] {
        let folder = root.join(member);
        collect(member, &folder, &folder, &mut found);
    }
    assert!(found.len() > 80, "only {} files", found.len());
    found
}

fn collect(member: &'static str, root: &Path, folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("is a folder") {
        let path = entry.expect("can be read").path();
        if path.is_dir() {
            collect(member, root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("is UTF-8");
            let path = path
                .strip_prefix(root)
                .expect("is below")
                .display()
                .to_string();
            let code = code(&path, &text);
            found.push(Source {
                member,
                path,
                text,
                code,
            });
        }
    }
}

pub(super) fn code(path: &str, text: &str) -> String {
    let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
    let before_tests = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = before_tests
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.filter(|_| !is_test).collect::<Vec<_>>().join("\n")
}

/// The first segment after each `crate::`, `accredit_core::` and `accredit::`.
pub(super) fn rooms_named(code: &str) -> Vec<&str> {
    let ends = |rest: &str| {
        rest.find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len())
    };
    let own = code.match_indices("crate::");
    let core = code.match_indices("accredit_core::");
    let service = code.match_indices("accredit::");
    own.chain(core)
        .chain(service)
        .map(|(at, found)| &code[at + found.len()..])
        .map(|rest| &rest[..ends(rest)])
        .collect()
}

/// Whether the code names the crate, in a path or an import.
pub(super) fn names_crate(code: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + name.len()..];
        let starts = before.is_none_or(|c| !is_word(c) && c != ':' && c != '.' && c != '"');
        starts
            && (after.starts_with("::") || (code[..at].ends_with("use ") && after.starts_with(';')))
    })
}

pub(super) fn at_home(path: &str, homes: &[&str]) -> bool {
    homes.iter().any(|home| path.starts_with(home))
}
