//! The notes of an explanation: what the token has at each step, beside what the configuration requires.

use accredit_core::authn::extraction_error::ExtractionError;
use accredit_core::authn::issuers::Issuer;
use accredit_core::authz::authorizer::Authorizer;
use accredit_core::authz::step::{Step, StepOutcome};
use accredit_core::request::Request;
use accredit_core::rules::demands::Demands;
use accredit_core::rules::rule::{Access, Rule};
use accredit_core::token::claims::Claims;
use accredit_core::token::numeric_date::NumericDate;
use accredit_core::token::unverified::UnverifiedToken;

use crate::admin::text::span;
use crate::explain::claim_notes::{
    audience_note, claims_note, lifetime_note, missing_note, rule_audiences_note,
    rule_issuers_note, scopes_note,
};
use crate::explain::key_notes;

/// Writes the notes of one request.
pub struct Notes<'a> {
    authorizer: &'a Authorizer,
    rule: &'a Rule,
    token: Option<UnverifiedToken<'a>>,
    /// What each token source has.
    sources: String,
    /// Why the request's token is malformed.
    malformed: Option<String>,
    /// The time of the explanation, to say how long ago a date is; `None` if the clock is unusable.
    now: Option<NumericDate>,
}

impl<'a> Notes<'a> {
    /// Parses the request's token a second time, to quote it. The only note of a malformed token is the cause.
    pub fn new(
        authorizer: &'a Authorizer,
        request: &Request<'a>,
        rule: &'a Rule,
        now: Option<NumericDate>,
    ) -> Notes<'a> {
        let (token, malformed) = match authorizer.sources().extract(request) {
            Ok(Some(credential)) => match UnverifiedToken::parse(credential.bearer) {
                Ok(token) => (Some(token), None),
                Err(error) => (None, error.cause()),
            },
            Err(ExtractionError::NotAToken(cause)) => (None, Some(cause.to_string())),
            Ok(None) | Err(ExtractionError::Ambiguous(_)) => (None, None),
        };
        let contents = authorizer.sources().contents(request).into_iter();
        let contents: Vec<String> = contents
            .map(|(source, content)| format!("{source}: {content}"))
            .collect();
        Notes {
            authorizer,
            rule,
            token,
            sources: contents.join("; "),
            malformed,
            now,
        }
    }

    /// The note of a step. Steps that did not run have none.
    pub fn of(&self, step: Step, outcome: StepOutcome) -> Option<String> {
        if (step, outcome) == (Step::Form, StepOutcome::Failed) {
            return self.malformed.clone();
        }
        let reached = matches!(outcome, StepOutcome::Passed | StepOutcome::Failed);
        if step == Step::Credential {
            return reached.then(|| self.sources.clone());
        }
        let token = self.token.as_ref().filter(|_| reached)?;
        let claims = token.claims();
        let issuer = self.issuer(claims);
        let requirements = issuer.map(|issuer| &issuer.requirements);
        let failed_by = issuer.filter(|_| outcome == StepOutcome::Failed);
        match step {
            Step::Issuer => Some(self.issuer_note(claims)),
            Step::Algorithm => Some(match failed_by {
                Some(issuer) => key_notes::unaccepted_algorithm(token, issuer),
                None => format!("alg is {:?}", token.algorithm()),
            }),
            Step::Type => Some(match token.token_type() {
                Some(typ) => format!("typ is {typ:?}"),
                None => "typ is absent, which is accepted".to_owned(),
            }),
            Step::Key => Some(match failed_by {
                Some(issuer) => key_notes::missing_key(token, issuer),
                None => key_notes::key_id(token),
            }),
            Step::Signature => failed_by.map(|issuer| key_notes::unverified(token, issuer)),
            Step::Expiry => Some(self.date_note(claims, "exp")),
            Step::NotBefore => Some(self.date_note(claims, "nbf")),
            Step::IssuedAt => Some(self.date_note(claims, "iat")),
            Step::Audience => requirements.map(|own| audience_note(claims, own)),
            Step::RequiredClaims => issuer.and_then(|issuer| missing_note(claims, issuer)),
            Step::Lifetime => requirements.and_then(|own| lifetime_note(claims, own)),
            Step::IssuerClaims => requirements.and_then(claims_note),
            Step::RuleIssuers => rule_issuers_note(claims, self.demands()?),
            Step::RuleAudiences => rule_audiences_note(claims, requirements?, self.demands()?),
            Step::Scopes => {
                let required = format!("all of {:?}", self.demands()?.scopes);
                Some(scopes_note(claims, requirements?, &required))
            }
            Step::AnyScope => {
                let required = format!("one of {:?}", self.demands()?.any_scope);
                Some(scopes_note(claims, requirements?, &required))
            }
            _ => None,
        }
    }

    fn demands(&self) -> Option<&'a Demands> {
        match &self.rule.access {
            Access::Token(demands) | Access::Optional(demands) => Some(demands),
            Access::Deny | Access::Anonymous { .. } => None,
        }
    }

    fn issuer(&self, claims: &Claims) -> Option<&'a Issuer> {
        let issuers = self.authorizer.authenticator().issuers();
        let found = issuers.of_token(claims).ok().flatten();
        found.map(|(_, issuer)| &**issuer)
    }

    fn issuer_note(&self, claims: &Claims) -> String {
        let Some(issuer) = claims.issuer() else {
            return "iss is absent".to_owned();
        };
        let near = self.authorizer.authenticator().issuers().near_miss(issuer);
        match near.filter(|_| self.issuer(claims).is_none()) {
            Some(configured) => format!(
                "iss is {issuer:?}; it differs from the configured {configured:?} only by a final `/`"
            ),
            None => format!("iss is {issuer:?}"),
        }
    }

    /// A date of the token, how long ago or ahead it is, and the tolerance of the issuer entry.
    fn date_note(&self, claims: &Claims, name: &str) -> String {
        let date = match claims.date(name) {
            Ok(Some(date)) => date,
            Ok(None) => return format!("{name} is absent"),
            Err(error) => return format!("{name} {error}"),
        };
        let moment = chrono::DateTime::from_timestamp(date.seconds() as i64, 0);
        let shown = moment.map(|moment| moment.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
        let mut note = format!("{} ({})", shown.unwrap_or_default(), date.seconds());
        if let Some(now) = self.now {
            let ahead = date.seconds() - now.seconds();
            note += &match ahead < 0.0 {
                true => format!(", {} ago", span(-ahead)),
                false => format!(", in {}", span(ahead)),
            };
        }
        if let Some(issuer) = self.issuer(claims) {
            let skew = issuer.requirements.clock_skew.as_secs_f64();
            note += &format!("; clock_skew is {}", span(skew));
        }
        note
    }
}
