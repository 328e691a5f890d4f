//! From a bearer token to an identity: remembered, or by its issuer, that issuer's keys, and its demands.

use std::sync::Arc;

use crate::authn::error::Error;
use crate::authn::identity::Identity;
use crate::authn::issuers::{Issuer, Issuers};
use crate::authn::moment::Moment;
use crate::authn::near_miss::NearMisses;
use crate::authn::token_cache::{Remembered, TokenCache};
use crate::forward::header_name::HeaderName;
use crate::jose::algorithm::Algorithm;
use crate::jose::key::VerificationKey;
use crate::jwks::key_set::{KeyIdStanding, KeySet};
use crate::jwks::store::{Desk, Snapshot, Wait, Waited};
use crate::telemetry::traces::Parent;
use crate::token;
use crate::token::bearer::{BearerToken, Fingerprint};
use crate::token::unverified::UnverifiedToken;
use crate::token::verified::{Verification, VerifiedToken, judge_unverified};

/// Authenticates bearers. Synchronous: where keys are missing it says what to wait for.
#[derive(Debug)]
pub struct Authenticator {
    issuers: Issuers,
    cache: TokenCache,
    payload_header: Option<HeaderName>,
    near_misses: NearMisses,
}

/// What came of a token.
#[derive(Debug)]
pub enum Authentication<'a> {
    /// It was verified.
    Verified(Arc<Identity>, Option<Recall>),
    /// It was not.
    Refused(Refusal),
    /// Keys may come that decide it: wait, then ask again with [`Attempt::Again`].
    Waits(KeyWait<'a>),
}

/// Why a token was refused, and what may be said of it: configured names and held key ids alone.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Why.
    pub error: Error,
    /// The configured issuer that the token names.
    pub issuer: Option<Arc<str>>,
    /// The held key that the token names.
    pub key_id: Option<Box<str>>,
    /// Whether the token was remembered, where it was looked for.
    pub recall: Option<Recall>,
}

/// What came of looking for a token among the remembered ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recall {
    /// It is one of them.
    Hit,
    /// It is not.
    Miss,
}

/// Whether a wait has been tried.
#[derive(Clone, Copy, Debug)]
pub enum Attempt {
    /// It has not.
    First,
    /// It has; there is no second.
    Again(WaitedFor),
    /// It shall not be: somebody asks what would be decided by the keys that are held. Nothing is fetched, noted or
    /// remembered for it.
    Peek,
}

/// A wait for keys.
#[derive(Debug)]
pub struct KeyWait<'a> {
    wait: Wait<'a>,
    reason: WaitReason,
}

/// A wait that has ended.
#[derive(Clone, Copy, Debug)]
pub struct WaitedFor {
    waited: Waited,
    reason: WaitReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WaitReason {
    KeyMissing,
    /// Held keys did not verify the token, and others might.
    OnceMore(FirstVerdict),
}

/// What was found of a token before the wait: it stands where the wait brings no keys to judge it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FirstVerdict {
    error: Error,
    /// Whether the token's `kid` was one of a held key.
    names_held_key: bool,
}

impl KeyWait<'_> {
    /// The fetch that is waited for is a part of this trace.
    pub fn traced_under(&self, parent: Parent) {
        self.wait.traced_under(parent);
    }

    /// Waits until the deadline at the latest.
    pub async fn until(self, deadline: tokio::time::Instant) -> WaitedFor {
        WaitedFor {
            waited: self.wait.until(deadline).await,
            reason: self.reason,
        }
    }
}

impl From<Error> for Refusal {
    /// A refusal of a token of which nothing may be said.
    fn from(error: Error) -> Refusal {
        Refusal {
            error,
            issuer: None,
            key_id: None,
            recall: None,
        }
    }
}

// === impl Authenticator ===

impl Authenticator {
    /// Trusts these issuers.
    pub fn new(
        issuers: Issuers,
        cache: TokenCache,
        payload_header: Option<HeaderName>,
    ) -> Authenticator {
        Authenticator {
            issuers,
            cache,
            payload_header,
            near_misses: NearMisses::default(),
        }
    }

    /// The remembered tokens.
    pub fn token_cache(&self) -> &TokenCache {
        &self.cache
    }

