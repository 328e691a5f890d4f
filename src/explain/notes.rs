//! The notes of an explanation: what the token has at each step, beside what the configuration requires.

use std::time::Instant;

use accredit_core::authn::extraction_error::ExtractionError;
use accredit_core::authn::issuers::Issuer;
use accredit_core::authz::authorizer::Authorizer;
use accredit_core::authz::step::{Step, StepOutcome};
use accredit_core::request::Request;
use accredit_core::rules::rule::{Access, Rule};
use accredit_core::token::claim_demand::check_all;
use accredit_core::token::claims::{Audience, Claims};
use accredit_core::token::numeric_date::NumericDate;
use accredit_core::token::requirements::{AbsentAudience, Audiences, Requirements};
use accredit_core::token::scope::ScopeSet;
use accredit_core::token::unverified::UnverifiedToken;

use crate::admin::text::span;

/// Writes the notes of one request.
pub struct Notes<'a> {
    authorizer: &'a Authorizer,
    rule: &'a Rule,
    token: Option<UnverifiedToken<'a>>,
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
        Notes {
            authorizer,
            rule,
            token,
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
        let token = self.token.as_ref().filter(|_| reached)?;
        let claims = token.claims();
        match step {
            Step::Issuer => Some(self.issuer_note(claims)),
            Step::Algorithm => Some(format!("alg is {:?}", token.algorithm())),
            Step::Type => Some(match token.token_type() {
                Some(typ) => format!("typ is {typ:?}"),
                None => "typ is absent, which is accepted".to_owned(),
            }),
            Step::Key => Some(self.key_note(token, outcome)),
            Step::Expiry => Some(self.date_note(claims, "exp")),
            Step::NotBefore => Some(self.date_note(claims, "nbf")),
            Step::IssuedAt => Some(self.date_note(claims, "iat")),
            Step::Audience => self
                .issuer(claims)
                .map(|issuer| audience_note(claims, &issuer.requirements)),
            Step::RequiredClaims => self
                .issuer(claims)
                .map(|issuer| missing_note(claims, issuer)),
            Step::IssuerClaims => self
                .issuer(claims)
                .and_then(|issuer| claims_note(claims, &issuer.requirements)),
            Step::Scopes | Step::AnyScope => self
                .issuer(claims)
                .map(|issuer| self.scopes_note(claims, issuer, step)),
            _ => None,
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

    /// Why the key with the token's `kid` is set aside.
    fn set_aside_note(&self, token: &UnverifiedToken<'_>) -> Option<String> {
        let issuer = self.issuer(token.claims())?;
        let key_id = token.key_id()?;
        let snapshot = issuer.keys.usable(Instant::now())?;
        let mut set_aside = snapshot.key_set.set_aside().iter();
        let key = set_aside.find(|key| key.key_id.as_deref() == Some(key_id))?;
        Some(format!("; {key}, so it is set aside"))
    }

    /// A key that is set aside is named with the reason, and a failed step with the error of the latest fetch.
    fn key_note(&self, token: &UnverifiedToken<'_>, outcome: StepOutcome) -> String {
        let mut note = match token.key_id() {
            Some(key_id) => format!("kid is {key_id:?}"),
            None => "kid is absent".to_owned(),
        };
        let Some(issuer) = self.issuer(token.claims()) else {
            return note;
        };
        note += &self.set_aside_note(token).unwrap_or_default();
        let status = issuer.keys.status(Instant::now());
        if let Some(error) = status.last_error.filter(|_| outcome == StepOutcome::Failed) {
            note += &format!("; the latest fetch failed: {error}");
        }
        note
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

    fn scopes_note(&self, claims: &Claims, issuer: &Issuer, step: Step) -> String {
        let own: Vec<String> = ScopeSet::read(claims.object(), &issuer.requirements.scope_claims)
            .iter()
            .map(str::to_owned)
            .collect();
        let required = match (&self.rule.access, step) {
            (Access::Token(demands) | Access::Optional(demands), Step::AnyScope) => {
                format!("one of {:?}", demands.any_scope)
            }
            (Access::Token(demands) | Access::Optional(demands), _) => {
                format!("all of {:?}", demands.scopes)
            }
            (Access::Deny | Access::Anonymous { .. }, _) => "none".to_owned(),
        };
        format!("the token's scopes are {own:?}; the rule requires {required}")
    }
}

fn audience_note(claims: &Claims, requirements: &Requirements) -> String {
    let Audiences::OneOf { accepted, absent } = &requirements.audiences else {
        return "aud is not checked (audiences: any)".to_owned();
    };
    let names: Vec<String> = requirements
        .audience_claims
        .iter()
        .map(ToString::to_string)
        .collect();
    let name = names.join(", ");
    match (claims.audience(&requirements.audience_claims), absent) {
        (Audience::Absent, AbsentAudience::Accept) => {
            format!("{name} is absent, which is accepted (audience_absent: accept)")
        }
        (Audience::Absent, AbsentAudience::Refuse) => {
            format!("{name} is absent; accepted audiences: {accepted:?}")
        }
        (Audience::Named(named), _) => {
            format!("{name} is {named:?}; accepted audiences: {accepted:?}")
        }
    }
}

/// The claim that has none of its values, without the value that it has.
fn claims_note(claims: &Claims, requirements: &Requirements) -> Option<String> {
    if requirements.claims.is_empty() {
        return Some("the issuer entry requires no values of claims".to_owned());
    }
    let unmet = check_all(&requirements.claims, claims).err()?;
    Some(unmet.to_string())
}

fn missing_note(claims: &Claims, issuer: &Issuer) -> String {
    let missing: Vec<String> = issuer
        .requirements
        .required_claims
        .iter()
        .filter(|name| !claims.has(name))
        .map(ToString::to_string)
        .collect();
    if missing.is_empty() {
        "all required claims are present".to_owned()
    } else {
        format!("missing claims: {missing:?}")
    }
}
