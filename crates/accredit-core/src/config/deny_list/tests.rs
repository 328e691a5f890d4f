//! Which texts are deny lists, and what is said of others.

use std::time::Duration;

use super::DenyListReader;
use crate::config::deny_list::fault::UnusableDenyList;
use crate::revocation::list::{DenyList, DenyListMatch, RevocableToken};
use crate::token::claims::Claims;
use crate::token::numeric_date::NumericDate;

const NOW: u64 = 1_800_000_000;

fn read_in_pieces(text: &[u8], size: usize) -> Result<DenyList, UnusableDenyList> {
    let mut reader = DenyListReader::default();
    for piece in text.chunks(size) {
        reader.feed(piece)?;
    }
    reader.finish()
}

fn read(text: &str) -> Result<DenyList, UnusableDenyList> {
    read_in_pieces(text.as_bytes(), 7)
}

fn faults(text: &str) -> Vec<String> {
    let unusable = read(text).expect_err(text);
    unusable.faults.iter().map(ToString::to_string).collect()
}

fn line_for(list: &DenyList, claims: &str, now: u64) -> Option<u32> {
    let claims = Claims::parse(claims.as_bytes()).expect("are claims");
    let token = RevocableToken {
        issuer: "i",
        claims: &claims,
        key_id: None,
    };
    let now = NumericDate::after_epoch(Duration::from_secs(now));
    match list.look_up(&token, now) {
        DenyListMatch::Revoked(entry) => Some(entry.line),
        DenyListMatch::Ended | DenyListMatch::NotNamed => None,
    }
}

const YAML: &str = "# stolen on Monday\n- issuer: i\n  jti: a\n- { issuer: i, sub: \"7\", issued_before: 1800000000 }\n\
    - issuer: i\n  sub: b\n  until: 2027-01-15T08:00:01Z\n- { issuer: i, sub: gone, until: 1799999999 }\n";

const LINES: &str = "\n{\"issuer\":\"i\",\"jti\":\"a\"}\n{\"issuer\":\"i\",\"sub\":\"7\",\"issued_before\":1800000000}\r\n\n\
    {\"issuer\":\"i\",\"sub\":\"b\",\"until\":\"2027-01-15T08:00:01Z\"}\n{\"issuer\":\"i\",\"sub\":\"gone\",\"until\":1799999999}";

