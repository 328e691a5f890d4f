//! The request of an `explain` call, in the form in which Envoy would send it.

use accredit_core::authn::sources::TokenSource;
use accredit_core::authn::websocket;
use accredit_core::authz::authorizer::Authorizer;
use accredit_core::authz::denial::{Denial, InvalidRequest};
use accredit_core::request::{Completeness, Headers, Request};
use accredit_core::rules::matcher::Preflight;

use crate::admin::pb;
use crate::envoy::request::MAX_ENTRIES;

/// A request that an operator asks about. No client sent it.
#[derive(Debug)]
pub struct ExampleRequest(pb::ExplainRequest);

impl ExampleRequest {
    /// Puts the token of the call where `place`, the first token source of the configuration, looks for it.
    pub fn new(
        mut client_request: pb::ExplainRequest,
        place: Option<&TokenSource>,
    ) -> ExampleRequest {
        if let (Some(token), Some(place)) = (client_request.token.take(), place) {
            put(&mut client_request, &token, place);
        }
        ExampleRequest(client_request)
    }

    /// The request as the decision reads it. Inputs that the operator did not give have defaults.
    pub fn request(&self) -> Request<'_> {
        let client_request = &self.0;
        let headers = client_request
            .headers
            .iter()
            .map(|header| (header.name.as_str(), header.value.as_bytes()));
        let mut context: Vec<_> = client_request
            .context
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        context.sort_unstable();
        Request {
            method: client_request.method.as_deref().unwrap_or("GET"),
            host: client_request.host.as_deref().unwrap_or("localhost"),
            path: client_request.path.as_deref().unwrap_or("/"),
            headers: Headers::new(headers, Completeness::Complete),
            source_address: &client_request.source_address,
            source_principal: &client_request.source_principal,
            source_certificate: ClientCertificate::of_pem(&client_request.source_certificate),
            scheme: client_request.scheme.as_deref().unwrap_or("https"),
            context,
        }
    }

    /// Why the service would refuse the message of this request: it would have more entries than accredit reads.
    pub fn denial(&self) -> Option<Denial> {
        let entries = self.0.headers.len() + self.0.context.len();
        (entries > MAX_ENTRIES).then_some(Denial::InvalidRequest(InvalidRequest::Message))
    }

    /// The inputs that the operator did not give and that could change the decision (CONTRACT 2.5.4).
    pub fn not_given(&self, authorizer: &Authorizer) -> Vec<&'static str> {
        let client_request = &self.0;
        let rules = || authorizer.rules().iter();
        let reads = |name| {
            rules()
                .filter_map(|rule| rule.condition())
                .any(|condition| condition.expression().reads().variable(name))
        };
        let needs = authorizer.rules().needs();
        let preflights = rules().any(|rule| rule.matcher.preflight == Preflight::Only);
        let methods = || rules().any(|rule| rule.matcher.methods.is_some());
        let contexts = || rules().any(|rule| !rule.matcher.context.is_empty());
        let principals = rules().any(|rule| rule.matcher.principals.is_some());
        let has_source = !client_request.source_address.is_empty()
            || !client_request.source_principal.is_empty();
        let conditions_lack_source = !has_source && reads("source");
        let inputs = [
            (
                "method",
                client_request.method.is_none() && (methods() || preflights || reads("request")),
            ),
            ("host", client_request.host.is_none() && needs.host),
            ("path", client_request.path.is_none() && needs.path),
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
                client_request.source_address.is_empty()
                    && (needs.address || conditions_lack_source),
            ),
            (
                "source_principal",
                client_request.source_principal.is_empty()
                    && (principals || conditions_lack_source),
            ),
        ];
        inputs
            .into_iter()
            .filter_map(|(name, could_change_it)| could_change_it.then_some(name))
            .collect()
    }
}

fn put(client_request: &mut pb::ExplainRequest, token: &str, place: &TokenSource) {
    let header = |name: &str, value: String| pb::Header {
        name: name.to_owned(),
        value,
    };
    match place {
        TokenSource::Scheme {
            header: name,
            scheme,
        } => {
            // A client that sends a proof names it in the scheme (RFC 9449 section 7.1).
            let has_proof = |own: &pb::Header| own.name.eq_ignore_ascii_case("dpop");
            let scheme =
                match name == "authorization" && client_request.headers.iter().any(has_proof) {
                    true => "DPoP",
                    false => scheme,
                };
            client_request
                .headers
                .push(header(name, format!("{scheme} {token}")));
        }
        TokenSource::Header(name) => client_request.headers.push(header(name, token.to_owned())),
        TokenSource::Protocol(protocol) => client_request
            .headers
            .push(header(websocket::HEADER, format!("{protocol}, {token}"))),
        TokenSource::Cookie(name) => client_request
            .headers
            .push(header("cookie", format!("{name}={token}"))),
        TokenSource::Query(name) => {
            let path = client_request.path.take().unwrap_or_else(|| "/".to_owned());
            let separator = if path.contains('?') { '&' } else { '?' };
            client_request.path = Some(format!("{path}{separator}{name}={token}"));
        }
    }
}
