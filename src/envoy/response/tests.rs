//! Answers that Envoy cannot take for what they are not.

use std::time::Duration;

use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;

use super::{ClientProtocol, Refusals, body, whole_seconds};
use crate::authn::error::Error;
use crate::authn::realm::{ErrorDetails, WithoutKeysPolicy};
use crate::authn::sources::AmbiguousCredential;
use crate::authz::decision::Refused;
use crate::authz::denial::{Denial, Unreadable};
use crate::rules::demands::RuleDenial;
use crate::token;

fn every_denial() -> Vec<Denial> {
    let retry_after = Duration::from_millis(2500);
    let mut denials = vec![
        Denial::InvalidRequest(Unreadable::Message),
        Denial::Overloaded,
        Denial::Internal,
    ];
    let authentication = [
        Error::MissingToken,
        Error::AmbiguousCredential(AmbiguousCredential::SeveralTokens),
        Error::Token(token::error::TokenError::Malformed),
        Error::Token(token::error::TokenError::Expired),
        Error::UnknownIssuer,
        Error::UnknownKey,
        Error::NoKeys { retry_after },
        Error::KeysUnavailable { retry_after },
        Error::KeyPending { retry_after },
    ];
    denials.extend(authentication.map(Denial::Unauthenticated));
    let message = Some("told by the operator".into());
    denials.extend(
        [
            RuleDenial::AccessDenied,
            RuleDenial::IssuerNotAllowed,
            RuleDenial::InvalidAudience,
            RuleDenial::InsufficientScope {
                required: "a b".into(),
            },
            RuleDenial::ConditionFailed { message },
        ]
        .map(Denial::Forbidden),
    );
    denials
}

#[test]
fn no_refusal_could_be_taken_for_an_admission() {
    for denial in every_denial() {
        for client in [ClientProtocol::Http, ClientProtocol::Grpc] {
            let answer = Refusals::default().refuse(&Refused::early(denial.clone()), client);
            assert!(
                answer.status.is_some_and(|status| status.code != 0),
                "{denial:?}"
            );
            let Some(HttpResponse::DeniedResponse(denied)) = answer.http_response else {
                panic!("{denial:?}")
            };
            assert!(
                denied.status.is_some_and(|status| status.code >= 400),
                "{denial:?}"
            );
            for header in denied
                .headers
                .iter()
                .filter_map(|header| header.header.as_ref())
            {
                assert!(
                    header.value.bytes().all(|byte| matches!(byte, b' '..=b'~')),
                    "{header:?}"
                );
            }
        }
    }
}

#[test]
fn only_an_issuer_without_keys_is_left_to_envoy_and_only_if_asked() {
    let deferring = Refusals {
        without_keys: WithoutKeysPolicy::Defer,
        ..Refusals::default()
    };
    let is_error = |refusals: &Refusals, denial: &Denial| {
        let answer = refusals.deny(&Refused::early(denial.clone()), ClientProtocol::Http);
        let code = answer.status.map(|status| status.code);
        match answer.http_response {
            Some(HttpResponse::ErrorResponse(error)) => {
                assert_eq!(code, Some(14), "{denial:?}");
                assert_eq!(error.status.map(|status| status.code), Some(503));
                true
            }
            Some(HttpResponse::DeniedResponse(_)) => {
                assert_ne!(code, Some(0), "{denial:?}");
                false
            }
            _ => panic!("{denial:?}"),
        }
    };
    let mut left_to_envoy = 0;
    for denial in every_denial() {
        assert!(!is_error(&Refusals::default(), &denial), "{denial:?}");
        let is_left = is_error(&deferring, &denial);
        let is_without_keys = matches!(denial, Denial::Unauthenticated(Error::NoKeys { .. }));
        assert_eq!(is_left, is_without_keys, "{denial:?}");
        left_to_envoy += usize::from(is_left);
    }
    assert_eq!(left_to_envoy, 1);
}

#[test]
fn details_can_be_hidden() {
    let hidden = Refusals {
        details: ErrorDetails::Hidden,
        ..Refusals::default()
    };
    let refused = Refused::early(Denial::Unauthenticated(Error::UnknownKey));
    let shown = format!(
        "{:?}",
        Refusals::default().refuse(&refused, ClientProtocol::Http)
    );
    let hidden = format!("{:?}", hidden.refuse(&refused, ClientProtocol::Http));
    // The body's member; the message has a field of that name too.
    let member = r#"\"details\":"#;
    assert!(
        shown.contains("error_description") && shown.contains(member),
        "{shown}"
    );
    assert!(
        !hidden.contains("error_description") && !hidden.contains(member),
        "{hidden}"
    );
}

#[test]
fn a_body_is_what_the_guides_api_answers() {
    assert_eq!(
        body("Missing authorization token", None),
        r#"{"error":"Missing authorization token"}"#
    );
    assert_eq!(
        body("Invalid token", Some("the token has expired")),
        r#"{"error":"Invalid token","details":"the token has expired"}"#
    );
}

#[test]
fn nobody_is_told_to_come_back_at_once() {
    assert_eq!(
        [0, 1, 1000, 1001, 9500].map(|millis| whole_seconds(Duration::from_millis(millis))),
        [1, 1, 1, 2, 10]
    );
}
