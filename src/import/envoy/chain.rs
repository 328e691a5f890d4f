//! The filters of a connection manager that `import` does not read, and the routes that it cannot read.
//!
//! If `import` cannot read a filter that decides, the result lacks that decision. So the report names the filter, and if it can be a
//! `jwt_authn` or `rbac`, the result denies every request.

use serde_json::Value;

use crate::import::envoy::find::{JWT_AUTHN, RBAC, is_filter, may_be, member, route_configuration};
use crate::import::input::ForeignDocument;
use crate::import::report::ImportReport;

/// Other filters that can deny a request, as their packages are named.
const OTHERS: [&str; 11] = [
    "basic_auth",
    "api_key_auth",
    "oauth2",
    "ext_authz",
    "lua",
    "wasm",
    "ext_proc",
    "golang",
    "dynamic_modules",
    "gcp_authn",
    "csrf",
];

/// The routes of a connection manager.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ManagerRoutes<'v> {
    /// The input has no routes, because it is only a part of a connection manager.
    NotThere,
    Found(&'v Value),
    /// The input names routes that are not in the input, or that `import` does not read. The report names them.
    Unreadable,
}

/// Finds the routes of a connection manager.
pub(crate) fn manager_routes<'v>(
    at: &str,
    manager: &'v Value,
    documents: &'v [ForeignDocument],
    report: &ImportReport,
) -> ManagerRoutes<'v> {
    let missing = |member: &str, what: &str| {
        report.left_out(
            &format!("{at}{member}"),
            format_args!(
                "{what}, and its routes can override the filters, so accredit denies every request"
            ),
            "add the routes to the input, as in a whole /config_dump, or write the rules by hand",
        );
        ManagerRoutes::Unreadable
    };
    let found = if let Some(own) = member(manager, "route_config") {
        own
    } else if let Some(rds) = member(manager, "rds") {
        let name = member(rds, "route_config_name").and_then(Value::as_str);
        match name.and_then(|name| route_configuration(documents, name)) {
            Some(found) => found,
            None => {
                let name = name.unwrap_or("without a name");
                return missing(
                    "rds",
                    &format!("the route configuration {name} is not in the input"),
                );
            }
        }
    } else if member(manager, "scoped_routes").is_some() {
        return missing(
            "scoped_routes",
            "`import` does not read scopes of route configurations",
        );
    } else {
        return ManagerRoutes::NotThere;
    };
    if member(found, "vhds").is_some() {
        return missing(
            "vhds",
            "Envoy fetches virtual hosts of this route configuration later",
        );
    }
    let hosts = member(found, "virtual_hosts").and_then(Value::as_array);
    let has_tree = |host: &Value| member(host, "matcher").is_some();
    match hosts.into_iter().flatten().any(has_tree) {
        true => missing(
            "virtual_hosts",
            "`import` does not read the tree `matcher` of a virtual host",
        ),
        false => ManagerRoutes::Found(found),
    }
}

/// Names the filters that `import` does not read. False if one of them can be a filter that the result would need.
pub(crate) fn are_filters_readable(at: &str, filters: &[&Value], report: &ImportReport) -> bool {
    let mut are_readable = true;
    let has_header_conditions = filters
        .iter()
        .any(|filter| is_filter(filter, RBAC) && filter.to_string().contains("\"header\":"));
    for (number, filter) in filters.iter().enumerate() {
        if is_filter(filter, JWT_AUTHN) || is_filter(filter, RBAC) {
            continue;
        }
        let name = member(filter, "name").and_then(Value::as_str);
        let place = format!("{at}http_filters[{number}] ({})", name.unwrap_or_default());
        if ["jwt_authn", "rbac"].iter().any(|own| may_be(filter, own)) || is_anything(filter) {
            report.left_out(
                &place,
                "`import` reads jwt_authn and rbac with a plain `typed_config` only, so accredit denies every request",
                "give the filter a `typed_config` of its own type in the input, and import again",
            );
            are_readable = false;
        } else if may_be(filter, "header_mutation") && has_header_conditions {
            report.left_out(
                &place,
                "this filter changes headers before Envoy compares them, and accredit compares the headers of the client's request",
                "check the conditions on headers by hand",
            );
        } else if OTHERS.iter().any(|own| may_be(filter, own)) {
            report.left_out(
                &place,
                "accredit does not do what this filter decides",
                "keep it in Envoy; without it requests are admitted that it denies",
            );
        }
    }
    let count = filters
        .iter()
        .filter(|filter| is_filter(filter, JWT_AUTHN))
        .count();
    if count > 1 {
        report.left_out(
            &format!("{at}http_filters"),
            format_args!("it has {count} filters jwt_authn, and `import` reads one, so accredit denies every request"),
            "join them in one filter, and import again",
        );
        are_readable = false;
    }
    are_readable
}

/// A discovered filter that does not say which types it can have.
fn is_anything(filter: &Value) -> bool {
    member(filter, "config_discovery").is_some_and(|discovery| {
        let types = member(discovery, "type_urls").and_then(Value::as_array);
        types.is_none_or(Vec::is_empty)
    })
}
