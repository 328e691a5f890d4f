//! `replay` as the file has it. The comments on the fields are the descriptions of the JSON Schema.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use crate::proof::replay::DEFAULT_REPLAY_SIZE;

/// The memory of used DPoP proofs. Each proof can be used once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Replay", extend("minProperties" = 1))]
pub struct ReplayDocument {
    /// How many proofs the process remembers, each until 60 s and `clock_skew` after its `iat`: 90 s by default. A
    /// check with one more proof is denied with 503 `internal_error`. The proofs of one key take at most half of the
    /// places. Each proof takes about 60 bytes. With `redis`, further proofs are remembered there only.
    #[schemars(range(min = 1, max = 100_000_000_u32))]
    #[schemars(extend("default" = DEFAULT_REPLAY_SIZE))]
    pub size: Option<u32>,
    /// The URL of a Redis or Valkey server whose memory the replicas share: `redis://` or `rediss://` (TLS), such as
    /// `rediss://user:${REDIS_PASSWORD}@redis.example:6379/0`. A check whose proof it does not record in time is denied
    /// with 503 `internal_error`. Default: each replica has a memory of its own.
    pub redis: Option<RedisUrlText>,
}

/// A text that can have a password. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct RedisUrlText(String);

impl RedisUrlText {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RedisUrlText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUrlText(..)")
    }
}

impl JsonSchema for RedisUrlText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "RedisUrlText".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}
