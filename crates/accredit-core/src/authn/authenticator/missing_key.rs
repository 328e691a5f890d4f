//! What happens to a token of a known issuer that no held key verified: a wait for newer keys, or a denial.

use std::sync::Arc;

use crate::authn::authenticator::attempt::{Attempt, TokenDenial};
use crate::authn::authenticator::ticket::{FirstVerification, KeyTicket, WaitReason};

use crate::authn::error::AuthenticationError;
use crate::authn::issuers::Issuer;
use crate::authn::moment::Moment;
use crate::jose::algorithm::Algorithm;
use crate::keys::key_set::KeyIdStanding;
use crate::keys::ledger::MissingKey;
use crate::keys::store::lookup::KeyLookup;
use crate::keys::store::snapshot::Snapshot;
use crate::token::error::TokenError;
use crate::token::unverified::UnverifiedToken;
use crate::token::verified::judge_unverified;

/// What the caller does next.
pub(super) enum NextStep {
    Wait(KeyTicket),
    /// The keys have changed: verify the token again.
    VerifyAgain,
}

/// A token whose issuer is known.
pub(super) struct IssuedToken<'a> {
    pub(super) issuer: &'a Arc<Issuer>,
    pub(super) name: &'a Arc<str>,
    pub(super) moment: Moment,
    pub(super) attempt: Attempt<'a>,
}

