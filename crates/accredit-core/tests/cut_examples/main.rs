//! A configuration that is cut off, as by a full disk, opens nothing because of a value that was cut (CONTRACT 3.1.5, 3.1.6).
//!
//! For each prefix of each example, cut at any byte: either it is refused, or it is in no way laxer than the example because
//! of the value in which the cut is. The tests show that for every value in quotes or brackets, every word, boolean and
//! absent value: each of them is refused when it is cut.
//!
//! No reader can see two things. A cut at the end of a line leaves only whole values, and the keys and rules after it are
//! gone: the default rule still requires a token. And an unquoted text or duration at the very end of the file can still be
//! a valid value: the issuer `https://acme.co` of `https://acme.com`, the path `/a` of `/ab`, `5m` of `5ms`. The second test
//! shows that no other kind of value is accepted when it is cut and laxer for it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a panic fails the test"
)]

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use grants::grants;

mod grants;

fn examples() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut examples = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the examples") {
        let path = entry.expect("an example").path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            let text = std::fs::read_to_string(&path).expect("is text");
            // The core reads no files of rules.
            let text = match text.split_once("rules_from:") {
                Some((before, _)) => before.to_owned(),
                None => text,
            };
            examples.push((path.display().to_string(), text));
        }
    }
    assert!(examples.len() > 20, "{}", examples.len());
    examples
}

/// The bytes at which a text can be cut.
fn cuts(text: &str) -> impl Iterator<Item = usize> {
    (0..text.len()).filter(|end| text.is_char_boundary(*end))
}

fn needs_no_token(grants: &BTreeSet<String>) -> impl Iterator<Item = &String> {
    grants
        .iter()
        .filter(|grant| grant.starts_with("request ") && grant.ends_with(" no token"))
}

/// The grants of each prefix of a text that is accepted, computed once.
struct Prefixes<'t> {
    text: &'t str,
    known: HashMap<usize, Option<BTreeSet<String>>>,
}

impl Prefixes<'_> {
    fn grants(&mut self, end: usize) -> Option<BTreeSet<String>> {
        let text = &self.text[..end];
        let grants = self.known.entry(end).or_insert_with(|| grants(text));
        grants.clone()
    }
}

#[test]
fn a_truncated_example_grants_no_more_because_of_the_value_that_was_cut() {
    let (mut accepted, mut within_a_line) = (0, 0);
    for (name, text) in examples() {
        let whole = grants(&text).unwrap_or_else(|| panic!("{name} is valid"));
        let mut prefixes = Prefixes {
            text: &text,
            known: HashMap::new(),
        };
        for end in cuts(&text) {
            let Some(cut) = prefixes.grants(end) else {
                continue;
            };
            accepted += 1;
            // Wherever the file is cut, also at the end of a line.
            for grant in needs_no_token(&cut) {
                assert!(whole.contains(grant), "{name} cut at {end}: {grant}");
            }
            let line_start = text[..end].rfind('\n').map_or(0, |newline| newline + 1);
            let line_end = text[end..]
                .find('\n')
                .map_or(text.len(), |length| end + length);
            if text[end..line_end].trim().is_empty() {
                continue;
            }
            within_a_line += 1;
            // The keys and rules after the line are gone, whatever becomes of the value.
            let mut granted = whole.clone();
            for complete in [line_start, line_end] {
                granted.extend(prefixes.grants(complete).unwrap_or_default());
            }
            let more: Vec<&String> = cut.difference(&granted).collect();
            assert!(more.is_empty(), "{name} cut at {end}: {more:?}");
        }
    }
    assert!(
        accepted > 1_000 && within_a_line > 100,
        "{accepted}, {within_a_line}"
    );
}

/// Each kind of value at the very end of a file, where nothing after it shows that it was cut.
#[test]
fn only_an_unquoted_text_or_duration_at_the_end_of_a_file_can_be_cut_to_another_valid_value() {
    let issuer = "issuers:\n- issuer: https://a.example\n  audiences: [a]\n";
    let last = |key: &str, value: &str| -> Vec<String> {
        let text = match key.strip_prefix("issuer:") {
            Some(key) => format!("{issuer}  {key}: {value}"),
            None => format!("{issuer}{key}: {value}"),
        };
        let whole = grants(&text).unwrap_or_else(|| panic!("{text} is valid"));
        let begin = text.len() - value.len();
        (begin + 1..text.len())
            .filter_map(|end| Some((end, grants(&text[..end])?)))
            .filter(|(_, cut)| !cut.is_subset(&whole))
            .map(|(end, _)| text[begin..end].to_owned())
            .collect()
    };
    for (key, value) in [
        ("issuer:jwks", "{ uri: 'https://a.example/keys' }"),
        ("issuer:jwks", "{ uri: https://a.example/keys }"),
        ("issuer:algorithms", "[RS256, ES256]"),
        ("issuer:binding", "enforce"),
        ("issuer:audience_absent", "refuse"),
        ("issuer:required_claims", "[sub, oid]"),
        ("issuer:clock_skew", "30s"),
        ("issuer:max_lifetime", "24h"),
        ("forward_token", "false"),
        ("unavailable", "refuse"),
        (
            "rules",
            "[{ match: { paths: [/reports/**] }, access: deny }]",
        ),
        (
            "rules",
            "[{ match: { paths: [/reports/1] }, when: 'claims.a && claims.b' }]",
        ),
    ] {
        let none: [&str; 0] = [];
        assert_eq!(last(key, value), none, "{key}: {value}");
    }
    let cut = |text: &str, value: &str| {
        let whole = grants(&format!("{text}{value}")).expect("is valid");
        let cut = |end: usize| grants(&format!("{text}{}", &value[..end]));
        (1..value.len()).any(|end| cut(end).is_some_and(|cut| !cut.is_subset(&whole)))
    };
    for (text, value) in [
        ("issuers:\n- audiences: [a]\n  issuer: ", "https://acme.com"),
        (
            "issuers:\n- issuer: https://a.example\n  audiences:\n  - ",
            "api.acme.example",
        ),
        (
            "issuers:\n- issuer: https://a.example\n  audiences: [a]\n  jwks:\n    uri: ",
            "https://acme.com/keys",
        ),
        (
            "issuers:\n- issuer: https://a.example\n  audiences: [a]\n  clock_skew: ",
            "500ms",
        ),
    ] {
        assert!(cut(text, value), "{text}{value}");
    }
}
