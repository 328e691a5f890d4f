//! The reader against its grammar, and against serde_json as an independent judge.

use super::{Duplicates, JsonDocument, JsonError, JsonKind, JsonValue, MAX_DEPTH};

fn parse(text: &str) -> Result<JsonDocument, JsonError> {
    JsonDocument::parse(text.as_bytes(), Duplicates::Refuse)
}

#[test]
fn reads_each_kind_with_its_own_text() {
    let document =
        parse(r#" {"s":"a\u00e9\ud83d\ude00\n","n":1.50e+3,"b":[true,false,null],"o":{"x":[ ]}} "#)
            .expect("is JSON");
    let object = document.object().expect("is an object");
    assert_eq!(object.get("s").and_then(JsonValue::as_str), Some("aé😀\n"));
    let number = object.get("n").expect("is there");
    assert_eq!(document.raw(number), "1.50e+3");
    assert_eq!(document.number(number), Some(1500.0));
    assert_eq!(
        document.raw(object.get("o").expect("is there")),
        r#"{"x":[ ]}"#
    );
    assert!(
        matches!(object.get("b").map(|b| &b.kind), Some(JsonKind::Array(elements)) if elements.len() == 3)
    );
    assert_eq!(object.get("absent").map(|_| ()), None);
}

#[test]
fn refuses_what_readers_could_differ_on() {
    let cases: &[(&str, JsonError)] = &[
        ("", JsonError::Syntax),
        ("{", JsonError::Syntax),
        (r#"{"a":1,}"#, JsonError::Syntax),
        ("[1,]", JsonError::Syntax),
        (r#"{"a" 1}"#, JsonError::Syntax),
        ("{'a':1}", JsonError::Syntax),
        ("{a:1}", JsonError::Syntax),
        ("01", JsonError::TrailingBytes),
        ("-", JsonError::Syntax),
        ("1.", JsonError::Syntax),
        (".5", JsonError::Syntax),
        ("+1", JsonError::Syntax),
        ("1e", JsonError::Syntax),
        ("NaN", JsonError::Syntax),
        ("tru", JsonError::Syntax),
        ("\"a\nb\"", JsonError::Syntax),
        ("\"\u{0}\"", JsonError::Syntax),
        (r#""\x""#, JsonError::Syntax),
        (r#""\u12g4""#, JsonError::Syntax),
        (r#""\u+123""#, JsonError::Syntax),
        (r#""\ud800""#, JsonError::Syntax),
        (r#""\ud800\u0041""#, JsonError::Syntax),
        (r#""\udc00""#, JsonError::Syntax),
        (r#""\u00é""#, JsonError::Syntax),
        (r#""abc"#, JsonError::Syntax),
        ("{} x", JsonError::TrailingBytes),
        ("{}{}", JsonError::TrailingBytes),
        ("{}\u{a0}", JsonError::TrailingBytes),
        ("\u{feff}{}", JsonError::ByteOrderMark),
        (r#"{"a":1,"a":1}"#, JsonError::DuplicateMember),
        (r#"{"a":1,"\u0061":2}"#, JsonError::DuplicateMember),
        (
            r#"{"x":[{"y":{"a":1,"b":2,"a":3}}]}"#,
            JsonError::DuplicateMember,
        ),
    ];
    for (text, error) in cases {
        assert_eq!(parse(text).err(), Some(*error), "{text:?}");
    }
    assert_eq!(
        JsonDocument::parse(b"\"\xff\"", Duplicates::Refuse).err(),
        Some(JsonError::NotUtf8)
    );
    assert_eq!(
        JsonDocument::parse(b"\"\xed\xa0\x80\"", Duplicates::Refuse).err(),
        Some(JsonError::NotUtf8)
    );
}

#[test]
fn depth_is_bounded() {
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
fn many_members_are_searched_for_duplicates_too() {
    let members: Vec<String> = (0..1000).map(|i| format!("\"m{i}\":{i}")).collect();
    assert!(parse(&format!("{{{}}}", members.join(","))).is_ok());
    let twice = format!("{{{},\"m500\":0}}", members.join(","));
    assert_eq!(parse(&twice).err(), Some(JsonError::DuplicateMember));
}

#[test]
fn marking_tells_where_a_duplicate_is() {
    let text = br#"{"keys":[{"a":1},{"a":{"b":1,"b":2}}]}"#;
    let document = JsonDocument::parse(text, Duplicates::Mark).expect("is JSON");
    let keys = document
        .object()
        .and_then(|o| o.get("keys"))
        .and_then(JsonValue::as_array)
        .expect("keys");
    assert!(!keys[0].has_duplicates());
    assert!(keys[1].has_duplicates());
    assert!(!document.object().expect("object").names_a_member_twice());
}

/// Whatever we accept serde_json accepts, and reads alike; what it refuses we refuse. Mutations of real texts
/// reach corners that no table thinks of.
#[test]
fn agrees_with_an_independent_reader() {
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
                    same(document, document.root(), value),
                    "{}",
                    String::from_utf8_lossy(&text)
                );
            }
            (Err(_), Err(_)) => refused += 1,
            // It refuses a number that no double holds; we keep its digits.
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
fn what_a_document_occupies_is_counted_with_the_room_it_has_taken() {
    let document = parse(&format!("[{}]", vec!["[0]"; 3000].join(","))).expect("is JSON");
    // Each inner array has room for four values.
    let inner = 3000 * 5 * size_of::<JsonValue>();
    assert!(
        document.weight() >= inner,
        "{} < {inner}",
        document.weight()
    );
}

fn same(document: &JsonDocument, ours: &JsonValue, theirs: &serde_json::Value) -> bool {
    match (&ours.kind, theirs) {
        (JsonKind::Null, serde_json::Value::Null) => true,
        (JsonKind::Bool(a), serde_json::Value::Bool(b)) => a == b,
        (JsonKind::Number, serde_json::Value::Number(b)) => document.number(ours) == b.as_f64(),
        (JsonKind::String(a), serde_json::Value::String(b)) => **a == **b,
        (JsonKind::Array(a), serde_json::Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(document, a, b))
        }
        // Of a duplicate the other reader keeps the last.
        (JsonKind::Object(a), serde_json::Value::Object(b)) => b.iter().all(|(name, b)| {
            a.iter()
                .filter(|(member, _)| member == name)
                .last()
                .is_some_and(|(_, a)| same(document, a, b))
        }),
        _ => false,
    }
}
