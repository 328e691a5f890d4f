//! One token of a known issuer: what it means that no key verified it, and whether to wait for others.

use std::sync::Arc;

use crate::authn::authenticator::wait::{FirstVerdict, KeyWait, WaitReason, WaitedFor};
use crate::authn::authenticator::{Attempt, Authentication, Refusal};
use crate::authn::error::Error;
use crate::authn::issuers::Issuer;
use crate::authn::moment::Moment;
use crate::jose::algorithm::Algorithm;
use crate::jwks::key_set::KeyIdStanding;
use crate::jwks::store::desk::Desk;
use crate::jwks::store::snapshot::Snapshot;
use crate::token;
use crate::token::unverified::UnverifiedToken;
use crate::token::verified::judge_unverified;

/// What came of a token that no key verified.
pub(super) enum Ruling<'a> {
    Stands(Authentication<'a>),
    /// A fetch has ended in the meantime: the token has to be judged by its keys.
    KeysChanged,
}

/// One token of a known issuer under examination.
pub(super) struct Examination<'a> {
    pub(super) issuer: &'a Arc<Issuer>,
    pub(super) name: &'a Arc<str>,
    pub(super) moment: Moment,
    pub(super) attempt: Attempt,
}

impl<'a> Examination<'a> {
    pub(super) fn judge_header(&self, token: &UnverifiedToken<'_>) -> Result<Algorithm, Error> {
        let requirements = &self.issuer.requirements;
        let algorithm = Algorithm::from_name(token.algorithm())
            .filter(|algorithm| requirements.algorithms.contains(*algorithm))
            .ok_or(token::error::TokenError::UnsupportedAlgorithm)?;
        if !requirements.token_types.accept(token.token_type()) {
            return Err(token::error::TokenError::InvalidType.into());
        }
        Ok(algorithm)
    }

    pub(super) fn without_keys(&self, token: &UnverifiedToken<'_>) -> Result<Ruling<'a>, Refusal> {
        // The keys went away during the wait: a bad token is no outage for that, nor left to Envoy.
        if let Attempt::Again(WaitedFor {
            reason: WaitReason::OnceMore(verdict),
            ..
        }) = self.attempt
        {
            return Err(self.refusal_of(verdict, token));
        }
        self.judge_worth(token)
            .map_err(|error| self.refusal(error, None))?;
        let keys = &self.issuer.keys;
        let now = self.moment.steady;
        match self.attempt {
            Attempt::First => self.at_desk(keys.ask_for_any_keys(now), WaitReason::KeyMissing),
            Attempt::Again(_) | Attempt::Peek => {
                let retry_after = keys.until_next_attempt(now);
                Err(self.refusal(Error::NoKeys { retry_after }, None))
            }
        }
    }

    /// No held key verified the token: what that means depends on what its `kid` can tell.
    pub(super) fn unsigned(
        &self,
        token: &UnverifiedToken<'_>,
        algorithm: Algorithm,
        snapshot: &Snapshot,
    ) -> Result<Ruling<'a>, Refusal> {
        let key_set = &snapshot.key_set;
        let mut fitting = key_set.candidates(token.key_id(), algorithm);
        // A key without a `kid` may fit beside one that bears the token's and does not: that one is meant.
        let has_fitting = fitting.any(|key| key.key_id.is_some() || token.key_id().is_none());
        let standing = key_set.standing(token.key_id());
        let error = match standing {
            KeyIdStanding::Unknown => return self.unknown_key(token, snapshot),
            KeyIdStanding::Held | KeyIdStanding::Absent if has_fitting => {
                token::error::TokenError::InvalidSignature.into()
            }
            KeyIdStanding::Held => token::error::TokenError::UnsupportedAlgorithm.into(),
            KeyIdStanding::Absent => {
                self.judge_worth(token)
                    .map_err(|error| self.refusal(error, None))?;
                Error::UnknownKey
            }
        };
        let verdict = FirstVerdict {
            error,
            names_held_key: standing == KeyIdStanding::Held,
        };
        self.once_more(token, verdict, snapshot)
    }

    fn unknown_key(
        &self,
        token: &UnverifiedToken<'_>,
        snapshot: &Snapshot,
    ) -> Result<Ruling<'a>, Refusal> {
        self.judge_worth(token)
            .map_err(|error| self.refusal(error, None))?;
        let (keys, now) = (&self.issuer.keys, self.moment.steady);
        match self.attempt {
            Attempt::First => {
                let key_id = token.key_id().unwrap_or_default();
                self.at_desk(
                    keys.ask_for_unknown_key(key_id, snapshot.generation, now),
                    WaitReason::KeyMissing,
                )
            }
            Attempt::Peek => Err(self.refusal(keys.missing_as_of_now(now).into(), None)),
            // The key was held before the wait and is gone after it.
            Attempt::Again(WaitedFor {
                reason: WaitReason::OnceMore(_),
                ..
            }) => Err(self.refusal(Error::UnknownKey, None)),
            Attempt::Again(WaitedFor {
                waited,
                reason: WaitReason::KeyMissing,
            }) => Err(self.refusal(keys.settle(waited, now).into(), None)),
        }
    }

    /// The held keys may be old: a token that is good but for its signature is judged once more after a fetch.
    fn once_more(
        &self,
        token: &UnverifiedToken<'_>,
        verdict: FirstVerdict,
        snapshot: &Snapshot,
    ) -> Result<Ruling<'a>, Refusal> {
        let may_wait = matches!(self.attempt, Attempt::First) && self.judge_worth(token).is_ok();
        let (keys, now) = (&self.issuer.keys, self.moment.steady);
        match may_wait
            .then(|| keys.ask_once_more(snapshot.generation, now))
            .flatten()
        {
            Some(desk) => self.at_desk(desk, WaitReason::OnceMore(verdict)),
            None => Err(self.refusal_of(verdict, token)),
        }
    }

    fn at_desk(&self, desk: Desk<'a>, reason: WaitReason) -> Result<Ruling<'a>, Refusal> {
        match desk {
            Desk::Wait(wait) => Ok(Ruling::Stands(Authentication::Waits(KeyWait {
                wait,
                reason,
            }))),
            Desk::Answer(missing) => Err(self.refusal(missing.into(), None)),
            Desk::JudgeAgain => Ok(Ruling::KeysChanged),
        }
    }

    /// Only a token that could be admitted is worth a fetch, and an old one under a retired key says so.
    fn judge_worth(&self, token: &UnverifiedToken<'_>) -> Result<(), Error> {
        judge_unverified(token, &self.issuer.requirements, self.moment.wall).map_err(Error::from)
    }

    fn refusal_of(&self, verdict: FirstVerdict, token: &UnverifiedToken<'_>) -> Refusal {
        let key_id = token.key_id().filter(|_| verdict.names_held_key);
        self.refusal(verdict.error, key_id.map(Box::from))
    }

    pub(super) fn refusal(&self, error: Error, key_id: Option<Box<str>>) -> Refusal {
        Refusal {
            error,
            issuer: Some(self.name.clone()),
            key_id,
            recall: None,
        }
    }
}
