//! `accredit check`

use std::path::PathBuf;

use accredit_core::config::problem::Problem;
use accredit_core::config::resolve::rules_from::RulesSource;
use accredit_core::config::resolve::{Resolved, resolve_with_files};
use clap::Args;
use serde_json::{Value, json};

use crate::app::check_files::check_files;
use crate::app::online::{OnlineCheck, OnlineDenyList, fetch_all, fetch_deny_list};
use crate::app::rules_files::RulesFilesRead;
use crate::cli::exit::{ExitCode, complain, complain_line, say, say_json};
use crate::cli::paint::Paint;
use crate::cli::problem_report::ConfigName;
use crate::cli::run::on_main_runtime;
use crate::cli::settings::{ConfigError, ConfigFlags, document, environment, file};
use crate::telemetry::printable::printable;

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// The configuration file, or - for standard input [env: ACCREDIT_CONFIG] [default: /etc/accredit/accredit.yaml]
    #[arg(value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,
    /// The same as FILE
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Exit with 2 if a warning is left that accept_warnings does not name
    #[arg(long)]
    deny_warnings: bool,
    /// Also fetch each key set, and the deny list
    #[arg(long)]
    online: bool,
    /// Print one JSON object with the problems on standard output
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: CheckArgs) -> ExitCode {
    let flags = ConfigFlags {
        config: args.file.clone().or_else(|| args.config.clone()),
        ..ConfigFlags::default()
    };
    let name = ConfigName::new(file(&flags, &environment).as_deref());
    let report = Report {
        name,
        as_json: args.json,
    };
    let (document, mut problems) = match document(flags, &environment) {
        Ok(read) => read,
        Err(ConfigError::Invalid(problems)) => return report.refuse(&problems),
        Err(ConfigError::Unreadable(text)) => {
            complain(&text);
            return report.say_unreadable(&text);
        }
    };
    check_files(&document, &mut problems);
    let rules_files = RulesFilesRead::of(document.rules_files().map(str::to_owned).collect(), None);
    let source = RulesSource {
        found: &rules_files.found,
        in_force: None,
    };
    let resolved = match resolve_with_files(&document, problems, source) {
        Ok(resolved) => resolved,
        Err(problems) => return report.refuse(&problems),
    };
    report.complain(&resolved.warnings);
    let is_denied = args.deny_warnings && !resolved.warnings.is_empty();
    if is_denied {
        complain(
            "--deny-warnings: there are warnings; correct them, or name their codes in accept_warnings",
        );
    }
    let online = match args.online && !is_denied {
        true => fetched(&resolved),
        false => Ok(Fetched::default()),
    };
    let code = report.say(&resolved, &online, is_denied);
    let failed = online.as_ref().map_or(true, Fetched::has_failed);
    match (is_denied, failed) {
        (true, _) => ExitCode::BadUsage,
        (false, true) => ExitCode::Failed,
        (false, false) => code,
    }
}

/// The output of the command about a configuration.
struct Report {
    name: ConfigName,
    as_json: bool,
}

impl Report {
    /// The configuration cannot be used.
    fn refuse(&self, problems: &[Problem]) -> ExitCode {
        self.complain(problems);
        if self.as_json {
            say_json(&self.name.json(problems, json!([])));
        }
        ExitCode::BadUsage
    }

    fn say_unreadable(&self, text: &str) -> ExitCode {
        if self.as_json {
            say_json(&self.name.unreadable(text));
        }
        ExitCode::BadUsage
    }

    fn complain(&self, problems: &[Problem]) {
        let paint = Paint::of(&std::io::stderr());
        for problem in problems {
            complain_line(&self.name.line(problem, paint));
        }
    }

    /// The configuration can be used.
    fn say(
        &self,
        resolved: &Resolved,
        online: &Result<Fetched, String>,
        is_denied: bool,
    ) -> ExitCode {
        if let Err(error) = online {
            complain(error);
        }
        let none = Fetched::default();
        let Fetched { sets, deny_list } = online.as_ref().unwrap_or(&none);
        for set in sets {
            complain_about(set);
        }
        if let Some(list) = deny_list {
            complain_about_list(list);
        }
        if self.as_json {
            let sets = sets.iter().map(key_set_json).collect();
            return say_json(&self.name.json(&resolved.warnings, sets));
        }
        if is_denied {
            return ExitCode::Done;
        }
        let lines = sets
            .iter()
            .flat_map(key_set_lines)
            .chain(deny_list.as_ref().and_then(deny_list_line))
            .map(|line| say(&printable(&line)));
        let code = lines.fold(ExitCode::Done, worse);
        let warnings = match resolved.warnings.len() {
            0 => String::new(),
            1 => ", with 1 warning".to_owned(),
            count => format!(", with {count} warnings"),
        };
        worse(code, say(&format!("the configuration is valid{warnings}")))
    }
}

