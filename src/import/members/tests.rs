//! Members of both spellings, of wrong types, and those that were not read.

use serde_json::json;

use super::{Members, milliseconds};
use crate::import::report::ImportReport;

#[test]
fn names_are_read_in_both_cases_and_unread_ones_are_reported() {
    let report = ImportReport::default();
    let value = json!({ "remoteJwks": 1, "from_headers": [], "remoteJWKS2": "x", "gone": null });
    let members = Members::of("f", &value, &report);
    assert!(members.has("remote_jwks"));
    assert!(members.has("fromHeaders"));
    assert!(!members.has("gone"));
    assert_eq!(members.at("from_headers"), "f.from_headers");
    members.report_unread();
    let lines = report.into_lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].starts_with("left out: f.remoteJWKS2: "),
        "{lines:?}"
    );
}

#[test]
fn a_member_of_another_type_is_reported_and_counts_as_absent() {
    let report = ImportReport::default();
    let value = json!({ "a": 1, "b": ["x", 2], "c": "yes" });
    let members = Members::of("f", &value, &report);
    assert_eq!(members.text("a"), None);
    assert_eq!(members.texts("b"), Some(vec!["x".to_owned()]));
    assert_eq!(members.flag("c"), None);
    assert!(report.has_unreadable());
    assert_eq!(report.into_lines().len(), 3);
}

#[test]
fn a_word_of_an_enumeration_is_read_by_its_name_and_by_its_number() {
    let read = |value: serde_json::Value| {
        let report = ImportReport::default();
        let value = json!({ "action": value });
        let word = Members::of("f", &value, &report).word("action", &["ALLOW", "DENY"]);
        assert_eq!(word.is_none(), report.has_unreadable(), "{value}");
        word
    };
    assert_eq!(read(json!(null)), Some("ALLOW"));
    assert_eq!(read(json!("DENY")), Some("DENY"));
    assert_eq!(read(json!(0)), Some("ALLOW"));
    assert_eq!(read(json!(1)), Some("DENY"));
    assert_eq!(read(json!("1")), Some("DENY"));
    for unreadable in [
        json!("LOG"),
        json!(2),
        json!(-1),
        json!(true),
        json!(["DENY"]),
    ] {
        assert_eq!(read(unreadable), None);
    }
}

#[test]
fn durations_of_protocol_buffers_and_of_go_are_read() {
    for (text, expected) in [
        ("5s", Some(5000)),
        ("1.5s", Some(1500)),
        ("0.0001s", Some(1)),
        ("5m0s", Some(300_000)),
        ("1h2m3s", Some(3_723_000)),
        ("250ms", Some(250)),
        ("", None),
        ("5", None),
        ("soon", None),
        ("-5s", None),
    ] {
        assert_eq!(milliseconds(text), expected, "{text}");
    }
}
