//! The configuration of accredit inside Envoy (CONTRACT 9.2 to 9.4): that of the service without the keys that have no meaning
//! there, and with `metadata_form`.

use std::path::PathBuf;

use crate::authn::realm::WithoutKeysPolicy;
use crate::config::document::ConfigDocument;
use crate::config::env::{self, EnvLookup};
use crate::config::load::read_taking;
use crate::config::locations::Locations;
use crate::config::path;
use crate::config::problem::{Problem, Problems};
use crate::config::resolve::rules_from::RulesSource;
use crate::config::resolve::{Resolved, resolve_with_files};
use crate::config::sentence::Sentence;
use crate::config::words::{Vocabulary, Word};
use crate::config::yaml::read;
use crate::config::yaml::tree::{Origin, YamlNode, YamlValue};

/// Where the configuration of a filter is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterConfigOrigin {
    /// The text is the configuration.
    Text,
    /// The text is `{ config: PATH }`.
    File(PathBuf),
}

/// The form of the dynamic metadata that the filter sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetadataForm {
    /// Every field of CONTRACT 4.13, claims as lists and mappings. Envoy 1.40 and newer can set it.
    Full,
    /// The scalars of these fields, as strings and numbers.
    #[default]
    Flat,
    /// Nothing.
    None,
}

/// The configuration of a filter.
#[derive(Debug)]
pub struct FilterSettings {
    pub resolved: Resolved,
    pub metadata_form: MetadataForm,
}

/// The only key of a text that names a file.
const FILE_KEY: &str = "config";

const FORM_KEY: &str = "metadata_form";

impl Vocabulary for MetadataForm {
    const NAME: &'static str = "MetadataForm";
    const ABOUT: &'static str = "The form of the dynamic metadata.";
    const WORDS: &'static [(&'static str, Self, &'static str)] = &[
        (
            "full",
            MetadataForm::Full,
            "Every field. It needs Envoy 1.40.",
        ),
        (
            "flat",
            MetadataForm::Flat,
            "The scalars, as strings and numbers.",
        ),
        ("none", MetadataForm::None, "No metadata."),
    ];
}

/// The place of the configuration: in the text of the filter, or in a file that the text names.
///
/// # Errors
/// Every problem, if the text is not YAML, or names a file and has other keys too.
pub fn origin(text: &str, lookup: EnvLookup<'_>) -> Result<FilterConfigOrigin, Vec<Problem>> {
    let mut problems = Problems::default();
    let Some(mut root) = read::read(text, &mut problems) else {
        return Err(problems.into_sorted());
    };
    let names: Vec<&str> = match &root.value {
        YamlValue::Mapping(members) => members.iter().map(|(key, _)| key.name.as_str()).collect(),
        _ => Vec::new(),
    };
    if !names.contains(&FILE_KEY) {
        return Ok(FilterConfigOrigin::Text);
    }
    let has_others = names.len() > 1;
    problems.locate_in(Locations::of(&root));
    env::expand(&mut root, lookup, &mut problems);
    if has_others {
        problems.error(
            FILE_KEY,
            "a configuration that names a file has no other keys",
            "move the other keys into the file, or remove this key",
        );
    }
    let node = match root.value {
        YamlValue::Mapping(members) => members.into_iter().find(|(key, _)| key.name == FILE_KEY),
        _ => None,
    };
    match node.map(|(_, node)| (node.origin, node.value)) {
        Some((Origin::Unresolved, _)) => {}
        Some((_, YamlValue::String(path))) if path.starts_with('/') => {
            if !problems.has_errors() {
                return Ok(FilterConfigOrigin::File(path.into()));
            }
        }
        _ => problems.error(
            FILE_KEY,
            "this is not the path of a file",
            "write a path that begins with /",
        ),
    }
    Err(problems.into_sorted())
}

/// A configuration of a filter whose rules files have not been read.
pub struct FilterDocument {
    document: ConfigDocument,
    problems: Problems,
    metadata_form: MetadataForm,
}

/// Reads the configuration of a filter, without its rules files.
///
/// # Errors
/// Every problem, if the text is not YAML at all.
pub fn document(text: &str, lookup: EnvLookup<'_>) -> Result<FilterDocument, Vec<Problem>> {
    let (document, mut problems, metadata_form) = read_taking(text, lookup, metadata_form)?;
    refuse_service_keys(&document, &mut problems);
    Ok(FilterDocument {
        document,
        problems,
        metadata_form,
    })
}

