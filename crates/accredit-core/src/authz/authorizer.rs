//! The pipeline of a decision, from top to bottom (CONTRACT 4.1.1).

use std::sync::Arc;

use crate::authn::authenticator::attempt::Attempt;
use crate::authn::authenticator::ticket::KeyTicket;
use crate::authn::authenticator::{Authentication, Authenticator};
use crate::authn::error::AuthenticationError;
use crate::authn::moment::Moment;
use crate::authn::realm::WithoutKeysPolicy;
use crate::authn::removal::TokenRemoval;
use crate::authn::sources::{Credential, TokenSources};
use crate::authz::answer::{
    Answer, ClientProtocol, Judged, RefusalForm, RefusalSettings, RefusedAnswer,
};
use crate::authz::condition_input::RequestAtMoment;
use crate::authz::denial::Denial;
use crate::authz::filtered_requests::FilteredRequests;
use crate::authz::pending_admission::PendingAdmission;
use crate::authz::record::{DecisionRecord, TokenRecord};
use crate::authz::resource_metadata::ResourceMetadata;
use crate::expression::Expression;
use crate::forward::strip::{StripList, TokenForwarding};
use crate::keys::ledger::MissingKey;
use crate::proof::dpop::FreshProof;
use crate::proof::presentation::CredentialScheme;
use crate::reason::Reason;
use crate::request::Request;
use crate::rules::demands::{Demands, RuleDenial};
use crate::rules::rule::{Access, Rule};
use crate::rules::table::RuleTable;

mod admissions;
mod trial;

/// Decides requests by one configuration. Synchronous, without I/O, and without a clock of its own.
#[derive(Debug)]
pub struct Authorizer {
    authenticator: Authenticator,
    rules: RuleTable,
    sources: TokenSources,
    strip: Arc<StripList>,
    forwarding: TokenForwarding,
    refusals: RefusalSettings,
    without_keys: WithoutKeysPolicy,
    metadata: Vec<(Arc<str>, Expression)>,
    filtered: Arc<FilteredRequests>,
    resource_metadata: Option<ResourceMetadata>,
}

/// The parts of an [`Authorizer`].
pub struct AuthorizerParts {
    pub authenticator: Authenticator,
    pub rules: RuleTable,
    pub sources: TokenSources,
    pub strip: StripList,
    pub forwarding: TokenForwarding,
    pub refusals: RefusalSettings,
    pub without_keys: WithoutKeysPolicy,
    pub resource_metadata: Option<ResourceMetadata>,
    /// Names in the dynamic metadata of admissions, and the expressions that give their values.
    pub metadata: Vec<(Arc<str>, Expression)>,
    pub filtered: Arc<FilteredRequests>,
}

/// The result of judging a request.
#[derive(Debug)]
pub enum Judgement {
    Judged(Judged),
    /// Newer keys can decide the request: wait, then call [`Authorizer::judge_after`].
    Wait(KeyTicket),
    /// The memory that replicas share (`replay.redis`) decides the request: record [`Authorizer::shared_proof`] there,
    /// then call [`Authorizer::complete`].
    UseProof(Box<PendingAdmission>),
}

/// A decision for which no answer was made yet.
enum Decided {
    Admit(PendingAdmission),
    Deny(Refused),
    /// accredit answers the request itself, and it does not reach the upstream.
    Document(DecisionRecord, RefusedAnswer),
}

struct Refused {
    record: DecisionRecord,
    form: RefusalForm,
    /// The unused proof of a token that was accepted, and whose request the rule denies.
    proof: Option<Box<FreshProof>>,
}

impl Authorizer {
    pub fn new(parts: AuthorizerParts) -> Authorizer {
        let AuthorizerParts {
            authenticator,
            rules,
            sources,
            strip,
            forwarding,
            refusals,
            without_keys,
            resource_metadata,
            metadata,
            filtered,
        } = parts;
        Authorizer {
            authenticator,
            rules,
            sources,
            strip: Arc::new(strip),
            forwarding,
            refusals,
            without_keys,
            metadata,
            filtered,
            resource_metadata,
        }
    }

    pub fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    pub fn sources(&self) -> &TokenSources {
        &self.sources
    }

    pub fn rules(&self) -> &RuleTable {
        &self.rules
    }

    /// The number of requests whose headers Envoy did not send in full (CONTRACT 4.11.3).
    pub fn filtered_requests(&self) -> u64 {
        self.filtered.count()
    }

