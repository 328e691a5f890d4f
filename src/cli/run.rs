//! Runs a service until it is told to stop.

use crate::app::run::App;
use crate::cli::exit::{ExitCode, complain};
use crate::server::shutdown::StopSignal;
use crate::telemetry::logs::{self, LogFormat};

/// Starts logging as it was asked for.
///
/// # Errors
/// The exit code, after it was said what is wrong.
pub fn start_logs(
    format: Option<LogFormat>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(), ExitCode> {
    logs::start(format.unwrap_or_default(), env("ACCREDIT_LOG").as_deref()).map_err(|error| {
        complain(error);
        ExitCode::BadUsage
    })
}

/// Runs something on the main runtime. Checks have runtimes of their own, so that no fetch of keys, nor whoever
/// asks the admin API, takes time from them.
pub fn on_main_runtime(running: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(running),
        Err(error) => {
            complain(format_args!("no runtime: {error}"));
            ExitCode::Failed
        }
    }
}

/// Runs a service until SIGTERM or SIGINT, then lets it drain; a second signal ends it at once.
pub async fn until_signal(app: App, mut signal: StopSignal) -> ExitCode {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = app.run(async {
        // A sender that is gone means the same as a signal: nobody could stop the service any more.
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
                complain(error);
                ExitCode::Failed
            }
        },
        () = signalled => {
            complain("stopped at once by a second signal; checks in flight were broken off");
            ExitCode::Failed
        }
    }
}
