//! Tokens that are bound to a client certificate (RFC 8705), as Envoy sends it.

use serde_json::json;

use crate::support::certificates::Authority;
use crate::support::check_request::{ClientRequest, HEADER_FORMS};
use crate::support::keys::{p256, rsa};
use crate::support::proof::{certificate_thumbprint, key_thumbprint};
use crate::support::service::Service;
use crate::support::token::Token;

use super::place::{ISSUER, client_request, configuration, good_proof};

#[tokio::test]
async fn a_token_is_admitted_only_on_a_connection_with_its_certificate() {
    let service = Service::ready(&configuration("", "")).await;
    let envoy = service.envoy().await;
    let authority = Authority::new();
    let (own, _) = authority.client();
    let (other, _) = authority.client();
    let cnf = json!({ "x5t#S256": certificate_thumbprint(&own) });
    let token = Token::of(ISSUER).claim("cnf", cnf).signed(rsa(0));
    let cases = [
        (Some(own.clone()), "allowed"),
        (Some(format!("{own}{other}")), "allowed"),
        (Some(other.clone()), "invalid_proof"),
        (Some(format!("{other}{own}")), "invalid_proof"),
        (
            Some("-----BEGIN CERTIFICATE-----".to_owned()),
            "invalid_proof",
        ),
        (None, "unproven_binding"),
    ];
    for _ in 0..2 {
        for (certificate, reason) in &cases {
            for header_form in HEADER_FORMS {
                let mut request = ClientRequest::bearer(&token);
                if let Some(certificate) = certificate {
                    request = request.certificate(certificate);
                }
                // Headers that proxies set for the same purpose can be a client's own.
                let request = request
                    .header(
                        "x-forwarded-client-cert",
                        format!("Cert=\"{own}\"").replace('\n', "%0A"),
                    )
                    .header("ssl-client-cert", "x");
                let answer = envoy.check(request.message_in(header_form)).await;
                assert_eq!(answer.reason(), *reason, "{certificate:?}");
            }
        }
    }
    let refused = envoy.check(ClientRequest::bearer(&token)).await;
    assert_eq!(
        refused.header("www-authenticate"),
        Some(
            "Bearer realm=\"api\", error=\"invalid_token\", error_description=\"the token is bound to a key, and \
             possession of that key was not proven\""
        )
    );
}

#[tokio::test]
async fn a_token_that_is_bound_to_both_needs_both() {
    let service = Service::ready(&configuration("", "")).await;
    let (own, _) = Authority::new().client();
    let cnf = json!({ "x5t#S256": certificate_thumbprint(&own), "jkt": key_thumbprint(p256(0)) });
    let token = Token::of(ISSUER).claim("cnf", cnf).signed(rsa(0));
    let proven = || client_request(&token, &good_proof(&token).signed(p256(0)));
    for (request, reason) in [
        (proven().certificate(&own), "allowed"),
        (proven(), "unproven_binding"),
        (
            ClientRequest::bearer(&token).certificate(&own),
            "unproven_binding",
        ),
        (
            client_request(&token, "x").certificate(&own),
            "invalid_proof",
        ),
    ] {
        assert_eq!(service.check(request).await.reason(), reason);
    }
}
