//! The metrics of the shared memory of used proofs.

use std::fmt;

use crate::replay::store::ReplayStore;
use crate::telemetry::metrics::Exposition;

/// Writes the state of the memory.
///
/// # Errors
/// Those of the text that is written to.
pub(crate) fn write(text: &mut Exposition<'_>, store: &ReplayStore) -> fmt::Result {
    text.gauges(
        "accredit_replay_store_connected",
        "1 if the server of replay.redis answers, 0 if it does not; present with replay.redis",
        [(Vec::new(), f64::from(u8::from(store.is_connected())))],
    )?;
    text.counters(
        "accredit_replay_store_requests",
        "DPoP proofs that were to be used up with replay.redis; result is taken, replayed, unreachable, timeout, busy or refused",
        store
            .counts()
            .map(|(result, count)| (vec![("result", result.as_str())], count)),
    )
}
