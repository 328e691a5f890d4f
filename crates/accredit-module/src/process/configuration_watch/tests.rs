//! Changes that no file system reports, files that are read again although they have not changed, and a panic of the watch.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use accredit::app::rules_files::RulesFilesRead;
use accredit_core::config::filter_config::MetadataForm;
use accredit_core::config::rules_files::RulesInForce;
use accredit_test_support::panicking_log::PanickingLog;
use tokio::task::JoinSet;

use super::{ConfigurationWatch, POLL_INTERVAL, PendingPolicies};
use crate::process::configuration::FilterConfiguration;
use crate::process::configuration_reading::SeenConfiguration;
use crate::process::configuration_tasks::ConfigurationTasks;
use crate::process::module_process::ModuleProcess;

/// So long that everything that can happen without a change of a file has happened.
const SETTLED: Duration = Duration::from_secs(5);

fn configuration(form: &str) -> String {
    format!(
        "metadata_form: {form}\nissuers: [{{ issuer: 'https://a.test', audiences: [b], jwks: {{ inline: '{{\"keys\":[]}}' }} }}]\n"
    )
}

fn start(file: &Path) -> FilterConfiguration {
    let text = format!("config: '{}'", file.display());
    FilterConfiguration::start(&text, ModuleProcess::of_a_test(true)).expect("is valid")
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

/// A watch on a file after this text of it was read, beside a configuration that has no file.
struct Watching {
    running: FilterConfiguration,
    /// Its task ends with it.
    _watch: JoinSet<()>,
    _tasks: Arc<ConfigurationTasks>,
}

impl Watching {
    fn start(file: &Path, read: String, has_begun: bool) -> Watching {
        let process = ModuleProcess::of_a_test(true);
        let text = configuration("none");
        let running = FilterConfiguration::start(&text, process).expect("is valid");
        let seen = SeenConfiguration {
            text: read,
            rules: RulesFilesRead::default(),
        };
        let tasks: Arc<ConfigurationTasks> = Arc::default();
        let active = running.active();
        let watch = ConfigurationWatch {
            file: Some(file.to_owned()),
            has_begun,
            ..ConfigurationWatch::new(seen, RulesInForce::default(), active, &tasks, process)
        };
        let mut watching = JoinSet::new();
        watching.spawn(async { match watch.run().await {} });
        Watching {
            running,
            _watch: watching,
            _tasks: tasks,
        }
    }

    async fn assert_form_after(&self, time: Duration, expected: MetadataForm, case: &str) {
        tokio::time::sleep(time).await;
        assert_eq!(form(&self.running), expected, "{case}");
    }
}

/// The text of the file stays as it is, so that the watch sees no change.
#[tokio::test(start_paused = true)]
async fn a_configuration_is_read_again_when_a_file_that_it_names_could_not_be_used() {
    let inline = "jwks: { inline: '{\"keys\":[]}' }";
    let bearer = "jwks: { uri: 'http://127.0.0.1:9/', bearer_file: 'NAMED' }";
    for (case, jwks, revoked, usable) in [
        ("revoked", inline, "revoked: { file: 'NAMED' }", "[]"),
        ("bearer_file", bearer, "", "token"),
    ] {
        let (folder, other) = (tempfile::tempdir(), tempfile::tempdir());
        let (folder, other) = (folder.expect("a folder"), other.expect("a folder"));
        let file = folder.path().join("accredit.yaml");
        let named = other.path().join("named");
        let text = format!(
            "metadata_form: flat\nissuers: [{{ issuer: 'https://a.test', audiences: [b], {jwks} }}]\n{revoked}\n"
        );
        let text = text.replace("NAMED", &named.display().to_string());
        fs::write(&file, text).expect("is written");
        let watching = Watching::start(&file, configuration("none"), false);
        watching
            .assert_form_after(2 * POLL_INTERVAL, MetadataForm::None, case)
            .await;
        fs::write(&named, usable).expect("is written");
        watching
            .assert_form_after(2 * POLL_INTERVAL, MetadataForm::Flat, case)
            .await;
    }
}

/// After a panic the files are read again. That can fail, too, and what they have is not in force although it was read.
#[tokio::test(start_paused = true)]
async fn after_a_panic_the_files_are_read_until_their_content_is_in_force() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("accredit.yaml");
    let watching = Watching::start(&file, configuration("flat"), true);
    watching
        .assert_form_after(2 * POLL_INTERVAL, MetadataForm::None, "there is no file")
        .await;
    fs::write(&file, configuration("flat")).expect("is written");
    // The system reports the change at any time, and then the file is what was read.
    watching
        .assert_form_after(10 * POLL_INTERVAL, MetadataForm::Flat, "there is one")
        .await;
}

/// The same text would be rejected again, and the log would say so every 30 s.
#[tokio::test(start_paused = true)]
async fn a_reload_is_due_unless_the_text_itself_is_the_cause_of_the_rejection() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("accredit.yaml");
    fs::write(&file, "issuers: [").expect("is written");
    let process = ModuleProcess::of_a_test(true);
    let running = FilterConfiguration::start(&configuration("none"), process).expect("is valid");
    let seen = SeenConfiguration {
        text: configuration("none"),
        rules: RulesFilesRead::default(),
    };
    let tasks: Arc<ConfigurationTasks> = Arc::default();
    let rules = RulesInForce::default();
    let mut watch = ConfigurationWatch::new(seen, rules, running.active(), &tasks, process);
    watch.file = Some(file.clone());
    let mut pending = PendingPolicies::default();
    watch.compare(false, &mut pending).await;
    assert!(!watch.is_reload_due);
    fs::remove_file(&file).expect("is removed");
    watch.compare(false, &mut pending).await;
    assert!(watch.is_reload_due, "the file cannot be read");
    fs::write(&file, configuration("flat")).expect("is written");
    watch.compare(true, &mut pending).await;
    assert!(!watch.is_reload_due);
}
