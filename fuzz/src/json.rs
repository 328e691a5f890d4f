//! Strict JSON against serde_json: accredit accepts a text exactly if serde_json does and no two readers could differ about it.

use accredit_core::jose::json::value::{JsonKind, JsonValue};
use accredit_core::jose::json::{Duplicates, JsonDocument};

use super::json_oracle::{MAX_DEPTH, Reading, read};

/// Whether the text is accepted.
pub fn check(text: &[u8]) -> bool {
    let strict = JsonDocument::parse(text, Duplicates::Refuse);
    let marked = JsonDocument::parse(text, Duplicates::Mark);
    let shown = String::from_utf8_lossy(text);
    match read(text) {
        Reading::NotJson => assert!(marked.is_err(), "only accredit accepts {shown}"),
        Reading::OutOfRange => {}
        Reading::Json(tree) => {
            let is_shallow = tree.depth() <= MAX_DEPTH;
            assert_eq!(marked.is_ok(), is_shallow, "{shown}: {marked:?}");
            let is_strict = is_shallow && !tree.has_duplicates();
            assert_eq!(strict.is_ok(), is_strict, "{shown}: {strict:?}");
            if let Ok(marked) = &marked {
                assert!(tree.is_same(marked.root()), "{shown}");
            }
        }
    }
    if let Err(error) = &strict {
        assert!(!error.to_string().is_empty());
        return false;
    }
    let document = strict.expect("was accepted");
    assert_eq!(document.text().as_bytes(), text);
    texts_are_values(document.root());
    true
}

/// The text of each value, read alone, is the same value.
fn texts_are_values(value: JsonValue<'_>) {
    let raw = value.raw();
    assert_eq!(raw.trim(), raw);
    let alone = JsonDocument::parse(raw.as_bytes(), Duplicates::Refuse).expect(raw);
    assert_eq!(alone.root().as_str(), value.as_str(), "{raw}");
    assert_eq!(alone.root().number(), value.number(), "{raw}");
    match value.kind() {
        JsonKind::Array(elements) => {
            elements.iter().take(8).for_each(texts_are_values);
        }
        JsonKind::Object(members) => members
            .iter()
            .take(8)
            .for_each(|(_, member)| texts_are_values(member)),
        JsonKind::Null | JsonKind::Bool(_) | JsonKind::Number | JsonKind::String(_) => {}
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let many: Vec<String> = (0..20)
        .map(|number| format!("\"m{number}\":{number}"))
        .collect();
    [
        r#"{"iss":"https://a.example","aud":["a","b"],"exp":1.5e9,"n":-0.0,"x":{"y":[null,true,{"z":"\u00e9\\"}]}}"#,
        r#"[1,2.5,-3e-2,"\ud83d\ude00",{},[],"",{"":0}]"#,
        r#"{"a":1 , "\u0061":2}"#,
        "\u{feff}{}",
        "1e400",
        "123456789012345678901234567890",
        " [ ] x",
        &deep(MAX_DEPTH),
        &deep(MAX_DEPTH + 1),
        &format!("{{{}}}", many.join(",")),
        &format!("{{{},\"m3\":0}}", many.join(",")),
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
