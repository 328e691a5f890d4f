//! The dynamic metadata of a token (CONTRACT 4.13), as plain values that each protocol writes in its own form.

use std::borrow::Cow;

use crate::authn::issuers::Issuer;
use crate::jose::json::value::{JsonKind, JsonValue};
use crate::token::claims::Claims;
use crate::token::decimal::MAX_EXACT_INTEGER;
use crate::token::scope::Scopes;
use crate::token::verified::{SignedClaims, VerifiedToken};

/// A claim deeper than this is shown as its JSON text. Each level is up to three nested messages, and Envoy reads no
/// message with more than 100 levels: the answer would count as a failed check.
pub(crate) const MAX_DEPTH: usize = 16;

/// A value that borrows the texts of a token as long as it is only written.
#[derive(Clone, Debug, PartialEq)]
pub enum MetadataValue<'a> {
    Null,
    Bool(bool),
    Number(f64),
    Text(Cow<'a, str>),
    List(Vec<MetadataValue<'a>>),
    Map(Vec<(Cow<'a, str>, MetadataValue<'a>)>),
}

impl MetadataValue<'_> {
    /// The same value, independent of the token.
    pub(crate) fn into_owned(self) -> MetadataValue<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            MetadataValue::Null => MetadataValue::Null,
            MetadataValue::Bool(flag) => MetadataValue::Bool(flag),
            MetadataValue::Number(number) => MetadataValue::Number(number),
            MetadataValue::Text(text) => MetadataValue::Text(owned(text)),
            MetadataValue::List(values) => {
                MetadataValue::List(values.into_iter().map(MetadataValue::into_owned).collect())
            }
            MetadataValue::Map(members) => MetadataValue::Map(
                members
                    .into_iter()
                    .map(|(name, value)| (owned(name), value.into_owned()))
                    .collect(),
            ),
        }
    }
}

/// The fields that a verified token gives.
pub(crate) fn of_verified<'a>(
    issuer_name: &'a str,
    key_id: Option<&'a str>,
    token: &'a VerifiedToken,
    issuer: &'a Issuer,
) -> Vec<(&'static str, MetadataValue<'a>)> {
    let claims = token.claims();
    let mut fields = Vec::with_capacity(7);
    fields.push(("issuer", text(issuer_name)));
    fields.extend(key_id.map(|key_id| ("key_id", text(key_id))));
    fields.extend(of_holder(
        claims,
        token.scopes(),
        Some(token.expires().seconds()),
    ));
    fields.push(("claims", mapped_claims(claims, issuer)));
    fields
}

/// The fields that a token gives whose signature was verified and that was not accepted.
pub(crate) fn of_signed(signed: &SignedClaims) -> Vec<(&'static str, MetadataValue<'static>)> {
    let expires = signed.expires().map(|expires| expires.seconds());
    let fields = of_holder(signed.claims(), signed.scopes(), expires);
    fields
        .map(|(name, value)| (name, value.into_owned()))
        .collect()
}

fn of_holder<'a>(
    claims: &'a Claims,
    scopes: Scopes<'a>,
    expires: Option<f64>,
) -> impl Iterator<Item = (&'static str, MetadataValue<'a>)> {
    let scopes = scopes.iter().map(text).collect();
    let fields = [
        ("subject", claims.text("sub").map(text)),
        ("client_id", claims.text("client_id").map(text)),
        ("scopes", Some(MetadataValue::List(scopes))),
        ("expires_at", expires.map(MetadataValue::Number)),
    ];
    fields
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
}

fn text(text: &str) -> MetadataValue<'_> {
    MetadataValue::Text(Cow::Borrowed(text))
}

fn mapped_claims<'a>(claims: &'a Claims, issuer: &'a Issuer) -> MetadataValue<'a> {
    let scope_claims = &issuer.requirements.scope_claims;
    let headers = issuer.claim_headers.iter();
    let mut mapped = Vec::with_capacity(headers.size_hint().0);
    for claim in headers.filter_map(|header| header.value.claim()) {
        let label = claim.label();
        let is_mapped = mapped.iter().any(|(name, _)| *name == label);
        if let (Some((found, _)), false) = (claim.find(claims, scope_claims), is_mapped) {
            mapped.push((label, of_json(found, 0)));
        }
    }
    MetadataValue::Map(mapped)
}

/// The metadata of a JSON value of a token, `depth` levels below the top.
pub(crate) fn of_json(json: JsonValue<'_>, depth: usize) -> MetadataValue<'_> {
    match json.kind() {
        JsonKind::Array(_) | JsonKind::Object(_) if depth == MAX_DEPTH => text(json.raw()),
        JsonKind::Null => MetadataValue::Null,
        JsonKind::Bool(flag) => MetadataValue::Bool(flag),
        JsonKind::String(content) => text(content),
        JsonKind::Number => of_number(json),
        JsonKind::Array(elements) => {
            let elements = elements.iter();
            MetadataValue::List(
                elements
                    .map(|element| of_json(element, depth + 1))
                    .collect(),
            )
        }
        JsonKind::Object(object) => {
            let members = object.iter();
            MetadataValue::Map(
                members
                    .map(|(name, member)| (Cow::Borrowed(name), of_json(member, depth + 1)))
                    .collect(),
            )
        }
    }
}

fn of_number(json: JsonValue<'_>) -> MetadataValue<'_> {
    let digits = json.raw();
    // A protobuf `Value` holds doubles (CONTRACT 4.13.2). The notation does not matter: 1e20 is an integer too.
    let is_exact = |double: f64| double.fract() != 0.0 || double.abs() <= MAX_EXACT_INTEGER;
    match json.number() {
        Some(double)
            if double.is_finite() && is_exact(double) && !rounds_to_the_limit(digits, double) =>
        {
            MetadataValue::Number(double)
        }
        _ => text(digits),
    }
}

/// 2^53 + 1 reads as the double 2^53: only its digits tell the two apart.
fn rounds_to_the_limit(digits: &str, double: f64) -> bool {
    double.abs() == MAX_EXACT_INTEGER
        && digits.trim_start_matches('-').parse() != Ok(MAX_EXACT_INTEGER as u64)
}

#[cfg(test)]
mod tests {
    use super::{MAX_DEPTH, MetadataValue, of_json};
    use crate::token::claims::Claims;

    fn depth(value: &MetadataValue<'_>) -> usize {
        match value {
            MetadataValue::List(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
            MetadataValue::Map(members) => {
                1 + members
                    .iter()
                    .map(|(_, value)| depth(value))
                    .max()
                    .unwrap_or(0)
            }
            _ => 0,
        }
    }

    #[test]
    fn claims_nested_deeper_than_the_limit_become_text_in_metadata() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let text = format!(r#"{{"c":{}1{}}}"#, open.repeat(60), close.repeat(60));
            let claims = Claims::parse(text.as_bytes()).expect("are claims");
            let claim = claims.object().get("c").expect("is there");
            let value = of_json(claim, 0);
            assert_eq!(depth(&value), MAX_DEPTH);
            let deepest = format!("{}1{}", open.repeat(60 - 16), close.repeat(60 - 16));
            assert!(format!("{value:?}").contains(&format!("{deepest:?}")));
        }
    }
}
