//! The open connections of a port: their number, and which of them is closed when the port is full (CONTRACT 7.3.4).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::server::activity::{Activity, PortUsage};
use crate::server::limits::ConnectionLimits;

/// Connections that were evicted and have not closed yet, established ones and others apart. Of more established ones, the
/// oldest closes at once; if there are more of the others, new connections are closed at once.
const MAX_EVICTED: usize = 256;

/// The table of one port. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct OpenConnections {
    table: Arc<Mutex<ConnectionTable>>,
    count: watch::Sender<usize>,
    usage: Arc<PortUsage>,
    max_established: usize,
    max_opening: usize,
}

/// One open connection, which leaves the table when this is dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection {
    connections: OpenConnections,
    number: u64,
    pub(crate) activity: Arc<Activity>,
}

/// Connections in the order in which they were accepted.
#[derive(Debug, Default)]
struct ConnectionTable {
    next: u64,
    opening: BTreeMap<u64, Arc<Activity>>,
    established: BTreeMap<u64, Arc<Activity>>,
    evicted_opening: BTreeMap<u64, Arc<Activity>>,
    /// These close a second after their eviction, and must not keep others from being opened meanwhile (CONTRACT 7.3.5).
    evicted_established: BTreeMap<u64, Arc<Activity>>,
}

// === impl OpenConnections ===

impl OpenConnections {
    pub(crate) fn new(limits: &ConnectionLimits) -> Self {
        Self {
            table: Arc::default(),
            count: watch::Sender::new(0),
            usage: Arc::new(PortUsage::new(limits)),
            max_established: limits.max_connections,
            max_opening: limits.max_opening,
        }
    }

    pub(crate) fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Adds a connection that was just accepted. If too many are opening, the oldest of them is evicted. `None` if too
    /// many evicted connections have not closed yet.
    pub(crate) fn enter(&self) -> Option<OpenConnection> {
        let activity = Arc::new(Activity::new(Arc::clone(&self.usage)));
        let number = {
            let mut table = self.table();
            if table.opening.len() >= self.max_opening {
                if table.evicted_opening.len() >= MAX_EVICTED {
                    return None;
                }
                if let Some((oldest, evicted)) = table.opening.pop_first() {
                    evicted.evicted.notify_one();
                    table.evicted_opening.insert(oldest, evicted);
                }
            }
            let number = table.next;
            table.next += 1;
            table.opening.insert(number, Arc::clone(&activity));
            number
        };
        self.count.send_modify(|count| *count += 1);
        Some(OpenConnection {
            connections: self.clone(),
            number,
            activity,
        })
    }

    /// Resolves once no connection is open.
    pub(crate) async fn none(&self) {
        self.becomes(|count| count == 0).await;
    }

    /// Resolves once no connection has been open for that time.
    pub(crate) async fn none_for(&self, time: Duration) {
        loop {
            self.none().await;
            if timeout(time, self.becomes(|count| count > 0))
                .await
                .is_err()
            {
                return;
            }
        }
    }

    async fn becomes(&self, condition: impl Fn(usize) -> bool) {
        // `self` has the sender, so this wait does not fail.
        let _ = self
            .count
            .subscribe()
            .wait_for(|count| condition(*count))
            .await;
    }

