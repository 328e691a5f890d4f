//! Finds filters and route configurations: in a bootstrap, a listener, a `/config_dump`, or alone.

use serde_json::Value;

use crate::import::input::ForeignDocument;

/// An HTTP connection manager, or a filter alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FoundManager<'v> {
    pub(crate) document: &'v ForeignDocument,
    pub(crate) value: &'v Value,
    pub(crate) is_bare_filter: bool,
}

/// The connection managers with a `jwt_authn` filter, in any wrapping, and the filters that stand alone.
pub(crate) fn managers(document: &ForeignDocument) -> Vec<FoundManager<'_>> {
    let mut found = Vec::new();
    walk(&document.value, &mut |value| {
        let has_filter = list(value, "http_filters")
            .is_some_and(|filters| filters.iter().any(|filter| may_be(filter, "jwt_authn")));
        if has_filter {
            found.push(FoundManager {
                document,
                value,
                is_bare_filter: false,
            });
        }
        has_filter
    });
    if found.is_empty() {
        walk(&document.value, &mut |value| {
            let is_bare_filter = is_jwt_authn(value);
            if is_bare_filter {
                found.push(FoundManager {
                    document,
                    value,
                    is_bare_filter,
                });
            }
            is_bare_filter
        });
    }
    found
}

/// The route configuration of that name. A `/config_dump` has it apart from the listener.
pub(crate) fn route_configuration<'v>(
    documents: &'v [ForeignDocument],
    name: &str,
) -> Option<&'v Value> {
    let mut found = None;
    for document in documents {
        walk(&document.value, &mut |value| {
            let is_it = list(value, "virtual_hosts").is_some()
                && value.get("name").and_then(Value::as_str) == Some(name);
            if is_it && found.is_none() {
                found = Some(value);
            }
            is_it
        });
    }
    found
}

pub(crate) const JWT_AUTHN: &str = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication";
pub(crate) const RBAC: &str = "envoy.extensions.filters.http.rbac.v3.RBAC";

/// Whether an element of `http_filters` has a configuration of this type.
pub(crate) fn is_filter(filter: &Value, typ: &str) -> bool {
    member(filter, "typed_config").is_some_and(|config| has_type(config, typ))
}

/// Whether an element of `http_filters` is such a filter in any wrapping: discovered, as a `TypedStruct`, or below a matcher.
pub(crate) fn may_be(filter: &Value, package: &str) -> bool {
    let name = member(filter, "name").and_then(Value::as_str);
    let is_named = name.is_some_and(|name| name.rsplit('.').next() == Some(package));
    let has_own_type = member(filter, "typed_config").is_some_and(|config| {
        config
            .get("@type")
            .and_then(Value::as_str)
            .is_some_and(|own| !own.ends_with(".TypedStruct"))
    });
    (is_named && !has_own_type) || mentions(filter, &format!(".http.{package}."), false)
}

/// Whether a document has a filter `rbac` for connections.
pub(crate) fn has_network_rbac(document: &ForeignDocument) -> bool {
    mentions(&document.value, ".network.rbac.", false)
}

/// Whether a name of a type in the value has this part.
fn mentions(value: &Value, part: &str, is_type: bool) -> bool {
    match value {
        Value::String(text) => is_type && text.contains(part),
        Value::Array(elements) => elements
            .iter()
            .any(|element| mentions(element, part, is_type)),
        Value::Object(members) => members.iter().any(|(name, value)| {
            let is_type =
                ["@type", "type_url", "typeUrl", "type_urls", "typeUrls"].contains(&name.as_str());
            mentions(value, part, is_type)
        }),
        _ => false,
    }
}

/// Whether the value has this type of protocol buffers.
pub(crate) fn has_type(value: &Value, typ: &str) -> bool {
    value
        .get("@type")
        .and_then(Value::as_str)
        .is_some_and(|own| own.rsplit('/').next() == Some(typ))
}

/// Whether the value names a type of protocol buffers that is not this one.
pub(crate) fn has_other_type(value: &Value, typ: &str) -> bool {
    value.get("@type").is_some() && !has_type(value, typ)
}

/// A member in snake case, or in camel case.
pub(crate) fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let mut camel = String::new();
    let mut words = name.split('_');
    camel.extend(words.next());
    for word in words {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        camel.push_str(&first.to_ascii_uppercase());
        camel.push_str(rest);
    }
    value.get(name).or_else(|| value.get(&camel))
}

fn list<'v>(value: &'v Value, name: &str) -> Option<&'v Vec<Value>> {
    member(value, name)?.as_array()
}

fn is_jwt_authn(value: &Value) -> bool {
    let has = |name| member(value, name).is_some();
    has_type(value, JWT_AUTHN)
        || (value.get("@type").is_none()
            && value.get("providers").is_some_and(Value::is_object)
            && (has("rules") || has("requirement_map") || has("filter_state_rules")))
}

/// Visits a value and, unless `visit` says that it was taken, the values in it.
fn walk<'v>(value: &'v Value, visit: &mut impl FnMut(&'v Value) -> bool) {
    if visit(value) {
        return;
    }
    match value {
        Value::Object(members) => members.values().for_each(|member| walk(member, visit)),
        Value::Array(elements) => elements.iter().for_each(|element| walk(element, visit)),
        _ => {}
    }
}
