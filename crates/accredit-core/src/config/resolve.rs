//! From the typed document to [`Settings`]: the meaning of the values. It collects every problem.

use std::cell::RefCell;

use crate::authn::realm::ErrorDetails;
use crate::config::defaults;
use crate::config::document::ConfigDocument;
use crate::config::fingerprint;
use crate::config::path;
use crate::config::problem::{Problem, Problems};
use crate::config::resolve::expressions::{DocumentExpressions, ExpressionContext};
use crate::config::resolve::headers::{claim_name, payload_header, strip_headers};
use crate::config::resolve::issuers::{ResolvedIssuers, issuers};
use crate::config::resolve::metadata::metadata;
use crate::config::resolve::replay::replay;
use crate::config::resolve::resource_metadata::resource_metadata;
use crate::config::resolve::revoked::revoked;
use crate::config::resolve::rule_context::{RuleContext, RulesPlace};
use crate::config::resolve::rule_cost::warn_of_cost;
use crate::config::resolve::rule_order::{RuleGroup, warn_of_order};
use crate::config::resolve::rules::{ambiguous_paths, rules};
use crate::config::resolve::rules_from::files_resolver::{ResolvedFile, ResolvedFiles};
use crate::config::resolve::rules_from::{RulesSource, rules_from};
use crate::config::resolve::sources::{refuse_shared_names, token_sources};
use crate::config::resolve::tls::tls;
use crate::config::resolve::top_level::{
    address, admin_hosts, max_token_size, positive, realm, refuse_overlaps, state_dir, unavailable,
    warn_of_open_admin,
};
use crate::config::rules_files::RulesInForce;
use crate::config::settings::Settings;
use crate::config::warning::WarningCode;
use crate::forward::strip::TokenForwarding;
use crate::rules::rule::Rule;
use crate::rules::rules_file::RulesFileStatus;

pub mod claims;
pub mod exact;
pub mod expressions;
pub mod headers;
pub mod issuers;
pub mod key_access;
pub mod keys;
pub mod matches;
pub mod metadata;
pub mod replay;
pub mod resource_metadata;
pub mod revoked;
pub mod rule;
pub mod rule_context;
pub mod rule_cost;
pub mod rule_order;
pub mod rules;
pub mod rules_from;
pub mod sources;
pub mod tenants;
pub mod tls;
pub mod top_level;

/// A valid configuration and its warnings.
#[derive(Debug)]
pub struct Resolved {
    pub settings: Settings,
    pub warnings: Vec<Problem>,
    /// The problems of rules files that do not take effect (CONTRACT 3.13.4). Empty at the start.
    pub rejected: Vec<Problem>,
    /// The rules of files that the settings contain, for the next reload.
    pub rules_in_force: RulesInForce,
}

/// Resolves a document without files of rules. `problems` has the problems of its structure.
///
/// # Errors
/// Every problem, warnings included, if one of them is an error. `rules_from` is one.
pub fn resolve(document: &ConfigDocument, problems: Problems) -> Result<Resolved, Vec<Problem>> {
    resolve_with_files(document, problems, RulesSource::default())
}

/// Resolves a document and the files of its `rules_from`. `problems` has the problems of the document's structure.
///
/// # Errors
/// Every problem, warnings included, if one of them is an error.
pub fn resolve_with_files(
    document: &ConfigDocument,
    mut problems: Problems,
    source: RulesSource<'_>,
) -> Result<Resolved, Vec<Problem>> {
    let accepted = document.accept_warnings.iter().flatten();
    let accepted: Vec<WarningCode> = accepted.map(|word| word.value).collect();
    problems.accept(accepted.clone());
    let mut files = ResolvedFiles::default();
    let settings = settings(document, source, &accepted, &mut files, &mut problems);
    if let Some(settings) = &settings {
        refuse_shared_names(settings, &mut problems);
    }
    let failed = problems.has_errors() || !files.errors.is_empty();
    let mut problems = problems.into_sorted();
    let of_valid_files = files
        .files
        .iter_mut()
        .filter_map(|file| file.problems.take());
    problems.extend(of_valid_files.flat_map(Problems::into_sorted));
    let rejected = files.rejected.into_iter().flat_map(Problems::into_sorted);
    match settings {
        Some(settings) if !failed => Ok(Resolved {
            settings,
            warnings: problems,
            rejected: rejected.collect(),
            rules_in_force: RulesInForce {
                configuration: fingerprint::of(document),
                files: files.files.into_iter().map(|file| file.file).collect(),
            },
        }),
        _ => {
            problems.extend(files.errors.into_iter().flat_map(Problems::into_sorted));
            problems.extend(rejected);
            Err(problems)
        }
    }
}

