//! What was decided, as dynamic metadata under `envoy.filters.http.ext_authz`: for access logs, RBAC, rate limits.

use envoy_types::pb::google::protobuf::value::Kind as ValueKind;
use envoy_types::pb::google::protobuf::{ListValue, Struct, Value};

use crate::authn::identity::Identity;
use crate::authz::decision::{Grant, Refused};
use crate::jose::json;
use crate::token::claims::Claims;

/// Integers beyond this are not exact as doubles, which is what a `Struct` has.
const LARGEST_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// A claim is shown as a structure down to this depth, what is deeper as its JSON text. Each level is up to three
/// messages inside each other, and Envoy reads no message with more than 100: the answer would be a failed check.
const DEEPEST: usize = 16;

/// The metadata of an admission.
pub fn of_grant(grant: &Grant) -> Struct {
    match &grant.identity {
        Some(identity) => {
            let mut metadata = decided("allow", "allowed", &grant.rule);
            describe(&mut metadata, identity);
            metadata
        }
        None => decided("allow", "anonymous", &grant.rule),
    }
}

/// The metadata of a refusal. Of an unverified token it says configured and held names alone.
pub fn of_refusal(refused: &Refused) -> Struct {
    let mut metadata = decided("deny", refused.denial.code(), &refused.rule);
    match &refused.identity {
        Some(identity) => describe(&mut metadata, identity),
        None => {
            put_text(&mut metadata, "issuer", refused.issuer.as_deref());
            put_text(&mut metadata, "key_id", refused.key_id.as_deref());
        }
    }
    metadata
}

fn decided(decision: &str, reason: &str, rule: &str) -> Struct {
    let mut metadata = Struct::default();
    put_text(&mut metadata, "decision", Some(decision));
    put_text(&mut metadata, "reason", Some(reason));
    put_text(&mut metadata, "rule", Some(rule));
    metadata
}

fn describe(metadata: &mut Struct, identity: &Identity) {
    let claims = identity.token.claims();
    put_text(metadata, "issuer", Some(&identity.issuer_name));
    put_text(metadata, "key_id", identity.key_id.as_deref());
    put_text(metadata, "subject", claims.text("sub"));
    put_text(metadata, "client_id", claims.text("client_id"));
    let scopes = identity.token.scopes().iter().map(text).collect();
    put(metadata, "scopes", list(scopes));
    put(
        metadata,
        "expires_at",
        number(identity.token.expires().seconds()),
    );
    put(
        metadata,
        "claims",
        value(ValueKind::StructValue(mapped_claims(identity))),
    );
}

fn mapped_claims(identity: &Identity) -> Struct {
    let claims = identity.token.claims();
    let scope_claims = &identity.issuer.requirements.scope_claims;
    let mut mapped = Struct::default();
    for header in identity.issuer.claim_headers.iter() {
        if let Some((found, _)) = header.claim.find(claims, scope_claims) {
            put(
                &mut mapped,
                &header.claim.label(),
                json_value(claims, found, 0),
            );
        }
    }
    mapped
}

fn json_value(claims: &Claims, json: &json::JsonValue, depth: usize) -> Value {
    match &json.kind {
        json::JsonKind::Array(_) | json::JsonKind::Object(_) if depth == DEEPEST => {
            text(claims.raw(json))
        }
        json::JsonKind::Null => value(ValueKind::NullValue(0)),
        json::JsonKind::Bool(flag) => value(ValueKind::BoolValue(*flag)),
        json::JsonKind::String(content) => text(content),
        json::JsonKind::Number => json_number(claims, json),
        json::JsonKind::Array(elements) => list(
            elements
                .iter()
                .map(|element| json_value(claims, element, depth + 1))
                .collect(),
        ),
        json::JsonKind::Object(object) => {
            let mut members = Struct::default();
            for (name, member) in object.iter() {
                put(&mut members, name, json_value(claims, member, depth + 1));
            }
            value(ValueKind::StructValue(members))
        }
    }
}

fn json_number(claims: &Claims, json: &json::JsonValue) -> Value {
    let digits = claims.raw(json);
    // However it is written: 1e20 is an integer too.
    let is_exact = |double: f64| double.fract() != 0.0 || double.abs() <= LARGEST_EXACT_INTEGER;
    match claims.number(json) {
        Some(double)
            if double.is_finite() && is_exact(double) && !rounds_to_the_limit(digits, double) =>
        {
            number(double)
        }
        _ => text(digits),
    }
}

/// 2^53 + 1 reads as the double 2^53: only its digits tell the two apart.
fn rounds_to_the_limit(digits: &str, double: f64) -> bool {
    double.abs() == LARGEST_EXACT_INTEGER
        && digits.trim_start_matches('-').parse() != Ok(LARGEST_EXACT_INTEGER as u64)
}

fn put_text(metadata: &mut Struct, name: &str, content: Option<&str>) {
    if let Some(content) = content {
        put(metadata, name, text(content));
    }
}

fn put(metadata: &mut Struct, name: &str, content: Value) {
    metadata.fields.insert(name.to_owned(), content);
}

fn text(content: &str) -> Value {
    value(ValueKind::StringValue(content.to_owned()))
}

fn number(content: f64) -> Value {
    value(ValueKind::NumberValue(content))
}

fn list(values: Vec<Value>) -> Value {
    value(ValueKind::ListValue(ListValue { values }))
}

fn value(kind: ValueKind) -> Value {
    Value { kind: Some(kind) }
}

#[cfg(test)]
mod tests {
    use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
    use envoy_types::pb::google::protobuf::Struct;
    use prost::Message as _;

    use super::{ValueKind, json_value, put, value};
    use crate::token::claims::Claims;

    /// The reader of prost has the same limit as Envoy's.
    #[test]
    fn no_depth_of_a_claim_makes_an_answer_that_cannot_be_read() {
        for (open, close) in [("{\"a\":", "}"), ("[", "]")] {
            let nested = format!("{}1{}", open.repeat(60), close.repeat(60));
            let claims =
                Claims::parse(format!("{{\"c\":{nested}}}").as_bytes()).expect("are claims");
            let claim = claims.object().get("c").expect("is there");
            let mut mapped = Struct::default();
            put(&mut mapped, "c", json_value(&claims, claim, 0));
            let mut metadata = Struct::default();
            put(
                &mut metadata,
                "claims",
                value(ValueKind::StructValue(mapped)),
            );
            let answer = CheckResponse {
                dynamic_metadata: Some(metadata),
                ..CheckResponse::default()
            };
            let read = CheckResponse::decode(&answer.encode_to_vec()[..]).expect("can be read");
            let deepest = format!("{}1{}", open.repeat(60 - 16), close.repeat(60 - 16));
            assert!(
                format!("{read:?}").contains(&format!("{deepest:?}")),
                "the rest is its text"
            );
        }
    }
}
