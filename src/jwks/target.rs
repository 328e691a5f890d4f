//! The address that a key set is fetched from: configured, or found by discovery and remembered.
//!
//! Metadata that cannot be had say nothing of the address that they named before, so that one is asked; a document
//! that says otherwise is believed, and then nothing is.

use std::time::Duration;

use tokio::time::Instant;

use crate::jwks::discovery::Discovery;
use crate::jwks::error::{DiscoveryFailure, FetchError};
use crate::jwks::fetch::{LONGEST_RETRY_AFTER, Purpose};
use crate::jwks::http::Http;
use crate::jwks::source::KeyAddress;

/// Where the next fetch goes.
pub enum Target {
    /// Always there.
    Address(KeyAddress),
    /// Where the issuer's metadata say.
    Discovered(Discovered),
}

/// An address that metadata name.
pub struct Discovered {
    discovery: Discovery,
    known: Option<Known>,
    /// An address is as old as the metadata that named it, and no better than keys of that age.
    max_stale: Duration,
    /// The metadata's server asked not to be asked before then.
    left_alone_until: Option<Instant>,
    /// The last fetch went to the address of before, and brought nothing.
    in_vain: bool,
}

struct Known {
    address: KeyAddress,
    named: Instant,
}

// === impl Target ===

impl Target {
    /// Where that discovery leads; for so long an address is asked that metadata do not confirm.
    pub(in crate::jwks) fn discovered(discovery: Discovery, max_stale: Duration) -> Target {
        Target::Discovered(Discovered {
            discovery,
            known: None,
            max_stale,
            left_alone_until: None,
            in_vain: false,
        })
    }

    /// The address that was resolved last gave a key set.
    pub(in crate::jwks) fn led_to_keys(&mut self) {
        if let Target::Discovered(discovered) = self {
            discovered.in_vain = false;
        }
    }

    /// The address for a fetch that may take that long.
    ///
    /// # Errors
    /// [`FetchError::NotDiscovered`]
    pub(in crate::jwks) async fn resolve(
        &mut self,
        http: &Http,
        purpose: Purpose,
        timeout: Duration,
    ) -> Result<KeyAddress, FetchError> {
        match self {
            Target::Address(address) => Ok(address.clone()),
            Target::Discovered(discovered) => discovered.resolve(http, purpose, timeout).await,
        }
    }
}

// === impl Discovered ===

impl Discovered {
    async fn resolve(
        &mut self,
        http: &Http,
        purpose: Purpose,
        timeout: Duration,
    ) -> Result<KeyAddress, FetchError> {
        let now = Instant::now();
        self.known
            .take_if(|known| now.saturating_duration_since(known.named) >= self.max_stale);
        let Some(known) = &self.known else {
            let mut failures = Vec::new();
            let found = self.discovery.find_key_address(http, &mut failures).await;
            let found = found.ok_or(FetchError::NotDiscovered(failures))?;
            return Ok(self.know(found, now));
        };
        if !self.asks_anew(purpose) {
            return Ok(known.address.clone());
        }
        let mut failures = Vec::new();
        // The other half is for the key set; slow metadata have all of it where there was none.
        let limit = match std::mem::take(&mut self.in_vain) {
            true => timeout,
            false => timeout / 2,
        };
        let finding = self.discovery.find_key_address(http, &mut failures);
        match tokio::time::timeout(limit, finding).await {
            Ok(Some(found)) => {
                self.left_alone_until = None;
                return Ok(self.know(found, now));
            }
            Ok(None) => {}
            Err(_) => failures.push(DiscoveryFailure::Fetch(Box::new(FetchError::TimedOut(
                limit,
            )))),
        }
        let verdict = Verdict::of(&failures);
        let error = FetchError::NotDiscovered(failures);
        match verdict {
            Verdict::SaysNothing => {
                self.in_vain = true;
                self.left_alone_until = error
                    .retry_after()
                    .map(|asked| Instant::now() + asked.min(LONGEST_RETRY_AFTER));
                tracing::warn!(issuer = self.discovery.issuer(), %error, jwks_uri = %known.address, "the issuer's metadata cannot be had: its keys are fetched from the address that they named before");
                Ok(known.address.clone())
            }
            Verdict::Unclear => Err(error),
            Verdict::SaysOtherwise => {
                // Not for a token's sake either.
                self.known = None;
                Err(error)
            }
        }
    }

