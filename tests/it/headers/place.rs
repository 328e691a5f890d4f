//! A service of one issuer, and tokens whose claims are written as they stand.

use crate::support::answer::Answer;
use crate::support::check_request::{ClientRequest, HeaderForm};
use crate::support::connection::Envoy;
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::{Token, signed_text};

pub(super) const ISSUER: &str = "https://issuer.test";
pub(super) const HEADER: &str = r#"{"alg":"RS256","kid":"k"}"#;

/// The header that Envoy sets where it admits by itself.
pub(super) const FAILURE_MODE: &str = "x-envoy-auth-failure-mode-allowed";

pub(super) struct Place {
    pub(super) envoy: Envoy,
    pub(super) _service: Service,
}

pub(super) async fn place(lines: &str, more: &str) -> Place {
    let keys = set([rsa(0).jwk("k")]);
    let entry = inline_issuer(ISSUER, &keys, lines);
    let service = Service::ready(&format!("issuers:\n{entry}{more}")).await;
    Place {
        envoy: service.envoy().await,
        _service: service,
    }
}

impl Place {
    pub(super) async fn admitted(&self, request: ClientRequest, header_form: HeaderForm) -> Answer {
        let answer = self.envoy.check(request.message_in(header_form)).await;
        assert!(answer.is_admission(), "{answer:?}");
        answer
    }

    /// The answer to a token with these further members among its claims, as they stand.
    pub(super) async fn with_claims(&self, members: &str) -> Answer {
        self.admitted(
            ClientRequest::bearer(&token_with(members)),
            HeaderForm::Headers,
        )
        .await
    }
}

pub(super) fn token_with(members: &str) -> String {
    signed_text(HEADER, claims_with(members), rsa(0), "RS256")
}

pub(super) fn claims_with(members: &str) -> String {
    let claims = Token::of(ISSUER).claims_text();
    let claims = claims.strip_suffix('}').unwrap();
    format!(
        "{claims}{}{members}}}",
        if members.is_empty() { "" } else { "," }
    )
}
