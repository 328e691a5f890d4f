//! From flags, environment and file to settings. A flag takes precedence over the environment, and the environment over the file.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use accredit_core::config::document::ConfigDocument;
use accredit_core::config::issuer_document::{
    AnyAudience, AudiencesDocument, IssuerDocument, JwksDocument,
};
use accredit_core::config::load;
use accredit_core::config::one_or_many::OneOrMany;
use accredit_core::config::problem::{Problem, Problems};
use accredit_core::config::resolve::rules_from::RulesSource;
use accredit_core::config::resolve::{Resolved, resolve_with_files};
use accredit_core::config::rules_files::RulesInForce;
use accredit_core::config::words::Word;
use accredit_core::config::yaml::budget::MAX_BYTES;

use crate::app::rules_files::RulesFilesRead;
use crate::cli::exit::complain_without_waiting;
use crate::regular_file;

/// The file that is read without flags and variables (CONTRACT 2.2.8).
pub(crate) const DEFAULT_CONFIG: &str = "/etc/accredit/accredit.yaml";

/// The flags that concern the configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConfigFlags {
    pub(crate) config: Option<PathBuf>,
    pub(crate) issuer: Option<String>,
    pub(crate) audiences: Vec<String>,
    pub(crate) audience_absent: Option<String>,
    pub(crate) jwks_uri: Option<String>,
    pub(crate) algorithms: Vec<String>,
    pub(crate) listen: Option<String>,
    pub(crate) admin_listen: Option<String>,
}

/// Why there is no configuration.
#[derive(Debug)]
pub(crate) enum ConfigError {
    /// The flags contradict each other, or the file cannot be read.
    Unreadable(String),
    /// The text has errors.
    Invalid(Vec<Problem>),
}

impl ConfigError {
    /// Prints each problem on standard error.
    pub(crate) fn complain(self) {
        match self {
            ConfigError::Unreadable(text) => complain_without_waiting([text]),
            ConfigError::Invalid(problems) => complain_without_waiting(problems),
        }
    }

    /// Logs each problem, and waits for nothing: a signal to a running service must not wait for the reader of the log.
    pub(crate) fn log(self) {
        match self {
            ConfigError::Unreadable(problem) => {
                tracing::error!(%problem, "configuration is invalid")
            }
            ConfigError::Invalid(problems) => {
                for problem in problems {
                    tracing::error!(%problem, "configuration is invalid");
                }
            }
        }
    }
}

/// A variable of the environment. Octets that are not UTF-8 become U+FFFD, which a configuration refuses: a variable that cannot be read
/// must not count as one that is not set.
#[allow(
    clippy::disallowed_methods,
    reason = "the one place where the environment is read"
)]
pub(crate) fn environment(name: &str) -> Option<String> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
    Some(value.to_string_lossy().into_owned())
}

/// A configuration, and what was read of its rules files.
pub(crate) struct LoadedConfig {
    pub(crate) resolved: Resolved,
    pub(crate) rules_files: RulesFilesRead,
}

/// The settings of the configuration that the flags and the environment name. Passes every warning to `warn`. A reload gives the
/// rules of files that are `in_force`.
///
/// # Errors
/// [`ConfigError`]
pub(crate) fn settings(
    flags: ConfigFlags,
    env: &dyn Fn(&str) -> Option<String>,
    in_force: Option<&RulesInForce>,
    warn: impl Fn(&Problem),
) -> Result<LoadedConfig, ConfigError> {
    let (document, problems) = document(flags, env)?;
    let rules_files = RulesFilesRead::of(
        document.rules_files().map(str::to_owned).collect(),
        in_force,
    );
    let source = RulesSource {
        found: &rules_files.found,
        in_force,
    };
    let resolved = resolve_with_files(&document, problems, source).map_err(ConfigError::Invalid)?;
    resolved.warnings.iter().for_each(warn);
    Ok(LoadedConfig {
        resolved,
        rules_files,
    })
}

