//! The page, and its configurations.

use std::path::Path;

pub(super) fn text() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/issuers.md");
    std::fs::read_to_string(file).unwrap()
}

/// The sections that have a configuration, each with its heading and its configuration.
pub(super) fn sections(page: &str) -> impl Iterator<Item = (&str, &str)> {
    page.split("\n## ").skip(1).filter_map(|section| {
        let (heading, rest) = section.split_once('\n')?;
        let (_, rest) = rest.split_once("```yaml\n")?;
        Some((heading, rest.split_once("```")?.0))
    })
}

/// The configuration of that section, with its key set at this address.
pub(super) fn configuration(heading: &str, keys: &str) -> String {
    let page = text();
    let found = sections(&page).find(|(own, _)| *own == heading);
    let (_, block) = found.unwrap_or_else(|| panic!("no section {heading:?}"));
    let mut text = String::new();
    let mut entries = 0;
    for line in block.lines() {
        if line.starts_with("    jwks:") {
            continue;
        }
        if line.starts_with("    audiences:") {
            entries += 1;
            text.push_str(&format!("    jwks: {{ uri: '{keys}' }}\n"));
        }
        text.push_str(line);
        text.push('\n');
    }
    assert_eq!(entries, 1, "one issuer entry is expected:\n{block}");
    text
}
