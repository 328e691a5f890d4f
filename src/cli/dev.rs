//! `accredit dev`: the whole main job in one process, with nothing else installed.

use std::fmt::Write as _;
use std::net::SocketAddr;

use clap::Args;

use crate::app::run::{App, Telemetry};
use crate::cli::exit::{ExitCode, complain};
use crate::cli::run::{on_main_runtime, start_telemetry, until_signal};
use crate::cli::settings::environment;
use crate::config::load;
use crate::config::resolve::resolve;
use crate::config::settings::Settings;
use crate::dev_issuer::clients::{DEV_AUDIENCE, WITH_AUDIENCE, WITHOUT_AUDIENCE};
use crate::dev_issuer::server::DevIssuer;
use crate::server::shutdown::StopSignal;
use crate::telemetry::logs::LogFormat;

/// Flags of `accredit dev`.
#[derive(Args, Debug)]
pub struct DevArgs {
    /// Where the development issuer is; loopback only
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9193")]
    issuer_listen: SocketAddr,
    /// Where checks are answered: address:port or unix:/path
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9191")]
    listen: String,
    /// Where health and the admin API are answered
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9192")]
    admin_listen: String,
    /// How log lines are written: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

/// Runs the command.
pub fn run(args: DevArgs) -> ExitCode {
    let telemetry = match start_telemetry(Some(args.log_format), &environment) {
        Ok(telemetry) => telemetry,
        Err(code) => return code,
    };
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

/// The service's settings, through the same door as everyone's.
fn settings(issuer: &str, listen: &str, admin_listen: &str) -> Result<Settings, String> {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let text = format!(
        "listen: {}\nadmin_listen: {}\n{}",
        quoted(listen),
        quoted(admin_listen),
        trusted(issuer),
    );
    let joined = |problems: Vec<crate::config::problem::Problem>| {
        problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    };
    let (document, locations) = load::read(&text, &|_| None).map_err(joined)?;
    Ok(resolve(&document, locations).map_err(joined)?.settings)
}

/// The part of the configuration that says whose tokens pass.
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

#[allow(clippy::print_stdout, reason = "the answer to the command")]
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
accredit dev: FOR DEVELOPMENT ONLY. Whoever reaches this issuer gets any token they ask for.
Its keys were made just now, are in memory alone, and end with this process.

  issuer   {issuer}
  checks   {checks}   (Envoy's ext_authz, gRPC)
  admin    {admin}   (/readyz; the console is its page /)

Two clients are registered, as customers' applications would be:
  {with_id} / {with_secret}    audience {DEV_AUDIENCE}
  {without_id} / {without_secret}    no audience: its tokens have no `aud`, and pass here (audience_absent: accept)

Get a token, as an application does:
  TOKEN=$(curl -s {issuer}/oauth/token -d grant_type=client_credentials \\
    -d client_id={with_id} -d client_secret={with_secret} \\
    | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')

Mint what is worth trying (any claim can be set; null removes one):
  curl -s {issuer}/dev/token -d '{{\"expired\": true}}'
  curl -s {issuer}/dev/token -d '{{\"forged\": true}}'
  curl -s {issuer}/dev/token -d '{{\"aud\": \"other.example\"}}'
Replace the signing key:
  curl -s -X POST {issuer}/dev/rotate

Ask why a token is accepted or refused, step by step:
  cat > dev.yaml <<'END'
{trusted}END
  echo \"$TOKEN\" | accredit explain --config dev.yaml
Follow decisions as they are made, and look at the keys:
  accredit tail --admin {admin}
  accredit keys --admin {admin}

Put Envoy in front with deploy/envoy/envoy.yaml, or see all of it at work: make demo
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
