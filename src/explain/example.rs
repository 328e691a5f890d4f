//! The request of an `explain` call, in the form in which Envoy would send it.

use accredit_core::authn::token_source::TokenSource;
use accredit_core::authn::websocket;
use accredit_core::authz::denial::{Denial, InvalidRequest};
use accredit_core::request::{ClientCertificate, Completeness, Headers, Request};

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
            trace: None,
        }
    }

    /// Why the service would refuse the message of this request: it would have more entries than accredit reads.
    pub fn denial(&self) -> Option<Denial> {
        let entries = self.0.headers.len() + self.0.context.len();
        (entries > MAX_ENTRIES).then_some(Denial::InvalidRequest(InvalidRequest::Message))
    }

    pub(in crate::explain) fn message(&self) -> &pb::ExplainRequest {
        &self.0
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
