//! Patterns as RE2 reads them. The expected results are those of RE2 itself (C++).

use crate::expression::bounded_regex::{BoundedRegex, RegexError};
use crate::expression::budget::EvaluationBudget;

fn compile(pattern: &str) -> Result<BoundedRegex, RegexError> {
    BoundedRegex::within(usize::MAX, pattern)
}

fn is_match(pattern: &str, text: &str) -> bool {
    let regex = compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error:?}"));
    regex
        .is_match(text, &mut EvaluationBudget::new())
        .expect("fits the budget")
}

#[test]
fn patterns_match_what_re2_matches() {
    type Case<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        ("^\\d$", &["5"], &["\u{663}", "x"]),
        ("^\\D$", &["\u{663}", "x"], &["5"]),
        ("^\\w$", &["a", "_"], &["é", "ſ", "-"]),
        ("^\\W$", &["é", "-"], &["a"]),
        (
            "^\\s$",
            &["\t", "\n", "\u{c}", " "],
            &["\u{b}", "\u{a0}", "\u{2028}"],
        ),
        ("^\\S$", &["\u{b}", "\u{a0}", "x"], &[" "]),
        ("(?i)^\\w$", &["ſ", "\u{212a}"], &["é"]),
        ("(?i)^\\W$", &["é"], &["ſ"]),
        ("(?i)^[\\W]$", &["é"], &["\u{212a}"]),
        ("^[^\\w]$", &["é"], &["a"]),
        ("^[\\d-]+$", &["1-2"], &["\u{663}"]),
        ("^[^\\d\\s]$", &["x", "\u{a0}"], &["1"]),
        (
            "\\bfoo\\b",
            &["foo", "a foo b", "éfoo", "fooé"],
            &["foox", "_foo"],
        ),
        ("^.$", &["é", "a", "\u{1f600}"], &["\n"]),
        ("(?s)^.$", &["\n"], &[]),
        ("^a$", &["a"], &["a\n", "b\na"]),
        ("(?m)^a$", &["b\na\nc", "a\n"], &["b\u{d}\na\u{d}\n"]),
        ("a\\z", &["a"], &["a\n"]),
        ("\\Aa", &["a"], &["b\na"]),
        ("(?i)k", &["K", "\u{212a}", "k"], &[]),
        ("(?i)ß", &["ẞ"], &["SS"]),
        ("(?i)İ", &["İ"], &["i"]),
        ("(?i)É", &["é"], &[]),
        ("(?-i)K", &[], &["k"]),
        ("a(?i)b|c", &["C", "aB"], &["AB"]),
        ("(a(?i)b)c", &["aBc"], &["aBC"]),
        ("(?i:a)b", &["Ab"], &["AB"]),
        ("^[[:alpha:]]+$", &["abc"], &["é"]),
        ("^[[:space:]]$", &["\u{b}"], &["\u{a0}"]),
        ("^[[:^word:]]$", &["é"], &["a"]),
        ("(?i)^[[:upper:]]$", &["a", "ſ"], &[]),
        ("^[]a]$", &["]", "a"], &["b"]),
        ("^[^]a]$", &["b"], &["]"]),
        ("^[a-]$", &["-"], &["b"]),
        ("^[-a]$", &["-"], &["b"]),
        ("^[]-]$", &["-", "]"], &["^"]),
        ("^[a-c-e]$", &["-", "e", "b"], &["d"]),
        ("^[\\-\\]\\[&]$", &["-", "]", "[", "&"], &["\\"]),
        ("^[a&b]$", &["&"], &[]),
        ("^\\x41\\x{e9}$", &["Aé"], &[]),
        ("^\\/\\-\\.$", &["/-."], &[]),
        ("^\\v$", &["\u{b}"], &[]),
        ("^x{2}$", &["xx"], &["x"]),
        ("^x{2,}$", &["xxx"], &["x"]),
        ("^x{1,2}?$", &["xx"], &["xxx"]),
        ("^(?U)x+$", &["xx"], &[]),
        ("^(?P<n>a)(b)$", &["ab"], &[]),
        ("a||b", &[""], &[]),
        ("()", &[""], &[]),
        ("[^\\x00-\\x{10ffff}]", &[], &["a"]),
        ("^*a", &["a", "ba"], &[]),
        ("}]", &["}]"], &[]),
    ];
    for (pattern, matching, others) in cases {
        for text in *matching {
            assert!(is_match(pattern, text), "{pattern} on {text:?}");
        }
        for text in *others {
            assert!(!is_match(pattern, text), "{pattern} on {text:?}");
        }
    }
}

/// RE2 refuses these, or reads them differently.
#[test]
fn what_re2_does_not_read_the_same_is_an_error() {
    for pattern in [
        "\\B",
        "\\<a",
        "a\\>",
        "\\b{start}a",
        "[a&&b]",
        "[a--b]",
        "[--a]",
        "[]-a]",
        "[a~~b]",
        "[a[bc]]",
        "[[a]",
        "[[:foo:]]",
        "[[=a=]]",
        "a**",
        "a{2}{3}",
        "a*+",
        "a{ 2 }",
        "x{,3}",
        "a{1001}",
        "(?x)a b",
        "(?u)a",
        "(?-u)a",
        "(?R)a$",
        "\\u0041",
        "\\U00000041",
        "\\u{41}",
        "\\pL",
        "\\p{Greek}",
        "[\\pN]",
        "\\Z",
        "\\C",
        "\\1",
        "(?=a)",
        "(?P=n)",
        "(",
        "\\d-\\q",
    ] {
        assert!(compile(pattern).is_err(), "{pattern}");
    }
    assert_eq!(
        compile("a[b&&c]").err(),
        Some(RegexError::Pattern(
            "RE2 reads `[b&&c]` differently; escape `[`, `]`, `-`, `&`, `~` and white space with a backslash"
                .to_owned()
        ))
    );
}
