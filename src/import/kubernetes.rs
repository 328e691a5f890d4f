//! Kubernetes' `AuthenticationConfiguration`: the issuers whose tokens the API server accepts.

use crate::import::claims::{ClaimShape, ClaimTest};
use crate::import::formula::{Atom, Formula};
use crate::import::input::ForeignDocument;
use crate::import::issuers::usable;
use crate::import::kubernetes::expressions::carried_expression;
use crate::import::kubernetes::mappings::claim_mappings;
use crate::import::members::Members;
use crate::import::paths::PathTest;
use crate::import::policy::{
    ImportedPolicy, ImportedTokenSource, ImportedValue, NamedFormula, PolicyRoute, ProviderKeys,
    TokenCheck, TokenPlaceKind, TokenProvider,
};
use crate::import::report::ImportReport;
use crate::import::text_test::TextTest;

mod expressions;
mod mappings;

pub(crate) const ORIGIN: &str = "Kubernetes";

/// What the API server accepts.
const ALGORITHMS: &[&str] = &[
    "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512",
];

pub(crate) fn is_kubernetes(document: &ForeignDocument) -> bool {
    document.value.get("kind").and_then(|kind| kind.as_str()) == Some("AuthenticationConfiguration")
}

/// The policy of the first configuration.
pub(crate) fn policy(
    documents: &[ForeignDocument],
    report: &ImportReport,
) -> Option<ImportedPolicy> {
    let mut found = documents.iter().filter(|document| is_kubernetes(document));
    let first = found.next()?;
    for other in found {
        report.left_out(
            &other.at,
            "a second AuthenticationConfiguration; an API server has one",
            "import it alone",
        );
    }
    let members = Members::of(&format!("{}: ", first.at), &first.value, report);
    members.ignore(&["apiVersion", "kind", "metadata"]);
    let mut providers = Vec::new();
    let mut admitted = Vec::new();
    for authenticator in members.mappings("jwt") {
        if let Some((provider, formula)) = self::authenticator(authenticator) {
            admitted.push(NamedFormula::new(provider.issuer.clone(), formula));
            providers.push(provider);
        }
    }
    let anonymous = anonymous(&members);
    members.report_unread();
    let route = |name: &str, region, allows| PolicyRoute {
        name: name.to_owned(),
        region,
        verification: TokenCheck::Applied,
        denies: Vec::new(),
        allows,
        comment: None,
    };
    let mut routes = Vec::new();
    if let Some(paths) = anonymous {
        let region = Formula::Atom(Atom::Paths(paths));
        let without = Formula::not(Formula::Atom(Atom::Token));
        let mut allows = vec![NamedFormula::new("anonymous", without)];
        allows.extend(admitted.iter().cloned());
        routes.push(route("anonymous", region, allows));
    }
    routes.push(route("every-request", Formula::always(), admitted));
    Some(ImportedPolicy {
        origin: ORIGIN,
        providers,
        token_places: vec![ImportedTokenSource {
            kind: TokenPlaceKind::Header {
                name: "authorization".to_owned(),
                scheme: Some("Bearer".to_owned()),
            },
            is_default: true,
        }],
        payload_header: None,
        verified_headers: Vec::new(),
        strip_headers: Vec::new(),
        forward_token: ImportedValue::Default(true),
        error_details: true,
        routes,
    })
}

/// The paths that need no token. The API server then decides about the user `system:anonymous`.
fn anonymous(members: &Members<'_>) -> Option<Vec<PathTest>> {
    let report = members.report();
    let anonymous = members.mapping("anonymous")?;
    let is_enabled = anonymous.flag("enabled").unwrap_or(false);
    let at = anonymous.place().to_owned();
    let mut paths = Vec::new();
    let conditions = anonymous.mappings("conditions");
    let has_conditions = !conditions.is_empty();
    for condition in conditions {
        paths.extend(
            condition
                .text("path")
                .map(|path| PathTest::Text(TextTest::exact(path))),
        );
        condition.report_unread();
    }
    anonymous.report_unread();
    if is_enabled && !has_conditions {
        report.left_out(
            &at,
            "every request may be anonymous there, because RBAC decides afterwards; accredit denies requests without a token",
            "write a rule with `access: optional` for the paths that need none",
        );
    }
    (is_enabled && !paths.is_empty()).then_some(paths)
}

