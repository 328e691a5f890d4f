//! From a bearer token to an identity: remembered, or by its issuer, that issuer's keys, and its demands.

use std::sync::Arc;

use crate::authn::authenticator::examination::{Examination, Ruling};
use crate::authn::authenticator::wait::{KeyWait, WaitedFor};
use crate::authn::error::Error;
use crate::authn::identity::Identity;
use crate::authn::issuers::Issuers;
use crate::authn::moment::Moment;
use crate::authn::near_miss::NearMisses;
use crate::authn::token_cache::{Remembered, TokenCache};
use crate::forward::header_name::HeaderName;
use crate::jose::algorithm::Algorithm;
use crate::jose::key::VerificationKey;
use crate::jwks::key_set::KeySet;
use crate::token;
use crate::token::bearer::{BearerToken, Fingerprint};
use crate::token::unverified::UnverifiedToken;
use crate::token::verified::{Verification, VerifiedToken};

pub mod examination;
pub mod wait;

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
        let malformed = |error: token::error::TokenError| Refusal::from(Error::from(error));
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

#[cfg(test)]
mod tests;
