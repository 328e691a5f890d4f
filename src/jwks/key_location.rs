//! The address of a key set: configured, or found by discovery and remembered.

use std::time::Duration;

use accredit_core::keys::ledger::Purpose;
use accredit_core::keys::source::{FetchSettings, KeyAddress};
use tokio::time::Instant;

use crate::jwks::discovery::{Discovery, FetchProgress};
use crate::jwks::error::{FetchError, MetadataError, RequestError, RequestFailure};
use crate::jwks::issuer_client::IssuerClient;

/// The address of the next fetch.
pub(in crate::jwks) enum KeyLocation {
    Configured(KeyAddress),
    Discovered(DiscoveredLocation),
}

/// The address that the issuer's metadata names.
pub(in crate::jwks) struct DiscoveredLocation {
    discovery: Discovery,
    remembered: Option<RememberedAddress>,
    /// How long a remembered address is used after metadata last confirmed it: as long as keys of that age.
    max_stale: Duration,
    /// The longest `Retry-After` that is obeyed.
    refresh: Duration,
    /// The `Retry-After` of the metadata server: no requests until then.
    retry_after_until: Option<Instant>,
    /// Whether the latest fetch from the remembered address failed.
    remembered_failed: bool,
}

struct RememberedAddress {
    address: KeyAddress,
    confirmed: Instant,
}

// === impl KeyLocation ===

impl KeyLocation {
    pub(in crate::jwks) fn discovered(
        discovery: Discovery,
        settings: &FetchSettings,
    ) -> KeyLocation {
        KeyLocation::Discovered(DiscoveredLocation {
            discovery,
            remembered: None,
            max_stale: settings.max_stale,
            refresh: settings.refresh,
            retry_after_until: None,
            remembered_failed: false,
        })
    }

    /// The fetch from the latest address succeeded.
    pub(in crate::jwks) fn brought_keys(&mut self) {
        if let KeyLocation::Discovered(discovered) = self {
            discovered.remembered_failed = false;
        }
    }

    /// The address for a fetch with that time limit.
    ///
    /// # Errors
    /// [`FetchError::Discovery`]
    pub(in crate::jwks) async fn resolve(
        &mut self,
        client: &IssuerClient,
        purpose: Purpose,
        timeout: Duration,
        progress: &mut FetchProgress,
    ) -> Result<KeyAddress, FetchError> {
        match self {
            KeyLocation::Configured(address) => Ok(address.clone()),
            KeyLocation::Discovered(discovered) => {
                discovered.resolve(client, purpose, timeout, progress).await
            }
        }
    }
}

// === impl DiscoveredLocation ===

impl DiscoveredLocation {
    async fn resolve(
        &mut self,
        client: &IssuerClient,
        purpose: Purpose,
        timeout: Duration,
        progress: &mut FetchProgress,
    ) -> Result<KeyAddress, FetchError> {
        let now = Instant::now();
        self.remembered.take_if(|remembered| {
            now.saturating_duration_since(remembered.confirmed) >= self.max_stale
        });
        let Some(remembered) = &self.remembered else {
            let found = self.discovery.find_key_address(client, progress).await;
            let found = found.ok_or_else(|| failed(progress))?;
            return Ok(self.remember(found, now));
        };
        let address = remembered.address.clone();
        if !self.asks_again(purpose) {
            return Ok(address);
        }
        // The other half of the time is for the key set. If the remembered address failed before, discovery gets the whole time.
        let limit = match std::mem::take(&mut self.remembered_failed) {
            true => timeout,
            false => timeout / 2,
        };
        let finding = self.discovery.find_key_address(client, progress);
        match tokio::time::timeout(limit, finding).await {
            Ok(Some(found)) => {
                self.retry_after_until = None;
                return Ok(self.remember(found, now));
            }
            Ok(None) => {}
            Err(_) => {
                let address = progress.address.take().unwrap_or_default();
                let cause = RequestFailure::TimedOut(limit);
                let late = MetadataError::Request(RequestError { address, cause });
                progress.attempts.push(late);
            }
        }
        let meaning = FailureMeaning::of(&progress.attempts);
        let error = failed(progress);
        match meaning {
            FailureMeaning::Nothing => {
                self.remembered_failed = true;
                self.retry_after_until = error
                    .retry_after()
                    .map(|asked| Instant::now() + asked.min(self.refresh));
                tracing::warn!(
                    issuer = self.discovery.issuer(),
                    %error,
                    jwks_uri = %address,
                    "discovery failed; fetching keys from the jwks_uri that it returned last"
                );
                Ok(address)
            }
            FailureMeaning::Unclear => Err(error),
            FailureMeaning::Contradiction => {
                // Token-triggered fetches must not use it either.
                self.remembered = None;
                Err(error)
            }
        }
    }