    fn table(&self) -> MutexGuard<'_, ConnectionTable> {
        // Nothing in here panics while it holds the lock.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl OpenConnection ===

impl OpenConnection {
    /// Counts the connection as established. If the port is full, the connection that has been idle longest is evicted.
    /// Returns `false` if none is idle.
    pub(crate) fn establish(&self) -> bool {
        let mut table = self.connections.table();
        let Some(own) = table.opening.remove(&self.number) else {
            // It was evicted meanwhile.
            return false;
        };
        if table.established.len() >= self.connections.max_established {
            let idle = table
                .established
                .iter()
                .filter_map(|(number, activity)| Some((activity.idle_since()?, *number)));
            let longest = idle.min().map(|(_, number)| number);
            let evicted = longest.and_then(|number| table.established.remove_entry(&number));
            let Some((number, evicted)) = evicted else {
                return false;
            };
            if table.evicted_established.len() >= MAX_EVICTED
                && let Some((_, oldest)) = table.evicted_established.pop_first()
            {
                // The second notification ends it.
                oldest.evicted.notify_one();
            }
            evicted.evicted.notify_one();
            table.evicted_established.insert(number, evicted);
        }
        table.established.insert(self.number, own);
        true
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        {
            let mut table = self.connections.table();
            let ConnectionTable {
                opening,
                established,
                evicted_opening,
                evicted_established,
                ..
            } = &mut *table;
            for connections in [opening, established, evicted_opening, evicted_established] {
                connections.remove(&self.number);
            }
        }
        self.connections
            .count
            .send_modify(|count| *count = count.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use tokio::time::{Instant, advance, sleep};

    fn connections(max_connections: usize, max_opening: usize) -> OpenConnections {
        OpenConnections::new(&ConnectionLimits {
            max_connections,
            max_opening,
            ..ConnectionLimits::default()
        })
    }

    fn is_evicted(connection: &OpenConnection) -> bool {
        connection
            .activity
            .evicted
            .notified()
            .now_or_never()
            .is_some()
    }

    #[tokio::test]
    async fn open_connections_are_counted() {
        let open = connections(9, 9);
        open.none().await;
        let (first, second) = (open.enter().unwrap(), open.enter().unwrap());
        assert_eq!(open.count(), 2);
        drop(first);
        assert_eq!(open.count(), 1);
        assert_eq!(open.none().now_or_never(), None);
        drop(second);
        open.none().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_in_between_restarts_the_wait() {
        let open = connections(9, 9);
        let begun = Instant::now();
        let visit = async {
            sleep(Duration::from_millis(700)).await;
            let visitor = open.enter();
            sleep(Duration::from_millis(100)).await;
            drop(visitor);
        };
        tokio::join!(visit, open.none_for(Duration::from_secs(1)));
        assert_eq!(begun.elapsed(), Duration::from_millis(1800));
    }

    #[tokio::test]
    async fn too_many_opening_connections_evict_the_oldest_of_them_only() {
        let open = connections(1, 2);
        let established = open.enter().unwrap();
        assert!(established.establish());
        let opening = [(); 3].map(|()| open.enter().unwrap());
        assert!(!is_evicted(&established));
        assert_eq!(opening.each_ref().map(is_evicted), [true, false, false]);
        assert!(!opening[0].establish());
    }

    #[tokio::test]
    async fn evicted_connections_keep_none_of_the_other_kind_out() {
        let open = connections(1, 1);
        let mut established = Vec::new();
        for _ in 0..MAX_EVICTED + 2 {
            let connection = open.enter().unwrap();
            assert!(connection.establish());
            established.push(connection);
            if let [.., evicted, _] = &established[..] {
                assert!(is_evicted(evicted));
            }
        }
        let told_twice = established.iter().filter(|one| is_evicted(one)).count();
        assert_eq!((told_twice, is_evicted(&established[0])), (1, false));
        let silent = open.enter().unwrap();
        let newest = open.enter();
        assert!(newest.is_some());
        assert!(is_evicted(&silent));

        let open = connections(2, 1);
        let mut opening = vec![open.enter().unwrap()];
        while let Some(connection) = open.enter() {
            opening.push(connection);
        }
        assert_eq!(opening.len(), MAX_EVICTED + 1);
        assert!(opening.pop().unwrap().establish());
        assert!(open.enter().unwrap().establish());
        let third = open.enter().unwrap();
        assert!(third.establish(), "it evicts the first");
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_port_evicts_the_connection_that_has_been_idle_longest() {
        let open = connections(3, 9);
        let [busy, idle, recent, new] = [(); 4].map(|()| open.enter().unwrap());
        for connection in [&busy, &idle, &recent] {
            assert!(connection.establish());
        }
        let request = busy.activity.begin_request();
        advance(Duration::from_secs(1)).await;
        drop(recent.activity.begin_request());
        assert!(new.establish());
        let evicted = [&busy, &idle, &recent, &new].map(is_evicted);
        assert_eq!(evicted, [false, true, false, false]);

        let requests = [&recent, &new].map(|connection| connection.activity.begin_request());
        let one_more = open.enter().unwrap();
        assert!(!one_more.establish(), "none is idle");
        drop((request, requests));
    }
}
