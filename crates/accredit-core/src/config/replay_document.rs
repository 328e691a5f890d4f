//! `replay` as the file has it. The comments on the fields are the descriptions of the JSON Schema.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::proof::replay::DEFAULT_REPLAY_SIZE;

/// The memory of used DPoP proofs. Each proof can be used once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Replay", extend("minProperties" = 1))]
pub struct ReplayDocument {
    /// How many proofs are remembered, each until 60 s and `clock_skew` after its `iat`: 90 s by default. A check with one more is
    /// refused with 503 `internal_error`. One key gets at most half of them. Each takes about 60 bytes.
    #[schemars(range(min = 1, max = 100_000_000_u32))]
    #[schemars(extend("default" = DEFAULT_REPLAY_SIZE))]
    pub size: Option<u32>,
}
