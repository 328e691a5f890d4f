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
                let said = match args.json {
                    true => say_json(&json(&issuers)),
                    false => say(&table(&issuers)),
                };
                let failed = issuers
                    .iter()
                    .filter(|issuer| !issuer.last_error.is_empty());
                let failed: Vec<_> = failed.filter(|_| args.refresh).collect();
                for issuer in &failed {
                    let name = issuer.issuers.first().map_or("", String::as_str);
                    complain(format_args!(
                        "key refresh failed for {name}: {}",
                        issuer.last_error
                    ));
                }
                match said {
                    ExitCode::Done if !failed.is_empty() => ExitCode::Failed,
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
