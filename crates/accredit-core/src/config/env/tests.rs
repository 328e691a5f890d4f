//! References to the environment in one string (CONTRACT 3.2).

use super::substitute;

fn lookup(name: &str) -> Option<String> {
    let value = match name {
        "A" => "alpha",
        "_b2" => "beta",
        "EMPTY" => "",
        "BLANK" => " \t\n",
        "PADDED" => " gamma\n",
        "REFERENCE" => "${A}",
        "BRACE" => "}",
        _ => return None,
    };
    Some(value.to_owned())
}

fn faults(text: &str) -> Vec<String> {
    substitute(text, &lookup)
        .err()
        .unwrap_or_default()
        .into_iter()
        .map(|fault| fault.what)
        .collect()
}

#[test]
fn environment_references_are_replaced() {
    let cases = [
        ("${A}", "alpha"),
        ("x${A}y${_b2}z", "xalphaybetaz"),
        ("${A:-d}", "alpha"),
        ("${NONE:-d e:-f}", "d e:-f"),
        ("${NONE:-}", ""),
        ("${PADDED}", "gamma"),
        ("${BLANK:-d}", "d"),
        ("${NONE:- d }", "d"),
        ("${EMPTY:-d}", "d"),
        ("${REFERENCE}", "${A}"),
        ("${REFERENCE}}", "${A}}"),
        ("${BRACE}${A}", "}alpha"),
        ("${NONE:-$A}", "$A"),
        ("$${A}", "$alpha"),
        ("$ $A $5 {A} ${A}", "$ $A $5 {A} alpha"),
    ];
    for (text, expected) in cases {
        let expanded = substitute(text, &lookup);
        assert_eq!(
            expanded.map_err(|faults| faults.len()),
            Ok(expected.to_owned()),
            "{text}"
        );
    }
}

#[test]
fn malformed_environment_references_are_errors() {
    let no_name = "`${` is not followed by the name of an environment variable";
    let cases = [
        ("${", "`${` without a `}`"),
        ("${A", "`${` without a `}`"),
        ("${}", no_name),
        ("${ A }", no_name),
        ("${1A}", no_name),
        ("${A-b}", no_name),
        ("${A:?b}", no_name),
        ("${:-b}", no_name),
        ("${Ä}", no_name),
        ("${A:-${_b2}}", "a default cannot contain `${`"),
        (
            "${EMPTY}",
            "the environment variable `EMPTY` is not set, or is empty",
        ),
        (
            "${BLANK}",
            "the environment variable `BLANK` is not set, or is empty",
        ),
        (
            "${NONE}",
            "the environment variable `NONE` is not set, or is empty",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(faults(text), [expected], "{text}");
    }
    assert_eq!(
        faults("${NONE} ${} ${A} ${").len(),
        3,
        "every fault is reported"
    );
}
