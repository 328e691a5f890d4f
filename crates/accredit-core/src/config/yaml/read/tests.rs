//! Texts of YAML and the trees or problems they make; the fixtures of `load` hold more.

use super::read;
use crate::config::load;
use crate::config::problem::{Problem, Problems};
use crate::config::yaml::tree::{YamlNode, YamlValue};

fn outcome(text: &str) -> (Option<YamlNode>, Vec<Problem>) {
    let mut problems = Problems::default();
    let tree = read(text, &mut problems);
    (tree, problems.into_sorted())
}

fn tree(text: &str) -> String {
    let (tree, problems) = outcome(text);
    assert!(problems.is_empty(), "{text:?}: {problems:?}");
    shown(&tree.expect("a tree"))
}

fn only_problem(text: &str) -> String {
    let (_, problems) = outcome(text);
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].to_string()
}

/// Values and places, because `Debug` keeps values to itself.
fn shown(node: &YamlNode) -> String {
    let value = match &node.value {
        YamlValue::Null => "null".to_owned(),
        YamlValue::Bool(value) => value.to_string(),
        YamlValue::Integer(value) => value.to_string(),
        YamlValue::Float(value) => format!("{value:?}"),
        YamlValue::String(value) => format!("{value:?}"),
        YamlValue::Sequence(items) => format!(
            "[{}]",
            items.iter().map(shown).collect::<Vec<_>>().join(" ")
        ),
        YamlValue::Mapping(members) => {
            let member = |(key, node): &(_, _)| shown_member(key, node);
            format!(
                "{{{}}}",
                members.iter().map(member).collect::<Vec<_>>().join(" ")
            )
        }
    };
    format!("{value}@{}:{}", node.line, node.column)
}

fn shown_member(key: &crate::config::yaml::tree::YamlKey, node: &YamlNode) -> String {
    format!("{}@{}:{}={}", key.name, key.line, key.column, shown(node))
}

#[test]
fn every_yaml_value_has_its_location() {
    let cases = [
        ("a: 1", "{a@1:1=1@1:4}@1:1"),
        (
            "a:\n  b: x\n  c: [1, '2']\n",
            "{a@1:1={b@2:3=\"x\"@2:6 c@3:3=[1@3:7 \"2\"@3:10]@3:6}@2:3}@1:1",
        ),
        (
            "# c\n\nz: 1.5\na: ~\n",
            "{z@3:1=1.5@3:4 a@4:1=null@4:4}@3:1",
        ),
        (
            "- true\n- \"true\"\n- 'no'\n- no\n",
            "[true@1:3 \"true\"@2:3 \"no\"@3:3 \"no\"@4:3]@1:1",
        ),
        ("é: ü\nb: x", "{é@1:1=\"ü\"@1:4 b@2:1=\"x\"@2:4}@1:1"),
        ("a: 1\r\nb: 2\r\n", "{a@1:1=1@1:4 b@2:1=2@2:4}@1:1"),
        (
            "'1': a\n\"true\": b\n",
            "{1@1:1=\"a\"@1:6 true@2:1=\"b\"@2:9}@1:1",
        ),
        ("a: !!str 12\n", "{a@1:1=\"12\"@1:4}@1:1"),
    ];
    for (text, expected) in cases {
        assert_eq!(tree(text), expected, "{text:?}");
    }
    assert_eq!(
        tree("\u{feff}a: 1"),
        tree("a: 1"),
        "a byte-order mark is no part of the first key"
    );
}

#[test]
fn an_empty_yaml_document_is_an_empty_mapping() {
    for text in [
        "",
        "\n\n",
        "# only a comment\n",
        "---\n",
        "---\n...\n",
        "~\n",
        "null",
    ] {
        assert!(tree(text).starts_with("{}@"), "{text:?}");
    }
}

#[test]
fn a_yaml_alias_repeats_its_anchor_and_has_its_own_location() {
    assert_eq!(tree("a: &x 1\nb: *x\n"), "{a@1:1=1@1:4 b@2:1=1@2:4}@1:1");
    assert_eq!(
        tree("a: &x [1]\nb: *x\n"),
        "{a@1:1=[1@1:8]@1:4 b@2:1=[1@1:8]@2:4}@1:1"
    );
    assert_eq!(
        tree("- &x 1\n- &x 2\n- *x\n"),
        "[1@1:3 2@2:3 2@3:3]@1:1",
        "the latest of a name counts"
    );
}

#[test]
fn aliases_cannot_expand_a_yaml_document_beyond_its_limits() {
    let mut laughs = String::from("a: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for (before, name) in ('a'..='h').zip('b'..='i') {
        laughs += &format!(
            "{name}: &{name} [{}]\n",
            vec![format!("*{before}"); 10].join(", ")
        );
    }
    assert!(
        only_problem(&laughs).contains("over 100000 keys and values"),
        "{}",
        only_problem(&laughs)
    );

    let long = format!(
        "a: &a {}\nb: [{}]\n",
        "x".repeat(1 << 20),
        vec!["*a"; 100].join(", ")
    );
    assert!(
        only_problem(&long).contains("over 16 MiB"),
        "{}",
        only_problem(&long)
    );

    assert_eq!(
        only_problem(&"#".repeat((4 << 20) + 1)),
        "the configuration is over 4 MiB; make it smaller"
    );
    assert!(outcome(&"#".repeat(4 << 20)).1.is_empty());

    let key = "k".repeat(257);
    assert_eq!(
        only_problem(&format!("{key}: 1")),
        "line 1: this key is longer than 256 bytes; shorten it"
    );
}

#[test]
fn yaml_nesting_is_limited_to_64_levels() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(outcome(&nested(64)).1.is_empty());
    assert!(only_problem(&nested(65)).ends_with("this is nested more than 64 deep; nest less"));
    let aliased = |outer: usize, inner: usize| {
        format!(
            "- &a {}\n- {}*a{}\n",
            nested(inner),
            "[".repeat(outer),
            "]".repeat(outer)
        )
    };
    assert!(outcome(&aliased(31, 32)).1.is_empty());
    assert!(only_problem(&aliased(32, 32)).contains("nested more than 64 deep"));
}

#[test]
fn no_yaml_text_causes_a_panic() {
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ": ",
        "- ",
        "---\n",
        "...\n",
        "? ",
        "|\n",
        ">-\n",
        "&a ",
        "*a",
        "!",
        "!!str ",
        "%YAML 1.2\n",
        "\"",
        "'",
        "\t",
        "\n",
        "\r",
        "#",
        "\\x",
        "\u{feff}",
        "\0",
        "é",
        "~",
        "${",
        "${A}",
        "<<: ",
        ",",
        "  ",
        "issuers:",
        "claim_headers:",
        "a",
    ];
    // Xorshift: the same texts every time.
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |bound: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % bound as u64).expect("a small number")
    };
    for _ in 0..3_000 {
        let text: String = (0..1 + below(14))
            .map(|_| pieces[below(pieces.len())])
            .collect();
        let problems = match load::read(&text, &|_| None) {
            Ok((_, problems)) => problems.into_sorted(),
            Err(problems) => problems,
        };
        assert!(
            !problems.is_empty(),
            "none of these names an issuer: {text:?}"
        );
        // To the parser the end of the text is on a line of its own.
        let lines = 1 + text.split(['\n', '\r']).count();
        assert!(
            problems
                .iter()
                .all(|problem| problem.line.is_none_or(|line| (1..=lines).contains(&line))),
            "{text:?} {problems:?}"
        );
        assert!(
            problems
                .iter()
                .all(|problem| problem.to_string().lines().count() == 1),
            "{text:?}"
        );
    }
}
