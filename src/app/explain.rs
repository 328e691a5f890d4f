//! Decides one request as the service would, and tells each step.

use std::sync::Arc;

use tokio::time::Instant;

use crate::app::engine;
use crate::app::error::StartError;
use crate::app::keys::KeyKeeper;
use crate::app::notes;
use crate::authn::sources::TokenSource;
use crate::authz::authorizer::Authorizer;
use crate::authz::decision::Decision;
use crate::authz::explanation::{self, RuleLookedAt, Step, StepOutcome};
use crate::authz::observer::Observer;
use crate::config::settings::Settings;
use crate::envoy::in_flight::InFlight;
use crate::envoy::plain::PlainAnswer;
use crate::envoy::service::CheckService;
use crate::request::{Completeness, Headers, Request};

/// A request to explain.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The token, put where the configuration looks for one first.
    pub token: Option<String>,
    /// The method; `GET` if it is not given.
    pub method: Option<String>,
    /// The host.
    pub host: Option<String>,
    /// The path with its query; `/` if it is not given.
    pub path: Option<String>,
    /// The headers, beside the one with the token.
    pub headers: Vec<(String, String)>,
}

/// What was decided, and why.
#[derive(Debug)]
pub struct Explanation {
    /// `allow` or `deny`.
    pub decision: &'static str,
    /// The reason.
    pub reason: &'static str,
    /// The rule that decided.
    pub rule: Arc<str>,
    /// The rules that were looked at; none where the request has no one reading.
    pub rules: Vec<RuleLookedAt>,
    /// Every step, with a note where there is more to say.
    pub steps: Vec<(Step, StepOutcome, Option<String>)>,
    /// What Envoy is told.
    pub answer: Answer,
    /// Inputs that were not given and could change it.
    pub not_given: Vec<&'static str>,
}

/// What an answer does to the request, or says to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The request goes on to the upstream.
    Admitted {
        /// Headers that are set.
        set: Vec<(String, String)>,
        /// Headers that are removed.
        removed: Vec<String>,
    },
    /// The client is answered.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
}

impl From<PlainAnswer> for Answer {
    fn from(answer: PlainAnswer) -> Answer {
        match answer {
            PlainAnswer::Admitted { set, removed } => Answer::Admitted { set, removed },
            PlainAnswer::Refused {
                status,
                headers,
                body,
            } => Answer::Refused {
                status,
                headers,
                body,
            },
        }
    }
}

/// Explains a request. Keys are fetched as the service fetches them, and nothing is remembered.
///
/// # Errors
/// [`StartError`] where a service with these settings could not start.
pub async fn explain(mut settings: Settings, mut ask: Ask) -> Result<Explanation, StartError> {
    if let Some(token) = ask.token.take() {
        place(&mut ask, &token, &settings);
    }
    let mut keeper = KeyKeeper::empty();
    let keys = keeper.prepare(&settings.issuers)?;
    keeper.start(&keys);
    for store in keys.stores() {
        store.first_attempt().await;
    }
    let service = engine::build(&mut settings, &keys, &Observer::default());
    let explanation = decide(&service, &ask).await;
    keeper.shutdown().await;
    Ok(explanation)
}

async fn decide(service: &CheckService<Authorizer>, ask: &Ask) -> Explanation {
    let headers = ask
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()));
    let request = Request {
        method: ask.method.as_deref().unwrap_or("GET"),
        host: ask.host.as_deref().unwrap_or("localhost"),
        path: ask.path.as_deref().unwrap_or("/"),
        headers: Headers::new(headers, Completeness::Complete),
        source_address: "",
        source_principal: "",
        context: Vec::new(),
    };
    let decision = service
        .decide_by(
            &request,
            Instant::now() + service.check_timeout(),
            &InFlight::new(1),
        )
        .await;
    let authorizer = service.decider();
    let table = authorizer.rules();
    let facts = table.read(&request);
    let rule = match &facts {
        Ok(facts) => table.select(facts),
        Err(_) => table.default_rule(),
    };
    let target = facts.as_ref().map(|_| ()).map_err(|error| *error);
    let steps = explanation::steps(&decision, target, rule, table);
    let notes = notes::Notes::new(authorizer, &request, rule);
    Explanation {
        decision: if matches!(decision, Decision::Allow(_)) {
            "allow"
        } else {
            "deny"
        },
        reason: decision.reason(),
        rule: rule.name.clone(),
        rules: facts
            .as_ref()
            .map(|facts| explanation::rules_looked_at(table, facts))
            .unwrap_or_default(),
        steps: steps
            .into_iter()
            .map(|(step, outcome)| (step, outcome, notes.of(step, outcome)))
            .collect(),
        answer: Answer::from(PlainAnswer::of(service.answer(&decision, &request))),
        not_given: not_given(ask, authorizer),
    }
}

fn not_given(ask: &Ask, authorizer: &Authorizer) -> Vec<&'static str> {
    let rules = || authorizer.rules().iter();
    let reads = |name| {
        rules()
            .filter_map(|rule| rule.condition())
            .any(|condition| condition.expression().reads().variable(name))
    };
    let needs = authorizer.rules().needs();
    let mut missing = Vec::new();
    let mut add = |name, is_missing: bool| {
        if is_missing {
            missing.push(name);
        }
    };
    let preflights = rules().any(|rule| rule.matcher.is_for_preflights());
    add(
        "method",
        ask.method.is_none()
            && (rules().any(|rule| rule.matcher.methods.is_some())
                || preflights
                || reads("request")),
    );
    add("host", ask.host.is_none() && needs.host);
    add("path", ask.path.is_none() && needs.path);
    add(
        "headers",
        ask.headers.is_empty() || preflights || reads("request"),
    );
    add(
        "context",
        rules().any(|rule| !rule.matcher.context.is_empty()) || reads("context"),
    );
    add("source", reads("source"));
    missing
}

fn place(ask: &mut Ask, token: &str, settings: &Settings) {
    match settings.token_sources.first() {
        Some(TokenSource::Scheme { header, scheme }) => ask
            .headers
            .push((header.clone(), format!("{scheme} {token}"))),
        Some(TokenSource::Header(header)) => ask.headers.push((header.clone(), token.to_owned())),
        Some(TokenSource::Cookie(name)) => ask
            .headers
            .push(("cookie".to_owned(), format!("{name}={token}"))),
        Some(TokenSource::Query(name)) => {
            let path = ask.path.clone().unwrap_or_else(|| "/".to_owned());
            let separator = if path.contains('?') { '&' } else { '?' };
            ask.path = Some(format!("{path}{separator}{name}={token}"));
        }
        None => {}
    }
}
