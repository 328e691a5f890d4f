//! The steps of the contract, and the step of each denial.

use std::time::Duration;

use crate::authn::error::AuthenticationError;
use crate::authn::extraction_error::AmbiguousCredential;
use crate::authz::denial::{Denial, InvalidRequest};
use crate::authz::step::Step;
use crate::keys::ledger::MissingKey;
use crate::reason::Reason;
use crate::rules::demands::{RuleDenial, ScopeDemand};
use crate::rules::facts::TargetError;
use crate::token::error::TokenError;

/// CONTRACT 4.1.1
#[test]
fn the_steps_are_the_27_of_the_contract_in_order() {
    let names = Step::ALL.map(Step::name);
    assert_eq!(
        names.join(" "),
        "overload message host path rule credential form iss alg typ key signature cnf exp nbf iat aud required_claims \
         max_lifetime issuer_claims revoked issuers audiences scopes any_scope claims when"
    );
    assert!(Step::ALL.is_sorted() && names.len() == 27);
}

/// CONTRACT 2.5.3: the columns "Reason" and "Step" of CONTRACT 4.2.
#[test]
fn a_denial_names_the_step_that_gave_the_reason() {
    let target = |error| Denial::InvalidRequest(InvalidRequest::Target(error));
    let token = |error: TokenError| Denial::Unauthenticated(error.into());
    let key = |missing: MissingKey| Denial::Unauthenticated(missing.into());
    let scopes = |unmet| {
        Denial::Forbidden(RuleDenial::InsufficientScope {
            unmet,
            required: "a".into(),
        })
    };
    let retry_after = Duration::ZERO;
    for (denial, reason, step) in [
        (Denial::Overloaded, Reason::Overloaded, Some(Step::Overload)),
        (Denial::Internal, Reason::InternalError, None),
        (
            Denial::InvalidRequest(InvalidRequest::Message),
            Reason::InvalidRequest,
            Some(Step::Message),
        ),
        (
            target(TargetError::Host),
            Reason::InvalidRequest,
            Some(Step::Host),
        ),
        (
            target(TargetError::Method),
            Reason::InvalidRequest,
            Some(Step::Path),
        ),
        (
            target(TargetError::Path(None)),
            Reason::InvalidRequest,
            Some(Step::Path),
        ),
        (
            target(TargetError::TooManyComparisons),
            Reason::InvalidRequest,
            Some(Step::Rule),
        ),
        (
            Denial::Unauthenticated(AuthenticationError::AmbiguousCredential(
                AmbiguousCredential::SeveralTokens,
            )),
            Reason::InvalidRequest,
            Some(Step::Credential),
        ),
        (
            token(TokenError::UnsupportedAlgorithm),
            Reason::UnsupportedAlgorithm,
            Some(Step::Algorithm),
        ),
        (
            key(MissingKey::Unfit),
            Reason::UnsupportedAlgorithm,
            Some(Step::Key),
        ),
        (
            key(MissingKey::Untried(1)),
            Reason::UnknownKey,
            Some(Step::Key),
        ),
        (
            key(MissingKey::Pending { retry_after }),
            Reason::KeyPending,
            Some(Step::Key),
        ),
        (
            token(TokenError::InvalidSignature),
            Reason::InvalidSignature,
            Some(Step::Signature),
        ),
        (
            scopes(ScopeDemand::All),
            Reason::InsufficientScope,
            Some(Step::Scopes),
        ),
        (
            scopes(ScopeDemand::Any),
            Reason::InsufficientScope,
            Some(Step::AnyScope),
        ),
    ] {
        assert_eq!(
            (denial.reason(), denial.step()),
            (reason, step),
            "{denial:?}"
        );
    }
}
