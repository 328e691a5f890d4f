//! `claimMappings`: what the API server reads of a token for the user, and refuses a token for.

use crate::import::claims::access;
use crate::import::formula::{Atom, Formula};
use crate::import::kubernetes::expressions::carried_expression;
use crate::import::members::Members;
use crate::import::policy::TokenProvider;

/// A part of the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UserPart {
    Name,
    Groups,
    Uid,
}

/// The user's name, groups and uid as headers, and the conditions on the claims that they are made of.
pub(super) fn claim_mappings(
    members: Members<'_>,
    provider: Option<&mut TokenProvider>,
) -> Vec<Formula> {
    let report = members.report();
    let mut headers = Vec::new();
    let mut required = Vec::new();
    let mut parts = Vec::new();
    for (part, name, header) in [
        (UserPart::Name, "username", "x-jwt-username"),
        (UserPart::Groups, "groups", "x-jwt-groups"),
        (UserPart::Uid, "uid", "x-jwt-uid"),
    ] {
        let Some(mapping) = members.mapping(name) else {
            continue;
        };
        let at = mapping.place().to_owned();
        let claim = mapping.text("claim").filter(|claim| !claim.is_empty());
        let prefix = mapping.text("prefix").unwrap_or_default();
        let expression = mapping.text("expression").filter(|text| !text.is_empty());
        mapping.report_unread();
        if let Some(claim) = claim {
            if part == UserPart::Name {
                required.push(vec![claim.clone()]);
                parts.extend(verified_email(&claim, &at, &members));
            }
            parts.push(of_claim(part, &claim, &at, &members));
            if !prefix.is_empty() {
                report.note(format_args!(
                    "{at}: the header {header} has the claim without the prefix {prefix:?}"
                ));
            }
            headers.push((header.to_owned(), vec![claim]));
        } else if let Some(expression) = expression {
            report.left_out(
                &at,
                "the user is an expression there, and a claim header has a claim",
                format_args!("name a claim for {header} in `claim_headers`"),
            );
            let condition = |own: &str| of_expression(part, own);
            parts.push(carried_expression(&expression, condition, &at, report));
        }
    }
    let extra = members.mappings("extra");
    if !extra.is_empty() {
        report.left_out(
            &members.at("extra"),
            "accredit has claim headers and no further attributes of a user",
            "name the claims in `claim_headers`",
        );
    }
    for attribute in extra {
        attribute.ignore(&["key"]);
        // A token for which the expression fails, or has another type, is refused.
        if let Some(expression) = attribute.text("valueExpression") {
            let condition = |own: &str| of_expression(UserPart::Groups, own);
            let at = attribute.place();
            parts.push(carried_expression(&expression, condition, at, report));
        }
        attribute.report_unread();
    }
    members.report_unread();
    if let Some(provider) = provider {
        provider.claim_headers = headers;
        provider.required_claims = required;
    }
    parts
}

/// The API server refuses a token whose claim has another type: `getUsername`, `getGroups` and `getUID` of its authenticator.
fn of_claim(part: UserPart, claim: &str, at: &str, members: &Members<'_>) -> Formula {
    let report = members.report();
    let Some((claim, is_there)) = access(&[claim.to_owned()]) else {
        report.left_out(
            at,
            "accredit cannot quote the name of this claim, so it refuses the tokens of this issuer",
            "write a condition on the claim as `when` of a rule",
        );
        return Formula::Unknown;
    };
    let condition = match part {
        UserPart::Name | UserPart::Uid => format!("{is_there} && type({claim}) == string"),
        // Groups that are not in the token can be at an address that it names, and the token is refused if they are not there.
        UserPart::Groups => {
            report.note(format_args!(
                "{at}: a token with over 256 groups is refused"
            ));
            format!(
                "({is_there} ? {} : !has(claims._claim_names))",
                text_or_texts(&claim)
            )
        }
    };
    Formula::Atom(Atom::Expression(condition))
}

/// What the API server requires of the value of an expression.
fn of_expression(part: UserPart, expression: &str) -> String {
    match part {
        UserPart::Name => format!("type({expression}) == string && ({expression}) != \"\""),
        UserPart::Uid => format!("type({expression}) == string"),
        UserPart::Groups => format!(
            "type({expression}) == null_type || {}",
            text_or_texts(&format!("({expression})"))
        ),
    }
}

/// The value is a text, or a list of texts. A null in the list is none of the groups.
fn text_or_texts(value: &str) -> String {
    format!(
        "(type({value}) == list ? {value}.all(own, type(own) == string || type(own) == null_type) : type({value}) == string)"
    )
}

/// An e-mail address that the issuer did not verify must not become a user name. The API server treats
/// `email_verified: null` as not verified, too.
fn verified_email(claim: &str, at: &str, members: &Members<'_>) -> Option<Formula> {
    (claim == "email").then(|| {
        members.report().left_out(
            at,
            "the API server admits a token without `email_verified`, and refuses one where it is null; to accredit both are the same, so \
             it refuses both",
            "if the issuer never sends null, add `!has(claims.email_verified) ||` to the condition on this claim",
        );
        let expression = "has(claims.email_verified) && claims.email_verified == true";
        Formula::Atom(Atom::Expression(expression.to_owned()))
    })
}
