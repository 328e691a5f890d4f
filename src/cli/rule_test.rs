//! `accredit test`

use std::path::{Path, PathBuf};

use accredit_core::config::problem::Problem;
use accredit_core::config::test_file::{self, TestFile};
use accredit_core::config::yaml::budget::MAX_BYTES;
use clap::Args;

use crate::app::rules_files::RulesFilesRead;
use crate::cli::exit::{ExitCode, complain, complain_line, say};
use crate::cli::paint::Paint;
use crate::cli::problem_report::ConfigName;
use crate::cli::settings::{ConfigError, environment, read_file};
use crate::regular_file;
use crate::rule_tests::report::{FileResult, junit, table};
use crate::rule_tests::runner::{CaseRunner, TestError};
use crate::telemetry::printable::printable;

#[derive(Args, Debug)]
pub(crate) struct TestArgs {
    /// Files of test cases
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The configuration, in place of the one that each file names
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Also write the results to this file, in JUnit's XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// The cases cannot run. The causes are already on standard error.
struct UnusableCases;

pub(crate) fn run(args: TestArgs) -> ExitCode {
    let mut results = Vec::new();
    let mut are_usable = true;
    for file in &args.files {
        match run_file(file, args.config.as_deref()) {
            Ok(result) => results.push(result),
            Err(UnusableCases) => are_usable = false,
        }
    }
    if !are_usable {
        return ExitCode::BadUsage;
    }
    if let Some(path) = &args.junit
        && let Err(error) = std::fs::write(path, junit(&results))
    {
        complain(format_args!("{}: {error}", path.display()));
        return ExitCode::Failed;
    }
    let lines: Vec<_> = table(&results)
        .lines()
        .map(|line| printable(line).to_string())
        .collect();
    match say(&lines.join("\n")) {
        ExitCode::Done if results.iter().any(|result| result.failed() > 0) => ExitCode::Failed,
        code => code,
    }
}

fn run_file(path: &Path, config: Option<&Path>) -> Result<FileResult, UnusableCases> {
    let tests = read_tests(path)?;
    let config = match (config, &tests.config) {
        (Some(config), _) => config.to_owned(),
        (None, Some(config)) => path.parent().unwrap_or(Path::new("")).join(config),
        (None, None) => {
            complain(format_args!(
                "{}: it names no configuration; write `config: FILE` into it, or give --config FILE",
                path.display()
            ));
            return Err(UnusableCases);
        }
    };
    let env = |name: &str| tests.env.get(name).cloned().or_else(|| environment(name));
    let (document, problems) = match read_file(&config, &env) {
        Ok(read) => read,
        Err(ConfigError::Invalid(problems)) => return Err(refuse(&config, &problems)),
        Err(ConfigError::Unreadable(text)) => {
            complain(text);
            return Err(UnusableCases);
        }
    };
    let rules_files = RulesFilesRead::of(document.rules_files().map(str::to_owned).collect(), None);
    let runner = CaseRunner::new(&document, problems, &rules_files.found);
    let runner = runner.map_err(|error| match error {
        TestError::Configuration(problems) => refuse(&config, &problems),
        TestError::Keys(error) => {
            complain(error);
            UnusableCases
        }
    })?;
    let mut cases = Vec::new();
    for case in &tests.cases {
        let result = runner.run(&case.document, case.now);
        cases.push(result.map_err(|error| {
            complain(error);
            UnusableCases
        })?);
    }
    Ok(FileResult {
        file: path.display().to_string(),
        cases,
    })
}

fn read_tests(path: &Path) -> Result<TestFile, UnusableCases> {
    let text = regular_file::read(path, MAX_BYTES as u64)
        .map_err(|error| error.to_string())
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "the text is not UTF-8".to_owned()));
    let text = text.map_err(|error| {
        complain(format_args!("{}: {error}", path.display()));
        UnusableCases
    })?;
    let name = path.to_string_lossy();
    test_file::read(name.into(), &text).map_err(|problems| refuse(path, &problems))
}

fn refuse(path: &Path, problems: &[Problem]) -> UnusableCases {
    let paint = Paint::of(&std::io::stderr());
    let name = ConfigName::new(Some(path));
    for problem in problems {
        complain_line(&name.line(problem, paint));
    }
    UnusableCases
}
