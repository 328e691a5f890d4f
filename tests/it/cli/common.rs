//! Running the binary, and checking its error lines.

use std::path::Path;

use crate::support::process::{Ended, accredit, ended};

pub(super) async fn run(arguments: &[&str]) -> Ended {
    ended(&mut accredit(arguments)).await
}

/// Checks the exit status, and that the only output is one error line with all these texts.
pub(super) fn assert_complains(ended: &Ended, code: i32, expected: &[&str]) {
    let shown = format!("{:?} {:?} {expected:?}", ended.code, ended.stderr);
    assert_eq!(ended.code, Some(code), "{shown}");
    assert_eq!(ended.stdout, "", "{shown}");
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{shown}");
    assert!(lines[0].starts_with("accredit: "), "{shown}");
    for text in expected {
        assert!(lines[0].contains(text), "{shown}");
    }
}

pub(super) fn written(folder: &Path, text: &str) -> String {
    let file = folder.join("accredit.yaml");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

pub(super) const VALID: &str = "issuers:\n  - issuer: https://a.test\n    audiences: [api]\n";
