//! Changes that no file system reports, and a panic of the watch.

use std::fs;
use std::path::Path;
use std::time::Duration;

use accredit::telemetry::traces::Traces;
use accredit_core::config::filter_config::MetadataForm;
use accredit_test_support::panicking_log::PanickingLog;
use tokio::runtime::Handle;

use super::POLL_INTERVAL;
use crate::process::configuration::FilterConfiguration;
use crate::process::module_process::ModuleProcess;
use crate::process::platform::Platform;

/// So long that everything that can happen without a change of a file has happened.
const SETTLED: Duration = Duration::from_secs(5);

fn process() -> &'static ModuleProcess {
    let platform = Platform {
        spawn: |_, _| Ok(()),
        log: |_, _| (),
        has_nested_metadata: true,
    };
    let process = ModuleProcess::new(Handle::current(), platform, Traces::default());
    Box::leak(Box::new(process))
}

fn configuration(form: &str) -> String {
    format!(
        "metadata_form: {form}\nissuers: [{{ issuer: 'https://a.test', audiences: [b], jwks: {{ inline: '{{\"keys\":[]}}' }} }}]\n"
    )
}

fn start(file: &Path) -> FilterConfiguration {
    let text = format!("config: '{}'", file.display());
    FilterConfiguration::start(&text, process()).expect("is valid")
}

fn form(configuration: &FilterConfiguration) -> MetadataForm {
    configuration.active().load().metadata_form
}

/// The clock goes on when the runtime has nothing to do, so that the test takes no time. A hard link in another folder changes the
/// file, and the system tells the watch on its own folder nothing.
#[tokio::test(start_paused = true)]
async fn a_change_that_is_not_reported_takes_effect_after_half_a_minute() {
    let (folder, other) = (tempfile::tempdir(), tempfile::tempdir());
    let (folder, other) = (folder.expect("a folder"), other.expect("a folder"));
    let (file, link) = (
        folder.path().join("accredit.yaml"),
        other.path().join("link"),
    );
    fs::write(&file, configuration("none")).expect("is written");
    fs::hard_link(&file, &link).expect("both are on one file system");
    let running = start(&file);
    tokio::time::sleep(SETTLED).await;
    fs::write(&link, configuration("flat")).expect("is written");
    tokio::time::sleep(SETTLED).await;
    assert_eq!(form(&running), MetadataForm::None, "the change is reported");
    tokio::time::sleep(POLL_INTERVAL).await;
    assert_eq!(form(&running), MetadataForm::Flat);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_panics_begins_again() {
    let (log, _guard) = PanickingLog::panicking_at("configuration reload failed");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("accredit.yaml");
    fs::write(&file, configuration("none")).expect("is written");
    let running = start(&file);
    tokio::time::sleep(SETTLED).await;
    fs::write(&file, configuration("neither")).expect("is written");
    tokio::time::sleep(POLL_INTERVAL + SETTLED).await;
    assert_eq!(log.count(&["a task panicked", "configuration watch"]), 1);
    assert_eq!(form(&running), MetadataForm::None);
    fs::write(&file, configuration("flat")).expect("is written");
    tokio::time::sleep(POLL_INTERVAL + SETTLED).await;
    assert_eq!(form(&running), MetadataForm::Flat);
}
