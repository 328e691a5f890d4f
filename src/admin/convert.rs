//! From the house's types to the admin API's messages.

use tokio::time::Instant;

use crate::admin::pb;
use crate::authn::issuers::Issuer;
use crate::jose::algorithm::Algorithm;
use crate::jwks::key_set::{Key, SetAside};

/// So many keys that are set aside are shown: the issuer decides how many there are.
const MOST_SHOWN: usize = 100;

/// An issuer entry and the state of its keys at that moment.
pub fn issuer(issuer: &Issuer, now: Instant) -> pb::Issuer {
    let status = issuer.keys.status(now);
    let snapshot = status.snapshot.as_deref();
    let key_set = snapshot.map(|snapshot| &snapshot.key_set);
    pb::Issuer {
        issuers: issuer.names.iter().map(|name| name.to_string()).collect(),
        source: issuer.keys.source().to_string(),
        required: issuer.is_required(),
        has_keys: issuer.keys.has_keys(now),
        age_seconds: snapshot.map(|snapshot| {
            now.saturating_duration_since(snapshot.confirmed)
                .as_secs_f64()
        }),
        next_refresh_seconds: status.next_attempt.map(|span| span.as_secs_f64()),
        last_error: status
            .last_error
            .map(|error| error.to_string())
            .unwrap_or_default(),
        keys: key_set
            .map(|key_set| key_set.keys().iter().map(key).collect())
            .unwrap_or_default(),
        set_aside: key_set
            .map(|key_set| {
                let shown = key_set.set_aside().iter().take(MOST_SHOWN);
                shown.map(set_aside).collect()
            })
            .unwrap_or_default(),
    }
}

fn key(key: &Key) -> pb::Key {
    pb::Key {
        kid: key.key_id.as_deref().map(str::to_owned),
        kty: key.key.key_type().name().to_owned(),
        algorithms: key
            .key
            .algorithms()
            .map(Algorithm::name)
            .map(str::to_owned)
            .collect(),
    }
}

fn set_aside(key: &SetAside) -> pb::SetAsideKey {
    pb::SetAsideKey {
        kid: key.key_id.as_deref().map(str::to_owned),
        reason: key.reason.to_string(),
    }
}
