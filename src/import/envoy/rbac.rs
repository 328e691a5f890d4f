//! The filter `rbac`: policies of permissions and principals.

use crate::import::envoy::find::member;
use crate::import::envoy::matchers::{header_matcher, no_equivalent, string_matcher};
use crate::import::envoy::metadata::metadata;
use crate::import::envoy::provider::JwtAuthnProvider;
use crate::import::formula::{Atom, Formula};
use crate::import::members::Members;
use crate::import::paths::PathTest;
use crate::import::policy::NamedFormula;

/// The effect of a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RbacRules {
    /// The filter does nothing.
    Off,
    /// One of these policies is needed.
    Allow(Vec<NamedFormula>),
    /// A request to which one of these policies applies is denied.
    Deny(Vec<NamedFormula>),
}

/// The settings that the meaning of conditions depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RbacScope<'a> {
    pub(crate) providers: &'a [JwtAuthnProvider],
    /// Whether the address of the client is that of the connection's peer.
    pub(crate) peer_is_client: bool,
}

/// The configuration of the filter, or of a route in its place.
pub(crate) fn rbac(members: Members<'_>, scope: RbacScope<'_>) -> RbacRules {
    let (at, report) = (members.place().to_owned(), members.report());
    members.ignore(&[
        "@type",
        "shadow_rules",
        "shadow_rules_stat_prefix",
        "rules_stat_prefix",
        "shadow_matcher",
        "track_per_rule_stats",
    ]);
    if members.has("matcher") {
        members.report_unread();
        report.left_out(
            &at,
            "`import` does not read the tree `matcher`, so accredit denies these requests",
            "import the manifest from which it was generated, such as a SecurityPolicy, or write the rules by hand",
        );
        return RbacRules::Allow(Vec::new());
    }
    let Some(rules) = members.mapping("rules") else {
        members.report_unread();
        return RbacRules::Off;
    };
    members.report_unread();
    let action = rules.word("action", &["ALLOW", "DENY", "LOG"]);
    let mut policies = Vec::new();
    for (name, at, value) in rules.entries("policies") {
        let policy = Members::of(&at, value, report);
        policies.push(NamedFormula::new(name, self::policy(policy, scope)));
    }
    rules.ignore(&["audit_logging_options"]);
    rules.report_unread();
    match action {
        Some("ALLOW") => RbacRules::Allow(policies),
        Some("DENY") => RbacRules::Deny(policies),
        Some("LOG") => RbacRules::Off,
        // Of an action that cannot be read, no policy admits.
        Some(_) | None => RbacRules::Allow(Vec::new()),
    }
}

fn policy(members: Members<'_>, scope: RbacScope<'_>) -> Formula {
    let report = members.report();
    let permissions = Formula::any(
        members
            .mappings("permissions")
            .into_iter()
            .map(|permission| self::permission(permission, scope)),
    );
    let principals = Formula::any(
        members
            .mappings("principals")
            .into_iter()
            .map(|principal| self::principal(principal, scope)),
    );
    let mut parts = vec![permissions, principals];
    for name in ["condition", "checked_condition"] {
        if members.has(name) {
            parts.push(no_equivalent(
                &members.at(name),
                "a condition in Envoy's CEL",
                report,
            ));
        }
    }
    members.ignore(&["cel_config"]);
    members.report_unread();
    Formula::all(parts)
}

