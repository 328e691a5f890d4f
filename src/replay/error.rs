//! Why there is no connection to Redis. None of these texts contains the credentials of the URL.

use std::io;

use redis::RedisError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error("the connection failed: {0}")]
    Connect(#[source] io::Error),
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    #[error("the host cannot be the name of a certificate")]
    Name,
    #[error("the server refused: {0}")]
    Refused(#[source] RedisError),
    #[error("the server did not answer in time")]
    TimedOut,
    #[error("the server closed the connection")]
    Closed,
}