/// The document that the flags and the environment name, and the problems of its structure.
///
/// # Errors
/// [`ConfigError`] if there is no document.
pub(crate) fn document(
    flags: ConfigFlags,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(ConfigDocument, Problems), ConfigError> {
    let (document, problems) = match source(&flags, env).or_else(reject)? {
        ConfigOrigin::File(path) => read_file(&path, env)?,
        ConfigOrigin::Flags(issuer) => (flags_document(issuer, &flags, env)?, Problems::default()),
    };
    let document = ConfigDocument {
        listen: flags
            .listen
            .or_else(|| env("ACCREDIT_LISTEN"))
            .or(document.listen),
        admin_listen: flags
            .admin_listen
            .or_else(|| env("ACCREDIT_ADMIN_LISTEN"))
            .or(document.admin_listen),
        ..document
    };
    Ok((document, problems))
}

/// The file of the configuration, if there is one.
pub(crate) fn file(flags: &ConfigFlags, env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    match source(flags, env) {
        Ok(ConfigOrigin::File(path)) => Some(path),
        Ok(ConfigOrigin::Flags(_)) | Err(_) => None,
    }
}

enum ConfigOrigin {
    File(PathBuf),
    Flags(String),
}

fn source(
    flags: &ConfigFlags,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<ConfigOrigin, &'static str> {
    match (&flags.config, &flags.issuer) {
        (Some(_), Some(_)) => return Err("--config and --issuer exclude each other; keep one"),
        (Some(config), None) => return without_issuer_flags(flags, config.clone()),
        (None, Some(issuer)) => return Ok(ConfigOrigin::Flags(issuer.clone())),
        (None, None) => {}
    }
    match (env("ACCREDIT_CONFIG"), env("ACCREDIT_ISSUER")) {
        (Some(_), Some(_)) => {
            Err("ACCREDIT_CONFIG and ACCREDIT_ISSUER exclude each other; unset one")
        }
        (Some(config), None) => without_issuer_flags(flags, config.into()),
        (None, Some(issuer)) => Ok(ConfigOrigin::Flags(issuer)),
        (None, None) => without_issuer_flags(flags, DEFAULT_CONFIG.into()),
    }
}

/// Flags that describe an issuer would be ignored beside a file, so they are an error.
fn without_issuer_flags(
    flags: &ConfigFlags,
    config: PathBuf,
) -> Result<ConfigOrigin, &'static str> {
    let described = !flags.audiences.is_empty()
        || flags.audience_absent.is_some()
        || flags.jwks_uri.is_some()
        || !flags.algorithms.is_empty();
    if described {
        return Err(
            "--audience, --audience-absent, --jwks-uri and --algorithms describe --issuer; add it, or write them into the file",
        );
    }
    Ok(ConfigOrigin::File(config))
}

/// The document of a file, and the problems of its structure.
///
/// # Errors
/// [`ConfigError`]
pub(crate) fn read_file(
    path: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(ConfigDocument, Problems), ConfigError> {
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) => {
            let advice = match error.kind() {
                ErrorKind::NotFound => {
                    "; name the configuration with --config FILE; `serve` does without one by --issuer URL --audience AUD"
                }
                _ => "",
            };
            return reject(&format!("{}: {error}{advice}", path.display()));
        }
    };
    load::read(&text, env).map_err(ConfigError::Invalid)
}

/// `-` is standard input. One byte over the limit is read, so that the reader of the text reports it.
fn read_text(path: &Path) -> std::io::Result<String> {
    let limit = MAX_BYTES as u64;
    let bytes = if path == Path::new(STANDARD_INPUT) {
        let mut bytes = Vec::new();
        let input = std::io::stdin().lock();
        input.take(limit + 1).read_to_end(&mut bytes)?;
        bytes
    } else {
        regular_file::read(path, limit)?
    };
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..valid).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        std::io::Error::new(
            ErrorKind::InvalidData,
            format!("the text is not UTF-8 in line {line}"),
        )
    })
}

/// The file name that `check` and `explain` take as standard input (CONTRACT 3.1.9).
pub(crate) const STANDARD_INPUT: &str = "-";

fn flags_document(
    issuer: String,
    flags: &ConfigFlags,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<ConfigDocument, ConfigError> {
    let mut audiences = flags.audiences.clone();
    if audiences.is_empty() {
        let listed = env("ACCREDIT_AUDIENCE").unwrap_or_default();
        audiences = listed
            .split(',')
            .map(str::trim)
            .filter(|audience| !audience.is_empty())
            .map(str::to_owned)
            .collect();
    }
    let audiences = match audiences.as_slice() {
        [] => {
            return reject(
                "--issuer needs --audience AUD, the audience of this API; `--audience any` turns the check off",
            );
        }
        [any] if any == "any" => AudiencesDocument::Any(AnyAudience::Any),
        _ => AudiencesDocument::OneOf(audiences),
    };
    let audience_absent = match flags.audience_absent.as_deref() {
        None => None,
        Some(text) => match Word::parse(text) {
            Some(word) => Some(word),
            None => return reject("--audience-absent takes `accept` or `refuse`"),
        },
    };
    let uri = flags.jwks_uri.clone().or_else(|| env("ACCREDIT_JWKS_URI"));
    let mut algorithms = Vec::new();
    for name in &flags.algorithms {
        match Word::parse(name) {
            Some(word) => algorithms.push(word),
            None => {
                return reject(&format!(
                    "--algorithms: `{name}` is not an algorithm; write names such as RS256,ES256"
                ));
            }
        }
    }
    let issuer = IssuerDocument {
        algorithms: (!algorithms.is_empty()).then_some(algorithms),
        audience_absent,
        jwks: uri.map(|uri| JwksDocument {
            uri: Some(uri),
            ..JwksDocument::default()
        }),
        ..IssuerDocument::new(OneOrMany::One(issuer), audiences)
    };
    Ok(ConfigDocument {
        issuers: vec![issuer],
        ..ConfigDocument::default()
    })
}

fn reject<T>(problem: &str) -> Result<T, ConfigError> {
    Err(ConfigError::Unreadable(problem.to_owned()))
}

#[cfg(test)]
mod tests;
