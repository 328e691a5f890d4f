//! The one place where a token becomes a verified one: its signature, then its issuer's demands, at a moment.

use std::fmt;
use std::time::Duration;

use crate::jose::algorithm::Algorithm;
use crate::jose::key::VerificationKey;
use crate::token::claims::{Audience, Claims};
use crate::token::error::{ClaimStep, TokenError};
use crate::token::numeric_date::NumericDate;
use crate::token::requirements::{AbsentAudience, Audiences, Binding, Requirements};
use crate::token::scope::ScopeSet;
use crate::token::unverified::UnverifiedToken;

/// A token whose signature, times and claims all held at the moment when it was made.
pub struct VerifiedToken {
    claims: Claims,
    scopes: ScopeSet,
    validity: Validity,
}

/// What came of trying keys on a token.
pub enum Verification<'a, 'k> {
    /// The key verified it, and the claims satisfy.
    Verified(VerifiedToken, &'k VerificationKey),
    /// The key verified it, and the claims do not satisfy.
    Refused(TokenError, &'k VerificationKey),
    /// No key verified it.
    Unsigned(UnverifiedToken<'a>),
}

/// When a token may be used.
#[derive(Clone, Copy, Debug)]
struct Validity {
    expires: NumericDate,
    not_before: Option<NumericDate>,
    issued: Option<NumericDate>,
}

impl VerifiedToken {
    /// Tries each key, then judges the claims in the order of the reasons: `cnf`, `exp`, `nbf`, `iat`, `aud`,
    /// required claims, lifetime.
    pub fn verify<'a, 'k>(
        token: UnverifiedToken<'a>,
        algorithm: Algorithm,
        candidates: impl IntoIterator<Item = &'k VerificationKey>,
        requirements: &Requirements,
        now: NumericDate,
    ) -> Verification<'a, 'k> {
        let signed_by = candidates.into_iter().find(|key| {
            key.verify(algorithm, token.signing_input(), token.signature())
                .is_ok()
        });
        let Some(key) = signed_by else {
            return Verification::Unsigned(token);
        };
        let judged = judge_binding(token.claims(), requirements.binding)
            .and_then(|()| Validity::judge(token.claims(), requirements, now));
        match judged {
            Ok(validity) => {
                let claims = token.into_claims();
                let scopes = ScopeSet::read(claims.object(), &requirements.scope_claims);
                Verification::Verified(
                    VerifiedToken {
                        claims,
                        scopes,
                        validity,
                    },
                    key,
                )
            }
            Err(error) => Verification::Refused(error, key),
        }
    }

    /// Judges the times of a token once more: what held when it was verified may have passed.
    ///
    /// # Errors
    /// [`TokenError::Expired`] or [`TokenError::NotYetValid`].
    pub fn still_holds(&self, clock_skew: Duration, now: NumericDate) -> Result<(), TokenError> {
        self.validity.judge_times(clock_skew, now)
    }

    /// The verified claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The token's scopes.
    pub fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// `exp`
    pub fn expires(&self) -> NumericDate {
        self.validity.expires
    }

    /// About how many bytes the token occupies.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.claims.weight() + self.scopes.weight()
    }
}

impl fmt::Debug for VerifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifiedToken(..)")
    }
}

/// Judges what an unverified token says of its times, audience and claims (`exp` to the lifetime), to tell whether
/// it could be worth a fetch of keys. Proves nothing.
///
/// # Errors
/// The first demand that the claims fail.
pub fn judge_unverified(
    token: &UnverifiedToken<'_>,
    requirements: &Requirements,
    now: NumericDate,
) -> Result<(), TokenError> {
    Validity::judge(token.claims(), requirements, now).map(|_| ())
}

// === impl Validity ===

impl Validity {
    fn judge(
        claims: &Claims,
        requirements: &Requirements,
        now: NumericDate,
    ) -> Result<Validity, TokenError> {
        let skew = requirements.clock_skew;
        // Each date is read at its own step, so that the first that fails is the reason.
        let expires = date(claims, "exp", ClaimStep::Expiry)?
            .ok_or(TokenError::MissingClaim(ClaimStep::Expiry))?;
        judge_expiry(expires, skew, now)?;
        let not_before = date(claims, "nbf", ClaimStep::NotBefore)?;
        judge_start(not_before, ClaimStep::NotBefore, skew, now)?;
        let issued = date(claims, "iat", ClaimStep::IssuedAt)?;
        judge_start(issued, ClaimStep::IssuedAt, skew, now)?;
        judge_audience(claims, &requirements.audiences)?;
        if !requirements
            .required_claims
            .iter()
            .all(|name| claims.has(name))
        {
            return Err(TokenError::MissingClaim(ClaimStep::Required));
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

fn date(claims: &Claims, name: &str, step: ClaimStep) -> Result<Option<NumericDate>, TokenError> {
    claims
        .date(name)
        .map_err(|_| TokenError::NotANumericDate(step))
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

fn judge_audience(claims: &Claims, audiences: &Audiences) -> Result<(), TokenError> {
    let Audiences::OneOf { accepted, absent } = audiences else {
        return Ok(());
    };
    let holds = match claims.audience() {
        Audience::Absent => *absent == AbsentAudience::Accept,
        Audience::Named(named) => named
            .iter()
            .any(|audience| accepted.iter().any(|own| own == audience)),
    };
    if holds {
        Ok(())
    } else {
        Err(TokenError::InvalidAudience)
    }
}

fn judge_binding(claims: &Claims, binding: Binding) -> Result<(), TokenError> {
    if claims.has_confirmation() && binding == Binding::Enforce {
        return Err(TokenError::UnprovenBinding);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
