//! Accepts connections, and backs off after errors.

use std::io;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::time::sleep;

use crate::server::listener::{Accepted, Listener, Socket};

/// The first pause after an error that the next `accept` would meet again, such as no file descriptors left. Each further
/// pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// A listener that is registered with a runtime.
#[derive(Debug)]
pub(crate) struct Backlog {
    watched: Watched,
    listener: Listener,
    pause: Duration,
}

/// A second handle of the listener's socket.
#[derive(Debug)]
enum Watched {
    Tcp(TcpListener),
    Unix(UnixListener),
}

// === impl Backlog ===

impl Backlog {
    /// Registers the listener with the current runtime.
    pub(crate) fn watch(listener: Listener) -> io::Result<Self> {
        let watched = match listener.socket() {
            Socket::Tcp(socket) => Watched::Tcp(TcpListener::from_std(socket.try_clone()?)?),
            Socket::Unix(socket) => Watched::Unix(UnixListener::from_std(socket.try_clone()?)?),
        };
        Ok(Self {
            watched,
            listener,
            pause: FIRST_PAUSE,
        })
    }

    /// Waits for the next connection. Errors do not end the wait.
    pub(crate) async fn accept(&mut self) -> Accepted {
        loop {
            match self.watched.accept().await {
                Ok(accepted) => {
                    self.pause = FIRST_PAUSE;
                    return accepted;
                }
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(%error, pause = ?self.pause, "accepting connections failed; trying again after a pause");
                    let pause = self.pause;
                    self.pause = (pause * 2).min(MAX_PAUSE);
                    sleep(pause).await;
                }
            }
        }
    }

    /// Accepts a connection that waits already. It asks the socket, because the runtime may not have noticed yet.
    pub(crate) fn accept_waiting(&self) -> Option<Accepted> {
        loop {
            match self.listener.accept() {
                Ok(accepted) => return Some(accepted),
                Err(error) if concerns_one_connection(&error) => {}
                Err(_) => return None,
            }
        }
    }
}

// === impl Watched ===

impl Watched {
    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(socket) => Ok(Accepted::tcp(socket.accept().await?.0.into_std()?)),
            Self::Unix(socket) => Ok(Accepted::Unix(socket.accept().await?.0.into_std()?)),
        }
    }
}

/// Whether an error of `accept` concerns one connection only.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_that_the_next_accept_would_meet_again_pause() {
        let of_one = [104, 103, 4]; // ECONNRESET, ECONNABORTED, EINTR
        let of_all = [24, 23, 105, 12]; // EMFILE, ENFILE, ENOBUFS, ENOMEM
        assert!(
            of_one
                .map(io::Error::from_raw_os_error)
                .iter()
                .all(concerns_one_connection)
        );
        assert!(
            !of_all
                .map(io::Error::from_raw_os_error)
                .iter()
                .any(concerns_one_connection)
        );
    }

    #[tokio::test]
    async fn a_waiting_connection_is_accepted_without_waiting() {
        let listener = "127.0.0.1:0".parse::<accredit_core::config::listen_addr::ListenAddr>();
        let listener = Listener::bind(&listener.unwrap()).unwrap();
        let addr = listener.local_addr().to_string();
        let backlog = Backlog::watch(listener).unwrap();
        assert!(backlog.accept_waiting().is_none());

        let _client = std::net::TcpStream::connect(&addr).unwrap();
        assert!(backlog.accept_waiting().is_some());
        assert!(backlog.accept_waiting().is_none());
    }
}
