//! A detector of ambiguities that shares nothing with the parser: each kind is looked for alone, by replacing text.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use regex::bytes::Regex;

use super::Ambiguity;

pub(super) fn has(kind: Ambiguity, path: &[u8]) -> bool {
    let once = decoded(path);
    let twice = decoded(&once);
    let is = |pattern| regex(pattern).is_match(path);
    // What only a second decoding reveals: escapes that are there after the first.
    let is_then = |pattern| is("(?-u)%25") && regex(pattern).is_match(&once);
    match kind {
        Ambiguity::Parameters => is(";"),
        Ambiguity::EncodedDelimiter => is("(?i-u)#|%3b|%3f|%23") || is_then("(?i-u)%3b|%3f|%23"),
        Ambiguity::EncodedSlash => is("(?i-u)%2f") || is_then("(?i-u)%2f"),
        Ambiguity::Backslash => is(r"(?i-u)\\|%5c") || is_then("(?i-u)%5c"),
        Ambiguity::DoubleEncoding => is("(?-u)%25"),
        Ambiguity::BadEncoding => {
            is(r"(?-u)[ \x80-\xff]|%$|%.$|%[^0-9a-fA-F]|%.[^0-9a-fA-F]")
                || String::from_utf8(once).is_err()
        }
        Ambiguity::DotSegments => [path, &once, &twice].iter().any(|text| {
            heads(text)
                .iter()
                .any(|(head, _)| matches!(&head[..], b"." | b".."))
        }),
        // An empty last piece is a trailing slash, unless something was cut from it.
        Ambiguity::EmptySegments => [path, &once, &twice].iter().any(|text| {
            let heads = heads(text);
            let last = heads.len() - 1;
            heads
                .iter()
                .enumerate()
                .any(|(number, (head, is_cut))| head.is_empty() && (number < last || *is_cut))
        }),
    }
}

/// The pieces below the root between anything that could be a separator, each cut at anything that could end it, and
/// whether something was cut.
fn heads(path: &[u8]) -> Vec<(Vec<u8>, bool)> {
    let separator = regex(r"(?i-u)[/\\]|%2f|%5c");
    let end = regex(r"(?i-u)[;#?]|%3b|%3f|%23");
    let dot = regex(r"(?i-u)%2e");
    separator
        .split(&path[1..])
        .map(|piece| {
            let head = end.split(piece).next().unwrap_or_default();
            let is_cut = head.len() < piece.len();
            (dot.replace_all(head, &b"."[..]).into_owned(), is_cut)
        })
        .collect()
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let escape = regex("(?-u)%([0-9a-fA-F]{2})");
    escape
        .replace_all(text, |found: &regex::bytes::Captures<'_>| {
            let digits = std::str::from_utf8(&found[1]).expect("are digits");
            vec![u8::from_str_radix(digits, 16).expect("are digits")]
        })
        .into_owned()
}

fn regex(pattern: &'static str) -> Regex {
    static COMPILED: LazyLock<Mutex<HashMap<&str, Regex>>> = LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().expect("no test panics here");
    compiled
        .entry(pattern)
        .or_insert_with(|| Regex::new(pattern).expect(pattern))
        .clone()
}
