//! The pipeline of a decision, read from top to bottom.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::authn::authenticator::wait::KeyWait;
use crate::authn::authenticator::{Attempt, Authentication, Authenticator, Recall};
use crate::authn::error::Error;
use crate::authn::identity::Identity;
use crate::authn::moment::Moment;
use crate::authn::removal::TokenRemoval;
use crate::authn::sources::{Credential, TokenSources};
use crate::authz::circumstances::Circumstances;
use crate::authz::decision::{Decision, Grant, Refused};
use crate::authz::denial::Denial;
use crate::forward::strip::{StripList, TokenForwarding};
use crate::request::{Completeness, Request};
use crate::rules::demands::{Demands, RuleDenial};
use crate::rules::rule::{Access, Rule};
use crate::rules::table::RuleTable;

/// Decides requests by one configuration.
#[derive(Debug)]
pub struct Authorizer {
    authenticator: Authenticator,
    rules: RuleTable,
    sources: TokenSources,
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
        rules: RuleTable,
        sources: TokenSources,
        strip: StripList,
        forwarding: TokenForwarding,
    ) -> Authorizer {
        Authorizer {
            authenticator,
            rules,
            sources,
            strip,
            forwarding,
            blind_spot: BlindSpot::default(),
        }
    }

    /// Who may be whom.
    pub fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// Where tokens are looked for.
    pub fn sources(&self) -> &TokenSources {
        &self.sources
    }

    /// The rules.
    pub fn rules(&self) -> &RuleTable {
        &self.rules
    }

    /// How many requests came of which the proxy did not show every header.
    pub fn filtered_requests(&self) -> u64 {
        self.blind_spot.requests.load(Ordering::Relaxed)
    }

    /// Decides a request at a moment. Where no rule says otherwise, a verified token is required.
    pub fn decide(&self, request: &Request<'_>, moment: Moment, attempt: Attempt) -> Outcome<'_> {
        self.blind_spot.notice(request.headers.completeness());
        let facts = match self.rules.read(request) {
            Ok(facts) => facts,
            Err(error) => return denied(error, self.rules.default_rule()),
        };
        let rule = self.rules.select(&facts);
        let circumstances = Circumstances {
            request,
            facts: &facts,
            moment,
        };
        match &rule.access {
            Access::Deny => denied(RuleDenial::AccessDenied, rule),
            // The credential is not looked at, and so not taken out either.
            Access::Anonymous { when } => match circumstances.judge(when.as_ref(), None) {
                Ok(()) => self.admit_anonymous(request, rule),
                Err(refusal) => denied(refusal, rule),
            },
            Access::Optional(demands) => match self.sources.extract(request) {
                Ok(None) => match circumstances.judge(demands.when.as_ref(), None) {
                    Ok(()) => self.admit_anonymous(request, rule),
                    Err(refusal) => denied(refusal, rule),
                },
                Ok(Some(credential)) => {
                    self.decide_token(&credential, demands, rule, &circumstances, attempt)
                }
                Err(error) => denied(Error::from(error), rule),
            },
            Access::Token(demands) => match self.sources.extract(request) {
                Ok(None) => denied(Error::MissingToken, rule),
                Ok(Some(credential)) => {
                    self.decide_token(&credential, demands, rule, &circumstances, attempt)
                }
                Err(error) => denied(Error::from(error), rule),
            },
        }
    }

    fn decide_token(
        &self,
        credential: &Credential<'_, '_>,
        demands: &Demands,
        rule: &Arc<Rule>,
        circumstances: &Circumstances<'_>,
        attempt: Attempt,
    ) -> Outcome<'_> {
        match self
            .authenticator
            .authenticate(credential.bearer, circumstances.moment, attempt)
        {
            Authentication::Verified(identity, recall) => {
                let judged = demands
                    .check_token(&identity.issuer_name, &identity.token)
                    .and_then(|()| circumstances.judge(demands.when.as_ref(), Some(&identity)));
                match judged {
                    Ok(()) => self.admit(identity, recall, credential, circumstances.request, rule),
                    Err(refusal) => Outcome::Decided(Decision::Deny(Refused::of_identity(
                        refusal, identity, recall, rule,
                    ))),
                }
            }
            Authentication::Refused(refusal) => {
                Outcome::Decided(Decision::Deny(Refused::of_token(refusal, rule)))
            }
            Authentication::Waits(wait) => Outcome::Waits(wait),
        }
    }

    fn admit(
        &self,
        identity: Arc<Identity>,
        recall: Option<Recall>,
        credential: &Credential<'_, '_>,
        request: &Request<'_>,
        rule: &Rule,
    ) -> Outcome<'_> {
        let removal = match rule.token_forwarding.unwrap_or(self.forwarding) {
            TokenForwarding::Keep => TokenRemoval::default(),
            TokenForwarding::Remove => TokenRemoval::of(credential, request),
        };
        let remove =
            self.strip
                .removals(&identity.headers, request.headers.names(), &removal.remove);
        Outcome::Decided(Decision::Allow(Grant {
            identity: Some(identity),
            remove,
            set: removal.set,
            rule: rule.name.clone(),
            recall,
        }))
    }

    fn admit_anonymous(&self, request: &Request<'_>, rule: &Rule) -> Outcome<'_> {
        let remove = self.strip.removals(&[], request.headers.names(), &[]);
        Outcome::Decided(Decision::Allow(Grant {
            identity: None,
            remove,
            set: Vec::new(),
            rule: rule.name.clone(),
            recall: None,
        }))
    }
}

fn denied<'a>(denial: impl Into<Denial>, rule: &Rule) -> Outcome<'a> {
    Outcome::Decided(Decision::Deny(Refused::by_rule(denial.into(), rule)))
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
