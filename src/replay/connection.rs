//! Keeps one connection to Redis, and connects again whenever the connection ends.

use std::convert::Infallible;
use std::time::Duration;

use accredit_core::proof::redis_url::RedisUrl;
use futures_util::FutureExt as _;
use redis::aio::MultiplexedConnection;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::replay::error::ConnectionError;
use crate::replay::stream::connect;
use crate::supervision::keep_running;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The interval of pings on an idle connection. If a ping is not answered in time, a new connection replaces this one.
const PING_INTERVAL: Duration = Duration::from_secs(2);
const PING_TIMEOUT: Duration = Duration::from_secs(2);

const MIN_DELAY: Duration = Duration::from_millis(100);
const MAX_DELAY: Duration = Duration::from_secs(5);

/// The state of the connection.
#[derive(Clone)]
pub(in crate::replay) enum ConnectionState {
    /// An attempt to connect is in progress. A check can wait for it.
    Connecting,
    Connected(MultiplexedConnection),
    /// The latest attempt failed, or the connection ended. The next attempt comes after a delay.
    Down,
}

/// The server, and where the state of the connection to it is shown.
pub(in crate::replay) struct SharedConnection {
    pub(in crate::replay) url: RedisUrl,
    pub(in crate::replay) state: watch::Sender<ConnectionState>,
}

/// Keeps the connection until it is dropped.
pub(in crate::replay) async fn keep_connected(mut connection: SharedConnection) -> Infallible {
    let task = "connection to the memory of used proofs";
    keep_running(task, &mut connection, |connection| {
        reconnect(connection).boxed()
    })
    .await
}

/// Connects, and connects again after a growing delay.
async fn reconnect(SharedConnection { url, state }: &mut SharedConnection) -> Infallible {
    let mut delay = MIN_DELAY;
    let mut is_reported = false;
    loop {
        state.send_replace(ConnectionState::Connecting);
        let error = serve(url, state).await;
        let before = state.send_replace(ConnectionState::Down);
        if matches!(before, ConnectionState::Connected(_)) {
            (delay, is_reported) = (MIN_DELAY, false);
        }
        if !is_reported {
            is_reported = true;
            tracing::error!(
                server = %url,
                %error,
                "no connection to the memory of used proofs; requests with DPoP proofs are denied until the connection is back"
            );
        }
        sleep(delay).await;
        delay = (delay * 2).min(MAX_DELAY);
    }
}

/// Connects and serves checks until the connection ends.
async fn serve(url: &RedisUrl, state: &watch::Sender<ConnectionState>) -> ConnectionError {
    let (connection, driver) = match timeout(CONNECT_TIMEOUT, connect(url)).await {
        Ok(Ok(made)) => made,
        Ok(Err(error)) => return error,
        Err(_) => return ConnectionError::TimedOut,
    };
    let watched = async {
        loop {
            if let Err(error) = ping(connection.clone()).await {
                return error;
            }
            if !matches!(*state.borrow(), ConnectionState::Connected(_)) {
                state.send_replace(ConnectionState::Connected(connection.clone()));
                tracing::info!(server = %url, "connected to the memory of used proofs");
            }
            sleep(PING_INTERVAL).await;
        }
    };
    tokio::select! {
        () = driver => ConnectionError::Closed,
        error = watched => error,
    }
}

async fn ping(mut connection: MultiplexedConnection) -> Result<(), ConnectionError> {
    let command = redis::cmd("PING");
    let answer = command.exec_async(&mut connection);
    match timeout(PING_TIMEOUT, answer).await {
        Ok(answer) => answer.map_err(ConnectionError::Refused),
        Err(_) => Err(ConnectionError::TimedOut),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use accredit_core::proof::redis_url::RedisUrl;
    use accredit_test_support::panicking_log::PanickingLog;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use crate::replay::store::ReplayStore;

    /// The server closes each connection, so that the first attempt fails and is logged. An attempt after the panic shows that the task
    /// runs again.
    #[tokio::test(start_paused = true)]
    async fn a_connection_whose_task_panics_is_attempted_again() {
        let (log, _guard) = PanickingLog::panicking_at("no connection to the memory");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("is bound").port();
        let url = RedisUrl::parse(&format!("redis://127.0.0.1:{port}")).expect("is a URL");
        let store = ReplayStore::new(url);
        store.start();
        listener.accept().await.expect("the first attempt");
        let report = ["a task panicked", "connection to the memory"];
        let panicked = async {
            while log.count(&report) == 0 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        // By the clock of the test, which the delays of the task move.
        let long = Duration::from_secs(600);
        timeout(long, panicked).await.expect("reports its panic");
        let again = timeout(long, listener.accept()).await;
        again
            .expect("is in time")
            .expect("an attempt after the panic");
    }
}
