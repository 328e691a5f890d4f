//! `accredit serve`

use std::path::{Path, PathBuf};

use accredit_core::config::problem::Problem;
use clap::Args;

use crate::app::run::App;
use crate::cli::exit::{ExitCode, complain};
use crate::cli::run::{LogArgs, on_main_runtime, start_telemetry, until_signal};
use crate::cli::settings::{ConfigFlags, STANDARD_INPUT, environment, file, settings};
use crate::cli::watch::ConfigWatch;
use crate::server::shutdown::StopSignal;
use crate::telemetry::logs::LogFormat;

/// Flags of `accredit serve`. A flag takes precedence over its environment variable, and that over the file (CONTRACT 2.2.5).
#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    /// The configuration file [env: ACCREDIT_CONFIG] [default: /etc/accredit/accredit.yaml]
    #[arg(short, long, value_name = "FILE", conflicts_with = "issuer")]
    config: Option<PathBuf>,
    /// Run without a file, with this issuer: exactly as in the claim `iss` of its tokens [env: ACCREDIT_ISSUER]
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// An accepted audience; repeatable; `any` turns the audience check off [env: ACCREDIT_AUDIENCE, comma-separated]
    #[arg(long = "audience", value_name = "AUD")]
    audiences: Vec<String>,
    /// Accept or refuse tokens without `aud` [default: refuse]
    #[arg(long, value_name = "accept|refuse")]
    audience_absent: Option<String>,
    /// The URL of the issuer's key set [default: found through discovery] [env: ACCREDIT_JWKS_URI]
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
    /// The accepted signature algorithms, separated by commas [default: RS256]
    #[arg(long, value_name = "ALG", value_delimiter = ',')]
    algorithms: Vec<String>,
    /// The address for Envoy's checks: IP:port or unix:/path [env: ACCREDIT_LISTEN] [default: 0.0.0.0:9191]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// The address for health, metrics, the admin API and the console [env: ACCREDIT_ADMIN_LISTEN] [default: 127.0.0.1:9192]
    #[arg(long, value_name = "ADDR")]
    admin_listen: Option<String>,
    #[command(flatten)]
    log: LogArgs,
    /// The format of the log: json or text [default: json]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

pub(crate) fn run(args: ServeArgs) -> ExitCode {
    let telemetry = match start_telemetry(args.log_format, &args.log, &environment) {
        Ok(telemetry) => telemetry,
        Err(code) => return code,
    };
    let typed = ConfigFlags {
        config: args.config,
        issuer: args.issuer,
        audiences: args.audiences,
        audience_absent: args.audience_absent,
        jwks_uri: args.jwks_uri,
        algorithms: args.algorithms,
        listen: args.listen,
        admin_listen: args.admin_listen,
    };
    if file(&typed, &environment).as_deref() == Some(Path::new(STANDARD_INPUT)) {
        complain(
            "serve reads its configuration again and needs a file; only `check` and `explain` take --config - or ACCREDIT_CONFIG=-",
        );
        return ExitCode::BadUsage;
    }
    on_main_runtime(async {
        // Watch the file before reading it: otherwise a change between the two would be missed.
        let watch = ConfigWatch::start(typed.clone(), file(&typed, &environment));
        let warn = |warning: &Problem| tracing::warn!("{warning}");
        let config = match settings(typed, &environment, None, warn) {
            Ok(config) => config,
            Err(error) => {
                error.complain();
                return ExitCode::BadUsage;
            }
        };
        let started = StopSignal::install().and_then(|signal| Ok((signal, watch?)));
        let (signal, watch) = match started {
            Ok(started) => started,
            Err(error) => {
                complain(error);
                return ExitCode::Failed;
            }
        };
        let app = match App::build_with(config.resolved.settings, telemetry) {
            Ok(app) => app,
            Err(error) => {
                complain(&error);
                // The files that the configuration names (CA, certificate, key) are part of it.
                return match error.is_of_configuration() {
                    true => ExitCode::BadUsage,
                    false => ExitCode::Failed,
                };
            }
        };
        let watch = watch.following(config.rules_files, config.resolved.rules_in_force);
        let watching = watch.run(app.reloader());
        tokio::select! {
            code = until_signal(app, signal) => code,
            () = watching => ExitCode::Failed,
        }
    })
}
