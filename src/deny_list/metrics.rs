//! The metrics of the deny list.

use std::fmt;
use std::time::Instant;

use accredit_core::revocation::store::DenyListStore;

use crate::telemetry::metrics::Exposition;

/// Writes the state of the list at that moment.
///
/// # Errors
/// Those of the text that is written to.
pub fn write(text: &mut Exposition<'_>, store: &DenyListStore, now: Instant) -> fmt::Result {
    text.gauges(
        "accredit_deny_list_entries",
        "Entries of the deny list in force; absent before the first list is loaded",
        store.list().map(|list| (Vec::new(), list.len() as f64)),
    )?;
    text.gauges(
        "accredit_deny_list_age_seconds",
        "Time since the deny list was loaded or confirmed as unchanged, in seconds",
        store.age(now).map(|age| (Vec::new(), age.as_secs_f64())),
    )?;
    let (succeeded, failed) = store.loads();
    text.counters(
        "accredit_deny_list_loads",
        "Loads of the deny list, comparisons with an unchanged file included; result is success or failure",
        [("success", succeeded), ("failure", failed)]
            .map(|(result, count)| (vec![("result", result)], count)),
    )
}
