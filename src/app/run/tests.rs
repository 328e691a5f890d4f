//! How the time of the drain is divided, and a reload that panics.

use std::time::Duration;

use accredit_core::config::settings::Settings;
use accredit_core::config::{load, resolve};
use accredit_test_support::panicking_log::PanickingLog;
use tokio::sync::oneshot;

use super::{App, divide_drain};
use crate::app::reload::Reloaded;

#[test]
fn the_phases_of_a_drain_do_not_exceed_its_length() {
    for (drain, expected) in [
        (20_000, [19_000, 1_000]),
        (2_000, [1_500, 500]),
        (1, [0, 0]),
    ] {
        let parts = divide_drain(Duration::from_millis(drain));
        assert!(parts.iter().sum::<Duration>() <= Duration::from_millis(drain));
        let whole_millis = parts.map(|part| part.as_micros() / 1000);
        assert_eq!(whole_millis, expected, "{drain}");
    }
}

fn settings(lines: &str) -> Settings {
    let text = format!(
        "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n{lines}issuers: [{{ issuer: 'https://a.test', audiences: [b], jwks: {{ inline: '{{\"keys\":[]}}' }} }}]\n"
    );
    let (document, locations) = load::read(&text, &|_| None).expect("is valid");
    let resolved = resolve::resolve(&document, locations);
    resolved.expect("is valid").settings
}

#[tokio::test]
async fn a_reload_that_panics_is_rejected_and_the_service_applies_the_next_one() {
    // This line is written while the configuration is applied.
    let (log, _guard) = PanickingLog::panicking_at("take effect at the next start");
    let app = App::build(settings("")).expect("can be built");
    let reloader = app.reloader();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = app.run(async {
        // It is dropped.
        let _ = stopped.await;
    });
    let reloads = async {
        let other = || settings("drain: 1s\n");
        assert_eq!(reloader.reload(other()).await, Reloaded::Rejected);
        assert_eq!(log.count(&["was aborted by a fault of accredit"]), 1);
        assert_eq!(reloader.reload(other()).await, Reloaded::Applied);
        drop(stop);
    };
    let (ended, ()) = tokio::join!(running, reloads);
    ended.expect("it was stopped");
}
