//! Whether the rule of a request admits it: by the access of the rule, the token of the request, and what the rule demands of both.

use std::sync::Arc;

use crate::authn::authenticator::Authentication;
use crate::authn::authenticator::attempt::{Attempt, TokenDenial};
use crate::authn::authenticator::ticket::KeyTicket;
use crate::authn::error::AuthenticationError;
use crate::authn::realm::WithoutKeysPolicy;
use crate::authn::removal::TokenRemoval;
use crate::authn::sources::Credential;
use crate::authz::authorizer::{Authorizer, Decided, Refused, denied};
use crate::authz::condition_input::RequestAtMoment;
use crate::authz::denial::Denial;
use crate::authz::denial_context::RefusalForm;
use crate::authz::record::{DecisionRecord, TokenRecord};
use crate::forward::strip::TokenForwarding;
use crate::keys::ledger::MissingKey;
use crate::rules::demands::{Demands, RuleDenial};
use crate::rules::rule::{Access, Rule};

impl Authorizer {
    /// Decides by the rule as if the rule were not on trial.
    #[inline]
    pub(super) fn decide_by(
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
                let form = self.form_of(&denial, demands);
                let record = DecisionRecord::token_denied(denial, rule.name.clone());
                Ok(Decided::Deny(Refused::new(record, form)))
            }
            Authentication::Wait(ticket) => Err(ticket),
        }
    }

    /// CONTRACT 4.8: Envoy decides only about a token whose issuer has no usable key because no fetch has succeeded or the
    /// keys are too old, and only if the rule accepts that issuer.
    fn form_of(&self, denial: &TokenDenial, demands: &Demands) -> RefusalForm {
        let has_no_keys = matches!(
            denial.error,
            AuthenticationError::Key(MissingKey::NoKeys { .. })
        );
        let is_accepted = denial.issuer.as_deref().is_some_and(|issuer| {
            let iss = denial.tenant_issuer.as_deref();
            demands.accept_issuer(issuer, || iss.unwrap_or(issuer))
        });
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
