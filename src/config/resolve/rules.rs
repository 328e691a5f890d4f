//! `rules` and `ambiguous_paths`: patterns and expressions compiled, contradictions named.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::document::OneOrMany;
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::resolve::matches::matcher;
use crate::config::rules_document::{self as document, AmbiguousPath, When};
use crate::config::settings::IssuerSettings;
use crate::forward::strip::TokenForwarding;
use crate::rules::condition::Condition;
use crate::rules::demands::Demands;
use crate::rules::expression::Expression;
use crate::rules::path::{Ambiguities, Ambiguity};
use crate::rules::rule::{Access, Rule};

/// `rules`
pub fn rules(
    documents: &[document::Rule],
    issuers: &[IssuerSettings],
    forwarding: TokenForwarding,
    problems: &mut Problems,
) -> Vec<Rule> {
    let mut names = HashMap::new();
    let rules: Vec<Rule> = documents
        .iter()
        .enumerate()
        .map(|(number, document)| {
            let key = path::item("rules", number);
            let resolver = RuleResolver {
                key: &key,
                document,
                issuers,
                forwarding,
            };
            let name = resolver.name(&mut names, problems);
            Rule {
                name: name.into(),
                matcher: matcher(
                    &path::member(&key, "match"),
                    document.matches.as_ref(),
                    problems,
                ),
                access: resolver.access(problems),
                token_forwarding: resolver.token_forwarding(problems),
            }
        })
        .collect();
    warn_of_order(&rules, problems);
    rules
}

/// `ambiguous_paths`
pub fn ambiguous_paths(kinds: &[AmbiguousPath], problems: &mut Problems) -> Ambiguities {
    if !kinds.is_empty() {
        problems.warn(
            "ambiguous_paths",
            "paths that the API may read differently are matched as they were sent",
            "let Envoy normalise paths, and leave this out",
        );
    }
    let kind = |kind: &AmbiguousPath| match kind {
        AmbiguousPath::DotSegments => Ambiguity::DotSegments,
        AmbiguousPath::EmptySegments => Ambiguity::EmptySegments,
        AmbiguousPath::EncodedSlash => Ambiguity::EncodedSlash,
        AmbiguousPath::Backslash => Ambiguity::Backslash,
        AmbiguousPath::DoubleEncoding => Ambiguity::DoubleEncoding,
        AmbiguousPath::EncodedDelimiter => Ambiguity::EncodedDelimiter,
        AmbiguousPath::BadEncoding => Ambiguity::BadEncoding,
        AmbiguousPath::Parameters => Ambiguity::Parameters,
    };
    kinds.iter().map(kind).collect()
}

struct RuleResolver<'a> {
    key: &'a str,
    document: &'a document::Rule,
    issuers: &'a [IssuerSettings],
    forwarding: TokenForwarding,
}

