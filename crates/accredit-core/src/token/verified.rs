//! Verifies a token: the signature first, then the requirements of the issuer entry. The only place that makes a
//! [`VerifiedToken`].

use std::fmt;
use std::time::Duration;

use crate::jose::algorithm::Algorithm;
use crate::jose::json::TextRange;
use crate::jose::key::VerificationKey;
use crate::token::accepted_texts::AcceptedTexts;
use crate::token::binding_error::BindingError;
use crate::token::claim_demand::check_all;
use crate::token::claims::{Audience, Claims};
use crate::token::confirmation::Confirmation;
use crate::token::error::{ClaimStep, TokenError};
use crate::token::numeric_date::NumericDate;
use crate::token::requirements::{AbsentAudience, Audiences, Binding, Requirements};
use crate::token::scope::{ScopeRanges, Scopes};
use crate::token::unverified::UnverifiedToken;

/// A token whose signature and claims satisfied the issuer entry at the moment of verification.
pub struct VerifiedToken {
    claims: Claims,
    scopes: ScopeRanges,
    /// Where its audiences are in the claims.
    audience: Box<[TextRange]>,
    validity: Validity,
    /// `None` if the token is not bound, or the issuer entry ignores it.
    confirmation: Option<Box<Confirmation>>,
}

/// Checks that the sender of a token has proven what its `cnf` demands. The argument is absent for a token that is not bound. The
/// result is the proof, if it can be used once only: it is used up when the request is admitted.
pub type JudgeBinding<'a, P> = &'a dyn Fn(Option<&Confirmation>) -> Result<Option<P>, BindingError>;

/// The claims of a token that failed a step after its signature had been verified. They say whose token was refused
/// (CONTRACT 4.13.1, 4.13.4), and cannot admit a request: a rule accepts a [`VerifiedToken`] only.
#[derive(Clone)]
pub struct SignedClaims {
    claims: Claims,
    scopes: ScopeRanges,
}

/// The result of a verification.
pub enum Verification<'a, 'k, P> {
    /// The key verifies the signature, and the claims satisfy the requirements. The proof is that of [`JudgeBinding`].
    Verified(VerifiedToken, &'k VerificationKey, Option<P>),
    /// The key verifies the signature, and the claims do not satisfy the requirements.
    Refused(TokenError, &'k VerificationKey, SignedClaims),
    /// No key verifies the signature.
    Unsigned(UnverifiedToken<'a>),
}

/// The times between which a token can be used.
#[derive(Clone, Copy, Debug)]
struct Validity {
    expires: NumericDate,
    not_before: Option<NumericDate>,
    issued: Option<NumericDate>,
}

impl VerifiedToken {
    /// Runs the steps 12 to 20 of CONTRACT 4.1.1: signature, `cnf`, `exp`, `nbf`, `iat`, `aud`, required claims, lifetime,
    /// values of claims. `judge_binding` is called once, if the signature is valid and the entry enforces `cnf`.
    pub fn verify<'a, 'k, P>(
        token: UnverifiedToken<'a>,
        algorithm: Algorithm,
        candidates: impl IntoIterator<Item = &'k VerificationKey>,
        requirements: &Requirements,
        now: NumericDate,
        judge_binding: JudgeBinding<'_, P>,
    ) -> Verification<'a, 'k, P> {
        let signed_by = candidates.into_iter().find(|key| {
            key.verify(algorithm, token.signing_input(), token.signature())
                .is_ok()
        });
        let Some(key) = signed_by else {
            return Verification::Unsigned(token);
        };
        let confirmation = match requirements.binding {
            Binding::Enforce => Confirmation::read(token.claims()),
            Binding::Ignore => None,
        };
        let judged =
            enforce(requirements.binding, confirmation.as_ref(), judge_binding).and_then(|proof| {
                let validity = Validity::judge(token.claims(), requirements, now)?;
                check_all(&requirements.claims, token.claims())
                    .map(|()| (validity, proof))
                    .map_err(TokenError::InvalidClaim)
            });
        let claims = token.into_claims();
        let scopes = ScopeRanges::read(&claims, &requirements.scope_claims);
        match judged {
            Ok((validity, proof)) => {
                let audience = match claims.audience(&requirements.audience_claims) {
                    Audience::Absent => Box::default(),
                    Audience::Named(named) => named.ranges().collect(),
                };
                let token = VerifiedToken {
                    claims,
                    scopes,
                    audience,
                    validity,
                    confirmation: confirmation.map(Box::new),
                };
                Verification::Verified(token, key, proof)
            }
            Err(error) => Verification::Refused(error, key, SignedClaims { claims, scopes }),
        }
    }

    /// Checks what can have changed since a token was cached: the proof of its sender, and its times. Returns the proof of
    /// [`JudgeBinding`].
    ///
    /// # Errors
    /// [`TokenError::Binding`], [`TokenError::Expired`] or [`TokenError::NotYetValid`].
    pub fn still_holds<P>(
        &self,
        requirements: &Requirements,
        now: NumericDate,
        judge_binding: JudgeBinding<'_, P>,
    ) -> Result<Option<P>, TokenError> {
        let proof = enforce(
            requirements.binding,
            self.confirmation.as_deref(),
            judge_binding,
        )?;
        self.validity.judge_times(requirements.clock_skew, now)?;
        Ok(proof)
    }

    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    pub fn scopes(&self) -> Scopes<'_> {
        self.scopes.of(&self.claims)
    }

    /// Whether the token's audience is one of these.
    pub fn has_audience_of(&self, accepted: &AcceptedTexts) -> bool {
        self.audience
            .iter()
            .any(|audience| accepted.contains(self.claims.text_in(*audience)))
    }

    /// The claims and scopes, to report whose token was refused later.
    pub fn signed_claims(&self) -> SignedClaims {
        SignedClaims {
            claims: self.claims.clone(),
            scopes: self.scopes.clone(),
        }
    }

    /// `exp`
    pub fn expires(&self) -> NumericDate {
        self.validity.expires
    }

    /// The memory that the token occupies beside its own size, in bytes.
    pub fn heap_weight(&self) -> usize {
        let confirmation = self.confirmation.as_deref();
        self.claims.heap_weight()
            + self.scopes.heap_weight()
            + size_of_val(&*self.audience)
            + confirmation.map_or(0, size_of_val)
    }
}

impl fmt::Debug for VerifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifiedToken(..)")
    }
}

