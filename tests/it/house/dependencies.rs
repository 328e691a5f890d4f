//! `docs/dependencies.md` lists the direct dependencies of every member of the workspace, and no other crate. The lock file of the
//! fuzz targets has those of the service.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What the first column of a table can have besides names of crates.
const NOTES: [&str; 2] = ["client", "test-util"];

#[test]
fn each_direct_dependency_is_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(root.join(file)).expect("can be read");
    let workspace = read("Cargo.toml");
    let mut named: BTreeSet<String> = dependencies(&workspace).into_iter().collect();
    for member in members(&workspace) {
        named.extend(dependencies(&read(&format!("{member}/Cargo.toml"))));
    }
    // The members themselves.
    named.retain(|name| !name.starts_with("accredit"));
    let listed = listed(&read("docs/dependencies.md"));
    assert!(named.len() > 50, "only {} dependencies", named.len());
    let missing: Vec<_> = named.difference(&listed).collect();
    assert!(
        missing.is_empty(),
        "not in docs/dependencies.md: {missing:?}"
    );
    let unused: Vec<_> = listed
        .difference(&named)
        .filter(|name| !NOTES.contains(&&***name))
        .collect();
    assert!(unused.is_empty(), "no dependency any more: {unused:?}");
}

/// The fuzz targets are a workspace of their own. Without this test, their lock file falls behind, and each build chooses versions.
#[test]
fn the_lock_file_of_the_fuzz_targets_has_each_dependency_of_the_service_in_its_version() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(root.join(file)).expect("can be read");
    let (own, of_fuzz) = (read("Cargo.lock"), read("fuzz/Cargo.lock"));
    let (own, of_fuzz) = (versions(&own), versions(&of_fuzz));
    let mut checked = 0;
    for manifest in ["Cargo.toml", "crates/accredit-core/Cargo.toml"] {
        let text = read(manifest);
        let (_, after) = text.split_once("\n[dependencies]\n").expect("has a table");
        let table = after.split("\n[").next().unwrap_or_default();
        for name in dependencies(&format!("[dependencies]\n{table}")) {
            let found = of_fuzz.get(&*name);
            let found = found.unwrap_or_else(|| panic!("`{name}` is not in fuzz/Cargo.lock"));
            assert!(found.is_subset(&own[&*name]), "{name}: {found:?}");
            checked += 1;
        }
    }
    assert!(checked > 50, "only {checked} dependencies");
}

/// The versions of each package of a lock file.
fn versions(lock: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut found = BTreeMap::<&str, BTreeSet<&str>>::new();
    for package in lock.split("[[package]]\n").skip(1) {
        let member = |name: &str| {
            let mut lines = package.lines().filter_map(|line| line.split_once(" = "));
            lines.find_map(|(own, value)| (own == name).then(|| value.trim_matches('"')))
        };
        if let (Some(name), Some(version)) = (member("name"), member("version")) {
            found.entry(name).or_default().insert(version);
        }
    }
    found
}

#[test]
fn dependencies_are_found_in_each_form_of_a_manifest() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\na = \"1\"\nb.workspace = true\nc-d = { version = \"1\" }\n\
        # e = \"1\"\n[dev-dependencies]\nf_g = \"1\"\n[target.'cfg(unix)'.dependencies]\nh = \"1\"\n\
        [dependencies.i]\nversion = \"1\"\n[lints]\nworkspace = true\n";
    assert_eq!(dependencies(manifest), ["a", "b", "c-d", "f_g", "h", "i"]);
    let workspace = "[workspace]\nmembers = [\"crates/a\", \"crates/b\"]\n";
    assert_eq!(members(workspace), ["crates/a", "crates/b"]);
    let page = "| crate | for |\n| --- | --- |\n| `a`, `b` | `c` |\n`d`\n";
    assert_eq!(listed(page), ["a".to_owned(), "b".to_owned()].into());
}

/// The folders of the other members of the workspace.
fn members(manifest: &str) -> Vec<&str> {
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix("members = "));
    line.expect("names members")
        .split('"')
        .skip(1)
        .step_by(2)
        .collect()
}

/// The crates of each table of dependencies, without `[workspace.dependencies]`, which only gives versions.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_list = false;
    for line in manifest.lines() {
        if let Some(table) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            let (parent, last) = table.rsplit_once('.').unwrap_or(("", table));
            is_list = last.ends_with("dependencies") && parent != "workspace";
            if parent.ends_with("dependencies") && parent != "workspace.dependencies" {
                found.push(last.to_owned());
            }
        } else if is_list && line.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            let end = line.find([' ', '.', '=']).unwrap_or(line.len());
            found.push(line[..end].to_owned());
        }
    }
    found
}

/// The names in backquotes in the first column of each table.
fn listed(page: &str) -> BTreeSet<String> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|row| row.split(" | ").next())
        .flat_map(|cell| {
            cell.split('`')
                .step_by(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .filter(|name| !name.trim().is_empty())
        .collect()
}
