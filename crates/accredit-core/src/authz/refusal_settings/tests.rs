//! Answers that Envoy cannot take for an admission.

use std::time::Duration;

use super::{RefusalSettings, body, whole_seconds};
use crate::authn::error::AuthenticationError;
use crate::authn::extraction_error::AmbiguousCredential;
use crate::authn::realm::ErrorDetails;
use crate::authz::denial::{Denial, InvalidRequest};
use crate::authz::denial_context::{ClientProtocol, DenialContext};
use crate::expression::failure::EvaluationFailure;
use crate::keys::ledger::MissingKey;
use crate::rules::demands::{RuleDenial, ScopeDemand};
use crate::token::claim_demand::UnmetClaim;
use crate::token::claim_name::ClaimName;
use crate::token::error::TokenError;
use crate::token::malformed::MalformedToken;

fn every_denial() -> Vec<Denial> {
    let retry_after = Duration::from_millis(2500);
    let mut denials = vec![
        Denial::InvalidRequest(InvalidRequest::Message),
        Denial::Overloaded,
        Denial::Internal,
    ];
    let authentication = [
        AuthenticationError::MissingToken,
        AuthenticationError::AmbiguousCredential(AmbiguousCredential::SeveralTokens),
        AuthenticationError::Token(TokenError::Malformed(MalformedToken::Opaque)),
        AuthenticationError::Token(TokenError::Expired),
        AuthenticationError::UnknownIssuer,
        AuthenticationError::Key(MissingKey::Unknown),
        AuthenticationError::Key(MissingKey::Unfit),
        AuthenticationError::Key(MissingKey::NoKeys { retry_after }),
        AuthenticationError::Key(MissingKey::EmptyKeySet { retry_after }),
        AuthenticationError::Key(MissingKey::Unavailable { retry_after }),
        AuthenticationError::Key(MissingKey::Pending { retry_after }),
    ];
    denials.extend(authentication.map(Denial::Unauthenticated));
    let message = Some("a message of the operator".into());
    denials.extend(
        [
            RuleDenial::AccessDenied,
            RuleDenial::IssuerNotAllowed,
            RuleDenial::InvalidAudience,
            RuleDenial::InsufficientScope {
                unmet: ScopeDemand::All,
                required: "a b".into(),
            },
            RuleDenial::ClaimMismatch(UnmetClaim::Absent(
                ClaimName::dotted("groups").expect("is a name"),
            )),
            RuleDenial::ConditionFailed {
                message,
                cause: EvaluationFailure::False,
            },
        ]
        .map(Denial::Forbidden),
    );
    denials
}

#[test]
fn every_refusal_has_an_error_status() {
    for denial in every_denial() {
        for client in [ClientProtocol::Http, ClientProtocol::Grpc] {
            let answer = RefusalSettings::default().refuse(
                &denial,
                DenialContext {
                    client,
                    ..DenialContext::default()
                },
            );
            assert_ne!(answer.code as i32, 0, "{denial:?}");
            assert!(answer.status >= 400, "{denial:?}");
            let body: serde_json::Value = serde_json::from_str(&answer.body).expect(&answer.body);
            assert!(body["error"].is_string(), "{body}");
            for (name, value) in answer.headers {
                let is_printable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
                assert!(is_printable, "{name}: {value}");
            }
        }
    }
}

#[test]
fn error_details_can_be_hidden() {
    let hidden = RefusalSettings {
        details: ErrorDetails::Hidden,
        ..RefusalSettings::default()
    };
    let denial = Denial::Unauthenticated(MissingKey::Unknown.into());
    let refuse = |settings: &RefusalSettings| {
        let answer = settings.refuse(&denial, DenialContext::default());
        format!("{:?} {}", answer.headers, answer.body)
    };
    for (settings, is_shown) in [(RefusalSettings::default(), true), (hidden, false)] {
        let answer = refuse(&settings);
        assert_eq!(answer.contains("error_description"), is_shown, "{answer}");
        assert_eq!(answer.contains("details"), is_shown, "{answer}");
    }
}

#[test]
fn a_refusal_body_has_the_form_of_the_scalekit_guide() {
    let error = r#"{"error":"Invalid token"}"#;
    assert_eq!(body(error, None), error);
    assert_eq!(
        body(error, Some("the token has expired")),
        r#"{"error":"Invalid token","details":"the token has expired"}"#
    );
    assert_eq!(
        body(error, Some("\"}\n")),
        r#"{"error":"Invalid token","details":"\"}\n"}"#
    );
}

#[test]
fn retry_after_is_never_zero() {
    assert_eq!(
        [0, 1, 1000, 1001, 9500].map(|millis| whole_seconds(Duration::from_millis(millis))),
        [1, 1, 1, 2, 10]
    );
}

#[test]
fn the_body_of_every_denial_is_json_with_its_error() {
    let settings = RefusalSettings {
        details: ErrorDetails::Hidden,
        ..RefusalSettings::default()
    };
    for denial in every_denial() {
        let answer = settings.refuse(&denial, DenialContext::default());
        let body: serde_json::Value = serde_json::from_str(&answer.body).expect("is JSON");
        assert_eq!(body.to_string(), answer.body, "{denial:?}");
        assert!(body["error"].is_string(), "{denial:?}");
    }
}
