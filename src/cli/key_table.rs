//! What `accredit keys` prints: a table, or JSON.

use serde_json::{Value, json as object};

use crate::admin::pb;
use crate::admin::text::span;
use crate::cli::columns::Columns;
use crate::telemetry::printable::printable;

const HEAD: [&str; 7] = [
    "ISSUER",
    "KID",
    "TYPE",
    "ALGORITHMS",
    "AGE",
    "REFRESH",
    "STATE",
];

/// One line per key, including keys that are set aside; one line for an issuer without keys; then the failed fetches.
pub(crate) fn table(issuers: &[pb::Issuer]) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    for issuer in issuers {
        let own = rows_of(issuer).into_iter();
        rows.extend(own.map(|row| row.map(|cell| printable(&cell).into_owned())));
    }
    let mut columns = Columns::<7>::default();
    for row in &rows {
        columns.fit(row);
    }
    let mut text: String = rows.iter().map(|row| columns.line(row) + "\n").collect();
    for issuer in issuers {
        if !issuer.last_error.is_empty() {
            let name = issuer.issuers.first().map_or("", String::as_str);
            let (source, error) = (&issuer.source, &issuer.last_error);
            let line = format!("{name}: latest fetch from {source} failed: {error}");
            text = text + "\n" + &printable(&line);
        }
    }
    text.trim_end().to_owned()
}

/// The same as one JSON object. The ages are in seconds; `null` means never.
pub(crate) fn json(issuers: &[pb::Issuer]) -> Value {
    let issuers: Vec<Value> = issuers.iter().map(issuer_json).collect();
    object!({ "issuers": issuers })
}

fn issuer_json(issuer: &pb::Issuer) -> Value {
    let keys = issuer.keys.iter();
    let keys: Vec<Value> = keys
        .map(|key| object!({ "kid": key.kid, "kty": key.kty, "algorithms": key.algorithms }))
        .collect();
    let set_aside = issuer.set_aside.iter();
    let set_aside: Vec<Value> = set_aside
        .map(|key| object!({ "kid": key.kid, "reason": key.reason }))
        .collect();
    object!({
        "issuers": issuer.issuers,
        "source": issuer.source,
        "required": issuer.required,
        "has_keys": issuer.has_keys,
        "age_seconds": issuer.age_seconds,
        "next_refresh_seconds": issuer.next_refresh_seconds,
        "last_error": (!issuer.last_error.is_empty()).then_some(&issuer.last_error),
        "keys": keys,
        "set_aside": set_aside,
        "omitted_set_aside": issuer.omitted_set_aside,
    })
}

fn rows_of(issuer: &pb::Issuer) -> Vec<[String; 7]> {
    let dash = || "-".to_owned();
    let kid = |kid: &Option<String>| kid.clone().unwrap_or_else(dash);
    let mut name = issuer.issuers.join(", ");
    let age = issuer.age_seconds.map_or_else(dash, span);
    let next = issuer.next_refresh_seconds.map_or_else(dash, span);
    let state = if issuer.has_keys { "usable" } else { "too old" };
    let mut rows = Vec::new();
    // Only the first line of an issuer has its name, age and next refresh.
    let mut add = |kid: String, kty: String, algorithms: String, state: String| {
        let first = [std::mem::take(&mut name), age.clone(), next.clone()];
        let [issuer, age, next] = if rows.is_empty() {
            first
        } else {
            Default::default()
        };
        rows.push([issuer, kid, kty, algorithms, age, next, state]);
    };
    for key in &issuer.keys {
        let algorithms = key.algorithms.join(" ");
        add(kid(&key.kid), key.kty.clone(), algorithms, state.to_owned());
    }
    for key in &issuer.set_aside {
        let state = format!("set aside: {}", key.reason);
        add(kid(&key.kid), dash(), dash(), state);
    }
    if issuer.omitted_set_aside > 0 {
        let state = format!("{} more keys are set aside", issuer.omitted_set_aside);
        add(dash(), dash(), dash(), state);
    }
    if issuer.keys.is_empty() && issuer.set_aside.is_empty() {
        add(dash(), dash(), dash(), "no keys".to_owned());
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::table;
    use crate::admin::pb;

    #[test]
    fn the_key_table_names_an_issuer_once_and_ends_with_failed_fetches() {
        let key = |kid: &str| pb::Key {
            kid: Some(kid.to_owned()),
            kty: "RSA".to_owned(),
            algorithms: vec!["RS256".to_owned()],
        };
        let good = pb::Issuer {
            issuers: vec!["https://a.test".to_owned()],
            has_keys: true,
            age_seconds: Some(61.0),
            next_refresh_seconds: Some(9.0),
            keys: vec![key("one"), key("tw\u{1b}o")],
            set_aside: vec![pb::SetAsideKey {
                kid: None,
                reason: "it is symmetric".to_owned(),
            }],
            ..pb::Issuer::default()
        };
        let bad = pb::Issuer {
            issuers: vec!["https://b.test".to_owned()],
            source: "https://b.test/keys".to_owned(),
            last_error: "connection refused".to_owned(),
            ..pb::Issuer::default()
        };
        let expected = "\
ISSUER          KID        TYPE  ALGORITHMS  AGE    REFRESH  STATE
https://a.test  one        RSA   RS256       1m01s  9s       usable
                tw\\u{1b}o  RSA   RS256                       usable
                -          -     -                           set aside: it is symmetric
https://b.test  -          -     -           -      -        no keys

https://b.test: latest fetch from https://b.test/keys failed: connection refused";
        assert_eq!(table(&[good, bad]), expected);
    }

    #[test]
    fn control_characters_of_an_issuer_in_the_key_table_are_escaped() {
        let odd = || "\u{1b}[2J\n\u{202e}".to_owned();
        let key = pb::Key {
            kid: Some(odd()),
            kty: odd(),
            algorithms: vec![odd()],
        };
        let issuer = pb::Issuer {
            issuers: vec![odd()],
            source: odd(),
            last_error: odd(),
            keys: vec![key],
            set_aside: vec![pb::SetAsideKey {
                kid: Some(odd()),
                reason: odd(),
            }],
            ..pb::Issuer::default()
        };
        let table = table(&[issuer]);
        assert!(!table.contains(['\u{1b}', '\u{202e}']), "{table:?}");
        assert_eq!(table.lines().count(), 5, "{table:?}");
    }
}
