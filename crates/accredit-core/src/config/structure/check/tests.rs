//! The walk knows all that the document's schema says; and some schemas that the document does not have.

use serde_json::{Value as Schema, json};

use super::check;
use crate::config::locations::Locations;
use crate::config::problem::Problems;
use crate::config::schema::schema;
use crate::config::structure::expected::nearest;
use crate::config::structure::grammar::grammar;
use crate::config::yaml::read::read;

fn problems(text: &str, schema: &Schema) -> Vec<String> {
    let mut problems = Problems::default();
    let mut tree = read(text, &mut problems).expect("a tree");
    problems.locate_in(Locations::of(&tree));
    check(&mut tree, schema, &mut problems);
    problems
        .into_sorted()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn the_structure_check_supports_every_keyword_of_the_schema() {
    let judged = [
        "$ref",
        "additionalProperties",
        "anyOf",
        "const",
        "enum",
        "items",
        "maximum",
        "minItems",
        "minProperties",
        "minimum",
        "oneOf",
        "pattern",
        "properties",
        "required",
        "type",
    ];
    // `minLength` repeats what the grammar of the same pattern says; the others say nothing about values.
    let silent = [
        "$defs",
        "$schema",
        "default",
        "description",
        "examples",
        "format",
        "minLength",
        "title",
    ];
    let schema = schema();
    let mut patterns = 0;
    each_schema(schema, &mut |part| {
        for keyword in part.as_object().into_iter().flat_map(|part| part.keys()) {
            assert!(
                judged.contains(&keyword.as_str()) || silent.contains(&keyword.as_str()),
                "{keyword}"
            );
        }
        if let Some(pattern) = part.get("pattern") {
            assert!(
                grammar(pattern.as_str().expect("a text")).is_some(),
                "{pattern} has no parser"
            );
            patterns += 1;
        }
        assert!(part.get("minLength").is_none() || part.get("pattern").is_some());
        assert!(
            part.get("additionalProperties").is_some() || part.get("properties").is_none(),
            "unknown keys are errors"
        );
    });
    assert_eq!(patterns, 2);
}

fn each_schema(schema: &Schema, visit: &mut dyn FnMut(&Schema)) {
    visit(schema);
    for keyword in ["anyOf", "oneOf"] {
        schema
            .get(keyword)
            .and_then(Schema::as_array)
            .into_iter()
            .flatten()
            .for_each(|part| each_schema(part, visit));
    }
    for keyword in ["properties", "$defs"] {
        let parts = schema
            .get(keyword)
            .and_then(Schema::as_object)
            .into_iter()
            .flat_map(|parts| parts.values());
        parts.for_each(|part| each_schema(part, visit));
    }
    for keyword in ["items", "additionalProperties"] {
        schema
            .get(keyword)
            .filter(|part| part.is_object())
            .into_iter()
            .for_each(|part| each_schema(part, visit));
    }
}

#[test]
fn a_value_must_fit_one_of_several_alternatives_completely() {
    let schema = json!({ "anyOf": [
        { "type": "object", "required": ["a"], "properties": { "a": { "type": "integer" } }, "additionalProperties": false },
        { "type": "object", "required": ["b"], "properties": { "b": { "type": "integer" } }, "additionalProperties": false },
    ]});
    assert_eq!(problems("a: 1", &schema), [""; 0]);
    assert_eq!(problems("b: 1", &schema), [""; 0]);
    let expected = ["line 1: this is a mapping; write a mapping with `a` or a mapping with `b`"];
    assert_eq!(problems("a: 1\nb: 1", &schema), expected);
    assert_eq!(problems("c: 1", &schema), expected);
    // A mapping is meant to be the alternative of which it has the most keys.
    let expected = ["b (line 1): this is a string; write a whole number"];
    assert_eq!(problems("b: x", &schema), expected);
    let expected = ["c (line 2): unknown key; did you mean `b`?"];
    assert_eq!(problems("b: 1\nc: 1", &schema), expected);
}

#[test]
fn wrong_numbers_and_empty_lists_are_reported() {
    let schema = json!({ "type": "object", "properties": {
        "ratio": { "type": "number" },
        "pair": { "type": "array", "items": { "type": "boolean" }, "minItems": 1 },
        "map": { "type": "object", "additionalProperties": true, "minProperties": 1 },
    }});
    assert_eq!(
        problems("ratio: 0.5\npair: [true, false]", &schema),
        [""; 0]
    );
    let expected = [
        "ratio (line 1): this is a string; write a number",
        "pair (line 2): this list is empty; add an element, or remove the key",
        "map (line 3): this mapping is empty; add an element, or remove the key",
    ];
    assert_eq!(problems("ratio: x\npair: []\nmap: {}", &schema), expected);
}

#[test]
fn a_misspelled_key_is_recognised_and_an_unrelated_one_is_not() {
    let known = ["issuer", "audiences", "uri", "as", "max_stale"].map(str::to_owned);
    let cases = [
        ("isuer", Some("issuer")),
        ("issuers", Some("issuer")),
        ("Issuer", Some("issuer")),
        ("audience", Some("audiences")),
        ("audeinces", Some("audiences")),
        ("url", Some("uri")),
        ("max-stale", Some("max_stale")),
        ("maxStale", Some("max_stale")),
        ("at", Some("as")),
        ("is", Some("as")),
        ("jwks", None),
        ("rules", None),
        ("uxx", None),
    ];
    for (name, meant) in cases {
        assert_eq!(
            nearest(name, known.iter()).map(String::as_str),
            meant,
            "{name}"
        );
    }
}