fn worse(one: ExitCode, other: ExitCode) -> ExitCode {
    match one {
        ExitCode::Done => other,
        code => code,
    }
}

/// The results of `--online`.
#[derive(Default)]
struct Fetched {
    sets: Vec<OnlineCheck>,
    deny_list: Option<OnlineDenyList>,
}

impl Fetched {
    fn has_failed(&self) -> bool {
        let deny_list = self.deny_list.as_ref();
        self.sets.iter().any(is_bad) || deny_list.is_some_and(|list| list.entries.is_err())
    }
}

fn fetched(resolved: &Resolved) -> Result<Fetched, String> {
    let mut result = Err("the key sets were not fetched".to_owned());
    on_main_runtime(async {
        let deny_list = fetch_deny_list(&resolved.settings).await;
        let fetched = fetch_all(&resolved.settings).await;
        result = match fetched {
            Ok(sets) => Ok(Fetched { sets, deny_list }),
            Err(error) => Err(error.to_string()),
        };
        ExitCode::Done
    });
    result
}

fn deny_list_line(list: &OnlineDenyList) -> Option<String> {
    let entries = list.entries.as_ref().ok()?;
    let count = entries.count;
    Some(format!("revoked ({}): {count} entries", list.source))
}

fn complain_about_list(list: &OnlineDenyList) {
    match &list.entries {
        Err(error) => complain(format_args!("revoked: {error}")),
        Ok(entries) => {
            if let Some(unmatched) = &entries.unmatched {
                let source = &list.source;
                complain(format_args!("warning: revoked ({source}) {unmatched}"));
            }
        }
    }
}

fn is_bad(set: &OnlineCheck) -> bool {
    set.keys.as_ref().map_or(true, |keys| keys.usable == 0)
}

fn complain_about(set: &OnlineCheck) {
    let OnlineCheck { issuer, source, .. } = set;
    match &set.keys {
        Err(error) => complain(format_args!("{issuer} ({source}): {error}")),
        Ok(keys) if keys.usable == 0 => complain(format_args!(
            "{issuer} ({source}): the key set has no usable key, so accredit refuses every token of this issuer; publish a key that fits `algorithms`, or correct jwks"
        )),
        Ok(keys) if keys.private > 0 => complain(format_args!(
            "{issuer} ({source}): {} of the keys are published with their private part, so every reader of the set can make tokens; replace them",
            keys.private
        )),
        Ok(_) => {}
    }
}

/// The maximum number of printed keys that are set aside. The issuer decides how many there are.
const MAX_PRINTED_KEYS: usize = 100;

fn key_set_lines(set: &OnlineCheck) -> Vec<String> {
    let OnlineCheck { issuer, source, .. } = set;
    let Ok(keys) = &set.keys else {
        return Vec::new();
    };
    let aside = keys.set_aside.iter().take(MAX_PRINTED_KEYS);
    let mut lines: Vec<String> = aside
        .map(|(key_id, reason)| match key_id {
            Some(key_id) => format!("{issuer} ({source}): key {key_id:?} is set aside: {reason}"),
            None => format!("{issuer} ({source}): a key without kid is set aside: {reason}"),
        })
        .collect();
    match (keys.usable, keys.set_aside.len()) {
        (0, _) => {}
        (usable, 0) => lines.push(format!("{issuer} ({source}): {usable} usable keys")),
        (usable, aside) => lines.push(format!(
            "{issuer} ({source}): {usable} usable keys, {aside} set aside"
        )),
    }
    lines
}

fn key_set_json(set: &OnlineCheck) -> Value {
    let keys = set.keys.as_ref();
    let aside = keys.map(|keys| {
        let listed = keys.set_aside.iter().take(MAX_PRINTED_KEYS);
        listed
            .map(|(key_id, reason)| json!({ "kid": key_id, "reason": reason.to_string() }))
            .collect::<Vec<_>>()
    });
    json!({
        "issuer": set.issuer.to_string(),
        "source": set.source.to_string(),
        "usable": keys.map_or(0, |keys| keys.usable),
        "private": keys.map_or(0, |keys| keys.private),
        "set_aside": aside.unwrap_or_default(),
        "error": keys.err().map(ToString::to_string),
    })
}
