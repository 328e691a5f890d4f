//! The order in which a connection reacts to what has happened while its thread was busy.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::{ConnectionSettings, DrainStage, ServedConnection, drive};
use crate::server::connection_errors::{ConnectionErrors, WireReport};
use crate::server::limits::{ConnectionLimits, HttpVersions};
use crate::server::open_connections::OpenConnections;
use crate::server::timers::Timers;

/// A connection whose preface is read when its thread polls it at `read_at` or later.
struct LateConnection {
    opened: watch::Sender<bool>,
    read_at: Instant,
}

impl Future for LateConnection {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.read_at {
            self.opened.send_replace(true);
        }
        Poll::Pending
    }
}

impl ServedConnection for LateConnection {
    fn leave(self: Pin<&mut Self>) {}
}

/// Whether a connection is still served a second after its time to open is over, if its preface is read after `delay`.
async fn stays_open(delay: Duration) -> bool {
    let limits = ConnectionLimits::default();
    let (opened, receiver) = watch::channel(false);
    let (_stage, stage) = watch::channel(DrainStage::Serving);
    let errors = Arc::new(ConnectionErrors::new("listen"));
    let settings = ConnectionSettings {
        versions: HttpVersions::Http2Only,
        limits,
        errors: Arc::clone(&errors),
        stage,
        timers: Timers::default(),
    };
    let report = WireReport { errors, peer: None };
    let open = OpenConnections::new(&limits).enter().unwrap();
    let connection = LateConnection {
        opened,
        read_at: Instant::now() + delay,
    };
    let driven = pin!(drive(connection, receiver, &open, &settings, &report));
    timeout(limits.opening_timeout + Duration::from_secs(1), driven)
        .await
        .is_err()
}

/// A thread can be stopped, or busy, until the time is over. The timer and the octets then wake the connection together.
#[tokio::test(start_paused = true)]
async fn a_preface_that_has_arrived_counts_although_it_is_read_when_the_time_to_open_is_over() {
    let opening_timeout = ConnectionLimits::default().opening_timeout;
    assert!(stays_open(opening_timeout).await);
    assert!(!stays_open(opening_timeout + Duration::from_millis(1)).await);
}
