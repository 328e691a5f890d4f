//! The pipeline of a decision, from top to bottom (CONTRACT 4.1.1).

use std::sync::Arc;

use crate::authn::authenticator::Authenticator;
use crate::authn::authenticator::attempt::Attempt;
use crate::authn::authenticator::ticket::KeyTicket;
use crate::authn::error::AuthenticationError;
use crate::authn::moment::Moment;
use crate::authn::realm::WithoutKeysPolicy;
use crate::authn::sources::TokenSources;
use crate::authz::answer::{Answer, Judged, RefusedAnswer};
use crate::authz::condition_input::RequestAtMoment;
use crate::authz::denial::Denial;
use crate::authz::denial_context::{ClientProtocol, DenialContext, RefusalForm};
use crate::authz::filtered_requests::FilteredRequests;
use crate::authz::pending_admission::PendingAdmission;
use crate::authz::record::{DecisionRecord, TokenRecord};
use crate::authz::refusal_settings::RefusalSettings;
use crate::authz::resource_metadata::ResourceMetadata;
use crate::expression::Expression;
use crate::forward::strip::{StripList, TokenForwarding};
use crate::proof::dpop::FreshProof;
use crate::proof::presentation::CredentialScheme;
use crate::reason::Reason;
use crate::request::Request;
use crate::rules::rule::Rule;
use crate::rules::table::RuleTable;

mod access;
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
            Decided::Deny(Refused {
                mut record, form, ..
            }) => {
                let denial = record.denial.as_ref().unwrap_or(&Denial::Internal);
                let scheme = match denial {
                    // A challenge without an error has one form only.
                    Denial::Unauthenticated(AuthenticationError::MissingToken) => {
                        CredentialScheme::Bearer
                    }
                    _ => self.sources.challenge_scheme(request),
                };
                record.denial_context = DenialContext {
                    client: ClientProtocol::of(&request.headers),
                    form,
                    scheme,
                };
                self.refusals.judged(record)
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
                denial_context: DenialContext::default(),
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
