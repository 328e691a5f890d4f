//! Starts telemetry and runtimes for the commands, and runs a service until a signal stops it.

use std::fmt::Display;

use clap::Args;

use crate::app::run::{App, Telemetry};
use crate::cli::exit::{ExitCode, complain};
use crate::cli::paint::Paint;
use crate::server::shutdown::StopSignal;
use crate::telemetry::log_queue::STANDARD_ERROR;
use crate::telemetry::logs::{self, LogFormat};
use crate::telemetry::traces::Traces;

/// The flags of a command that writes a log.
#[derive(Args, Debug)]
pub(crate) struct LogArgs {
    /// The level of the log: error, warn, info, debug, trace or off; also per module, such as info,accredit::jwks=debug
    /// [env: ACCREDIT_LOG] [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
}

/// Starts the log and the export of traces.
///
/// # Errors
/// The exit code. The error line has been printed.
pub(crate) fn start_telemetry(
    format: Option<LogFormat>,
    log: &LogArgs,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Telemetry, ExitCode> {
    STANDARD_ERROR.start();
    let level = log.log_level.clone().or_else(|| env("ACCREDIT_LOG"));
    let is_coloured = Paint::of(&std::io::stderr()) == Paint::Coloured;
    let started = logs::start(format.unwrap_or_default(), level.as_deref(), is_coloured);
    let log_level = started.map_err(bad_usage)?;
    let traces = Traces::start(env);
    Ok(Telemetry { log_level, traces })
}

fn bad_usage(error: impl Display) -> ExitCode {
    complain(error);
    ExitCode::BadUsage
}

/// Runs a future on the main thread. Ports have threads of their own. Tasks that the future starts, such as key fetches, run
/// on another thread, so that they do not wait while it applies a new configuration (CONTRACT 7.3.6).
pub(crate) fn on_main_runtime(running: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
    {
        Ok(runtime) => {
            let code = runtime.block_on(running);
            // Dropping the runtime would wait for blocking calls (name resolution, file reads), which have no time limit.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            complain(format_args!(
                "cannot start the async runtime: {error}; raise the limits of threads and open files"
            ));
            ExitCode::Failed
        }
    }
}

/// Runs a service until SIGTERM or SIGINT, then drains it. A second signal ends it at once. From here on, an error is a line of the log
/// in its format, which programs read.
pub(crate) async fn until_signal(app: App, mut signal: StopSignal) -> ExitCode {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = app.run(async {
        // A dropped sender counts as a signal: without it, no signal could stop the service.
        let _ = stopped.await;
    });
    let signalled = async {
        signal.received().await;
        drop(stop);
        signal.received().await;
    };
    tokio::select! {
        result = running => match result {
            Ok(()) => ExitCode::Done,
            Err(error) => {
                tracing::error!(%error, "the service has ended");
                ExitCode::Failed
            }
        },
        () = signalled => {
            tracing::error!("stopped by a second signal; checks in flight were aborted");
            ExitCode::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::on_main_runtime;
    use crate::cli::exit::ExitCode;

    #[test]
    fn a_blocked_system_call_does_not_delay_the_exit() {
        let (let_go, held) = mpsc::channel::<()>();
        let (entered, enters) = mpsc::channel();
        let (ended, ends) = mpsc::channel();
        std::thread::spawn(move || {
            let code = on_main_runtime(async move {
                tokio::task::spawn_blocking(move || {
                    let _ = entered.send(());
                    let _ = held.recv();
                });
                let _ = enters.recv();
                ExitCode::Done
            });
            let _ = ended.send(code);
        });
        assert_eq!(
            ends.recv_timeout(Duration::from_secs(60)),
            Ok(ExitCode::Done)
        );
        drop(let_go);
    }
}
