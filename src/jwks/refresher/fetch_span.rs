//! The span of a fetch.

use std::time::Duration;

use accredit_core::keys::store::KeyStore;

use crate::jwks::error::FetchError;
use crate::jwks::fetcher::FetchedKeys;
use crate::telemetry::traces::{Kind, ParentText, Traces};

/// What the span of a fetch says about its result.
pub(super) enum FetchOutcome {
    /// The number of fetched keys; `None` if the issuer confirmed the held ones.
    Fetched(Option<usize>),
    Failed(String),
}

impl FetchOutcome {
    pub(super) fn of(fetched: &Result<FetchedKeys, FetchError>) -> FetchOutcome {
        match fetched {
            Ok(fetched) => FetchOutcome::Fetched(
                fetched
                    .key_set
                    .as_ref()
                    .map(|fetched| fetched.key_set.keys().len()),
            ),
            Err(error) => FetchOutcome::Failed(error.to_string()),
        }
    }
}

/// Makes the span of a fetch that has ended in the store. From its end on no check can wait for it, so it is known which
/// check waited first: that check's span is the parent.
pub(super) fn make(traces: &Traces, store: &KeyStore, outcome: FetchOutcome, took: Duration) {
    let waited = store.take_latest_trace().map(|waited| ParentText {
        traceparent: waited.traceparent,
        tracestate: waited.tracestate,
    });
    let parent = traces.parent(waited.as_ref(), None);
    let Some(mut span) = traces.begin("jwks.fetch", Kind::Client, &parent, took) else {
        return;
    };
    span.set("accredit.jwks.source", store.source().to_string());
    match outcome {
        FetchOutcome::Fetched(keys) => {
            span.set("accredit.jwks.result", "success");
            if let Some(keys) = keys {
                span.set(
                    "accredit.jwks.keys",
                    i64::try_from(keys).unwrap_or(i64::MAX),
                );
            }
        }
        FetchOutcome::Failed(error) => {
            span.set("accredit.jwks.result", "failure");
            span.fail(error);
        }
    }
    span.end();
}