#[test]
fn a_list_is_yaml_or_one_json_object_per_line() {
    for (text, lines) in [(YAML, [2, 4, 5, 8]), (LINES, [2, 3, 5, 6])] {
        for size in [1, 2, 64, 4096] {
            let list = read_in_pieces(text.as_bytes(), size).expect("is a list");
            assert_eq!(list.len(), 4);
            // The entry has ended, and counts again if the clock is set back.
            let gone = [NOW, NOW - 2].map(|now| line_for(&list, r#"{"sub":"gone"}"#, now));
            assert_eq!(gone, [None, Some(lines[3])]);
            assert_eq!(list.issuers().collect::<Vec<_>>(), ["i"]);
            assert_eq!(line_for(&list, r#"{"jti":"a"}"#, NOW), Some(lines[0]));
            assert_eq!(line_for(&list, r#"{"sub":"7"}"#, NOW), Some(lines[1]));
            let newer = r#"{"sub":"7","iat":1800000000}"#;
            assert_eq!(line_for(&list, newer, NOW), None);
            assert_eq!(line_for(&list, r#"{"sub":"b"}"#, NOW), Some(lines[2]));
            assert_eq!(line_for(&list, r#"{"sub":"b"}"#, NOW + 1), None);
        }
    }
    for empty in ["[]", "# none today\n[]\n", "---\n[]\n"] {
        assert!(read(empty).expect("is a list").is_empty(), "{empty:?}");
    }
}

#[test]
fn a_text_that_is_no_deny_list_is_refused() {
    let no_entries = "the list is empty; write `[]` for a list without entries";
    let no_list =
        "line 1: the list is not a list of entries; write `[]` for a list without entries";
    for (text, fault) in [
        ("", no_entries),
        (" \n\n", no_entries),
        ("# nothing\n", no_list),
        ("issuer: i\nsub: s\n", no_list),
        (
            "\u{feff}[]",
            "line 1: the list begins with a byte-order mark; save it without",
        ),
        (
            "- a\n",
            "line 1: an entry is a mapping, and this is a string",
        ),
        ("-\n", "line 1: an entry is a mapping, and this is nothing"),
        (
            "{\"issuer\":\"i\",\"sub\":\"s\"",
            "line 1: this line cannot be read: it is not JSON at offset 23",
        ),
        (
            "{\"issuer\":\"i\",\"sub\":\"s\"} {}",
            "line 1: this line cannot be read: something follows the JSON value at offset 25",
        ),
        (
            "{\"issuer\":\"i\",\"sub\":\"s\"}\n[]\n",
            "line 2: this line is not a JSON object",
        ),
        (
            "{\"issuer\":\"i\",\"sub\":\"s\",\"sub\":\"t\"}",
            "line 1: this line cannot be read: an object has a member twice, the second time at offset 24",
        ),
    ] {
        assert_eq!(faults(text), [fault], "{text:?}");
    }
    assert!(faults("- issuer: i\n  issuer: j\n  sub: s\n")[0].contains("given twice"));
    assert!(read_in_pieces(b"\xff", 1).is_err());
}

#[test]
fn each_fault_of_an_entry_is_named_with_its_line() {
    let entries = [
        ("{\"sub\":\"s\"}", "the entry has no `issuer`"),
        ("{\"issuer\":\"i\"}", "the entry has none of `jti`, "),
        (
            "{\"issuer\":\"https://a.example/{tid}/v2.0\",\"kid\":\"k\"}",
            "`issuer` has a placeholder, and an entry names tokens of one issuer; ",
        ),
        (
            "{\"issuer\":\"i\",\"sub\":\"s\",\"oid\":\"o\"}",
            "the entry has both `sub` and `oid`; ",
        ),
        (
            "{\"issuer\":\"i\",\"email\":\"s\"}",
            "\"email\" is not a key of an entry; ",
        ),
        (
            "{\"issuer\":\"i\",\"sub\":7}",
            "`sub` is not a text of at least one character; ",
        ),
        (
            "{\"issuer\":\"i\",\"sub\":\"\"}",
            "`sub` is not a text of at least one character; ",
        ),
        (
            "{\"issuer\":\"\",\"sub\":\"s\"}",
            "`issuer` is not a text of at least one character; ",
        ),
        (
            "{\"issuer\":\"i\",\"sub\":\"s \"}",
            "`sub` begins or ends with white space",
        ),
        (
            "{\"issuer\":\"i\",\"sub\":\"s\",\"until\":\"tomorrow\"}",
            "`until` is not a date; ",
        ),
        (
            "{\"issuer\":\"i\",\"sub\":\"s\",\"until\":1800000000000}",
            "`until` is not a date; ",
        ),
        (
            "{\"issuer\":\"i\",\"sub\":\"s\",\"until\":null}",
            "`until` is not a date; ",
        ),
        (
            "{\"issuer\":\"i\",\"sub\":\"s\",\"issued_before\":-1}",
            "`issued_before` is not a date; ",
        ),
    ];
    let lines: Vec<&str> = entries.iter().map(|(entry, _)| *entry).collect();
    let yaml: String = lines.iter().map(|line| format!("- {line}\n")).collect();
    for text in [lines.join("\n"), yaml] {
        let faults = faults(&text);
        assert_eq!(faults.len(), entries.len(), "{faults:#?}");
        for (number, (fault, (_, what))) in (1..).zip(faults.iter().zip(entries)) {
            let expected = format!("line {number}: {what}");
            assert!(fault.starts_with(&expected), "{fault} is not {expected}");
        }
    }
}

#[test]
fn a_list_of_faults_and_an_endless_line_end_early() {
    let text = "{}\n".repeat(1000);
    assert_eq!(faults(&text).len(), 20);
    let shown = read(&text).expect_err("has faults").to_string();
    assert!(shown.ends_with("; and 17 more faults"), "{shown}");
    let mut reader = DenyListReader::default();
    let mut fed = 0;
    let unusable = loop {
        match reader.feed(b"{\"issuer\":\"") {
            Ok(()) => fed += 1,
            Err(unusable) => break unusable,
        }
        assert!(fed < 100_000);
    };
    assert_eq!(
        unusable.to_string(),
        "line 1: this line is longer than 64 KiB"
    );
    let mut reader = DenyListReader::default();
    let yaml = (0..).try_for_each(|_| reader.feed(&[b'#'; 65_536]));
    let shown = yaml.expect_err("is too long").to_string();
    assert!(shown.contains("over 4 MiB; write it as JSON"), "{shown}");
}
