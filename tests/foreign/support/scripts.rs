//! The Node.js and Python scripts of this folder.

use accredit_test_support::process::root;
use serde::de::DeserializeOwned;
use tokio::process::Command;

use super::program::Program;

/// A script of `tests/foreign/node`.
pub(crate) fn node(script: &str, arguments: &[&str]) -> Command {
    let folder = root().join("tests/foreign/node");
    assert!(
        folder.join("node_modules").is_dir(),
        "these tests need Node.js packages: run `make test`, or `scripts/foreign.sh` once, which puts them there"
    );
    let mut command = Command::new("node");
    command.arg(folder.join(script)).args(arguments);
    command
}

/// The names of Chromium and of browsers that are made of it.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A script of `tests/foreign/node` that drives Chromium.
pub(crate) fn browser(script: &str, arguments: &[&str]) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let chromium = std::env::split_paths(&path)
        .flat_map(|folder| BROWSERS.map(|name| folder.join(name)))
        .find(|program| program.is_file())
        .expect(
            "Chromium: run `make test` as root, or install it (Debian: apt-get install chromium)",
        );
    let mut command = node(script, &[chromium.to_str().expect("is UTF-8")]);
    command.args(arguments);
    command
}

/// A script of `tests/foreign/python`, run in the virtual environment that also contains Envoy.
pub(crate) fn python(script: &str, arguments: &[&str]) -> Command {
    let python = root().join(".venv/bin/python");
    assert!(
        root()
            .join(".venv/installed-requirements-tests.txt")
            .is_file(),
        "these tests need Python packages: run `make test`, or `scripts/foreign.sh` once, which puts them into .venv/"
    );
    let mut command = Command::new(python);
    let script = root().join("tests/foreign/python").join(script);
    // `-B`: no compiled files are left beside the scripts.
    command.arg("-B").arg(script).args(arguments);
    command
}

/// Starts a server, whose first line on standard output is its address.
pub(crate) async fn serve(name: &str, command: Command) -> (Program, String) {
    let program = Program::start(name, command);
    let address = program
        .find(|line| line.starts_with("http://").then(|| line.to_owned()))
        .await;
    (program, address)
}

/// Runs a script, and reads the one line of JSON that it prints.
pub(crate) async fn answer<T: DeserializeOwned>(name: &str, command: Command) -> T {
    let program = Program::start(name, command);
    let line = program
        .find(|line| line.starts_with(['{', '[']).then(|| line.to_owned()))
        .await;
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{name}: {error}: {line}"))
}
