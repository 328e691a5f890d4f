//! From flags, environment and file to settings: a flag beats the environment, which beats the file.

use std::path::{Path, PathBuf};

use crate::cli::exit::complain;
use crate::config::document::{
    AnyAudience, AudienceAbsent, Audiences, Document, Issuer, Jwks, OneOrMany,
};
use crate::config::load;
use crate::config::locations::Locations;
use crate::config::resolve::{Resolved, resolve};

/// Read where neither flag nor environment says otherwise.
pub const DEFAULT_CONFIG: &str = "/etc/accredit/accredit.yaml";

/// What was typed about the configuration.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// `--config`
    pub config: Option<PathBuf>,
    /// `--issuer`
    pub issuer: Option<String>,
    /// `--audience`, each
    pub audiences: Vec<String>,
    /// `--audience-absent`
    pub audience_absent: Option<String>,
    /// `--jwks-uri`
    pub jwks_uri: Option<String>,
    /// `--listen`
    pub listen: Option<String>,
    /// `--admin-listen`
    pub admin_listen: Option<String>,
}

/// The configuration is wrong, and its author has been told.
#[derive(Debug)]
pub struct Told;

/// A variable of the environment.
#[allow(
    clippy::disallowed_methods,
    reason = "the one place where the environment is read"
)]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The settings that were asked for. Says every problem on standard error, and every warning in `warn`.
///
/// # Errors
/// [`Told`]
pub fn settings(
    typed: Typed,
    env: &dyn Fn(&str) -> Option<String>,
    warn: impl Fn(&str),
) -> Result<Resolved, Told> {
    let (document, locations) = match source(&typed, env).or_else(tell)? {
        Source::File(path) => read_file(&path, env)?,
        Source::Flags(issuer) => (flags_document(issuer, &typed, env)?, Locations::default()),
    };
    let document = Document {
        listen: typed
            .listen
            .or_else(|| env("ACCREDIT_LISTEN"))
            .or(document.listen),
        admin_listen: typed
            .admin_listen
            .or_else(|| env("ACCREDIT_ADMIN_LISTEN"))
            .or(document.admin_listen),
        ..document
    };
    let resolved = resolve(&document, locations).map_err(|problems| {
        problems.iter().for_each(complain);
        Told
    })?;
    resolved
        .warnings
        .iter()
        .for_each(|warning| warn(&warning.to_string()));
    Ok(resolved)
}

/// Where the configuration is, if it is a file.
pub fn file(typed: &Typed, env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    match source(typed, env) {
        Ok(Source::File(path)) => Some(path),
        Ok(Source::Flags(_)) | Err(_) => None,
    }
}

enum Source {
    File(PathBuf),
    Flags(String),
}

fn source(typed: &Typed, env: &dyn Fn(&str) -> Option<String>) -> Result<Source, &'static str> {
    match (&typed.config, &typed.issuer) {
        (Some(_), Some(_)) => return Err("--config and --issuer exclude each other; keep one"),
        (Some(config), None) => return without_issuer_flags(typed, config.clone()),
        (None, Some(issuer)) => return Ok(Source::Flags(issuer.clone())),
        (None, None) => {}
    }
    match (env("ACCREDIT_CONFIG"), env("ACCREDIT_ISSUER")) {
        (Some(_), Some(_)) => {
            Err("ACCREDIT_CONFIG and ACCREDIT_ISSUER exclude each other; unset one")
        }
        (Some(config), None) => without_issuer_flags(typed, config.into()),
        (None, Some(issuer)) => Ok(Source::Flags(issuer)),
        (None, None) => without_issuer_flags(typed, DEFAULT_CONFIG.into()),
    }
}

/// What describes an issuer would be ignored beside a file, and so is refused.
fn without_issuer_flags(typed: &Typed, config: PathBuf) -> Result<Source, &'static str> {
    let described =
        !typed.audiences.is_empty() || typed.audience_absent.is_some() || typed.jwks_uri.is_some();
    if described {
        return Err(
            "--audience, --audience-absent and --jwks-uri describe --issuer; add it, or write them into the file",
        );
    }
    Ok(Source::File(config))
}

fn read_file(
    path: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(Document, Locations), Told> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            return tell(&format!(
                "{}: {error}; name the configuration with --config FILE; `serve` does without one by --issuer URL --audience AUD",
                path.display()
            ));
        }
    };
    load::read(&text, env).map_err(|problems| {
        problems.iter().for_each(complain);
        Told
    })
}

fn flags_document(
    issuer: String,
    typed: &Typed,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Document, Told> {
    let mut audiences = typed.audiences.clone();
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
            return tell(
                "--issuer needs --audience AUD, the audience of this API; `--audience any` turns the check off",
            );
        }
        [any] if any == "any" => Audiences::Any(AnyAudience::Any),
        _ => Audiences::OneOf(audiences),
    };
    let audience_absent = match typed.audience_absent.as_deref() {
        None => None,
        Some("accept") => Some(AudienceAbsent::Accept),
        Some("refuse") => Some(AudienceAbsent::Refuse),
        Some(_) => return tell("--audience-absent is accept or refuse"),
    };
    let uri = typed.jwks_uri.clone().or_else(|| env("ACCREDIT_JWKS_URI"));
    let issuer = Issuer {
        audience_absent,
        jwks: uri.map(|uri| Jwks {
            uri: Some(uri),
            ..Jwks::default()
        }),
        ..Issuer::new(OneOrMany::One(issuer), audiences)
    };
    Ok(Document {
        issuers: vec![issuer],
        ..Document::default()
    })
}

fn tell<T>(problem: &str) -> Result<T, Told> {
    complain(problem);
    Err(Told)
}

#[cfg(test)]
mod tests;