/// `None` only if a problem was reported. The files of `rules_from` are put into `files`.
fn settings(
    document: &ConfigDocument,
    source: RulesSource<'_>,
    accepted: &[WarningCode],
    files: &mut ResolvedFiles,
    problems: &mut Problems,
) -> Option<Settings> {
    let listen = address(
        "listen",
        document.listen.as_deref().unwrap_or(defaults::LISTEN),
        problems,
    );
    let admin_listen = address(
        "admin_listen",
        document
            .admin_listen
            .as_deref()
            .unwrap_or(defaults::ADMIN_LISTEN),
        problems,
    );
    let probe_listen = document
        .probe_listen
        .as_deref()
        .map(|text| address("probe_listen", text, problems));
    refuse_overlaps(
        [
            ("listen", listen.as_ref(), document.listen.is_some()),
            (
                "admin_listen",
                admin_listen.as_ref(),
                document.admin_listen.is_some(),
            ),
            (
                "probe_listen",
                probe_listen.as_ref().and_then(Option::as_ref),
                true,
            ),
        ],
        problems,
    );
    let listen_tls = tls("tls", document.tls.as_ref(), problems);
    let admin_tls = tls("admin_tls", document.admin_tls.as_ref(), problems);
    warn_of_open_admin(admin_listen.as_ref(), admin_tls.as_ref(), problems);
    let admin_hosts = admin_hosts(document, problems);
    let payload_header = payload_header(document.payload_header.as_deref(), problems);
    let (strip_names, strip_prefixes) = strip_headers(document.strip_headers.as_deref(), problems);
    let expressions = RefCell::new(DocumentExpressions::new(&document.expression_values));
    let expressions = ExpressionContext {
        document: &expressions,
    };
    let ResolvedIssuers {
        usable: issuers,
        unusable: unusable_issuers,
    } = issuers(
        &document.issuers,
        payload_header.as_ref(),
        expressions,
        problems,
    );
    let token_forwarding = match document.forward_token.unwrap_or(defaults::FORWARD_TOKEN) {
        false => TokenForwarding::Remove,
        true => TokenForwarding::Keep,
    };
    let sources = document.token_sources.as_deref();
    let token_sources = token_sources(sources, token_forwarding, problems);
    let max_token_size = max_token_size(document.max_token_size, problems);
    let context = RuleContext {
        issuers: &issuers,
        unusable_issuers: &unusable_issuers,
        forwarding: token_forwarding,
        expressions,
        accepted,
    };
    // Before the rules: rules files take what the expressions of the configuration leave of their common limit.
    let metadata = metadata(document.metadata.as_ref(), expressions, problems);
    let rules = all_rules(document, source, &context, files, problems);
    let ambiguous_paths = ambiguous_paths(
        document.ambiguous_paths.as_deref().unwrap_or_default(),
        problems,
    );
    let replay = replay(document.replay.as_ref(), problems);
    let resource_metadata = resource_metadata(
        document.resource_metadata.as_ref(),
        &issuers,
        &token_sources,
        problems,
    );
    let revoked = revoked(document.revoked.as_ref(), problems);
    let state_dir = state_dir(document.state_dir.as_deref(), problems);
    let realm = realm(document.realm.as_deref(), problems);
    let log_claims = document
        .log_claims
        .iter()
        .flatten()
        .enumerate()
        .filter_map(|(number, name)| claim_name(&path::item("log_claims", number), name, problems))
        .collect();
    let check_timeout = document.check_timeout.unwrap_or(defaults::CHECK_TIMEOUT);
    let check_timeout = positive("check_timeout", check_timeout, problems);
    let startup_wait = document.startup_wait.unwrap_or(defaults::STARTUP_WAIT);
    let drain = positive("drain", document.drain.unwrap_or(defaults::DRAIN), problems);
    let max_concurrent_checks = document
        .max_concurrent_checks
        .unwrap_or(defaults::MAX_CONCURRENT_CHECKS);
    Some(Settings {
        listen: listen?,
        admin_listen: admin_listen?,
        probe_listen: match probe_listen {
            Some(address) => Some(address?),
            None => None,
        },
        tls: listen_tls,
        admin_tls,
        admin_hosts,
        issuers,
        token_sources,
        max_token_size,
        rules,
        rules_files: rules_files(document, files),
        metadata,
        ambiguous_paths,
        token_forwarding,
        payload_header,
        strip_names,
        strip_prefixes,
        realm: realm?,
        error_details: match document.error_details.unwrap_or(defaults::ERROR_DETAILS) {
            false => ErrorDetails::Hidden,
            true => ErrorDetails::Shown,
        },
        log_claims,
        config: fingerprint::of_all(document, files.files.iter().map(ResolvedFile::documents)),
        unavailable: unavailable(document.unavailable, problems),
        resource_metadata,
        replay,
        revoked,
        state_dir,
        token_cache: document
            .token_cache
            .unwrap_or(defaults::TOKEN_CACHE)
            .bytes(),
        max_concurrent_checks: usize::try_from(max_concurrent_checks).unwrap_or(usize::MAX),
        check_timeout,
        startup_wait: startup_wait.to_std(),
        drain,
    })
}

