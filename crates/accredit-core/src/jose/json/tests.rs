//! The reader against the grammar of RFC 8259, and against serde_json.

use super::value::{JsonKind, JsonValue};
use super::{Duplicates, JsonDocument, JsonError, JsonNode, MAX_DEPTH};

fn parse(text: &str) -> Result<JsonDocument, JsonError> {
    JsonDocument::parse(text.as_bytes(), Duplicates::Refuse)
}

#[test]
fn the_json_reader_keeps_the_original_text_of_each_value() {
    let document =
        parse(r#" {"s":"a\u00e9\ud83d\ude00\n","n":1.50e+3,"b":[true,false,null],"o":{"x":[ ]}} "#)
            .expect("is JSON");
    let object = document.object().expect("is an object");
    assert_eq!(object.get("s").and_then(JsonValue::as_str), Some("aé😀\n"));
    let number = object.get("n").expect("is there");
    assert_eq!(number.raw(), "1.50e+3");
    assert_eq!(number.number(), Some(1500.0));
    assert_eq!(object.get("o").map(JsonValue::raw), Some(r#"{"x":[ ]}"#));
    let elements = object.get("b").and_then(JsonValue::as_array);
    assert_eq!(elements.map(|elements| elements.len()), Some(3));
    let escaped = object.get("s").expect("is there");
    assert_eq!(escaped.raw(), r#""a\u00e9\ud83d\ude00\n""#);
    assert_eq!(document.text().trim(), document.root().raw());
    assert_eq!(object.get("absent").map(|_| ()), None);
}

#[test]
fn json_that_readers_interpret_differently_is_refused() {
    use JsonError::{ByteOrderMark, DuplicateMember, Empty, NotUtf8, Syntax, TrailingBytes};
    let cases: &[(&str, JsonError)] = &[
        ("", Empty),
        (" \n", Empty),
        ("{", Syntax(1)),
        (r#"{"a":1,}"#, Syntax(7)),
        ("[1,]", Syntax(3)),
        (r#"{"a" 1}"#, Syntax(5)),
        ("{'a':1}", Syntax(1)),
        ("{a:1}", Syntax(1)),
        ("01", TrailingBytes(1)),
        ("-", Syntax(1)),
        ("1.", Syntax(2)),
        (".5", Syntax(0)),
        ("+1", Syntax(0)),
        ("1e", Syntax(2)),
        ("NaN", Syntax(0)),
        ("tru", Syntax(0)),
        ("\"a\nb\"", Syntax(2)),
        ("\"\u{0}\"", Syntax(1)),
        (r#""\x""#, Syntax(3)),
        (r#""\u12g4""#, Syntax(3)),
        (r#""\u+123""#, Syntax(3)),
        (r#""\ud800""#, Syntax(7)),
        (r#""\ud800\u0041""#, Syntax(13)),
        (r#""\udc00""#, Syntax(7)),
        (r#""\u00é""#, Syntax(3)),
        (r#""abc"#, Syntax(1)),
        ("{} x", TrailingBytes(3)),
        ("{}{}", TrailingBytes(2)),
        ("{}\u{a0}", TrailingBytes(2)),
        ("\u{feff}{}", ByteOrderMark),
        (r#"{"a":1,"a":1}"#, DuplicateMember(7)),
        (r#"{"a":1 , "\u0061":2}"#, DuplicateMember(9)),
        (r#"{"x":[{"y":{"a":1,"b":2,"a":3}}]}"#, DuplicateMember(24)),
    ];
    for (text, error) in cases {
        assert_eq!(parse(text).err(), Some(*error), "{text:?}");
    }
    for text in [&b"\"\xff\""[..], b"\"\xed\xa0\x80\""] {
        let error = JsonDocument::parse(text, Duplicates::Refuse).err();
        assert_eq!(error, Some(NotUtf8(1)));
    }
}

#[test]
fn the_depth_of_json_is_limited() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(
        parse(&nested(MAX_DEPTH + 1)).err(),
        Some(JsonError::TooDeep)
    );
    assert_eq!(
        parse(&"[".repeat(1_000_000)).err(),
        Some(JsonError::TooDeep)
    );
}

#[test]
fn a_duplicate_among_many_json_members_is_found() {
    let members: Vec<String> = (0..1000).map(|i| format!("\"m{i}\":{i}")).collect();
    assert!(parse(&format!("{{{}}}", members.join(","))).is_ok());
    let start = members.join(",");
    let twice = format!("{{{start},\"m500\":0,\"m501\":0}}");
    let error = JsonError::DuplicateMember(start.len() + 2);
    assert_eq!(parse(&twice).err(), Some(error));
}

#[test]
fn only_the_json_object_with_the_duplicate_is_marked() {
    let text = br#"{"keys":[{"a":1},{"a":{"b":1,"b":2}}]}"#;
    let document = JsonDocument::parse(text, Duplicates::Mark).expect("is JSON");
    let keys = document
        .object()
        .and_then(|o| o.get("keys"))
        .and_then(JsonValue::as_array)
        .expect("keys");
    let keys: Vec<JsonValue<'_>> = keys.iter().collect();
    assert!(!keys[0].has_duplicates());
    assert!(keys[1].has_duplicates() && !keys[1].names_a_member_twice());
    let outer = keys[1].as_object().and_then(|key| key.get("a"));
    assert!(outer.is_some_and(JsonValue::names_a_member_twice));
    let root = document.root();
    assert!(root.has_duplicates() && !root.names_a_member_twice());
}

#[test]
fn names_are_compared_after_unescaping() {
    let document = parse(r#"{"\u0061b":1,"x":{"\n":[2]},"é\"":"\t"}"#).expect("is JSON");
    let object = document.object().expect("is an object");
    let read: Vec<_> = object
        .iter()
        .map(|(name, value)| (name, value.raw()))
        .collect();
    assert_eq!(
        read,
        [("ab", "1"), ("x", r#"{"\n":[2]}"#), ("é\"", r#""\t""#)]
    );
    for name in ["ab", "x", "é\""] {
        assert!(object.get(name).is_some(), "{name}");
    }
    for absent in [r"\u0061b", "a", "abc", "n", "\n", ""] {
        assert!(object.get(absent).is_none(), "{absent}");
    }
    assert_eq!(object.get("é\"").and_then(JsonValue::as_str), Some("\t"));
}

#[test]
fn elements_are_found_by_index_among_values_of_every_size() {
    for text in [
        "[1,2,3]",
        r#"["a","b\n","c"]"#,
        r#"[[],[[1],2],{"a":{"b":[]}},"x",null]"#,
        r#"[{},"\u0061",[1,[2,[3]]]]"#,
        "[]",
    ] {
        let document = parse(text).expect("is JSON");
        let elements = document.root().as_array().expect("is an array");
        let in_order: Vec<&str> = elements.iter().map(JsonValue::raw).collect();
        let by_index = (0..elements.len()).map(|index| elements.get(index).map(JsonValue::raw));
        assert_eq!(by_index.collect::<Option<Vec<_>>>(), Some(in_order.clone()));
        assert!(elements.get(elements.len()).is_none(), "{text}");
        assert_eq!(format!("[{}]", in_order.join(",")), text);
    }
}

/// serde_json accepts every text that this reader accepts, and reads the same values. The texts are mutations of real
/// ones.
#[test]
fn the_json_reader_agrees_with_serde_json() {
    let seeds = [
        r#"{"iss":"https://a.example","aud":["a","b"],"exp":1.5e9,"n":-0.0,"x":{"y":[null,true,{"z":"\u00e9\\"}]}}"#,
        r#"[1,2.5,-3e-2,"\ud83d\ude00",{},[],"",{"":0}]"#,
    ];
    let alphabet = br#"{}[]",:\u0018e+-. tfn/x"#;
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % bound as u64) as usize
    };
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..40_000 {
        let mut text = seeds[round % seeds.len()].as_bytes().to_vec();
        for _ in 0..=next(3) {
            let at = next(text.len());
            match next(3) {
                0 => text[at] = alphabet[next(alphabet.len())],
                1 => drop(text.remove(at)),
                _ => text.insert(at, alphabet[next(alphabet.len())]),
            }
        }
        let ours = JsonDocument::parse(&text, Duplicates::Mark);
        let theirs = serde_json::from_slice::<serde_json::Value>(&text);
        match (&ours, &theirs) {
            (Ok(document), Ok(value)) => {
                accepted += 1;
                assert!(
                    same(document.root(), value),
                    "{}",
                    String::from_utf8_lossy(&text)
                );
            }
            (Err(_), Err(_)) => refused += 1,
            // serde_json refuses a number outside the range of a double. This reader keeps its digits.
            (Ok(_), Err(error)) => {
                assert!(error.to_string().contains("number out of range"), "{error}")
            }
            (Err(error), Ok(_)) => panic!("refused {}: {error}", String::from_utf8_lossy(&text)),
        }
    }
    assert!(
        accepted > 1000 && refused > 1000,
        "{accepted} accepted, {refused} refused"
    );
}

#[test]
fn a_document_has_no_unused_memory_and_all_of_it_counts_in_its_weight() {
    for (inner, nodes, unescaped) in [("[0]", 2, 0), ("{\"a\":0}", 3, 0), ("\"\\u0061\"", 2, 1)] {
        let document = parse(&format!("[{}]", vec![inner; 3000].join(","))).expect("is JSON");
        let text = document.text().len() + 3000 * unescaped;
        let expected = text + (1 + 3000 * nodes) * size_of::<JsonNode>();
        assert_eq!(document.heap_weight(), expected, "{inner}");
    }
}

fn same(ours: JsonValue<'_>, theirs: &serde_json::Value) -> bool {
    match (ours.kind(), theirs) {
        (JsonKind::Null, serde_json::Value::Null) => true,
        (JsonKind::Bool(a), serde_json::Value::Bool(b)) => a == *b,
        (JsonKind::Number, serde_json::Value::Number(b)) => ours.number() == b.as_f64(),
        (JsonKind::String(a), serde_json::Value::String(b)) => *a == **b,
        (JsonKind::Array(a), serde_json::Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        // serde_json keeps the last of two duplicates.
        (JsonKind::Object(a), serde_json::Value::Object(b)) => b.iter().all(|(name, b)| {
            let members = a.iter().filter(|(member, _)| member == name);
            members.last().is_some_and(|(_, a)| same(a, b))
        }),
        _ => false,
    }
}