impl RuleResolver<'_> {
    fn name(&self, seen: &mut HashMap<String, String>, problems: &mut Problems) -> String {
        let Some(name) = &self.document.name else {
            return self.key.to_owned();
        };
        let key = path::member(self.key, "name");
        if name.is_empty() || name.len() > 128 || name.chars().any(char::is_control) {
            problems.error(&key, "this is no name", "write a short text");
        } else if let Some(other) = seen.insert(name.clone(), key.clone()) {
            problems.error(
                &key,
                format!("the same name stands at {other}"),
                "give each rule a name of its own",
            );
        }
        name.clone()
    }

    fn access(&self, problems: &mut Problems) -> Access {
        let when = self.condition(problems);
        match self.document.access.unwrap_or(document::Access::Token) {
            document::Access::Deny => {
                self.refuse_demands("nobody is admitted", problems);
                if self.document.when.is_some() {
                    self.refuse("when", "nobody is admitted, whatever holds", problems);
                }
                Access::Deny
            }
            document::Access::Anonymous => {
                self.refuse_demands("no token is looked at", problems);
                Access::Anonymous { when }
            }
            document::Access::Optional => Access::Optional(self.demands(when, problems)),
            document::Access::Token => Access::Token(self.demands(when, problems)),
        }
    }

    fn demands(&self, when: Option<Condition>, problems: &mut Problems) -> Demands {
        Demands {
            issuers: self.issuers(problems),
            audiences: self.document.audiences.clone(),
            scopes: self.scopes("scopes", self.document.scopes.as_deref(), problems),
            any_scope: self.scopes("any_scope", self.document.any_scope.as_deref(), problems),
            when,
        }
    }

    fn issuers(&self, problems: &mut Problems) -> Option<Vec<Arc<str>>> {
        let listed = self.document.issuers.as_ref()?;
        let key = path::member(self.key, "issuers");
        let configured = || self.issuers.iter().flat_map(|issuer| &issuer.names);
        for (number, name) in listed.iter().enumerate() {
            if configured().all(|own| **own != **name) {
                problems.error(
                    &path::item(&key, number),
                    "no such issuer is configured",
                    "write one of `issuers` as it stands there",
                );
            }
        }
        Some(listed.iter().map(|name| name.as_str().into()).collect())
    }

    fn scopes(
        &self,
        name: &str,
        listed: Option<&[String]>,
        problems: &mut Problems,
    ) -> Vec<String> {
        let key = path::member(self.key, name);
        for (number, scope) in listed.unwrap_or_default().iter().enumerate() {
            // RFC 6749 section 3.3; it is quoted in a challenge as it stands.
            let is_scope = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            if scope.is_empty() || !scope.bytes().all(is_scope) {
                problems.error(
                    &path::item(&key, number),
                    "this is no scope",
                    "write one scope, of printable ASCII without space, \" and \\",
                );
            }
        }
        listed.unwrap_or_default().to_vec()
    }

    fn condition(&self, problems: &mut Problems) -> Option<Condition> {
        let key = path::member(self.key, "when");
        let (key, text, message) = match self.document.when.as_ref()? {
            When::Expression(text) => (key, text, None),
            When::WithMessage(when) => (
                path::member(&key, "expression"),
                &when.expression,
                when.message.clone(),
            ),
        };
        match Expression::parse(text) {
            Ok(expression) => Some(Condition::new(expression, message)),
            Err(error) => {
                problems.error(
                    &key,
                    error.to_string(),
                    "see the conditions of rules in docs/configuration.md",
                );
                None
            }
        }
    }

    fn token_forwarding(&self, problems: &mut Problems) -> Option<TokenForwarding> {
        match (self.document.access, self.document.forward_token) {
            (Some(document::Access::Deny), Some(_)) => {
                self.refuse("forward_token", "nobody is admitted", problems);
                None
            }
            (Some(document::Access::Anonymous), own) => {
                if own == Some(false) || self.forwarding == TokenForwarding::Remove {
                    problems.warn(
                        self.key,
                        "no token is looked at here, so that a client's unverified token reaches the upstream although forward_token is false",
                        "use `access: optional`, or have the upstream ignore it",
                    );
                }
                None
            }
            (_, None) => None,
            (_, Some(true)) => Some(TokenForwarding::Keep),
            (_, Some(false)) => Some(TokenForwarding::Remove),
        }
    }

    fn refuse_demands(&self, because: &str, problems: &mut Problems) {
        let given = [
            ("issuers", self.document.issuers.is_some()),
            ("audiences", self.document.audiences.is_some()),
            ("scopes", self.document.scopes.is_some()),
            ("any_scope", self.document.any_scope.is_some()),
        ];
        for (name, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
            self.refuse(name, because, problems);
        }
    }

    fn refuse(&self, name: &str, because: &str, problems: &mut Problems) {
        problems.error(
            &path::member(self.key, name),
            format!("{because} by this rule's access"),
            "remove it, or change access",
        );
    }
}

/// What the order of rules hides, and what it leaves open.
fn warn_of_order(rules: &[Rule], problems: &mut Problems) {
    for (number, rule) in rules.iter().enumerate() {
        let earlier = rules
            .iter()
            .take(number)
            .find(|earlier| earlier.matcher.covers(&rule.matcher));
        if let Some(earlier) = earlier {
            problems.warn(
                &path::item("rules", number),
                format!(
                    "it never decides: `{}` before it matches all that it matches",
                    earlier.name
                ),
                "put the narrower rule first",
            );
        }
    }
    let is_stricter = |rule: &Rule| match &rule.access {
        Access::Deny => true,
        Access::Token(demands) => demands.exceed_verified_token(),
        Access::Anonymous { .. } | Access::Optional(_) => false,
    };
    let ends_with_deny = rules
        .last()
        .is_some_and(|last| matches!(last.access, Access::Deny) && last.matcher.matches_all());
    if let Some(number) = rules.iter().position(is_stricter)
        && !ends_with_deny
    {
        problems.warn(
            &path::item("rules", number),
            "it asks for more than a token, and a request that slips past it needs no more than a token",
            "end the rules with one of `access: deny` that matches everything",
        );
    }
}

/// The members of a value or a list of values.
pub fn members(one_or_many: &OneOrMany) -> Vec<String> {
    match one_or_many {
        OneOrMany::One(one) => vec![one.clone()],
        OneOrMany::Many(many) => many.clone(),
    }
}
