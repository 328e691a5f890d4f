//! Plain English: phrases that make a sentence a riddle are in no source, document, example or deployment file.

use std::fs;
use std::path::Path;

/// Matched as whole words (`mend`, not `recommend`), without regard to case, also across the end of a line.
const PHRASES: [&str; 18] = [
    "whoever",
    "nobody",
    "somebody",
    "so many",
    "as many as may",
    "of ours",
    "of theirs",
    "can be had",
    "to be had",
    "of now",
    "by its nature",
    "told",
    "says of",
    "say of",
    "sake",
    "no matter of",
    "that is to say",
    "mend",
];

const FOLDERS: [&str; 11] = [
    "src", "crates", "tests", "docs", "examples", "deploy", "proto", "benches", "demo", "fuzz/src",
    "scripts",
];

/// This file, which lists the phrases.
const LIST: &str = "tests/it/house/language.rs";

const ENDINGS: [&str; 13] = [
    "rs", "py", "md", "yaml", "yml", "proto", "toml", "sh", "json", "js", "css", "html", "txt",
];

#[test]
fn no_text_contains_a_forbidden_phrase() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in FOLDERS {
        look_into(root, &root.join(folder), &mut found);
    }
    for file in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "build.rs",
        "Makefile",
    ] {
        look_at(root, &root.join(file), &mut found);
    }
    assert!(
        found.is_empty(),
        "phrases to rewrite:\n{}",
        found.join("\n")
    );
}

#[test]
fn forbidden_phrases_are_found_as_whole_words_and_across_lines() {
    let text = "a\n    /// Whoever asks so\n    /// many times.\nrecommend, amended; mend it";
    assert_eq!(phrases(text), [(2, "whoever"), (2, "so many"), (4, "mend")]);
    assert_eq!(phrases("is toldx, untold of_"), []);
}

fn look_into(root: &Path, folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_symlink() || ["node_modules", "target"].contains(&&*name) {
            continue;
        }
        match path.is_dir() {
            true => look_into(root, &path, found),
            false => look_at(root, &path, found),
        }
    }
}

fn look_at(root: &Path, file: &Path, found: &mut Vec<String>) {
    let ending = file.extension().and_then(|ending| ending.to_str());
    if ending.is_some_and(|ending| !ENDINGS.contains(&ending)) {
        return;
    }
    let name = file.strip_prefix(root).expect("is below");
    let Ok(text) = fs::read_to_string(file) else {
        return;
    };
    if name == Path::new(LIST) {
        return;
    }
    let name = name.display();
    for (line, phrase) in phrases(&text) {
        found.push(format!("{name}:{line}: {phrase}"));
    }
}

/// The phrases of a text, each with the line on which it begins.
fn phrases(text: &str) -> Vec<(usize, &'static str)> {
    let mut joined = String::new();
    let mut starts = Vec::new();
    for line in text.lines() {
        starts.push(joined.len());
        let words = line.trim_start_matches(|c: char| c.is_whitespace() || "/!#*|>-".contains(c));
        joined.push_str(&words.to_ascii_lowercase());
        joined.push(' ');
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for phrase in PHRASES {
        for (at, _) in joined.match_indices(phrase) {
            let before = joined[..at].chars().next_back();
            let after = joined[at + phrase.len()..].chars().next();
            if !before.is_some_and(is_word) && !after.is_some_and(is_word) {
                found.push((starts.partition_point(|start| *start <= at), phrase));
            }
        }
    }
    found.sort_by_key(|(line, _)| *line);
    found
}
