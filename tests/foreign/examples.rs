//! The configurations in `examples/` and in the documents are valid and listed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

fn examples() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    paths.sort();
    paths
}

fn check(config: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_accredit"));
    // What from-the-environment.yaml, computed-headers.yaml and several-owners.yaml need; other variables have defaults.
    command.env("ISSUER", "https://acme.scalekit.dev");
    command.env("REGION", "eu");
    command.env("TEAMS", folder().join("teams"));
    command
        .arg("check")
        .arg("--config")
        .arg(config)
        .output()
        .unwrap()
}

#[test]
fn each_example_is_valid_without_a_warning() {
    let examples = examples();
    assert!(!examples.is_empty());
    for path in examples {
        assert_valid(&path, &path.display().to_string());
    }
}

/// `accredit check` has nothing to report, except files that the configuration names and that do not exist here
/// (CONTRACT 2.4.4).
fn assert_valid(config: &Path, name: &str) {
    let output = check(config);
    let said = String::from_utf8_lossy(&output.stderr);
    let is_missing_file =
        |line: &str| line.is_empty() || line.contains("cannot be read: No such file");
    if output.status.code() == Some(2) && said.lines().all(is_missing_file) {
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{name}: {said}");
    assert_eq!(
        (&output.stdout[..], &*said),
        (&b"the configuration is valid\n"[..], ""),
        "{name}"
    );
}

#[test]
fn each_example_begins_with_its_question_and_is_in_the_index() {
    let list = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let listed: BTreeSet<&str> = list
        .lines()
        .filter(|line| line.contains(".yaml)"))
        .collect();
    let mut expected = BTreeSet::new();
    for path in examples() {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let question = text.lines().next().and_then(|line| line.strip_prefix("# "));
        let question = question.filter(|line| line.ends_with('?'));
        let question = question.unwrap_or_else(|| panic!("{name} does not begin with a question"));
        expected.insert(format!("| {question} | [{name}]({name}) |"));
    }
    assert_eq!(listed, expected.iter().map(String::as_str).collect());
}

#[test]
fn each_example_has_test_cases_that_pass() {
    let names = |folder: PathBuf| {
        let entries = std::fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names
            .filter(|name| name.ends_with(".yaml"))
            .collect::<BTreeSet<_>>()
    };
    let tests = folder().join("tests");
    assert_eq!(names(folder()), names(tests.clone()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_accredit"));
    command.env("TEAMS", folder().join("teams"));
    command.arg("test");
    command.args(names(tests.clone()).iter().map(|name| tests.join(name)));
    let output = command.output().unwrap();
    let (said, problems) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.code(), Some(0), "{said}{problems}");
}

/// Every block of YAML in the documents that is a configuration of accredit. Each page about a move has one.
#[test]
fn the_configurations_in_the_documents_are_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let mut documents = vec![root.join("README.md")];
    collect_documents(&root.join("docs"), &mut documents);
    for document in documents {
        let name = document.strip_prefix(root).unwrap().display().to_string();
        let text = std::fs::read_to_string(&document).unwrap();
        let blocks = text.split("```yaml\n").skip(1);
        let mut found = 0;
        for block in blocks.map(|block| block.split("```").next().unwrap()) {
            if !block.lines().any(|line| line.starts_with("issuers:")) {
                continue;
            }
            std::fs::write(&file, block).unwrap();
            assert_valid(&file, &format!("{name}:\n{block}"));
            found += 1;
        }
        let needs_one = name.starts_with("docs/migration/") && !name.ends_with("/README.md");
        assert!(found > 0 || !needs_one, "{name} has no configuration");
    }
}

fn collect_documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_documents(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "md") {
            found.push(path);
        }
    }
}