    /// The trusted issuers.
    pub fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// Authenticates a bearer at a moment.
    pub fn authenticate(
        &self,
        bearer: BearerToken<'_>,
        moment: Moment,
        attempt: Attempt,
    ) -> Authentication<'_> {
        let is_peek = matches!(attempt, Attempt::Peek);
        let fingerprint = (!is_peek && self.cache.remembers()).then(|| bearer.fingerprint());
        if let Some(answer) = fingerprint.and_then(|fingerprint| self.recall(&fingerprint, moment))
        {
            return answer;
        }
        let recall = fingerprint.map(|_| Recall::Miss);
        match self.examine(bearer, fingerprint, moment, attempt) {
            Ok(Authentication::Verified(identity, _)) => Authentication::Verified(identity, recall),
            Ok(authentication) => authentication,
            Err(refusal) => Authentication::Refused(Refusal { recall, ..refusal }),
        }
    }

    /// A remembered token is as good as its key: only while the key set that verified it serves.
    fn recall(&self, fingerprint: &Fingerprint, moment: Moment) -> Option<Authentication<'_>> {
        let Remembered {
            identity,
            generation,
        } = self.cache.get(fingerprint)?;
        if identity.issuer.keys.usable_generation(moment.steady) != Some(generation) {
            return None;
        }
        let skew = identity.issuer.requirements.clock_skew;
        Some(match identity.token.still_holds(skew, moment.wall) {
            Ok(()) => Authentication::Verified(identity, Some(Recall::Hit)),
            Err(error) => Authentication::Refused(Refusal {
                error: error.into(),
                issuer: Some(identity.issuer_name.clone()),
                key_id: identity.key_id.clone(),
                recall: Some(Recall::Hit),
            }),
        })
    }

    fn examine(
        &self,
        bearer: BearerToken<'_>,
        fingerprint: Option<Fingerprint>,
        moment: Moment,
        attempt: Attempt,
    ) -> Result<Authentication<'_>, Refusal> {
        let malformed = |error: token::error::Error| Refusal::from(Error::from(error));
        let token = UnverifiedToken::parse(bearer).map_err(malformed)?;
        let named = token
            .claims()
            .issuer()
            .and_then(|issuer| self.issuers.find(issuer));
        let Some((name, issuer)) = named else {
            if !matches!(attempt, Attempt::Peek) {
                self.tell_near_miss(&token, moment);
            }
            return Err(Error::UnknownIssuer.into());
        };
        let examination = Examination {
            issuer,
            name,
            moment,
            attempt,
        };
        let algorithm = examination
            .judge_header(&token)
            .map_err(|error| examination.refusal(error, None))?;
        self.try_keys(token, algorithm, &examination, fingerprint)
    }

    fn try_keys<'a>(
        &self,
        mut token: UnverifiedToken<'_>,
        algorithm: Algorithm,
        examination: &Examination<'a>,
        fingerprint: Option<Fingerprint>,
    ) -> Result<Authentication<'a>, Refusal> {
        let Examination { issuer, moment, .. } = *examination;
        loop {
            let ruling = match issuer.keys.usable(moment.steady) {
                None => examination.without_keys(&token)?,
                Some(snapshot) => {
                    let key_set = &snapshot.key_set;
                    let key_id = token.key_id().map(str::to_owned);
                    let keys = key_set.candidates(key_id.as_deref(), algorithm);
                    let keys = keys.map(|candidate| &candidate.key);
                    let demands = &issuer.requirements;
                    match VerifiedToken::verify(token, algorithm, keys, demands, moment.wall) {
                        Verification::Verified(token, key) => {
                            let key_id = id_of(key, key_set);
                            let identity = self.identity(token, key_id, examination);
                            self.remember(fingerprint, &identity, snapshot.generation);
                            return Ok(Authentication::Verified(identity, None));
                        }
                        Verification::Refused(error, key) => {
                            return Err(examination.refusal(error.into(), id_of(key, key_set)));
                        }
                        Verification::Unsigned(unsigned) => token = unsigned,
                    }
                    examination.unsigned(&token, algorithm, &snapshot)?
                }
            };
            match ruling {
                Ruling::Stands(authentication) => return Ok(authentication),
                Ruling::KeysChanged => {}
            }
        }
    }

    fn identity(
        &self,
        token: VerifiedToken,
        key_id: Option<Box<str>>,
        examination: &Examination<'_>,
    ) -> Arc<Identity> {
        let Examination { issuer, name, .. } = examination;
        Arc::new(Identity {
            issuer: Arc::clone(issuer),
            issuer_name: Arc::clone(name),
            key_id,
            headers: issuer.claim_headers.render(
                &token,
                &issuer.requirements.scope_claims,
                self.payload_header.as_ref(),
            ),
            token,
        })
    }

    fn remember(
        &self,
        fingerprint: Option<Fingerprint>,
        identity: &Arc<Identity>,
        generation: u64,
    ) {
        if let Some(fingerprint) = fingerprint {
            let remembered = Remembered {
                identity: identity.clone(),
                generation,
            };
            self.cache.insert(fingerprint, remembered);
        }
    }

    fn tell_near_miss(&self, token: &UnverifiedToken<'_>, moment: Moment) {
        let near = token
            .claims()
            .issuer()
            .and_then(|issuer| self.issuers.near_miss(issuer));
        if let Some(configured) = near {
            self.near_misses.tell(configured, moment.steady);
        }
    }
}

/// The `kid` of the key that verified: the key's own, since a token's may be absent.
fn id_of(key: &VerificationKey, key_set: &KeySet) -> Option<Box<str>> {
    key_set
        .keys()
        .iter()
        .find(|own| std::ptr::eq(&own.key, key))
        .and_then(|own| own.key_id.clone())
}

// === impl Examination ===

/// What came of a token that no key verified.
enum Ruling<'a> {
    Stands(Authentication<'a>),
    /// A fetch has ended in the meantime: the token has to be judged by its keys.
    KeysChanged,
}

/// One token of a known issuer under examination.
struct Examination<'a> {
    issuer: &'a Arc<Issuer>,
    name: &'a Arc<str>,
    moment: Moment,
    attempt: Attempt,
}

impl<'a> Examination<'a> {
    fn judge_header(&self, token: &UnverifiedToken<'_>) -> Result<Algorithm, Error> {
        let requirements = &self.issuer.requirements;
        let algorithm = Algorithm::from_name(token.algorithm())
            .filter(|algorithm| requirements.algorithms.contains(*algorithm))
            .ok_or(token::error::Error::UnsupportedAlgorithm)?;
        if !requirements.token_types.accept(token.token_type()) {
            return Err(token::error::Error::InvalidType.into());
        }
        Ok(algorithm)
    }

    fn without_keys(&self, token: &UnverifiedToken<'_>) -> Result<Ruling<'a>, Refusal> {
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
    fn unsigned(
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
                token::error::Error::InvalidSignature.into()
            }
            KeyIdStanding::Held => token::error::Error::UnsupportedAlgorithm.into(),
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

    fn refusal(&self, error: Error, key_id: Option<Box<str>>) -> Refusal {
        Refusal {
            error,
            issuer: Some(self.name.clone()),
            key_id,
            recall: None,
        }
    }
}

#[cfg(test)]
mod tests;
