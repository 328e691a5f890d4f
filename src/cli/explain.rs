//! `accredit explain`

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;

use clap::Args;

use crate::admin::pb;
use crate::app::explain::explain;
use crate::cli::exit::{ExitCode, complain};
use crate::cli::render;
use crate::cli::run::on_main_runtime;
use crate::cli::settings::{Typed, environment, settings};

/// A token on standard input is at most this long: no service takes a longer one.
const MAX_INPUT: u64 = 64 * 1024;

/// Flags of `accredit explain`. The token is read from standard input, so that no list of processes shows it.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// The configuration's file [env: ACCREDIT_CONFIG] [default: /etc/accredit/accredit.yaml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The request's method [default: GET]
    #[arg(long, value_name = "M")]
    method: Option<String>,
    /// The request's host
    #[arg(long, value_name = "H")]
    host: Option<String>,
    /// The request's path with its query [default: /]
    #[arg(long, value_name = "P")]
    path: Option<String>,
    /// A header of the request, repeatable
    #[arg(long = "header", value_name = "K:V")]
    headers: Vec<String>,
    /// For programs: one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: ExplainArgs) -> ExitCode {
    let typed = Typed {
        config: args.config.clone(),
        ..Typed::default()
    };
    let Ok(resolved) = settings(typed, &environment, |warning| {
        complain(format_args!("warning: {warning}"))
    }) else {
        return ExitCode::BadUsage;
    };
    let ask = match ask(&args) {
        Ok(ask) => ask,
        Err(problem) => {
            complain(problem);
            return ExitCode::BadUsage;
        }
    };
    on_main_runtime(async {
        match Box::pin(explain(resolved.settings, ask)).await {
            Ok(explanation) => print(&explanation, args.json),
            Err(error) => {
                complain(error);
                ExitCode::Failed
            }
        }
    })
}

fn print(explanation: &pb::Explanation, json: bool) -> ExitCode {
    let text = if json {
        render::json(explanation).to_string()
    } else {
        render::text(explanation)
    };
    if let Err(error) = writeln!(std::io::stdout(), "{text}") {
        complain(error);
        return ExitCode::Failed;
    }
    if explanation.decision == "allow" {
        ExitCode::Done
    } else {
        ExitCode::Denied
    }
}

fn ask(args: &ExplainArgs) -> Result<pb::ExplainRequest, String> {
    let mut headers = Vec::new();
    for header in &args.headers {
        let (name, value) = header
            .split_once(':')
            .ok_or("--header is K:V, such as 'content-type: application/json'")?;
        headers.push(pb::Header {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
        });
    }
    Ok(pb::ExplainRequest {
        token: token()?,
        method: args.method.clone(),
        host: args.host.clone(),
        path: args.path.clone(),
        headers,
        ..pb::ExplainRequest::default()
    })
}

/// The token on standard input; none where that is a terminal or empty.
fn token() -> Result<Option<String>, String> {
    let input = std::io::stdin();
    if input.is_terminal() {
        return Ok(None);
    }
    let mut text = String::new();
    let read = input.lock().take(MAX_INPUT).read_to_string(&mut text);
    read.map_err(|error| format!("the token cannot be read from standard input: {error}"))?;
    let token = text.trim();
    Ok((!token.is_empty()).then(|| token.to_owned()))
}