    fn remember(&mut self, address: KeyAddress, confirmed: Instant) -> KeyAddress {
        let remembered = RememberedAddress { address, confirmed };
        self.remembered.insert(remembered).address.clone()
    }

    fn asks_again(&self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Demand => false,
            Purpose::Refresh => self
                .retry_after_until
                .is_none_or(|until| until <= Instant::now()),
            Purpose::Order => true,
        }
    }
}

fn failed(progress: &mut FetchProgress) -> FetchError {
    FetchError::Discovery {
        attempts: std::mem::take(&mut progress.attempts),
    }
}

/// The effect of a failed discovery on the remembered address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FailureMeaning {
    /// The metadata could not be reached, so the address stays in use.
    Nothing,
    /// The answers do not decide it: the page does not exist, or is not metadata.
    Unclear,
    /// A document contradicts the address, so the issuer no longer uses it.
    Contradiction,
}

impl FailureMeaning {
    /// One document that contradicts the address decides. Otherwise one well-known address that could not be reached
    /// decides, because it may have the metadata.
    fn of(attempts: &[MetadataError]) -> FailureMeaning {
        let mut meaning = FailureMeaning::Unclear;
        for attempt in attempts {
            match attempt {
                MetadataError::OtherIssuer { .. }
                | MetadataError::NoKeyAddress { .. }
                | MetadataError::KeyAddress { .. } => return FailureMeaning::Contradiction,
                MetadataError::Request(error) if error.is_transient() => {
                    meaning = FailureMeaning::Nothing;
                }
                MetadataError::Request(_)
                | MetadataError::Content { .. }
                | MetadataError::NotMetadata { .. }
                | MetadataError::Address { .. } => {}
            }
        }
        meaning
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::FailureMeaning;
    use crate::jwks::error::{ContentError, MetadataError, RequestError, RequestFailure};

    #[test]
    fn failed_discovery_discards_the_remembered_key_url_only_for_certain_causes() {
        let request = |cause| {
            MetadataError::Request(RequestError {
                address: String::new(),
                cause,
            })
        };
        let status = |status| {
            request(RequestFailure::Status {
                status,
                retry_after: None,
            })
        };
        let other_issuer = || MetadataError::OtherIssuer {
            address: String::new(),
            configured: String::new(),
            found: String::new(),
            only_by_final_slash: false,
        };
        let unreachable = || request(RequestFailure::Unreachable("refused".into()));
        let page = || MetadataError::Content {
            address: String::new(),
            content: ContentError::Page,
        };
        let no_address = || MetadataError::NoKeyAddress {
            address: String::new(),
        };
        for (thing, attempts, meaning) in [
            ("unreachable", vec![unreachable()], FailureMeaning::Nothing),
            (
                "late",
                vec![request(RequestFailure::TimedOut(Duration::from_secs(1)))],
                FailureMeaning::Nothing,
            ),
            ("500", vec![status(500)], FailureMeaning::Nothing),
            (
                "503, 404",
                vec![status(503), status(404)],
                FailureMeaning::Nothing,
            ),
            (
                "404, 429",
                vec![status(404), status(429)],
                FailureMeaning::Nothing,
            ),
            (
                "503, a page",
                vec![status(503), page()],
                FailureMeaning::Nothing,
            ),
            (
                "404",
                vec![status(404), status(404)],
                FailureMeaning::Unclear,
            ),
            ("403", vec![status(403)], FailureMeaning::Unclear),
            ("a page", vec![page()], FailureMeaning::Unclear),
            (
                "too large",
                vec![request(RequestFailure::TooLarge { limit: 1 })],
                FailureMeaning::Unclear,
            ),
            (
                "a redirect",
                vec![request(RequestFailure::ForbiddenRedirect { target: None })],
                FailureMeaning::Unclear,
            ),
            (
                "503, another issuer",
                vec![status(503), other_issuer()],
                FailureMeaning::Contradiction,
            ),
            (
                "another issuer, unreachable",
                vec![other_issuer(), unreachable()],
                FailureMeaning::Contradiction,
            ),
            (
                "503, no address",
                vec![status(503), no_address()],
                FailureMeaning::Contradiction,
            ),
        ] {
            assert_eq!(FailureMeaning::of(&attempts), meaning, "{thing}");
        }
    }
}