impl IssuedToken<'_> {
    /// Steps 9 and 10: `alg` and `typ`.
    pub(super) fn judge_header(
        &self,
        token: &UnverifiedToken<'_>,
    ) -> Result<Algorithm, AuthenticationError> {
        let requirements = &self.issuer.requirements;
        let algorithm = Algorithm::from_name(token.algorithm())
            .filter(|algorithm| requirements.algorithms.contains(*algorithm))
            .ok_or(TokenError::UnsupportedAlgorithm)?;
        if !requirements.token_types.accept(token.token_type()) {
            return Err(TokenError::InvalidType.into());
        }
        Ok(algorithm)
    }

    /// The issuer has no usable key at all.
    pub(super) fn without_keys(
        &self,
        token: &UnverifiedToken<'_>,
    ) -> Result<NextStep, TokenDenial> {
        // The keys became too old during the wait. The result of the first verification applies, and
        // `unavailable: defer` does not.
        if let Some(first) = self.first_verification() {
            return Err(self.denial_of(first, token));
        }
        self.judge_claims_before_keys(token)?;
        let (keys, now) = (&self.issuer.keys, self.moment.steady);
        match self.attempt {
            Attempt::First(trace) => self.next_step(
                keys.look_up_any_key(now, trace),
                WaitReason::KeyMissing,
                token,
            ),
            Attempt::AfterWait(_) | Attempt::Peek => {
                Err(self.without_key(keys.why_no_keys(now), token))
            }
        }
    }

    /// The issuer has keys, and none of them verified the token.
    pub(super) fn unverified(
        &self,
        token: &UnverifiedToken<'_>,
        algorithm: Algorithm,
        snapshot: &Snapshot,
    ) -> Result<NextStep, TokenDenial> {
        let key_set = &snapshot.key_set;
        let mut fitting = key_set.candidates(token.key_id(), algorithm);
        // If a key with the token's `kid` does not fit, the reason names that key, even if a key without `kid` fits:
        // the token names the former.
        let has_fitting = fitting.any(|key| key.key_id.is_some() || token.key_id().is_none());
        let standing = key_set.standing(token.key_id());
        let untried = key_set.untried(token.key_id(), algorithm);
        let error = match standing {
            KeyIdStanding::Unknown => return self.unknown_key(token, snapshot),
            // CONTRACT 5.2.2: a key that was not tried can have signed the token.
            KeyIdStanding::Held | KeyIdStanding::Absent if untried > 0 => {
                self.judge_claims_before_keys(token)?;
                MissingKey::Untried(untried).into()
            }
            KeyIdStanding::Held | KeyIdStanding::Absent if has_fitting => {
                TokenError::InvalidSignature.into()
            }
            KeyIdStanding::Held => MissingKey::Unfit.into(),
            KeyIdStanding::Absent => {
                self.judge_claims_before_keys(token)?;
                MissingKey::Unknown.into()
            }
        };
        let first = FirstVerification {
            error,
            names_held_key: standing == KeyIdStanding::Held,
        };
        self.second_verification(token, first, snapshot)
    }

    fn unknown_key(
        &self,
        token: &UnverifiedToken<'_>,
        snapshot: &Snapshot,
    ) -> Result<NextStep, TokenDenial> {
        self.judge_claims_before_keys(token)?;
        let (keys, now) = (&self.issuer.keys, self.moment.steady);
        let missing = match self.attempt {
            Attempt::First(trace) => {
                let key_id = token.key_id().unwrap_or_default();
                return self.next_step(
                    keys.look_up_unknown_key(key_id, snapshot.generation, now, trace),
                    WaitReason::KeyMissing,
                    token,
                );
            }
            Attempt::Peek => keys.missing_by_held_keys(now),
            // The key was held before the wait, and is gone after it.
            Attempt::AfterWait(ticket) if ticket.reason != WaitReason::KeyMissing => {
                MissingKey::Unknown
            }
            Attempt::AfterWait(ticket) => keys.settle(&ticket.wait, now),
        };
        Err(self.without_key(missing, token))
    }

    /// CONTRACT 5.4: the held keys can be old. A token that passes the steps 14 to 19 is verified again after a fetch.
    fn second_verification(
        &self,
        token: &UnverifiedToken<'_>,
        first: FirstVerification,
        snapshot: &Snapshot,
    ) -> Result<NextStep, TokenDenial> {
        let (keys, now) = (&self.issuer.keys, self.moment.steady);
        let lookup = match self.attempt {
            Attempt::First(trace) if self.judge_claims_before_keys(token).is_ok() => {
                keys.look_up_newer_keys(snapshot.generation, now, trace)
            }
            _ => None,
        };
        match lookup {
            Some(lookup) => self.next_step(lookup, WaitReason::SecondVerification(first), token),
            None => Err(self.denial_of(&first, token)),
        }
    }

    fn next_step(
        &self,
        lookup: KeyLookup,
        reason: WaitReason,
        token: &UnverifiedToken<'_>,
    ) -> Result<NextStep, TokenDenial> {
        match lookup {
            KeyLookup::Wait(wait) => Ok(NextStep::Wait(KeyTicket { wait, reason })),
            KeyLookup::Missing(missing) => Err(self.without_key(missing, token)),
            KeyLookup::Changed => Ok(NextStep::VerifyAgain),
        }
    }

    /// The steps 14 to 19, which run before any answer about keys (CONTRACT 4.1.3). So accredit fetches keys only for a
    /// token that could be admitted, and an old token under a retired key gets `expired`.
    fn judge_claims_before_keys(&self, token: &UnverifiedToken<'_>) -> Result<(), TokenDenial> {
        judge_unverified(token, &self.issuer.requirements, self.moment.wall)
            .map_err(|error| self.denial(error.into(), None))
    }

    fn first_verification(&self) -> Option<&FirstVerification> {
        match self.attempt {
            Attempt::AfterWait(KeyTicket {
                reason: WaitReason::SecondVerification(first),
                ..
            }) => Some(first),
            Attempt::AfterWait(_) | Attempt::First(_) | Attempt::Peek => None,
        }
    }

    fn denial_of(&self, first: &FirstVerification, token: &UnverifiedToken<'_>) -> TokenDenial {
        let key_id = token.key_id().filter(|_| first.names_held_key);
        self.denial(first.error.clone(), key_id.map(Box::from))
    }

    /// The denial of a token for which the issuer has no key. A rule can name the token's own `iss`.
    fn without_key(&self, missing: MissingKey, token: &UnverifiedToken<'_>) -> TokenDenial {
        let iss = token.claims().issuer().filter(|iss| **iss != **self.name);
        TokenDenial {
            tenant_issuer: iss.map(Box::from),
            ..self.denial(missing.into(), None)
        }
    }

    pub(super) fn denial(
        &self,
        error: AuthenticationError,
        key_id: Option<Box<str>>,
    ) -> TokenDenial {
        TokenDenial {
            error,
            issuer: Some(self.name.clone()),
            tenant_issuer: None,
            key_id,
            signed: None,
            cache: None,
        }
    }
}
