//! A used proof in a memory that replicas share.

use std::time::Duration;

use crate::jose::base64url;
use crate::jose::digest::sha256;
use crate::proof::dpop::{FreshProof, MAX_PROOF_AGE};
use crate::token::numeric_date::NumericDate;

/// Replicas can have configurations with different values of `clock_skew` for a while, and clocks that differ. Up to
/// this difference in sum, no replica accepts a proof that is forgotten.
const REPLICA_DIFFERENCE: Duration = Duration::from_secs(5 * 60);

/// The entry of a proof in the shared memory. It contains neither the `jti` nor the thumbprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedProof {
    /// The same for each replica.
    pub key: String,
    /// How long the proof must be remembered.
    pub keep: Duration,
}

impl SharedProof {
    /// `max_skew` is the largest `clock_skew` in force.
    pub(crate) fn of(proof: &FreshProof, max_skew: Duration, now: NumericDate) -> SharedProof {
        // The thumbprint has a fixed length, so that no two pairs give one text.
        let pair = [&proof.key[..], proof.id.as_bytes()].concat();
        let end = proof
            .issued
            .plus(MAX_PROOF_AGE.saturating_add(max_skew.saturating_add(REPLICA_DIFFERENCE)));
        let left = end.seconds() - now.seconds();
        SharedProof {
            key: format!("accredit:proof:{}", base64url::encode(&sha256(&pair))),
            keep: Duration::try_from_secs_f64(left).unwrap_or_default() + Duration::from_secs(1),
        }
    }
}
