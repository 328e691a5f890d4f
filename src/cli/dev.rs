//! `accredit dev`: a development issuer and the service in one process.

use std::fmt::Write as _;
use std::net::SocketAddr;

use accredit_core::config::load;
use accredit_core::config::resolve::resolve;
use accredit_core::config::settings::Settings;
use clap::Args;

use crate::app::run::{App, Telemetry};
use crate::cli::exit::{ExitCode, complain};
use crate::cli::run::{LogArgs, on_main_runtime, start_telemetry, until_signal};
use crate::cli::settings::environment;
use crate::dev_issuer::clients::{DEV_AUDIENCE, WITH_AUDIENCE, WITHOUT_AUDIENCE};
use crate::dev_issuer::server::DevIssuer;
use crate::server::shutdown::StopSignal;
use crate::telemetry::logs::LogFormat;

#[derive(Args, Debug)]
pub(crate) struct DevArgs {
    /// The address of the development issuer; loopback only
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9193")]
    issuer_listen: SocketAddr,
    /// The address for Envoy's checks: IP:port or unix:/path
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9191")]
    listen: String,
    /// The address for health, metrics, the admin API and the console
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9192")]
    admin_listen: String,
    #[command(flatten)]
    log: LogArgs,
    /// Run only the development issuer, for accredit inside Envoy
    #[arg(long, conflicts_with_all = ["listen", "admin_listen"])]
    issuer_only: bool,
    /// The format of the log: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

pub(crate) fn run(args: DevArgs) -> ExitCode {
    let telemetry = match start_telemetry(Some(args.log_format), &args.log, &environment) {
        Ok(telemetry) => telemetry,
        Err(code) => return code,
    };
    if args.issuer_only {
        return on_main_runtime(issue_only(args.issuer_listen));
    }
    on_main_runtime(async {
        match start(&args, telemetry).await {
            Ok((issuer, app, signal)) => Box::pin(serve(issuer, app, signal)).await,
            Err(error) => {
                complain(error);
                ExitCode::Failed
            }
        }
    })
}

/// Runs the issuer until a signal stops it.
async fn issue_only(address: SocketAddr) -> ExitCode {
    let started = StopSignal::install().map_err(|error| error.to_string());
    let started = match (started, DevIssuer::bind(address).await) {
        (Ok(signal), Ok(issuer)) => Ok((signal, issuer)),
        (Err(error), _) => Err(error),
        (_, Err(error)) => Err(error.to_string()),
    };
    let (mut signal, issuer) = match started {
        Ok(started) => started,
        Err(error) => {
            complain(error);
            return ExitCode::Failed;
        }
    };
    announce(&format!(
        "accredit dev: FOR DEVELOPMENT ONLY. The development issuer is at {}.",
        issuer.issuer()
    ));
    match issuer.serve(async move { signal.received().await }).await {
        Ok(()) => ExitCode::Done,
        Err(error) => {
            complain(format_args!("the development issuer failed: {error}"));
            ExitCode::Failed
        }
    }
}

async fn start(
    args: &DevArgs,
    telemetry: Telemetry,
) -> Result<(DevIssuer, App, StopSignal), String> {
    let signal = StopSignal::install().map_err(|error| error.to_string())?;
    let issuer = DevIssuer::bind(args.issuer_listen)
        .await
        .map_err(|error| error.to_string())?;
    let settings = settings(&issuer.issuer(), &args.listen, &args.admin_listen)?;
    let app = App::build_with(settings, telemetry).map_err(|error| error.to_string())?;
    Ok((issuer, app, signal))
}

/// The settings of the service. They are read from YAML text, as those of `serve` are.
fn settings(issuer: &str, listen: &str, admin_listen: &str) -> Result<Settings, String> {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let text = format!(
        "listen: {}\nadmin_listen: {}\n{}",
        quoted(listen),
        quoted(admin_listen),
        trusted(issuer),
    );
    let joined = |problems: Vec<accredit_core::config::problem::Problem>| {
        problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    };
    let (document, locations) = load::read(&text, &|_| None).map_err(joined)?;
    Ok(resolve(&document, locations).map_err(joined)?.settings)
}

/// The `issuers` of the configuration. `accredit dev` also prints it, for `accredit explain`.
fn trusted(issuer: &str) -> String {
    format!(
        "issuers:\n  - issuer: {issuer}\n    jwks: {{ uri: {issuer}/keys, refresh: 10s }}\n    \
         audiences: [{DEV_AUDIENCE}]\n    audience_absent: accept\n"
    )
}

async fn serve(issuer: DevIssuer, app: App, signal: StopSignal) -> ExitCode {
    announce(&welcome(&issuer.issuer(), &app));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let issuing = issuer.serve(async {
        let _ = stopped.await;
    });
    let serving = async {
        let code = Box::pin(until_signal(app, signal)).await;
        drop(stop);
        code
    };
    let (issued, code) = tokio::join!(issuing, serving);
    match issued {
        Ok(()) => code,
        Err(error) => {
            complain(format_args!("the development issuer failed: {error}"));
            ExitCode::Failed
        }
    }
}

#[allow(clippy::print_stdout, reason = "the output of the command")]
fn announce(text: &str) {
    println!("{text}");
}

fn welcome(issuer: &str, app: &App) -> String {
    let (with, without) = (&WITH_AUDIENCE, &WITHOUT_AUDIENCE);
    let mut text = String::new();
    // Writing into a `String` cannot fail.
    let _ = write!(
        text,
        "\
accredit dev: FOR DEVELOPMENT ONLY. The development issuer gives any token to any program that can reach it.
Its signing keys are new, are kept in memory only, and are lost when this process ends.

  development issuer   {issuer}
  checks               {checks}   (Envoy's ext_authz, gRPC)
  admin                {admin}   (console: http://{admin}/  readiness: http://{admin}/readyz)

Two clients are registered (client ID / secret):
  {with_id} / {with_secret}    audience {DEV_AUDIENCE}
  {without_id} / {without_secret}    no audience: its tokens have no `aud`; accredit accepts them (audience_absent: accept)

Get a token as a client application does:
  TOKEN=$(curl -s {issuer}/oauth/token -d grant_type=client_credentials \\
    -d client_id={with_id} -d client_secret={with_secret} \\
    | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')

Get a token with chosen claims (each member sets a claim; null removes it):
  curl -s {issuer}/dev/token -d '{{\"expired\": true}}'
  curl -s {issuer}/dev/token -d '{{\"forged\": true}}'
  curl -s {issuer}/dev/token -d '{{\"aud\": \"other.example\"}}'
Replace the signing key:
  curl -s -X POST {issuer}/dev/rotate

See each step of the decision about a token:
  cat > dev.yaml <<'END'
{trusted}END
  echo \"$TOKEN\" | accredit explain --config dev.yaml
Follow the decisions of this process, and list its keys:
  accredit tail --admin {admin}
  accredit keys --admin {admin}

Start Envoy with deploy/envoy/envoy.yaml to send requests through both, or run: make demo
",
        trusted = trusted(issuer),
        checks = app.check_addr(),
        admin = app.admin_addr(),
        with_id = with.id,
        with_secret = with.secret,
        without_id = without.id,
        without_secret = without.secret,
    );
    text
}
