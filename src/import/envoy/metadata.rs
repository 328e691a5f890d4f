//! Conditions on the dynamic metadata that `jwt_authn` writes: the claims of the token.

use crate::import::claims::{ClaimShape, ClaimTest};
use crate::import::envoy::matchers::{no_equivalent, string_matcher};
use crate::import::envoy::provider::JwtAuthnProvider;
use crate::import::formula::{Atom, Formula};
use crate::import::members::Members;
use crate::import::text_test::TextTest;

const JWT_AUTHN_METADATA: &str = "envoy.filters.http.jwt_authn";

/// `envoy.type.matcher.v3.MetadataMatcher`
pub(crate) fn metadata(members: Members<'_>, providers: &[JwtAuthnProvider]) -> Formula {
    let (at, report) = (members.place().to_owned(), members.report());
    let filter = members.text("filter");
    let mut path = Vec::new();
    for segment in members.mappings("path") {
        path.extend(segment.text("key"));
        segment.report_unread();
    }
    let is_inverted = members.flag("invert").unwrap_or(false);
    let value = members.mapping("value");
    let (key, claim) = match (filter.as_deref(), path.split_first(), value) {
        (Some(JWT_AUTHN_METADATA), Some((key, claim)), Some(value)) if !claim.is_empty() => {
            members.report_unread();
            (key.clone(), (claim.to_vec(), value))
        }
        _ => {
            members.ignore(&["filter", "path", "value", "invert"]);
            members.report_unread();
            return no_equivalent(&at, "this condition on metadata", report);
        }
    };
    let (claim, value) = claim;
    let writers: Vec<&JwtAuthnProvider> = providers
        .iter()
        .filter(|own| own.metadata_key.as_deref() == Some(key.as_str()))
        .collect();
    let issuers: Vec<TextTest> = writers
        .iter()
        .filter_map(|own| own.provider.as_ref())
        .map(|provider| TextTest::exact(provider.issuer.clone()))
        .collect();
    let are_words = |own: &&JwtAuthnProvider| match claim.as_slice() {
        [name] => own.word_claims.contains(name),
        _ => false,
    };
    let words = writers.iter().filter(|own| are_words(own)).count();
    if words != 0 && words != writers.len() {
        return no_equivalent(
            &at,
            "a claim that is split into words for some issuers only",
            report,
        );
    }
    let test = of_value(value, &claim, words != 0);
    let matched = Formula::all([Formula::Atom(Atom::Issuers(issuers)), test]);
    match is_inverted {
        true => Formula::not(matched),
        false => matched,
    }
}

/// `envoy.type.matcher.v3.ValueMatcher`
fn of_value(members: Members<'_>, claim: &[String], are_words: bool) -> Formula {
    let (at, report) = (members.place().to_owned(), members.report());
    let found = if let Some(alternatives) = members.mapping("or_match") {
        let parts = alternatives.mappings("value_matchers").into_iter();
        let parts: Vec<_> = parts.map(|part| of_value(part, claim, are_words)).collect();
        alternatives.report_unread();
        Formula::any(parts)
    } else if let Some(matcher) = members.mapping("string_match") {
        match string_matcher(matcher) {
            Some(test) => of_test(claim, ClaimShape::Text, test, are_words),
            None => Formula::Unknown,
        }
    } else if let Some(list) = members.mapping("list_match") {
        let found = match list.mapping("one_of") {
            Some(one) => of_element(one, claim, are_words),
            None => no_equivalent(&at, "this test of a list", report),
        };
        list.report_unread();
        found
    } else {
        members.ignore(&["null_match", "double_match", "bool_match", "present_match"]);
        no_equivalent(&at, "a test for a value that is no text", report)
    };
    members.report_unread();
    found
}

/// A test of the elements of a list.
fn of_element(members: Members<'_>, claim: &[String], are_words: bool) -> Formula {
    let (at, report) = (members.place().to_owned(), members.report());
    let found = if let Some(alternatives) = members.mapping("or_match") {
        let parts = alternatives.mappings("value_matchers").into_iter();
        let parts: Vec<_> = parts
            .map(|part| of_element(part, claim, are_words))
            .collect();
        alternatives.report_unread();
        Formula::any(parts)
    } else if let Some(matcher) = members.mapping("string_match") {
        match string_matcher(matcher) {
            Some(test) => of_test(claim, ClaimShape::List, test, are_words),
            None => Formula::Unknown,
        }
    } else {
        no_equivalent(&at, "a test for an element that is no text", report)
    };
    members.report_unread();
    found
}

fn of_test(claim: &[String], shape: ClaimShape, test: TextTest, are_words: bool) -> Formula {
    let shape = match (shape, are_words) {
        // jwt_authn splits the text of this claim into a list of words, so the claim is never a text.
        (ClaimShape::Text, true) => return Formula::never(),
        (_, true) => ClaimShape::Words,
        (shape, false) => shape,
    };
    let name: Vec<&str> = claim.iter().map(String::as_str).collect();
    Formula::Atom(match (name.as_slice(), shape) {
        // The issuer is always a text.
        (["iss"], ClaimShape::Text) => Atom::Issuers(vec![test]),
        (["scope"], ClaimShape::Words) => Atom::Scopes(vec![test]),
        (name, shape) => Atom::Claim(ClaimTest::new(name, shape, vec![test])),
    })
}
