//! The metrics of each issuer's keys: number, age, and fetches.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use accredit_core::keys::store::KeyStore;

use crate::telemetry::metrics::{Exposition, Labels};

/// The stores of one configuration, each under the names that share it.
pub type NamedStores = Vec<(Vec<Arc<str>>, Arc<KeyStore>)>;

/// Writes the state of these stores at that moment.
///
/// # Errors
/// Those of the text that is written to.
pub fn write(text: &mut Exposition<'_>, stores: &NamedStores, now: Instant) -> fmt::Result {
    let named = || {
        stores
            .iter()
            .flat_map(|(names, store)| names.iter().map(move |name| (&**name, store)))
    };
    let per_issuer = |value: &dyn Fn(&KeyStore) -> Option<f64>| {
        named()
            .filter_map(|(name, store)| Some((vec![("issuer", name)], value(store)?)))
            .collect::<Vec<(Labels<'_>, f64)>>()
    };
    text.gauges(
        "accredit_jwks_keys",
        "Keys that can verify tokens of the issuer",
        per_issuer(&|store| {
            Some(
                store
                    .usable(now)
                    .map_or(0.0, |held| held.key_set.keys().len() as f64),
            )
        }),
    )?;
    text.gauges(
        "accredit_jwks_missing",
        "1 if the issuer has no usable key, so that its tokens are denied with keys_unavailable; otherwise 0",
        per_issuer(&|store| Some(if store.has_keys(now) { 0.0 } else { 1.0 })),
    )?;
    text.gauges(
        "accredit_jwks_age_seconds",
        "Time since the source of the issuer's keys last confirmed them, in seconds",
        per_issuer(&|store| {
            let held = store.held()?;
            Some(now.saturating_duration_since(held.confirmed).as_secs_f64())
        }),
    )?;
    text.gauges(
        "accredit_jwks_generation",
        "A number that increases when a new key set of the issuer verifies other tokens than the one before",
        per_issuer(&|store| Some(store.held()?.generation as f64)),
    )?;
    text.gauges(
        "accredit_jwks_max_stale_seconds",
        "The age at which the issuer's keys are no longer used (max_stale), in seconds",
        per_issuer(&|store| Some(store.held()?.serves_for()?.as_secs_f64())),
    )?;
    text.gauges(
        "accredit_jwks_keys_set_aside",
        "Keys in the issuer's key set that verify no token, by the reason why they are set aside",
        named().flat_map(|(name, store)| set_aside(name, store, now)),
    )?;
    text.counters(
        "accredit_jwks_fetches",
        "Fetches of the issuer's key set; result is success or failure",
        named()
            .filter(|(_, store)| !store.is_fixed())
            .flat_map(|(name, store)| {
                let (succeeded, failed) = store.fetches();
                [("success", succeeded), ("failure", failed)]
                    .map(|(result, count)| (vec![("issuer", name), ("result", result)], count))
            }),
    )
}

fn set_aside<'a>(name: &'a str, store: &KeyStore, now: Instant) -> Vec<(Labels<'a>, f64)> {
    let mut reasons: BTreeMap<&'static str, f64> = BTreeMap::new();
    if let Some(held) = store.usable(now) {
        for aside in held.key_set.set_aside() {
            *reasons.entry(aside.reason.code()).or_default() += 1.0;
        }
    }
    reasons
        .into_iter()
        .map(|(reason, count)| (vec![("issuer", name), ("reason", reason)], count))
        .collect()
}
