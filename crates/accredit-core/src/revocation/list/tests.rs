//! Which tokens a list names.

use std::time::Duration;

use super::{DenyList, DenyListBuilder, DenyListMatch, RevocableToken};
use crate::revocation::entry::{DenyListEntry, RevokedBy, RevokingEntry};
use crate::token::claims::Claims;
use crate::token::numeric_date::NumericDate;

const ISSUER: &str = "https://a.example";

fn at(seconds: u64) -> NumericDate {
    NumericDate::after_epoch(Duration::from_secs(seconds))
}

fn entry(by: RevokedBy, value: &str) -> DenyListEntry<'_> {
    DenyListEntry {
        issuer: ISSUER,
        by,
        value,
        issued_before: None,
        until: None,
        line: 1,
    }
}

fn list<'a>(entries: impl IntoIterator<Item = DenyListEntry<'a>>) -> DenyList {
    let mut builder = DenyListBuilder::default();
    for (line, entry) in (1..).zip(entries) {
        let entry = DenyListEntry { line, ..entry };
        builder.push(&entry).expect("fits");
    }
    builder.build()
}

fn line_for(list: &DenyList, issuer: &str, claims: &str, now: u64) -> Option<u32> {
    let claims = Claims::parse(claims.as_bytes()).expect("are claims");
    let token = RevocableToken {
        issuer,
        claims: &claims,
        key_id: Some("k"),
    };
    match list.look_up(&token, at(now)) {
        DenyListMatch::Revoked(entry) => Some(entry.line),
        DenyListMatch::Ended | DenyListMatch::NotNamed => None,
    }
}

#[test]
fn an_entry_names_tokens_of_its_issuer_by_exactly_one_property() {
    let list = list([
        entry(RevokedBy::TokenId, "t"),
        entry(RevokedBy::Subject, "s"),
        entry(RevokedBy::ClientId, "c"),
        entry(RevokedBy::Organization, "12"),
    ]);
    for (claims, line) in [
        (r#"{"jti":"t"}"#, Some(1)),
        (r#"{"sub":"s"}"#, Some(2)),
        (r#"{"client_id":"c","sub":"x"}"#, Some(3)),
        (r#"{"oid":"12"}"#, Some(4)),
        (r#"{"oid":12}"#, Some(4)),
        (r#"{"jti":"s","sub":"t","client_id":"12","oid":"c"}"#, None),
        (r#"{"jti":"T"}"#, None),
        (r#"{"jti":"t "}"#, None),
        (r#"{"jti":["t"],"sub":null,"oid":{}}"#, None),
        ("{}", None),
    ] {
        assert_eq!(line_for(&list, ISSUER, claims, 0), line, "{claims}");
        assert_eq!(line_for(&list, "https://a.example/", claims, 0), None);
    }
}

#[test]
fn an_entry_can_name_a_key() {
    let claims = Claims::parse(b"{\"kid\":\"other\"}").expect("are claims");
    let list = list([entry(RevokedBy::KeyId, "k")]);
    for (key_id, is_named) in [(Some("k"), true), (Some("other"), false), (None, false)] {
        let token = RevocableToken {
            issuer: ISSUER,
            claims: &claims,
            key_id,
        };
        let found = list.look_up(&token, at(0));
        let by_key = DenyListMatch::Revoked(RevokingEntry {
            line: 1,
            by: RevokedBy::KeyId,
        });
        let expected = if is_named {
            by_key
        } else {
            DenyListMatch::NotNamed
        };
        assert_eq!(found, expected, "{key_id:?}");
    }
}

#[test]
fn issued_before_spares_newer_tokens_and_until_ends_an_entry() {
    let bounded = DenyListEntry {
        issued_before: Some(at(100)),
        until: Some(at(200)),
        ..entry(RevokedBy::Subject, "s")
    };
    let list = list([bounded]);
    for (claims, now, line) in [
        (r#"{"sub":"s","iat":99.9}"#, 150, Some(1)),
        (r#"{"sub":"s","iat":100}"#, 150, None),
        (r#"{"sub":"s"}"#, 150, Some(1)),
        (r#"{"sub":"s","iat":1}"#, 199, Some(1)),
        (r#"{"sub":"s","iat":1}"#, 200, None),
    ] {
        assert_eq!(
            line_for(&list, ISSUER, claims, now),
            line,
            "{claims} at {now}"
        );
    }
}

/// An expired entry for the same value must not hide one that is in force.
#[test]
fn several_entries_for_one_value_all_count() {
    let ended = DenyListEntry {
        until: Some(at(10)),
        ..entry(RevokedBy::Subject, "s")
    };
    let list = list([ended, entry(RevokedBy::Subject, "s")]);
    assert_eq!(line_for(&list, ISSUER, r#"{"sub":"s"}"#, 20), Some(2));
}

#[test]
fn every_entry_of_a_large_list_is_found_and_nothing_else() {
    let values: Vec<String> = (0..20_000).map(|number| format!("id-{number}")).collect();
    let list = list(values.iter().map(|value| entry(RevokedBy::TokenId, value)));
    for (line, value) in (1..).zip(&values) {
        let claims = format!(r#"{{"jti":"{value}"}}"#);
        assert_eq!(line_for(&list, ISSUER, &claims, 0), Some(line));
        let other = format!(r#"{{"jti":"x{value}"}}"#);
        assert_eq!(line_for(&list, ISSUER, &other, 0), None);
    }
}

#[test]
fn each_list_has_its_own_generation() {
    assert_ne!(list([]).generation(), list([]).generation());
}
