//! Configurations that are not active yet. Each waits for the keys of new issuers or for its deny list, and none waits
//! for another configuration: a valid configuration must take effect at once (CONTRACT 3.3.3), and an issuer of an
//! earlier one may not answer.

use std::pin::Pin;

use futures_util::future::select_all;

/// The maximum number of waiting configurations. If one more arrives, the oldest is discarded.
const MAX_PENDING: usize = 8;

/// Configurations that wait, in the order in which they arrived. `L` identifies a configuration, and `T` is the result
/// of its wait.
pub struct PendingConfigurations<L, T>(Vec<PendingConfiguration<L, T>>);

struct PendingConfiguration<L, T> {
    label: L,
    prepared: Pin<Box<dyn Future<Output = T> + Send>>,
}

/// A configuration whose wait has ended.
pub struct SettledConfiguration<L, T> {
    pub label: L,
    pub result: T,
    /// The number of configurations that arrived earlier and still wait.
    pub earlier: usize,
}

impl<L, T> PendingConfigurations<L, T> {
    /// Adds the newest configuration. Returns the oldest one if it had to be discarded.
    pub fn push(
        &mut self,
        label: L,
        prepared: impl Future<Output = T> + Send + 'static,
    ) -> Option<L> {
        let oldest = (self.0.len() == MAX_PENDING).then(|| self.0.remove(0).label);
        let prepared = Box::pin(prepared);
        self.0.push(PendingConfiguration { label, prepared });
        oldest
    }

    /// Adds a configuration whose wait has ended and that has to wait again, at its old place: it must not supersede configurations that
    /// arrived after it.
    pub fn wait_again(
        &mut self,
        earlier: usize,
        label: L,
        prepared: impl Future<Output = T> + Send + 'static,
    ) {
        let prepared = Box::pin(prepared);
        let place = earlier.min(self.0.len());
        self.0
            .insert(place, PendingConfiguration { label, prepared });
    }

    /// The next configuration whose wait ends. It does not resolve while none waits. Dropping the future loses nothing.
    pub async fn settled(&mut self) -> SettledConfiguration<L, T> {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        let each = self.0.iter_mut().map(|pending| pending.prepared.as_mut());
        let (result, earlier, _) = select_all(each).await;
        SettledConfiguration {
            label: self.0.remove(earlier).label,
            result,
            earlier,
        }
    }

    /// Discards this number of the oldest configurations, because one that arrived after them takes effect. If that one is invalid,
    /// do not call it: the earlier ones continue to wait (CONTRACT 3.3.6).
    pub fn supersede_earlier(&mut self, earlier: usize) -> impl Iterator<Item = L> {
        let earlier = earlier.min(self.0.len());
        self.0.drain(..earlier).map(|pending| pending.label)
    }
}

impl<L, T> Default for PendingConfigurations<L, T> {
    fn default() -> PendingConfigurations<L, T> {
        PendingConfigurations(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::PendingConfigurations;

    #[tokio::test]
    async fn a_configuration_overtakes_earlier_ones_that_hang() {
        let mut waiting = PendingConfigurations::default();
        assert_eq!(waiting.push("first", pending::<bool>()), None);
        assert_eq!(waiting.push("second", ready(true)), None);
        assert_eq!(waiting.push("third", pending()), None);
        let settled = waiting.settled().await;
        assert_eq!((settled.label, settled.result), ("second", true));
        let superseded: Vec<_> = waiting.supersede_earlier(settled.earlier).collect();
        assert_eq!(superseded, ["first"]);
        assert_eq!(waiting.push("fourth", ready(false)), None);
        let settled = waiting.settled().await;
        assert_eq!((settled.label, settled.result), ("fourth", false));
        // It is invalid, so that the third still waits.
        waiting.push("fifth", ready(true));
        let settled = waiting.settled().await;
        let superseded: Vec<_> = waiting.supersede_earlier(settled.earlier).collect();
        assert_eq!(superseded, ["third"]);
    }

    #[tokio::test]
    async fn a_configuration_that_waits_again_keeps_its_place() {
        let mut waiting = PendingConfigurations::default();
        waiting.push("first", pending());
        waiting.push("second", ready(()));
        waiting.push("third", pending());
        let settled = waiting.settled().await;
        waiting.wait_again(settled.earlier, settled.label, ready(()));
        let settled = waiting.settled().await;
        assert_eq!(settled.label, "second");
        let superseded: Vec<_> = waiting.supersede_earlier(settled.earlier).collect();
        assert_eq!(superseded, ["first"]);
    }

    #[tokio::test]
    async fn the_oldest_configuration_is_given_up_when_too_many_wait() {
        let mut waiting = PendingConfigurations::default();
        for number in 0..8 {
            assert_eq!(waiting.push(number, pending::<()>()), None);
        }
        assert_eq!(waiting.push(8, pending()), Some(0));
        assert_eq!(waiting.push(9, ready(())), Some(1));
        let settled = waiting.settled().await;
        assert_eq!(settled.label, 9);
        assert_eq!(waiting.supersede_earlier(settled.earlier).count(), 7);
    }
}