impl FilterDocument {
    /// The `files` of each entry of `rules_from`.
    pub fn rules_files(&self) -> impl Iterator<Item = &str> {
        self.document.rules_files()
    }

    /// Resolves the configuration and its rules files.
    ///
    /// # Errors
    /// Every problem, warnings included, if one of them is an error.
    pub fn resolve(self, source: RulesSource<'_>) -> Result<FilterSettings, Vec<Problem>> {
        Ok(FilterSettings {
            resolved: resolve_with_files(&self.document, self.problems, source)?,
            metadata_form: self.metadata_form,
        })
    }
}

fn metadata_form(root: &mut YamlNode, problems: &mut Problems) -> MetadataForm {
    let YamlValue::Mapping(members) = &mut root.value else {
        return MetadataForm::default();
    };
    let Some(position) = members.iter().position(|(key, _)| key.name == FORM_KEY) else {
        return MetadataForm::default();
    };
    let (_, node) = members.remove(position);
    let word = match &node.value {
        YamlValue::String(text) => Word::<MetadataForm>::parse(text),
        _ => None,
    };
    if word.is_none() && node.origin != Origin::Unresolved {
        problems.error(
            FORM_KEY,
            "this is not a form of the metadata",
            "write `full`, `flat` or `none`",
        );
    }
    word.map_or_else(MetadataForm::default, |word| word.value)
}

/// Adds an error for each key without a meaning inside Envoy (CONTRACT 9.3). The pattern names every key, so that a new
/// key of the service does not compile before it is decided what it means here.
fn refuse_service_keys(document: &ConfigDocument, problems: &mut Problems) {
    let ConfigDocument {
        listen,
        admin_listen,
        probe_listen,
        tls,
        admin_tls,
        admin_hosts,
        drain,
        max_concurrent_checks,
        unavailable,
        rules_from,
        metadata: _,
        resource_metadata: _,
        replay,
        revoked: _,
        issuers: _,
        token_sources: _,
        forward_token: _,
        payload_header: _,
        strip_headers: _,
        realm: _,
        state_dir: _,
        token_cache: _,
        max_token_size: _,
        check_timeout: _,
        startup_wait: _,
        error_details: _,
        log_claims: _,
        ambiguous_paths: _,
        accept_warnings: _,
        expression_env: _,
        expression_values: _,
        rules: _,
    } = document;
    let ports = "remove it: Envoy's listeners and admin port take its place";
    let is_present = [
        ("listen", listen.is_some(), ports),
        ("admin_listen", admin_listen.is_some(), ports),
        ("probe_listen", probe_listen.is_some(), ports),
        ("tls", tls.is_some(), ports),
        ("admin_tls", admin_tls.is_some(), ports),
        ("admin_hosts", admin_hosts.is_some(), ports),
        (
            "drain",
            drain.is_some(),
            "remove it: Envoy drains its listeners (`--drain-time-s`)",
        ),
        (
            "max_concurrent_checks",
            max_concurrent_checks.is_some(),
            "remove it: Envoy's circuit breakers and overload manager limit requests",
        ),
    ];
    for (key, _, advice) in is_present.into_iter().filter(|(_, present, _)| *present) {
        problems.error(key, "this key has no meaning inside Envoy", advice);
    }
    let entries = rules_from.iter().flatten().enumerate();
    for (number, _) in entries.filter(|(_, entry)| !entry.files.starts_with('/')) {
        let key = path::member(&path::item("rules_from", number), "files");
        problems.error(
            &key,
            Sentence::own(
                "inside Envoy, a relative path would begin at the working folder of Envoy",
            ),
            "write a path that begins with /",
        );
    }
    if replay.as_ref().is_some_and(|replay| replay.redis.is_some()) {
        problems.error(
            "replay.redis",
            "accredit inside Envoy does not support this key",
            "remove it: each Envoy then remembers used proofs itself; or use the service",
        );
    }
    if let Some(word) = unavailable
        && word.value == WithoutKeysPolicy::Defer
    {
        problems.error(
            "unavailable",
            Sentence::own(
                "`defer` has no meaning inside Envoy, where no failure_mode_allow exists",
            ),
            "write `refuse`, or remove the key",
        );
    }
}

#[cfg(test)]
mod tests;
