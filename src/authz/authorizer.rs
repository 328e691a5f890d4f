//! The pipeline of a decision, read from top to bottom.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::authn::authenticator::{Attempt, Authentication, Authenticator, KeyWait, Refusal};
use crate::authn::moment::Moment;
use crate::authn::sources::TokenSource;
use crate::authz::decision::{DEFAULT_RULE, Decision, Grant};
use crate::forward::strip::{StripList, TokenForwarding};
use crate::request::{Completeness, Request};

/// Decides requests by one configuration.
#[derive(Debug)]
pub struct Authorizer {
    authenticator: Authenticator,
    source: TokenSource,
    strip: StripList,
    forwarding: TokenForwarding,
    blind_spot: BlindSpot,
}

/// What came of a request.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// The answer.
    Decided(Decision),
    /// Keys may come that decide it: wait, then ask again.
    Waits(KeyWait<'a>),
}

impl Authorizer {
    /// An authorizer for one configuration.
    pub fn new(
        authenticator: Authenticator,
        source: TokenSource,
        strip: StripList,
        forwarding: TokenForwarding,
    ) -> Authorizer {
        Authorizer {
            authenticator,
            source,
            strip,
            forwarding,
            blind_spot: BlindSpot::default(),
        }
    }

    /// Who may be whom.
    pub fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// Decides a request at a moment. Where no rule says otherwise, a verified token is required.
    pub fn decide(&self, request: &Request<'_>, moment: Moment, attempt: Attempt) -> Outcome<'_> {
        self.blind_spot.notice(request.headers.completeness());
        let bearer = match self.source.extract(&request.headers) {
            Ok(bearer) => bearer,
            Err(error) => return Outcome::Decided(Decision::Deny(Refusal::from(error).into())),
        };
        match self.authenticator.authenticate(bearer, moment, attempt) {
            Authentication::Verified(identity) => {
                let remove = self.strip.removals(
                    &identity.headers,
                    request.headers.names(),
                    self.token_header(),
                );
                Outcome::Decided(Decision::Allow(Grant {
                    identity,
                    remove,
                    rule: DEFAULT_RULE.into(),
                }))
            }
            Authentication::Refused(refusal) => Outcome::Decided(Decision::Deny(refusal.into())),
            Authentication::Waits(wait) => Outcome::Waits(wait),
        }
    }

    fn token_header(&self) -> Option<&str> {
        match self.forwarding {
            TokenForwarding::Keep => None,
            TokenForwarding::Remove => Some(self.source.header()),
        }
    }
}

// === impl BlindSpot ===

/// Requests whose headers the proxy did not show in full: look-alikes among the rest cannot be removed.
#[derive(Debug, Default)]
struct BlindSpot {
    told: AtomicBool,
    requests: AtomicU64,
}

impl BlindSpot {
    fn notice(&self, completeness: Completeness) {
        if completeness == Completeness::Complete {
            return;
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "Envoy hides request headers (`allowed_headers` or `headersToExtAuth` is set): look-alikes of claim \
                 headers cannot be seen and removed; let it send all headers"
            );
        }
    }
}
