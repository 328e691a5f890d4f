//! How long a configuration waits for the keys of its new issuers.

use std::time::Duration;

use accredit_core::config::settings::Settings;
use accredit_core::config::{load, resolve};
use accredit_core::engine::key_entries;
use accredit_core::keys::lease::{KeyLease, KeyLeases, Leased};
use tokio::time::Instant;

use super::first_fetches;

/// Two issuers with this `timeout`, whose keys are never fetched.
fn settings(timeout: &str) -> Settings {
    let issuer = |name: &str| {
        format!(
            "  - issuer: https://{name}.test\n    audiences: [a]\n    jwks: {{ uri: 'https://{name}.test/keys', timeout: {timeout} }}\n"
        )
    };
    let text = format!("issuers:\n{}{}", issuer("one"), issuer("two"));
    let (document, locations) = load::read(&text, &|_| None).expect("is valid");
    let resolved = resolve::resolve(&document, locations);
    resolved.expect("is valid").settings
}

fn leases(leases: &mut KeyLeases, settings: &Settings) -> Vec<KeyLease> {
    let now = Instant::now().into_std();
    let lease = |entry| match leases.lease(entry, now) {
        Leased::New(lease) | Leased::Shared(lease) => lease,
    };
    key_entries(settings).iter().map(lease).collect()
}

#[tokio::test(start_paused = true)]
async fn a_reload_waits_for_hanging_issuers_for_the_largest_timeout_and_at_most_a_minute() {
    for (timeout, longest) in [("2s", 2), ("1m", 60), ("61s", 60), ("5124095576030h", 60)] {
        let settings = settings(timeout);
        let leases = leases(&mut KeyLeases::default(), &settings);
        let began = Instant::now();
        first_fetches(&settings, &leases).await;
        let waited = began.elapsed();
        assert!(
            waited.abs_diff(Duration::from_secs(longest)) < Duration::from_millis(10),
            "{timeout}: {waited:?}"
        );
    }
}

/// An issuer that hangs could otherwise delay each configuration that is written meanwhile by its whole `timeout`.
#[tokio::test(start_paused = true)]
async fn the_wait_for_an_issuer_counts_from_the_configuration_that_added_it() {
    let settings = settings("10s");
    let mut all = KeyLeases::default();
    let began = Instant::now();
    let _earlier = leases(&mut all, &settings);
    tokio::time::sleep(Duration::from_secs(7)).await;
    let leases = leases(&mut all, &settings);
    first_fetches(&settings, &leases).await;
    let waited = began.elapsed();
    assert!(
        waited.abs_diff(Duration::from_secs(10)) < Duration::from_millis(10),
        "{waited:?}"
    );
}
