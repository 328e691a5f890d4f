//! What `jwt_authn` requires of a request: a tree of providers.

use crate::import::claims::{ClaimShape, ClaimTest};
use crate::import::envoy::provider::JwtAuthnProvider;
use crate::import::formula::{Atom, Formula};
use crate::import::members::Members;
use crate::import::report::ImportReport;
use crate::import::text_test::TextTest;

/// `JwtRequirement`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JwtRequirement {
    /// A provider by its name, and the audiences in place of its own.
    Provider(String, Option<Vec<String>>),
    Any(Vec<JwtRequirement>),
    All(Vec<JwtRequirement>),
    AllowMissing,
    /// Every request satisfies it in Envoy. In accredit, a request with a bad token does not.
    AllowAll,
    /// Nothing satisfies it.
    Unsatisfiable,
}

pub(crate) fn requirement(members: Members<'_>) -> JwtRequirement {
    let (at, report) = (members.place().to_owned(), members.report());
    let inner = |members: &Members<'_>, name| {
        let list = members.mapping(name)?;
        let inner = list
            .mappings("requirements")
            .into_iter()
            .map(requirement)
            .collect();
        list.report_unread();
        Some(inner)
    };
    let found = if let Some(name) = members.text("provider_name") {
        JwtRequirement::Provider(name, None)
    } else if let Some(both) = members.mapping("provider_and_audiences") {
        let (name, audiences) = (both.text("provider_name"), both.texts("audiences"));
        both.report_unread();
        match name {
            Some(name) => JwtRequirement::Provider(name, Some(audiences.unwrap_or_default())),
            None => JwtRequirement::Unsatisfiable,
        }
    } else if let Some(parts) = inner(&members, "requires_any") {
        JwtRequirement::Any(parts)
    } else if let Some(parts) = inner(&members, "requires_all") {
        JwtRequirement::All(parts)
    } else if members.has("allow_missing") {
        JwtRequirement::AllowMissing
    } else if members.has("allow_missing_or_failed") {
        report.left_out(
            &members.at("allow_missing_or_failed"),
            "accredit denies a request whose token fails",
            "give requests that need no token a rule with `access: anonymous`",
        );
        JwtRequirement::AllowAll
    } else if members.has("extract_only_without_validation") {
        report.left_out(
            &members.at("extract_only_without_validation"),
            "accredit sets claim headers from verified tokens only, and denies a request whose token fails",
            "verify the token, or give these requests a rule with `access: anonymous`",
        );
        JwtRequirement::AllowAll
    } else {
        report.left_out(
            &at,
            "this is not a requirement that accredit knows, so it denies these requests",
            "write a rule for them by hand",
        );
        JwtRequirement::Unsatisfiable
    };
    members.report_unread();
    found
}

impl JwtRequirement {
    /// The audiences with which each provider is named.
    pub(crate) fn audiences_of<'r>(&'r self, found: &mut Vec<(&'r str, &'r [String])>) {
        match self {
            JwtRequirement::Provider(name, Some(audiences)) => found.push((name, audiences)),
            JwtRequirement::Any(parts) | JwtRequirement::All(parts) => {
                parts.iter().for_each(|part| part.audiences_of(found));
            }
            JwtRequirement::Provider(_, None)
            | JwtRequirement::AllowMissing
            | JwtRequirement::AllowAll
            | JwtRequirement::Unsatisfiable => {}
        }
    }

    /// The requirement as a formula. `entry_audiences` has the audiences of the issuer entry for each issuer.
    pub(crate) fn formula(
        &self,
        at: &str,
        providers: &[JwtAuthnProvider],
        entry_audiences: &[(String, Vec<String>)],
        report: &ImportReport,
    ) -> Formula {
        let inner = |part: &JwtRequirement| part.formula(at, providers, entry_audiences, report);
        // The issuer entry accepts tokens that this provider refuses.
        let needs_more_than_issuer = |own: &JwtAuthnProvider| {
            let accepted = accepted_by(own, None, entry_audiences);
            own.provider.is_some() && !matches!(accepted, Formula::Atom(Atom::Issuers(_)))
        };
        match self {
            JwtRequirement::Provider(name, audiences) => {
                let found = providers.iter().find(|own| own.name == *name);
                let Some(own) = found else {
                    report.left_out(
                        at,
                        format_args!(
                            "there is no provider {name}, so accredit denies these requests"
                        ),
                        "add the provider",
                    );
                    return Formula::never();
                };
                accepted_by(own, audiences.as_deref(), entry_audiences)
            }
            JwtRequirement::Any(parts) => Formula::any(parts.iter().map(|part| match part {
                // In a list of alternatives, a request without a token satisfies it.
                JwtRequirement::AllowMissing => Formula::not(Formula::Atom(Atom::Token)),
                part => inner(part),
            })),
            JwtRequirement::All(parts) => {
                let names: Vec<&JwtRequirement> = parts
                    .iter()
                    .filter(|part| matches!(part, JwtRequirement::Provider(..)))
                    .collect();
                if names.len() > 1 {
                    report.left_out(
                        at,
                        "a request to accredit has one token, so it never satisfies several issuers at once",
                        "require one of them",
                    );
                }
                Formula::all(parts.iter().map(inner))
            }
            // A token, if there is one, must satisfy a provider.
            JwtRequirement::AllowMissing if providers.iter().any(needs_more_than_issuer) => {
                let accepted = |own| accepted_by(own, None, entry_audiences);
                let no_token = Formula::not(Formula::Atom(Atom::Token));
                Formula::any(providers.iter().map(accepted).chain([no_token]))
            }
            JwtRequirement::AllowMissing | JwtRequirement::AllowAll => Formula::always(),
            JwtRequirement::Unsatisfiable => Formula::never(),
        }
    }
}

/// The tokens that a provider accepts, with its own audiences or with others in their place.
fn accepted_by(
    own: &JwtAuthnProvider,
    audiences: Option<&[String]>,
    entry_audiences: &[(String, Vec<String>)],
) -> Formula {
    let Some(provider) = &own.provider else {
        return Formula::never();
    };
    let issuer = TextTest::exact(provider.issuer.clone());
    let mut parts = vec![Formula::Atom(Atom::Issuers(vec![issuer]))];
    let wanted = match audiences {
        Some(audiences) if !audiences.is_empty() => audiences,
        _ => &provider.audiences,
    };
    let entry = entry_audiences
        .iter()
        .find(|(issuer, _)| *issuer == provider.issuer);
    let is_same = entry.is_some_and(|(_, entry)| {
        entry.len() == wanted.len() && entry.iter().all(|audience| wanted.contains(audience))
    });
    if !wanted.is_empty() && !is_same {
        parts.push(Formula::Atom(Atom::Audiences(
            wanted
                .iter()
                .map(|audience| TextTest::exact(audience.clone()))
                .collect(),
        )));
    }
    if let Some(test) = own.subject_test() {
        let subject = ClaimTest::new(&["sub"], ClaimShape::Text, vec![test.clone()]);
        parts.push(Formula::Atom(Atom::Claim(subject)));
    }
    Formula::all(parts)
}
