//! Runs the cases of one file: the configuration with test keys in place of the issuers' keys, at a fixed clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use accredit_core::authn::moment::Moment;
use accredit_core::authz::authorizer::{Authorizer, Judgement};
use accredit_core::authz::denial::Denial;
use accredit_core::config::document::ConfigDocument;
use accredit_core::config::issuer_document::{AudiencesDocument, IssuerDocument, JwksDocument};
use accredit_core::config::one_or_many::ClaimNameDocument;
use accredit_core::config::problem::{Problem, Problems};
use accredit_core::config::resolve::resolve_with_files;
use accredit_core::config::resolve::rules_from::RulesSource;
use accredit_core::config::rules_files::FoundEntry;
use accredit_core::config::settings::Settings;
use accredit_core::config::test_document::{TestCaseDocument, TestClaims};
use accredit_core::engine::{Engines, key_entries};
use accredit_core::jose::algorithm::Algorithm;
use accredit_core::keys::lease::{KeyLeases, Leased};
use accredit_core::token::claims::Claims;
use serde_json::{Map, Value, json};

use crate::explain::example::ExampleRequest;
use crate::rule_tests::case::{Difference, client_request, differences};
use crate::rule_tests::keys::{EntryKeys, TestKeyError};

/// How long a token of a case is valid, unless the case says otherwise, in seconds.
const LIFETIME: u64 = 300;

/// The result of a case.
#[derive(Clone, Debug)]
pub(crate) struct CaseResult {
    pub(crate) name: String,
    /// Empty if the decision is the expected one.
    pub(crate) differences: Vec<Difference>,
    /// Why the request was denied, as operators see it.
    pub(crate) cause: Option<String>,
}

/// Why cases cannot run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TestError {
    #[error("the configuration is invalid")]
    Configuration(Vec<Problem>),
    #[error(transparent)]
    Keys(#[from] TestKeyError),
}

/// Decides the requests of cases by one configuration.
pub(crate) struct CaseRunner {
    entries: Vec<(IssuerDocument, EntryKeys)>,
    settings: Settings,
    authorizer: Authorizer,
}

impl CaseRunner {
    /// `problems` has the problems of the document's structure, `found` the files of its `rules_from`.
    ///
    /// # Errors
    /// [`TestError`]
    pub(crate) fn new(
        document: &ConfigDocument,
        problems: Problems,
        found: &[FoundEntry],
    ) -> Result<CaseRunner, TestError> {
        let source = RulesSource {
            found,
            in_force: None,
        };
        let resolve = |document: &ConfigDocument, problems| {
            resolve_with_files(document, problems, source).map_err(TestError::Configuration)
        };
        // As it is written, before its keys are replaced.
        resolve(document, problems)?;
        let mut entries = Vec::new();
        for issuer in &document.issuers {
            let keys = EntryKeys::generate(&algorithms(issuer))?;
            entries.push((issuer.clone(), keys));
        }
        let document = ConfigDocument {
            issuers: entries.iter().map(with_test_key).collect(),
            // The list is a matter of the running service: without one, every token would be refused.
            revoked: None,
            ..document.clone()
        };
        let mut settings = resolve(&document, Problems::default())?.settings;
        let now = Instant::now();
        let mut leases = KeyLeases::default();
        let leases = key_entries(&settings)
            .iter()
            .map(|entry| match leases.lease(entry, now) {
                Leased::Shared(lease) | Leased::New(lease) => lease,
            })
            .collect();
        let authorizer = Engines::default().build(&mut settings, leases, None);
        Ok(CaseRunner {
            entries,
            settings,
            authorizer,
        })
    }

