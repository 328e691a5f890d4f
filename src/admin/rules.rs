//! The rules of a configuration in words, for the console.

use accredit_core::authz::authorizer::Authorizer;
use accredit_core::rules::demands::Demands;
use accredit_core::rules::host::HostPattern;
use accredit_core::rules::matcher::{Matcher, Preflight};
use accredit_core::rules::rule::{Access, Rule};

/// A rule in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSummary {
    pub name: String,
    /// The requests to which the rule applies.
    pub applies: String,
    /// What the rule requires of them.
    pub requires: String,
}

/// Every rule in its order, and the default rule, which decides if no other rule applies.
pub fn summaries(authorizer: &Authorizer) -> Vec<RuleSummary> {
    let table = authorizer.rules();
    let mut rules: Vec<RuleSummary> = table.iter().map(|rule| summary(rule)).collect();
    let default = summary(table.default_rule());
    if !rules.iter().any(|rule| rule.name == default.name) {
        rules.push(RuleSummary {
            applies: "every other request".to_owned(),
            ..default
        });
    }
    rules
}

fn summary(rule: &Rule) -> RuleSummary {
    RuleSummary {
        name: rule.name.to_string(),
        applies: applies(&rule.matcher),
        requires: requires(&rule.access),
    }
}

fn applies(matcher: &Matcher) -> String {
    let mut parts = Vec::new();
    if matcher.preflight == Preflight::Only {
        parts.push("CORS preflights".to_owned());
    }
    if let Some(methods) = &matcher.methods {
        parts.push(methods.join(", "));
    }
    if let Some(paths) = &matcher.paths {
        let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
        parts.push(paths.join(", "));
    }
    if let Some(hosts) = &matcher.hosts {
        let hosts: Vec<String> = hosts.iter().map(host).collect();
        parts.push(format!("host {}", hosts.join(", ")));
    }
    for entry in &matcher.context {
        parts.push(format!(
            "context {} = {}",
            entry.name,
            entry.values.join(", ")
        ));
    }
    if matcher.principals.is_some() {
        parts.push("some principals".to_owned());
    }
    if matcher.addresses.is_some() {
        parts.push("some addresses".to_owned());
    }
    match parts.is_empty() {
        true => "every request".to_owned(),
        false => parts.join("; "),
    }
}

fn host(pattern: &HostPattern) -> String {
    match pattern {
        HostPattern::Exact(host) => host.to_string(),
        HostPattern::Suffix(suffix) => format!("*{suffix}"),
    }
}

fn requires(access: &Access) -> String {
    match access {
        Access::Deny => "nothing: every request is denied".to_owned(),
        Access::Anonymous { when: None } => "no token".to_owned(),
        Access::Anonymous { when: Some(_) } => "no token; the condition `when`".to_owned(),
        Access::Optional(demands) => demanded("no token, or a verified one", demands),
        Access::Token(demands) => demanded("a verified token", demands),
    }
}

fn demanded(token: &str, demands: &Demands) -> String {
    let mut parts = vec![token.to_owned()];
    if let Some(issuers) = &demands.issuers {
        parts.push(format!("of {}", issuers.join(" or ")));
    }
    if let Some(audiences) = &demands.audiences {
        parts.push(format!("audience {}", audiences.join(" or ")));
    }
    if !demands.scopes.is_empty() {
        parts.push(format!("all of the scopes {}", demands.scopes.join(", ")));
    }
    if !demands.any_scope.is_empty() {
        parts.push(format!(
            "one of the scopes {}",
            demands.any_scope.join(", ")
        ));
    }
    if !demands.claims.is_empty() {
        parts.push(format!("values of {} claims", demands.claims.len()));
    }
    if demands.when.is_some() {
        parts.push("the condition `when`".to_owned());
    }
    parts.join("; ")
}
