//! From a bearer token to an identity: from the token cache, or by the issuer's keys and requirements.

use std::sync::Arc;

use crate::authn::authenticator::attempt::{AcceptedToken, Attempt, CacheLookup, TokenDenial};
use crate::authn::authenticator::missing_key::{IssuedToken, NextStep};
use crate::authn::authenticator::ticket::KeyTicket;
use crate::authn::error::AuthenticationError;
use crate::authn::identity::{EncodeIdentity, Identity, SignedToken};
use crate::authn::issuers::Issuers;
use crate::authn::moment::Moment;
use crate::authn::near_miss::NearMisses;
use crate::authn::token_cache::{CachedToken, HashedToken, TokenCache};
use crate::jose::algorithm::Algorithm;
use crate::jose::key::VerificationKey;
use crate::keys::key_set::KeySet;
use crate::proof::presentation::{CredentialScheme, Presentation};
use crate::proof::replay::ReplayAccess;
use crate::request::Request;
use crate::revocation::store::DenyListStore;
use crate::token::bearer::BearerToken;
use crate::token::unverified::UnverifiedToken;
use crate::token::verified::{Verification, VerifiedToken};

pub mod attempt;
pub mod missing_key;
pub mod ticket;

/// Authenticates bearer tokens. Synchronous: if keys are missing, it returns a ticket to wait with.
#[derive(Debug)]
pub struct Authenticator {
    issuers: Issuers,
    cache: Arc<TokenCache>,
    encode: Option<EncodeIdentity>,
    near_misses: NearMisses,
    deny_list: Option<Arc<DenyListStore>>,
    proofs: ReplayAccess,
}

/// The result for one token.
#[derive(Debug)]
pub enum Authentication {
    Verified(AcceptedToken),
    Denied(TokenDenial),
    Wait(KeyTicket),
}

// === impl Authenticator ===

impl Authenticator {
    /// `cache` can be shared by the authenticators of several configurations, because a cached token is accepted only
    /// for the issuer entry that verified it. `encode` encodes each new identity; the result is cached with the
    /// identity.
    pub fn new(
        issuers: Issuers,
        cache: Arc<TokenCache>,
        encode: Option<EncodeIdentity>,
    ) -> Authenticator {
        Authenticator {
            issuers,
            cache,
            encode,
            near_misses: NearMisses::default(),
            deny_list: None,
            proofs: ReplayAccess::default(),
        }
    }

    /// Remembers used proofs in that memory, which authenticators of several configurations share.
    #[must_use]
    pub fn remembering(self, proofs: ReplayAccess) -> Authenticator {
        Authenticator { proofs, ..self }
    }

    /// The memory of used proofs.
    pub fn proofs(&self) -> &ReplayAccess {
        &self.proofs
    }

    /// Refuses the tokens that this list names, cached ones included.
    #[must_use]
    pub fn denying(self, deny_list: Option<Arc<DenyListStore>>) -> Authenticator {
        Authenticator { deny_list, ..self }
    }

    /// The deny list of the configuration, if it has one.
    pub fn deny_list(&self) -> Option<&Arc<DenyListStore>> {
        self.deny_list.as_ref()
    }

    pub fn token_cache(&self) -> &Arc<TokenCache> {
        &self.cache
    }

    pub fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    pub fn authenticate(
        &self,
        bearer: BearerToken<'_>,
        scheme: CredentialScheme,
        request: &Request<'_>,
        moment: Moment,
        attempt: Attempt<'_>,
    ) -> Authentication {
        let presentation = Presentation {
            request,
            scheme,
            token: bearer.expose(),
            memory: &self.proofs,
        };
        let sent = match attempt {
            Attempt::First(_) | Attempt::AfterWait(_) => self.cache.hashed(bearer),
            Attempt::Peek => HashedToken::uncached(bearer),
        };
        if let Some(found) = self.cached(sent, &presentation, moment) {
            return match found {
                Authentication::Verified(token) => self.judge_revocation(token, moment),
                other => other,
            };
        }
        let cache = sent.uses_cache().then_some(CacheLookup::Miss);
        match self.verify(sent, &presentation, moment, attempt) {
            Ok(Authentication::Verified(token)) => {
                self.judge_revocation(AcceptedToken { cache, ..token }, moment)
            }
            Ok(authentication) => authentication,
            Err(denial) => Authentication::Denied(TokenDenial { cache, ..denial }),
        }
    }