/// One element of `jwt`: its issuer, and the conditions on its tokens.
fn authenticator(members: Members<'_>) -> Option<(TokenProvider, Formula)> {
    let (at, report) = (members.place().to_owned(), members.report());
    let issuer = members.mapping("issuer");
    let mut provider = issuer.and_then(|issuer| of_issuer(&issuer, &at));
    let mut parts = vec![Formula::Atom(Atom::Token)];
    for rule in members.mappings("claimValidationRules") {
        parts.push(validation(rule));
    }
    if let Some(mappings) = members.mapping("claimMappings") {
        parts.extend(claim_mappings(mappings, provider.as_mut()));
    }
    if !members.elements("userValidationRules").is_empty() {
        report.left_out(
            &members.at("userValidationRules"),
            "accredit has no user to validate, so it refuses the tokens of this issuer",
            "write the conditions as `when` of a rule over `claims`, and remove the rule that denies them",
        );
        parts.push(Formula::Unknown);
    }
    members.report_unread();
    let provider = usable(provider?, ORIGIN, report)?;
    let own = Atom::Issuers(vec![TextTest::exact(provider.issuer.clone())]);
    parts.push(Formula::Atom(own));
    Some((provider, Formula::all(parts)))
}

fn of_issuer(members: &Members<'_>, at: &str) -> Option<TokenProvider> {
    let report = members.report();
    let url = members.text("url")?;
    let audiences = members.texts("audiences").unwrap_or_default();
    if members.has("discoveryURL") {
        report.left_out(
            &members.at("discoveryURL"),
            "accredit finds the keys by the metadata of the issuer's own address",
            "set `jwks.uri` to the `jwks_uri` that this document names",
        );
    }
    if members.has("certificateAuthority") {
        report.left_out(
            &members.at("certificateAuthority"),
            "accredit reads authorities from a file",
            "save it as a file, and name that in `jwks.ca_file`",
        );
    }
    if members.has("egressSelectorType") {
        report.left_out(
            &members.at("egressSelectorType"),
            "accredit connects to the issuer itself",
            "use the proxy variables of the environment if it needs a proxy",
        );
    }
    let policy = members.text("audienceMatchPolicy");
    if policy.is_some_and(|policy| !policy.is_empty() && policy != "MatchAny") {
        report.left_out(
            &members.at("audienceMatchPolicy"),
            "accredit admits a token with any one of the audiences",
            "write a condition over `claims.aud` in `when`",
        );
    }
    if audiences.is_empty() {
        report.left_out(
            &members.at("audiences"),
            "the API server requires an audience, so accredit refuses the tokens of this issuer",
            "list the audiences",
        );
        return None;
    }
    report.note(
        "Kubernetes has no tolerance for `exp`, and 5 minutes for `nbf`; accredit has one `clock_skew` for both, and for `iat`",
    );
    Some(TokenProvider {
        at: at.to_owned(),
        issuer: url,
        audiences,
        keys: ProviderKeys::Discovery,
        algorithms: ALGORITHMS,
        clock_skew: ImportedValue::Default(0),
        max_lifetime: None,
        required_claims: Vec::new(),
        scope_claims: None,
        claim_headers: Vec::new(),
        subjects: None,
    })
}

/// An element of `claimValidationRules`.
fn validation(members: Members<'_>) -> Formula {
    let (at, report) = (members.place().to_owned(), members.report());
    let (claim, expression) = (members.text("claim"), members.text("expression"));
    let required = members.text("requiredValue").unwrap_or_default();
    members.ignore(&["message"]);
    members.report_unread();
    match (claim.filter(|claim| !claim.is_empty()), expression) {
        // The claim has to be a string: the text in a list is not enough.
        (Some(claim), None) => Formula::Atom(Atom::Claim(ClaimTest::new(
            &[&claim],
            ClaimShape::Text,
            vec![TextTest::exact(required)],
        ))),
        (None, Some(expression)) => carried_expression(&expression, str::to_owned, &at, report),
        _ => {
            report.left_out(
                &at,
                "a rule has either `claim` or `expression`, so accredit refuses the tokens of this issuer",
                "correct it, and import again",
            );
            Formula::Unknown
        }
    }
}
