//! `accredit tail`

use std::io::IsTerminal as _;
use std::time::Duration;

use clap::Args;
use tokio::time::sleep;

use crate::admin::client::Tail;
use crate::admin::client_error::AdminError;
use crate::admin::pb;
use crate::admin::pb::tail_response::Told;
use crate::admin::told::json;
use crate::cli::admin::{AdminArgs, AdminService};
use crate::cli::decision_line::{Lines, Paint};
use crate::cli::exit::{ExitCode, complain, say};
use crate::cli::render;
use crate::cli::run::on_main_runtime;
use crate::cli::settings::environment;

/// Between two attempts to reach a service again.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);

/// Flags of `accredit tail`.
#[derive(Args, Debug)]
pub struct TailArgs {
    #[command(flatten)]
    admin: AdminArgs,
    /// Refusals alone
    #[arg(long)]
    denied: bool,
    /// Of these reasons alone, such as insufficient_scope; repeatable
    #[arg(long = "reason", value_name = "REASON")]
    reasons: Vec<String>,
    /// Of these issuers alone; repeatable
    #[arg(long = "issuer", value_name = "URL")]
    issuers: Vec<String>,
    /// By these rules alone; repeatable
    #[arg(long = "rule", value_name = "NAME")]
    rules: Vec<String>,
    /// Of paths that begin so alone
    #[arg(long = "path", value_name = "PREFIX")]
    path_prefix: Option<String>,
    /// Look one request up among the last 1,000 refusals, by its x-request-id, and say why
    #[arg(
        long,
        value_name = "ID",
        conflicts_with_all = ["denied", "reasons", "issuers", "rules", "path_prefix"]
    )]
    request: Option<String>,
    /// For programs: one JSON object on each line
    #[arg(long)]
    json: bool,
}

/// How decisions are shown.
enum Form {
    Json,
    Text(Box<Lines>),
}

/// Runs the command.
pub fn run(args: TailArgs) -> ExitCode {
    let service = match args.admin.service() {
        Ok(service) => service,
        Err(code) => return code,
    };
    on_main_runtime(async {
        let ended = match &args.request {
            Some(id) => look_up(&service, id, args.json).await,
            None => follow(&service, &args).await,
        };
        ended.unwrap_or_else(|error| {
            complain(error);
            ExitCode::Failed
        })
    })
}

async fn look_up(service: &AdminService, id: &str, as_json: bool) -> Result<ExitCode, AdminError> {
    let refusals = service.connect().await?.refusals(id).await?;
    if refusals.is_empty() {
        complain(format_args!(
            "no request {id:?} is among the last 1,000 refusals of this process; with several replicas, ask each of them"
        ));
        return Ok(ExitCode::Failed);
    }
    for refusal in refusals {
        let text = match as_json {
            true => found_json(&refusal).to_string(),
            false => found_text(&refusal),
        };
        match say(&text) {
            ExitCode::Done => {}
            code => return Ok(code),
        }
    }
    Ok(ExitCode::Done)
}

fn found_json(refusal: &pb::FoundRefusal) -> serde_json::Value {
    let explanation = refusal.explanation.as_ref().map(render::json);
    let mut value = refusal.decision.as_ref().map(json).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.insert("explanation".to_owned(), explanation.into());
    }
    value
}

fn found_text(refusal: &pb::FoundRefusal) -> String {
    let decision = refusal.decision.as_ref();
    let line = decision.map(|decision| Lines::new(Paint::Plain).dated(decision));
    let explanation = match &refusal.explanation {
        Some(explanation) => format!(
            "{}\n\nThe token is not kept; `accredit explain` with it sets its own words beside what was asked.",
            render::text(explanation)
        ),
        None => "It was refused by a configuration that is no longer in force.".to_owned(),
    };
    format!("{}\n\n{explanation}\n", line.unwrap_or_default())
}

async fn follow(service: &AdminService, args: &TailArgs) -> Result<ExitCode, AdminError> {
    let request = pb::TailRequest {
        decision: match args.denied {
            true => "deny".to_owned(),
            false => String::new(),
        },
        reasons: args.reasons.clone(),
        issuers: args.issuers.clone(),
        rules: args.rules.clone(),
        path_prefix: args.path_prefix.clone().unwrap_or_default(),
    };
    let mut form = match args.json {
        true => Form::Json,
        false => Form::Text(Box::new(Lines::new(paint()))),
    };
    // A first failure is most likely a wrong address; a later one, a service that starts anew.
    let mut tail = open(service, &request).await?;
    loop {
        while let Some(told) = tail.next().await {
            match show(&told, &mut form) {
                ExitCode::Done => {}
                // Nobody reads any more.
                code => return Ok(code),
            }
        }
        complain("the connection has ended; trying to follow again");
        tail = again(service, &request).await?;
        complain("following again; decisions in between were not seen");
    }
}

async fn open(service: &AdminService, request: &pb::TailRequest) -> Result<Tail, AdminError> {
    service.connect().await?.tail(request.clone()).await
}

async fn again(service: &AdminService, request: &pb::TailRequest) -> Result<Tail, AdminError> {
    loop {
        sleep(BETWEEN_ATTEMPTS).await;
        match open(service, request).await {
            Ok(tail) => return Ok(tail),
            Err(AdminError::Unreachable(..)) => {}
            Err(error) => return Err(error),
        }
    }
}

fn show(told: &Told, form: &mut Form) -> ExitCode {
    match (told, form) {
        (Told::Decision(decision), Form::Json) => say(&json(decision).to_string()),
        (Told::Decision(decision), Form::Text(lines)) => say(&lines.line(decision)),
        (Told::Lost(lost), Form::Json) => say(&serde_json::json!({ "lost": lost }).to_string()),
        (Told::Lost(lost), Form::Text(_)) => say(&format!(
            "... {lost} decisions were made faster than they could be shown"
        )),
    }
}

/// Colours are for terminals whose user has not asked for none (no-color.org).
fn paint() -> Paint {
    let wants_none = environment("NO_COLOR").is_some_and(|value| !value.is_empty());
    match std::io::stdout().is_terminal() && !wants_none {
        true => Paint::Coloured,
        false => Paint::Plain,
    }
}