    /// A cached token is accepted only while the issuer entry and the key set that verified it are in use.
    fn cached(
        &self,
        sent: HashedToken<'_>,
        presentation: &Presentation<'_>,
        moment: Moment,
    ) -> Option<Authentication> {
        let CachedToken {
            identity,
            generation,
        } = self.cache.get(sent)?;
        let issuer = &identity.issuer;
        if !self.issuers.are_in_force(&identity.issuer_name, issuer)
            || issuer.keys.usable_generation(moment.steady) != Some(generation)
        {
            return None;
        }
        let requirements = &issuer.requirements;
        let (skew, now) = (requirements.clock_skew, moment.wall);
        let held = identity
            .token
            .still_holds(requirements, now, &|cnf| presentation.judge(cnf, skew, now));
        let cache = Some(CacheLookup::Hit);
        Some(match held {
            Ok(proof) => Authentication::Verified(AcceptedToken {
                identity,
                cache,
                proof,
            }),
            Err(error) => {
                Authentication::Denied(TokenDenial::of_verified(&identity, error.into(), cache))
            }
        })
    }

    /// Step 21. It comes after every step that reads the token. Its result depends on the time and is not cached.
    fn judge_revocation(&self, token: AcceptedToken, moment: Moment) -> Authentication {
        let identity = &token.identity;
        let judged = match &self.deny_list {
            None => Ok(()),
            Some(list) => list.check(&identity.revocable(), &identity.cleared, moment.wall),
        };
        match judged {
            Ok(()) => Authentication::Verified(token),
            Err(error) => Authentication::Denied(TokenDenial::of_verified(
                identity,
                error.into(),
                token.cache,
            )),
        }
    }

    fn verify(
        &self,
        sent: HashedToken<'_>,
        presentation: &Presentation<'_>,
        moment: Moment,
        attempt: Attempt<'_>,
    ) -> Result<Authentication, TokenDenial> {
        let token = UnverifiedToken::parse(sent.bearer()).map_err(AuthenticationError::from)?;
        let named = self.issuers.of_token(token.claims());
        let Some((name, issuer)) = named.map_err(AuthenticationError::from)? else {
            if !matches!(attempt, Attempt::Peek) {
                self.report_near_miss(&token, moment);
            }
            return Err(AuthenticationError::UnknownIssuer.into());
        };
        let issued = IssuedToken {
            issuer,
            name,
            moment,
            attempt,
        };
        let algorithm = issued
            .judge_header(&token)
            .map_err(|error| issued.denial(error, None))?;
        self.try_keys(sent, presentation, token, algorithm, &issued)
    }

    fn try_keys(
        &self,
        sent: HashedToken<'_>,
        presentation: &Presentation<'_>,
        mut token: UnverifiedToken<'_>,
        algorithm: Algorithm,
        issued: &IssuedToken<'_>,
    ) -> Result<Authentication, TokenDenial> {
        let IssuedToken { issuer, moment, .. } = *issued;
        loop {
            let next = match issuer.keys.usable(moment.steady) {
                None => issued.without_keys(&token)?,
                Some(snapshot) => {
                    let key_set = &snapshot.key_set;
                    let key_id: Option<Box<str>> = token.key_id().map(Box::from);
                    let keys = key_set.candidates(key_id.as_deref(), algorithm);
                    let keys = keys.map(|candidate| &candidate.key);
                    let requirements = &issuer.requirements;
                    let (skew, now) = (requirements.clock_skew, moment.wall);
                    let verification =
                        VerifiedToken::verify(token, algorithm, keys, requirements, now, &|cnf| {
                            presentation.judge(cnf, skew, now)
                        });
                    match verification {
                        Verification::Verified(token, key, proof) => {
                            let key_id = key_id_of(key, key_set);
                            let identity =
                                Identity::new(issuer, issued.name, key_id, token, self.encode);
                            let identity = Arc::new(identity);
                            let cached = CachedToken {
                                identity: identity.clone(),
                                generation: snapshot.generation,
                            };
                            self.cache.insert(sent, cached);
                            return Ok(Authentication::Verified(AcceptedToken {
                                identity,
                                cache: None,
                                proof,
                            }));
                        }
                        Verification::Refused(error, key, claims) => {
                            let denial = issued.denial(error.into(), key_id_of(key, key_set));
                            return Err(TokenDenial {
                                signed: Some(Arc::new(SignedToken::new(claims))),
                                ..denial
                            });
                        }
                        Verification::Unsigned(unsigned) => token = unsigned,
                    }
                    issued.unverified(&token, algorithm, &snapshot)?
                }
            };
            match next {
                NextStep::Wait(ticket) => return Ok(Authentication::Wait(ticket)),
                NextStep::VerifyAgain => {}
            }
        }
    }

    fn report_near_miss(&self, token: &UnverifiedToken<'_>, moment: Moment) {
        let near = token
            .claims()
            .issuer()
            .and_then(|issuer| self.issuers.near_miss(issuer));
        if let Some(configured) = near {
            self.near_misses.report(configured, moment.steady);
        }
    }
}

/// The `kid` of the key that verified a token: the key's own, since the token may have none.
fn key_id_of(key: &VerificationKey, key_set: &KeySet) -> Option<Box<str>> {
    key_set
        .keys()
        .iter()
        .find(|own| std::ptr::eq(&own.key, key))
        .and_then(|own| own.key_id.clone())
}

#[cfg(test)]
mod tests;