    /// Decides the request of a case. `now` counts from 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`TestKeyError`]
    pub(crate) fn run(
        &self,
        case: &TestCaseDocument,
        now: Duration,
    ) -> Result<CaseResult, TestKeyError> {
        let token = match (&case.token, &case.claims) {
            (Some(token), _) => Some(token.clone()),
            (None, Some(claims)) => Some(self.token(claims, case.forged == Some(true), now)?),
            (None, None) => None,
        };
        let client_request = client_request(case.request.as_ref(), token);
        let example = ExampleRequest::new(client_request, self.settings.token_sources.first());
        let request = example.request();
        let moment = Moment::new(now, Instant::now());
        let judged = match self.authorizer.judge(&request, moment) {
            Judgement::Judged(judged) => judged,
            // Cases need no network: the proof counts as unused elsewhere.
            Judgement::UseProof(pending) => self.authorizer.complete(*pending, Ok(())),
            // Test keys are never fetched, so no check waits for them.
            Judgement::Wait(_) => self.authorizer.refuse(Denial::Internal),
        };
        let denial = judged.record.denial.as_ref();
        Ok(CaseResult {
            name: case.name.clone(),
            differences: differences(&case.expect, &judged),
            cause: denial.and_then(Denial::cause),
        })
    }

    /// The entry whose key signs a token with these claims. The first one signs tokens of unknown issuers.
    fn position(&self, claims: &TestClaims) -> usize {
        let issuers = self.authorizer.authenticator().issuers();
        let text = Value::from(claims.0.clone()).to_string();
        let position = match Claims::parse(text.as_bytes()).map(|claims| {
            issuers.of_token(&claims).map(|found| {
                let (_, entry) = found?;
                issuers.iter().position(|own| Arc::ptr_eq(own, entry))
            })
        }) {
            Ok(Ok(position)) => position,
            // The tenant is not accepted.
            Ok(Err(_)) => self.entries.iter().position(has_tenants),
            Err(_) => None,
        };
        position.unwrap_or_default()
    }

    /// A token with these claims, and with defaults for the claims that nearly every token needs.
    fn token(
        &self,
        claims: &TestClaims,
        is_forged: bool,
        now: Duration,
    ) -> Result<String, TestKeyError> {
        let entry = self.position(claims);
        let (issuer, keys) = self.entries.get(entry).ok_or(TestKeyError)?;
        let mut all = defaults(issuer, now.as_secs());
        for (name, value) in &claims.0 {
            all.insert(name.clone(), value.clone());
        }
        // As if the claim were absent.
        all.retain(|name, value| !(value.is_null() && claims.0.contains_key(name)));
        keys.sign(&all, is_forged)
    }
}

fn has_tenants((issuer, _): &(IssuerDocument, EntryKeys)) -> bool {
    issuer.tenants.is_some()
}

fn defaults(issuer: &IssuerDocument, now: u64) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut add = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    if let Some(name) = issuer.issuer.as_slice().first() {
        add("iss", name.as_str().into());
    }
    let is_aud = |name: &ClaimNameDocument| *name == ClaimNameDocument::Dotted("aud".to_owned());
    let reads_aud = issuer
        .audience_claims
        .as_ref()
        .is_none_or(|names| names.iter().any(is_aud));
    if let (AudiencesDocument::OneOf(accepted), true) = (&issuer.audiences, reads_aud)
        && let Some(audience) = accepted.first()
    {
        add("aud", audience.as_str().into());
    }
    add("sub", "test-subject".into());
    add("iat", now.into());
    add("exp", (now + LIFETIME).into());
    claims
}

fn algorithms(issuer: &IssuerDocument) -> Vec<Algorithm> {
    match &issuer.algorithms {
        Some(words) => words.iter().map(|word| word.value).collect(),
        None => accredit_core::config::defaults::ALGORITHMS.to_vec(),
    }
}

/// The entry with the test key, and with the keys that the configuration itself contains.
fn with_test_key((issuer, keys): &(IssuerDocument, EntryKeys)) -> IssuerDocument {
    let inline = issuer.jwks.as_ref().and_then(|jwks| jwks.inline.as_ref());
    let set: Option<Value> = inline.and_then(|text| serde_json::from_str(text).ok());
    let own = set.as_ref().and_then(|set| set.get("keys")?.as_array());
    let mut all = own.cloned().unwrap_or_default();
    all.push(keys.jwk());
    IssuerDocument {
        jwks: Some(JwksDocument {
            inline: Some(json!({ "keys": all }).to_string()),
            ..JwksDocument::default()
        }),
        ..issuer.clone()
    }
}