    fn know(&mut self, address: KeyAddress, named: Instant) -> KeyAddress {
        let known = self.known.insert(Known { address, named });
        known.address.clone()
    }

    fn asks_anew(&self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Demand => false,
            Purpose::Refresh => self
                .left_alone_until
                .is_none_or(|until| until <= Instant::now()),
            Purpose::Order => true,
        }
    }
}

/// What metadata that were not found say of an address that they named before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing: it was the way to them that failed.
    SaysNothing,
    /// Who can tell: there is no such page, or one that is no metadata.
    Unclear,
    /// That it is the issuer's no longer.
    SaysOtherwise,
}

impl Verdict {
    /// One document that says otherwise is enough; of the rest, one address that may hold the metadata still.
    fn of(failures: &[DiscoveryFailure]) -> Verdict {
        let mut verdict = Verdict::Unclear;
        for failure in failures {
            match failure {
                DiscoveryFailure::OtherIssuer { .. }
                | DiscoveryFailure::NoKeyAddress
                | DiscoveryFailure::ForbiddenKeyAddress => return Verdict::SaysOtherwise,
                DiscoveryFailure::Fetch(error) if error.is_on_the_way() => {
                    verdict = Verdict::SaysNothing;
                }
                DiscoveryFailure::Fetch(_) | DiscoveryFailure::NotMetadata => {}
            }
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Verdict;
    use crate::jwks::error::{DiscoveryFailure, FetchError};

    #[test]
    fn what_failures_say_of_the_address_that_was_known() {
        let fetch = |error| DiscoveryFailure::Fetch(Box::new(error));
        let status = |status| {
            fetch(FetchError::Status {
                status,
                retry_after: None,
            })
        };
        let other = || DiscoveryFailure::OtherIssuer {
            only_by_final_slash: false,
        };
        let gone = || fetch(FetchError::Unreachable("gone".into()));
        for (thing, failures, verdict) in [
            ("unreachable", vec![gone()], Verdict::SaysNothing),
            (
                "late",
                vec![fetch(FetchError::TimedOut(Duration::from_secs(1)))],
                Verdict::SaysNothing,
            ),
            ("500", vec![status(500)], Verdict::SaysNothing),
            (
                "503, 404",
                vec![status(503), status(404)],
                Verdict::SaysNothing,
            ),
            (
                "404, 429",
                vec![status(404), status(429)],
                Verdict::SaysNothing,
            ),
            (
                "503, a page",
                vec![status(503), DiscoveryFailure::NotMetadata],
                Verdict::SaysNothing,
            ),
            ("404", vec![status(404), status(404)], Verdict::Unclear),
            ("403", vec![status(403)], Verdict::Unclear),
            (
                "a page",
                vec![DiscoveryFailure::NotMetadata],
                Verdict::Unclear,
            ),
            (
                "too large",
                vec![fetch(FetchError::TooLarge)],
                Verdict::Unclear,
            ),
            (
                "elsewhere",
                vec![fetch(FetchError::ForbiddenRedirect)],
                Verdict::Unclear,
            ),
            (
                "503, another's",
                vec![status(503), other()],
                Verdict::SaysOtherwise,
            ),
            (
                "another's, gone",
                vec![other(), gone()],
                Verdict::SaysOtherwise,
            ),
            (
                "503, no address",
                vec![status(503), DiscoveryFailure::NoKeyAddress],
                Verdict::SaysOtherwise,
            ),
            (
                "503, http",
                vec![status(503), DiscoveryFailure::ForbiddenKeyAddress],
                Verdict::SaysOtherwise,
            ),
        ] {
            assert_eq!(Verdict::of(&failures), verdict, "{thing}");
        }
    }
}