    /// Judges a request. The caller may wait for keys once.
    pub fn judge(&self, request: &Request<'_>, moment: Moment) -> Judgement {
        let attempt = Attempt::First(request.trace);
        match self.decide(request, moment, attempt) {
            Ok(decided) => self.answer(decided, request, attempt),
            Err(ticket) => Judgement::Wait(ticket),
        }
    }

    /// Judges a request again after the wait of that ticket. A check waits at most once.
    pub fn judge_after(
        &self,
        request: &Request<'_>,
        moment: Moment,
        ticket: &KeyTicket,
    ) -> Judgement {
        self.judge_now(request, moment, Attempt::AfterWait(ticket))
    }

    /// Judges a request by the held keys and the memory of this process: nothing is fetched, cached, used up or logged for it.
    pub fn peek(&self, request: &Request<'_>, moment: Moment) -> Judged {
        match self.judge_now(request, moment, Attempt::Peek) {
            Judgement::Judged(judged) => judged,
            // This attempt never waits and never uses a proof up.
            Judgement::Wait(_) | Judgement::UseProof(_) => self.refuse(Denial::Internal),
        }
    }

    fn judge_now(&self, request: &Request<'_>, moment: Moment, attempt: Attempt<'_>) -> Judgement {
        match self.decide(request, moment, attempt) {
            Ok(decided) => self.answer(decided, request, attempt),
            // These attempts get no ticket. A ticket here would be a fault of accredit.
            Err(_) => Judgement::Judged(self.refuse(Denial::Internal)),
        }
    }

    /// The denial of a call whose request could not be read.
    pub fn refuse(&self, denial: Denial) -> Judged {
        self.refusals.refuse_call(denial)
    }

    /// The settings of denials.
    pub fn refusals(&self) -> &RefusalSettings {
        &self.refusals
    }

    fn answer(&self, decided: Decided, request: &Request<'_>, attempt: Attempt<'_>) -> Judgement {
        Judgement::Judged(match decided {
            Decided::Admit(pending) => return self.admission(pending, attempt),
            Decided::Document(record, document) => Judged {
                record,
                answer: Answer::Refuse(document),
            },
            Decided::Deny(Refused { record, form, .. }) => {
                let denial = record.denial.as_ref().unwrap_or(&Denial::Internal);
                let client = ClientProtocol::of(&request.headers);
                let scheme = match denial {
                    // A challenge without an error has one form only.
                    Denial::Unauthenticated(AuthenticationError::MissingToken) => {
                        CredentialScheme::Bearer
                    }
                    _ => self.sources.challenge_scheme(request),
                };
                Judged {
                    answer: Answer::Refuse(self.refusals.refuse_with(denial, client, form, scheme)),
                    record,
                }
            }
        })
    }

    fn decide(
        &self,
        request: &Request<'_>,
        moment: Moment,
        attempt: Attempt<'_>,
    ) -> Result<Decided, KeyTicket> {
        self.filtered.notice(request.headers.completeness());
        if let Some(metadata) = &self.resource_metadata
            && let Some(document) = metadata.answer(request)
        {
            let record = DecisionRecord {
                reason: Reason::ResourceMetadata,
                denial: None,
                rule: self.rules.default_rule().name.clone(),
                token: TokenRecord::NotRead,
                cache: None,
                is_shadow: false,
            };
            return Ok(Decided::Document(record, document));
        }
        let facts = match self.rules.read(request) {
            Ok(facts) => facts,
            Err(error) => return Ok(denied(error, self.rules.default_rule())),
        };
        let rule = match self.rules.select(&facts) {
            Ok(rule) => rule,
            Err(error) => return Ok(denied(error, self.rules.default_rule())),
        };
        let input = RequestAtMoment {
            request,
            facts: &facts,
            moment,
        };
        let mut decided = self.decide_by(rule, &input, attempt)?;
        if rule.is_on_trial(moment.wall) {
            decided = self.on_trial(decided, rule, &input);
        }
        if let Decided::Admit(pending) = &mut decided {
            self.prepare(pending, rule, &input, attempt);
        }
        Ok(decided)
    }