/// Runs the steps 14 to 19 of CONTRACT 4.1.1 on a token without a key, to decide whether it is worth a fetch.
///
/// # Errors
/// The first step that fails, without values of the token.
pub fn judge_unverified(
    token: &UnverifiedToken<'_>,
    requirements: &Requirements,
    now: NumericDate,
) -> Result<(), TokenError> {
    Validity::judge(token.claims(), requirements, now)
        .map(|_| ())
        .map_err(TokenError::without_values)
}

// === impl Validity ===

impl Validity {
    fn judge(
        claims: &Claims,
        requirements: &Requirements,
        now: NumericDate,
    ) -> Result<Validity, TokenError> {
        let skew = requirements.clock_skew;
        // Each date is read at its own step, so that the first step that fails gives the reason.
        let expires = date(claims, "exp", ClaimStep::Expiry)?
            .ok_or(TokenError::MissingClaim(ClaimStep::Expiry))?;
        judge_expiry(expires, skew, now)?;
        let not_before = date(claims, "nbf", ClaimStep::NotBefore)?;
        judge_start(not_before, ClaimStep::NotBefore, skew, now)?;
        let issued = date(claims, "iat", ClaimStep::IssuedAt)?;
        judge_start(issued, ClaimStep::IssuedAt, skew, now)?;
        judge_audience(claims, requirements)?;
        let mut required = requirements.required_claims.iter();
        if let Some(missing) = required.find(|name| !claims.has(name)) {
            return Err(TokenError::MissingRequired(missing.clone()));
        }
        if let Some(max_lifetime) = requirements.max_lifetime {
            let issued = issued.ok_or(TokenError::MissingClaim(ClaimStep::Lifetime))?;
            if expires.seconds_since(issued) > max_lifetime.as_secs_f64() {
                return Err(TokenError::LifetimeTooLong);
            }
        }
        Ok(Validity {
            expires,
            not_before,
            issued,
        })
    }

    fn judge_times(&self, skew: Duration, now: NumericDate) -> Result<(), TokenError> {
        judge_expiry(self.expires, skew, now)?;
        judge_start(self.not_before, ClaimStep::NotBefore, skew, now)?;
        judge_start(self.issued, ClaimStep::IssuedAt, skew, now)
    }
}

impl SignedClaims {
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    pub fn scopes(&self) -> Scopes<'_> {
        self.scopes.of(&self.claims)
    }

    /// `exp`. `None` if it is absent or not a NumericDate.
    pub fn expires(&self) -> Option<NumericDate> {
        self.claims.date("exp").ok().flatten()
    }
}

impl fmt::Debug for SignedClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedClaims(..)")
    }
}

fn date(claims: &Claims, name: &str, step: ClaimStep) -> Result<Option<NumericDate>, TokenError> {
    claims
        .date(name)
        .map_err(|error| TokenError::NotANumericDate(step, error))
}

fn judge_expiry(expires: NumericDate, skew: Duration, now: NumericDate) -> Result<(), TokenError> {
    if now < expires.plus(skew) {
        Ok(())
    } else {
        Err(TokenError::Expired)
    }
}

fn judge_start(
    start: Option<NumericDate>,
    step: ClaimStep,
    skew: Duration,
    now: NumericDate,
) -> Result<(), TokenError> {
    match start {
        Some(start) if start > now.plus(skew) => Err(TokenError::NotYetValid(step)),
        _ => Ok(()),
    }
}

fn judge_audience(claims: &Claims, requirements: &Requirements) -> Result<(), TokenError> {
    let Audiences::OneOf { accepted, absent } = &requirements.audiences else {
        return Ok(());
    };
    let is_accepted = match claims.audience(&requirements.audience_claims) {
        Audience::Absent => *absent == AbsentAudience::Accept,
        Audience::Named(named) => is_one_of(named.texts(), accepted),
    };
    if is_accepted {
        Ok(())
    } else {
        Err(TokenError::InvalidAudience)
    }
}

fn is_one_of<'a>(mut audience: impl Iterator<Item = &'a str>, accepted: &[String]) -> bool {
    audience.any(|audience| accepted.iter().any(|own| own == audience))
}

fn enforce<P>(
    binding: Binding,
    confirmation: Option<&Confirmation>,
    judge: JudgeBinding<'_, P>,
) -> Result<Option<P>, TokenError> {
    match binding {
        Binding::Enforce => Ok(judge(confirmation)?),
        Binding::Ignore => Ok(None),
    }
}

#[cfg(test)]
mod tests;