/// The rules in their order: those of the configuration, and then those of files (CONTRACT 3.13.3).
fn all_rules(
    document: &ConfigDocument,
    source: RulesSource<'_>,
    context: &RuleContext<'_>,
    files: &mut ResolvedFiles,
    problems: &mut Problems,
) -> Vec<Rule> {
    let documents = document.rules.as_deref().unwrap_or_default();
    let own = rules(documents, RulesPlace::Own, context, problems);
    let entries = document.rules_from.as_deref().unwrap_or_default();
    let configuration = fingerprint::of(document);
    *files = rules_from(entries, source, &configuration, &own, context, problems);
    // A rule with a placeholder would match other requests than the operator meant.
    if !problems.is_repaired("rules") {
        let mut groups = vec![RuleGroup {
            documents,
            rules: &own,
            key: "rules",
            file: None,
            problems: Some(problems),
        }];
        groups.extend(files.files.iter_mut().map(|file| RuleGroup {
            documents: &file.file.content.documents,
            rules: &file.rules,
            key: "",
            file: Some(file.file.path.clone()),
            problems: file.problems.as_mut(),
        }));
        warn_of_order(&mut groups);
        warn_of_cost(&mut groups);
    }
    let of_files = files
        .files
        .iter()
        .flat_map(|file| file.rules.iter().cloned());
    own.into_iter().chain(of_files).collect()
}

/// `None` without `rules_from`.
fn rules_files(document: &ConfigDocument, files: &ResolvedFiles) -> Option<Vec<RulesFileStatus>> {
    let has_entries = document
        .rules_from
        .as_ref()
        .is_some_and(|entries| !entries.is_empty());
    let files = files.files.iter().map(|file| RulesFileStatus {
        path: file.file.path.clone(),
        rules: file.rules.len(),
        state: file.file.state,
    });
    has_entries.then(|| files.collect())
}

#[cfg(test)]
mod tests;