    /// Decides by the rule as if the rule were not on trial.
    fn decide_by(
        &self,
        rule: &Arc<Rule>,
        input: &RequestAtMoment<'_>,
        attempt: Attempt<'_>,
    ) -> Result<Decided, KeyTicket> {
        let request = input.request;
        match &rule.access {
            Access::Deny => Ok(denied(RuleDenial::AccessDenied, rule)),
            // CONTRACT 4.3.6: the credential is neither read nor removed.
            Access::Anonymous { when } => Ok(match input.judge(when.as_ref(), None) {
                Ok(()) => self.admit_anonymous(input, rule),
                Err(refusal) => denied(refusal, rule),
            }),
            Access::Optional(demands) => match self.sources.extract(request) {
                Ok(None) => Ok(match input.judge(demands.when.as_ref(), None) {
                    Ok(()) => self.admit_anonymous(input, rule),
                    Err(refusal) => denied(refusal, rule),
                }),
                Ok(Some(credential)) => {
                    self.decide_token(&credential, demands, rule, input, attempt)
                }
                Err(error) => Ok(self.denied_credential(error.into(), rule)),
            },
            Access::Token(demands) => match self.sources.extract(request) {
                Ok(None) => Ok(denied(AuthenticationError::MissingToken, rule)),
                Ok(Some(credential)) => {
                    self.decide_token(&credential, demands, rule, input, attempt)
                }
                Err(error) => Ok(self.denied_credential(error.into(), rule)),
            },
        }
    }

    fn decide_token(
        &self,
        credential: &Credential<'_, '_>,
        demands: &Demands,
        rule: &Arc<Rule>,
        input: &RequestAtMoment<'_>,
        attempt: Attempt<'_>,
    ) -> Result<Decided, KeyTicket> {
        let removal = match rule.token_forwarding.unwrap_or(self.forwarding) {
            TokenForwarding::Keep => TokenRemoval::default(),
            TokenForwarding::Remove => match TokenRemoval::of(credential, input.request) {
                Ok(removal) => removal,
                Err(error) => return Ok(self.denied_credential(error.into(), rule)),
            },
        };
        match self.authenticator.authenticate(
            credential.bearer,
            credential.scheme,
            input.request,
            input.moment,
            attempt,
        ) {
            Authentication::Verified(token) => {
                let identity = &token.identity;
                let judged = demands
                    .check_token(&identity.issuer_name, || identity.iss(), &identity.token)
                    .and_then(|()| input.judge(demands.when.as_ref(), Some(identity)));
                Ok(match judged {
                    Ok(()) => self.admit(token, removal, input, rule),
                    Err(refusal) => {
                        let record = DecisionRecord::denied(
                            refusal.into(),
                            rule.name.clone(),
                            TokenRecord::Verified(token.identity),
                        );
                        Decided::Deny(Refused {
                            record: DecisionRecord {
                                cache: token.cache,
                                ..record
                            },
                            form: RefusalForm::Denied,
                            proof: token.proof,
                        })
                    }
                })
            }
            Authentication::Denied(denial) => {
                let form = self.form_of(&denial.error, denial.issuer.as_deref(), demands);
                let record = DecisionRecord::token_denied(denial, rule.name.clone());
                Ok(Decided::Deny(Refused::new(record, form)))
            }
            Authentication::Wait(ticket) => Err(ticket),
        }
    }

    /// CONTRACT 4.8: Envoy decides only about a token whose issuer has no usable key because no fetch has succeeded or the
    /// keys are too old, and only if the rule accepts that issuer.
    fn form_of(
        &self,
        error: &AuthenticationError,
        issuer: Option<&str>,
        demands: &Demands,
    ) -> RefusalForm {
        let has_no_keys = matches!(error, AuthenticationError::Key(MissingKey::NoKeys { .. }));
        let is_accepted = issuer.is_some_and(|issuer| demands.accept_issuer(issuer));
        match self.without_keys {
            WithoutKeysPolicy::Defer if has_no_keys && is_accepted => RefusalForm::Error,
            WithoutKeysPolicy::Defer | WithoutKeysPolicy::Refuse => RefusalForm::Denied,
        }
    }

    /// A credential that is no token, or that is ambiguous.
    fn denied_credential(&self, error: AuthenticationError, rule: &Rule) -> Decided {
        let denial = Denial::Unauthenticated(error);
        let token = if denial.precedes_token() {
            TokenRecord::NotRead
        } else {
            TokenRecord::NotAccepted {
                issuer: None,
                key_id: None,
                signed: None,
            }
        };
        let record = DecisionRecord::denied(denial, rule.name.clone(), token);
        Decided::Deny(Refused::new(record, RefusalForm::Denied))
    }
}

impl Refused {
    /// The denial of a request whose token was not accepted.
    fn new(record: DecisionRecord, form: RefusalForm) -> Refused {
        Refused {
            record,
            form,
            proof: None,
        }
    }
}

fn denied(denial: impl Into<Denial>, rule: &Rule) -> Decided {
    let record = DecisionRecord::denied(denial.into(), rule.name.clone(), TokenRecord::NotRead);
    Decided::Deny(Refused::new(record, RefusalForm::Denied))
}
