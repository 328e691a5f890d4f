//! The inputs of an explanation that the operator did not give and that could change the decision (CONTRACT 2.5.4).

use accredit_core::authz::authorizer::Authorizer;
use accredit_core::request::Request;
use accredit_core::rules::matcher::Preflight;
use accredit_core::rules::rule::Access;
use accredit_core::token::confirmation::Confirmation;
use accredit_core::token::requirements::Binding;
use accredit_core::token::unverified::UnverifiedToken;

use crate::explain::example::ExampleRequest;

/// The names of the inputs. `request` is the request of `example`.
pub fn not_given(
    authorizer: &Authorizer,
    example: &ExampleRequest,
    request: &Request<'_>,
) -> Vec<&'static str> {
    let client_request = example.message();
    let rules = || authorizer.rules().iter();
    let read = || {
        let conditions = rules().filter_map(|rule| rule.condition());
        conditions.map(|condition| condition.expression().reads())
    };
    let reads = |name| read().any(|reads| reads.variable(name));
    let query = read().any(|reads| reads.query());
    let needs = authorizer.rules().needs();
    let preflights = rules().any(|rule| rule.matcher.preflight == Preflight::Only);
    let methods = || rules().any(|rule| rule.matcher.methods.is_some());
    let contexts = || rules().any(|rule| !rule.matcher.context.is_empty());
    let principals = rules().any(|rule| rule.matcher.principals.is_some());
    let has_source =
        !client_request.source_address.is_empty() || !client_request.source_principal.is_empty();
    let conditions_lack_source = !has_source && reads("source");
    // The document is answered by method and path, before every rule.
    let has_metadata = authorizer.refusals().resource_metadata.is_some();
    let proofs = RequiredProofs::of(authorizer, request);
    let has_proof = request.headers.all("dpop").next().is_some();
    let mut inputs = vec![
        (
            "method",
            client_request.method.is_none()
                && (methods() || preflights || reads("request") || has_metadata || proofs.of_key),
        ),
        (
            "host",
            client_request.host.is_none() && (needs.host || proofs.of_key),
        ),
        (
            "path",
            client_request.path.is_none() && (needs.path || query || has_metadata || proofs.of_key),
        ),
        (
            "headers",
            client_request.headers.is_empty() || preflights || reads("request"),
        ),
        (
            "context",
            client_request.context.is_empty() && (contexts() || reads("context")),
        ),
        (
            "source_address",
            client_request.source_address.is_empty() && (needs.address || conditions_lack_source),
        ),
        (
            "source_principal",
            client_request.source_principal.is_empty() && (principals || conditions_lack_source),
        ),
        ("scheme", client_request.scheme.is_none() && proofs.of_key),
        ("dpop", !has_proof && proofs.of_key),
        (
            "source_certificate",
            client_request.source_certificate.is_empty() && proofs.of_certificate,
        ),
    ];
    // Another rule can decide if an input is missing, and then read the token.
    let is_open = inputs
        .iter()
        .any(|(name, could_change_it)| *could_change_it && *name != "headers");
    inputs.insert(
        0,
        (
            "token",
            lacks_token(authorizer, request) && (is_open || is_token_read(authorizer, request)),
        ),
    );
    inputs
        .into_iter()
        .filter_map(|(name, could_change_it)| could_change_it.then_some(name))
        .collect()
}

fn lacks_token(authorizer: &Authorizer, request: &Request<'_>) -> bool {
    matches!(authorizer.sources().extract(request), Ok(None))
}

/// Whether the rule of the request reads a token.
fn is_token_read(authorizer: &Authorizer, request: &Request<'_>) -> bool {
    let table = authorizer.rules();
    let Ok(facts) = table.read(request) else {
        return false;
    };
    table.select(&facts).is_ok_and(|rule| match &rule.access {
        Access::Token(_) | Access::Optional(_) => true,
        Access::Deny | Access::Anonymous { .. } => false,
    })
}

/// What the sender of the request's token has to prove.
#[derive(Default)]
struct RequiredProofs {
    /// `cnf.jkt`: a DPoP proof, which names the method and the URL of the request.
    of_key: bool,
    /// `cnf.x5t#S256`: the client certificate of the connection.
    of_certificate: bool,
}

impl RequiredProofs {
    fn of(authorizer: &Authorizer, request: &Request<'_>) -> RequiredProofs {
        let confirmation = || {
            let credential = authorizer.sources().extract(request).ok()??;
            let token = UnverifiedToken::parse(credential.bearer).ok()?;
            let issuers = authorizer.authenticator().issuers();
            let (_, issuer) = issuers.of_token(token.claims()).ok()??;
            match issuer.requirements.binding {
                Binding::Enforce => Confirmation::read(token.claims()),
                Binding::Ignore => None,
            }
        };
        match confirmation() {
            // No proof can be checked for a token that names something else, too.
            Some(confirmation) if !confirmation.is_unsupported => RequiredProofs {
                of_key: confirmation.key.is_some(),
                of_certificate: confirmation.certificate.is_some(),
            },
            Some(_) | None => RequiredProofs::default(),
        }
    }
}
