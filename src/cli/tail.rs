//! `accredit tail`

use std::time::Duration;

use clap::Args;
use tokio::time::sleep;

use crate::admin::client::DecisionStream;
use crate::admin::client_error::AdminError;
use crate::admin::pb;
use crate::admin::pb::tail_response::Item;
use crate::admin::text::json;
use crate::cli::admin::{AdminArgs, RunningService};
use crate::cli::decision_line::DecisionLines;
use crate::cli::exit::{ExitCode, complain, say, say_json};
use crate::cli::paint::Paint;
use crate::cli::render;
use crate::cli::run::on_main_runtime;

/// The pause between two attempts to reconnect.
const RECONNECT_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Args, Debug)]
pub(crate) struct TailArgs {
    #[command(flatten)]
    admin: AdminArgs,
    /// Print denials only
    #[arg(long)]
    denied: bool,
    /// Print decisions with this reason only, such as insufficient_scope; repeatable
    #[arg(long = "reason", value_name = "REASON")]
    reasons: Vec<String>,
    /// Print decisions on tokens of this issuer only; repeatable
    #[arg(long = "issuer", value_name = "URL")]
    issuers: Vec<String>,
    /// Print decisions of this rule only; repeatable
    #[arg(long = "rule", value_name = "NAME")]
    rules: Vec<String>,
    /// Print decisions on paths with this prefix only
    #[arg(long = "path", value_name = "PREFIX")]
    path_prefix: Option<String>,
    /// Look up one request by its x-request-id among the last 1,000 denials, and explain it
    #[arg(
        long,
        value_name = "ID",
        conflicts_with_all = ["denied", "reasons", "issuers", "rules", "path_prefix"]
    )]
    request: Option<String>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

enum TailOutput {
    Json,
    Text(Box<DecisionLines>),
}

pub(crate) fn run(args: TailArgs) -> ExitCode {
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

async fn look_up(
    service: &RunningService,
    id: &str,
    as_json: bool,
) -> Result<ExitCode, AdminError> {
    let refusals = service.connect().await?.refusals(id).await?;
    if refusals.is_empty() {
        complain(format_args!(
            "request {id:?} is not among the last 1,000 denials of this replica; ask the other replicas too"
        ));
        return Ok(ExitCode::Failed);
    }
    for refusal in refusals {
        let said = match as_json {
            true => say_json(&found_json(&refusal)),
            false => say(&found_text(&refusal)),
        };
        match said {
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
    let line = decision.map(|decision| DecisionLines::new(Paint::Plain).dated(decision));
    let explanation = match &refusal.explanation {
        Some(explanation) => format!(
            "{}\n\naccredit does not keep tokens. To see the token's claims beside what was required, run `accredit explain` with the token.",
            render::text(explanation, Paint::Plain)
        ),
        None => "The configuration that made this decision is no longer active, so there is no explanation.".to_owned(),
    };
    format!("{}\n\n{explanation}\n", line.unwrap_or_default())
}

async fn follow(service: &RunningService, args: &TailArgs) -> Result<ExitCode, AdminError> {
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
    let mut output = match args.json {
        true => TailOutput::Json,
        false => TailOutput::Text(Box::new(DecisionLines::new(Paint::of(&std::io::stdout())))),
    };
    // A failure of the first connection ends the command, because the address is probably wrong. Later failures mean
    // that the service restarts.
    let mut tail = open(service, &request).await?;
    if let TailOutput::Text(lines) = &mut output {
        match say(&lines.head()) {
            ExitCode::Done => {}
            code => return Ok(code),
        }
    }
    loop {
        while let Some(result) = tail.next().await {
            match show(&result, &mut output) {
                ExitCode::Done => {}
                // Standard output is closed.
                code => return Ok(code),
            }
        }
        complain("the connection ended; reconnecting");
        tail = again(service, &request).await?;
        complain("reconnected; decisions made in the meantime are missing");
    }
}

async fn open(
    service: &RunningService,
    request: &pb::TailRequest,
) -> Result<DecisionStream, AdminError> {
    service.connect().await?.tail(request.clone()).await
}

async fn again(
    service: &RunningService,
    request: &pb::TailRequest,
) -> Result<DecisionStream, AdminError> {
    loop {
        sleep(RECONNECT_INTERVAL).await;
        match open(service, request).await {
            Ok(tail) => return Ok(tail),
            Err(AdminError::Unreachable { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

fn show(result: &Item, output: &mut TailOutput) -> ExitCode {
    match (result, output) {
        (Item::Decision(decision), TailOutput::Json) => say_json(&json(decision)),
        (Item::Decision(decision), TailOutput::Text(lines)) => say(&lines.line(decision)),
        (Item::Lost(lost), TailOutput::Json) => say_json(&serde_json::json!({ "lost": lost })),
        (Item::Lost(lost), TailOutput::Text(_)) => say(&format!(
            "... {lost} decisions are missing: they were made faster than this command read them"
        )),
    }
}
