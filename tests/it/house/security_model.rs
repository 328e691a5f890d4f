//! Each test that `docs/security-model.md` names exists, and each requirement in it names one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const FOLDERS: [&str; 4] = ["src", "crates", "tests/it", "tests/envoy"];

#[test]
fn each_test_named_in_the_security_model_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/security-model.md")).expect("can be read");
    let requirements = requirements(&page);
    assert!(requirements.len() > 30, "only {}", requirements.len());
    let mut tests = BTreeSet::new();
    for folder in FOLDERS {
        collect(&root.join(folder), &mut tests);
    }
    assert!(tests.len() > 500, "only {} tests", tests.len());
    for (row, named) in requirements {
        assert!(!named.is_empty(), "no test: {row}");
        for name in named {
            assert!(tests.contains(name), "`{name}` is no test: {row}");
        }
    }
}

#[test]
fn tests_are_found_in_code_and_requirements_in_tables() {
    let code = "fn a() {}\n#[test]\nfn b() {}\n    #[tokio::test(start_paused = true)]\n    async fn c() {}\n\
        #[test]\n#[cfg(unix)]\nfn d() {}\nfn e() {}\n";
    assert_eq!(tests(code).collect::<Vec<_>>(), ["b", "c", "d"]);
    let page = "| section | requirement | test |\n| --- | --- | --- |\n| 1 | `x` | `b`, `c` |\n| 2 | y | |\n\n| 3 | z | `f` |\n";
    assert_eq!(
        requirements(page),
        [
            ("| 1 | `x` | `b`, `c` |", vec!["b", "c"]),
            ("| 2 | y | |", vec![])
        ]
    );
}

/// The rows of the tables whose last column is `test`, each with the names in that column.
fn requirements(page: &str) -> Vec<(&str, Vec<&str>)> {
    let mut found = Vec::new();
    let mut is_table = false;
    for line in page.lines() {
        if !line.starts_with('|') {
            is_table = false;
        } else if line.ends_with("| test |") {
            is_table = true;
        } else if is_table && !line.starts_with("| --- ") {
            let cells = line.trim_end_matches(['|', ' ']);
            // An empty last cell is trimmed too, so the cells are counted from the left.
            let is_empty = line.trim_end().ends_with("| |");
            let cell = cells.rsplit(" | ").next().filter(|_| !is_empty);
            let names = cell.unwrap_or_default().split('`').skip(1).step_by(2);
            found.push((line, names.collect()));
        }
    }
    found
}

fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("is a folder") {
        let path = entry.expect("can be read").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let code = fs::read_to_string(&path).expect("is UTF-8");
            found.extend(tests(&code).map(str::to_owned));
        }
    }
}

/// The names of the functions that have an attribute `test`.
fn tests(code: &str) -> impl Iterator<Item = &str> {
    let mut is_test = false;
    code.lines().filter_map(move |line| {
        let line = line.trim_start();
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        }
        let signature = line.strip_prefix("async ").unwrap_or(line);
        let name = signature.strip_prefix("fn ")?.split('(').next()?;
        std::mem::take(&mut is_test).then_some(name)
    })
}
