//! `accredit keys`

use clap::Args;

use crate::admin::client_error::AdminError;
use crate::admin::pb;
use crate::cli::admin::{AdminArgs, RunningService};
use crate::cli::exit::{ExitCode, complain, say, say_json};
use crate::cli::key_table::{json, table};
use crate::cli::run::on_main_runtime;

#[derive(Args, Debug)]
pub(crate) struct KeysArgs {
    #[command(flatten)]
    admin: AdminArgs,
    /// Fetch every key set first; the exit status is 1 if a fetch fails
    #[arg(long)]
    refresh: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: KeysArgs) -> ExitCode {
    let service = match args.admin.service() {
        Ok(service) => service,
        Err(code) => return code,
    };
    on_main_runtime(async {
        match issuers(&service, args.refresh).await {
            Ok(issuers) => {
                let any_failed = issuers.iter().any(|issuer| !issuer.last_error.is_empty());
                let said = match args.json {
                    true => say_json(&json(&issuers)),
                    false => say(&table(&issuers)),
                };
                match said {
                    ExitCode::Done if args.refresh && any_failed => ExitCode::Failed,
                    code => code,
                }
            }
            Err(error) => {
                complain(error);
                ExitCode::Failed
            }
        }
    })
}

async fn issuers(service: &RunningService, refresh: bool) -> Result<Vec<pb::Issuer>, AdminError> {
    let mut client = service.connect().await?;
    match refresh {
        true => client.refreshed_issuers().await,
        false => client.issuers().await,
    }
}
