//! Runs a service until it is told to stop.

use std::fmt::Display;

use crate::app::run::{App, Telemetry};
use crate::cli::exit::{ExitCode, complain};
use crate::server::shutdown::StopSignal;
use crate::telemetry::log_queue::STANDARD_ERROR;
use crate::telemetry::logs::{self, LogFormat};
use crate::telemetry::otlp_settings::OtlpSettings;
use crate::telemetry::traces::Traces;

/// Starts logs and traces as they were asked for.
///
/// # Errors
/// The exit code, after it was said what is wrong.
pub fn start_telemetry(
    format: Option<LogFormat>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Telemetry, ExitCode> {
    STANDARD_ERROR.start().map_err(|error| {
        complain(format_args!(
            "no thread can be started for the log: {error}"
        ));
        ExitCode::Failed
    })?;
    let started = logs::start(format.unwrap_or_default(), env("ACCREDIT_LOG").as_deref());
    let log_level = started.map_err(bad_usage)?;
    let traces = match OtlpSettings::read(env).map_err(bad_usage)? {
        Some(settings) => Traces::start(settings).map_err(bad_usage)?,
        None => Traces::default(),
    };
    Ok(Telemetry { log_level, traces })
}

fn bad_usage(error: impl Display) -> ExitCode {
    complain(error);
    ExitCode::BadUsage
}

/// Runs something on the main runtime. Checks have runtimes of their own, so that no fetch of keys, nor whoever
/// asks the admin API, takes time from them.
pub fn on_main_runtime(running: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => {
            let code = runtime.block_on(running);
            // A plain drop would wait for a name to be resolved or a file to be read, however long that takes.
            runtime.shutdown_background();
            code
        }
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::on_main_runtime;
    use crate::cli::exit::ExitCode;

    #[test]
    fn who_hangs_in_the_system_holds_up_no_exit() {
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