/// The parts that permissions and principals have in common. `names` are the members for all, any and the list in them.
fn combined(
    members: &Members<'_>,
    names: [&str; 3],
    negated: &str,
    inner: &dyn Fn(Members<'_>) -> Formula,
) -> Option<Formula> {
    let [all, any, list] = names;
    let parts = |name: &str| {
        let set = members.mapping(name)?;
        let parts: Vec<Formula> = set.mappings(list).into_iter().map(inner).collect();
        set.report_unread();
        Some(parts)
    };
    if let Some(parts) = parts(all) {
        return Some(Formula::all(parts));
    }
    if let Some(parts) = parts(any) {
        return Some(Formula::any(parts));
    }
    members
        .mapping(negated)
        .map(|part| Formula::not(inner(part)))
}

fn permission(members: Members<'_>, scope: RbacScope<'_>) -> Formula {
    let (at, report) = (members.place().to_owned(), members.report());
    let inner = |members: Members<'_>| permission(members, scope);
    let found = combined(
        &members,
        ["and_rules", "or_rules", "rules"],
        "not_rule",
        &inner,
    )
    .or_else(|| shared(&members, scope));
    let found = match found {
        Some(found) => found,
        None => {
            members.ignore(&[
                "destination_ip",
                "destination_port",
                "destination_port_range",
                "requested_server_name",
                "matcher",
                "uri_template",
            ]);
            no_equivalent(&at, "this permission", report)
        }
    };
    members.report_unread();
    found
}

fn principal(members: Members<'_>, scope: RbacScope<'_>) -> Formula {
    let (at, report) = (members.place().to_owned(), members.report());
    let inner = |members: Members<'_>| principal(members, scope);
    let found = combined(&members, ["and_ids", "or_ids", "ids"], "not_id", &inner)
        .or_else(|| shared(&members, scope))
        .or_else(|| peer(&members, scope));
    let found = match found {
        Some(found) => found,
        None => {
            members.ignore(&["custom", "filter_state", "mtls_authenticated"]);
            no_equivalent(&at, "this principal", report)
        }
    };
    members.report_unread();
    found
}

fn shared(members: &Members<'_>, scope: RbacScope<'_>) -> Option<Formula> {
    if members.flag("any").unwrap_or(false) {
        return Some(Formula::always());
    }
    if let Some(matcher) = members.mapping("header") {
        return Some(header_matcher(matcher).of_forwarded_headers());
    }
    if let Some(matcher) = members.mapping("url_path") {
        let path = matcher.mapping("path").and_then(string_matcher);
        matcher.report_unread();
        return Some(match path {
            Some(test) => Formula::Atom(Atom::Paths(vec![PathTest::Text(test)])),
            None => Formula::Unknown,
        });
    }
    if let Some(sourced) = members.mapping("sourced_metadata") {
        let found = match sourced.word("metadata_source", &["DYNAMIC", "ROUTE"]) {
            Some("DYNAMIC") => sourced
                .mapping("metadata_matcher")
                .map(|own| metadata(own, scope.providers)),
            Some(_) | None => None,
        };
        sourced.ignore(&["metadata_matcher"]);
        let (at, report) = (sourced.place().to_owned(), sourced.report());
        sourced.report_unread();
        return Some(found.unwrap_or_else(|| no_equivalent(&at, "metadata of the route", report)));
    }
    members
        .mapping("metadata")
        .map(|matcher| metadata(matcher, scope.providers))
}

/// Conditions on the peer of the connection.
fn peer(members: &Members<'_>, scope: RbacScope<'_>) -> Option<Formula> {
    if let Some(authenticated) = members.mapping("authenticated") {
        let test = authenticated.mapping("principal_name").map(string_matcher);
        authenticated.report_unread();
        return Some(match test {
            Some(Some(test)) => Formula::Atom(Atom::Principals(vec![test])),
            Some(None) => Formula::Unknown,
            None => Formula::Atom(Atom::Principals(vec![
                crate::import::text_test::TextTest::new(
                    crate::import::text_test::TextKind::Present,
                ),
            ])),
        });
    }
    let names: &[&str] = match scope.peer_is_client {
        true => &["direct_remote_ip", "source_ip", "remote_ip"],
        false => &["direct_remote_ip"],
    };
    for name in names {
        if let Some(range) = members.mapping(name) {
            return Some(address_range(range));
        }
    }
    for name in ["source_ip", "remote_ip"] {
        if members.has(name) {
            return Some(no_equivalent(
                &members.at(name),
                "the address of a client behind a proxy (accredit compares the address of the connection's peer)",
                members.report(),
            ));
        }
    }
    None
}

/// `envoy.config.core.v3.CidrRange`
fn address_range(members: Members<'_>) -> Formula {
    let (at, report) = (members.place().to_owned(), members.report());
    let prefix = members.text("address_prefix");
    let bits = match members.value("prefix_len") {
        Some(bits) => bits.get("value").unwrap_or(bits).as_u64(),
        None => Some(0),
    };
    members.report_unread();
    match prefix.zip(bits) {
        Some((prefix, bits)) => {
            match crate::import::addresses::range(&format!("{prefix}/{bits}")) {
                Some(range) => Formula::Atom(Atom::Addresses(vec![range])),
                None => no_equivalent(&at, "this range of addresses", report),
            }
        }
        None => no_equivalent(&at, "this range of addresses", report),
    }
}

/// Whether the connection manager takes the connection's peer for the client: it reads no address from a header.
pub(crate) fn peer_is_client(manager: &serde_json::Value) -> bool {
    // JSON of protocol buffers can have a number as a text, so a value of another type is not 0.
    let has_hops = member(manager, "xff_num_trusted_hops")
        .is_some_and(|hops| !hops.is_null() && hops.as_u64() != Some(0));
    member(manager, "use_remote_address").and_then(serde_json::Value::as_bool) == Some(true)
        && !has_hops
        && member(manager, "original_ip_detection_extensions").is_none()
}
