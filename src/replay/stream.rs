//! Opens connections to Redis, with TLS for `rediss`.

use std::pin::Pin;
use std::sync::Arc;

use accredit_core::proof::redis_url::{RedisTransport, RedisUrl};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ProtocolVersion, RedisConnectionInfo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::replay::error::ConnectionError;

/// Moves the bytes of a connection. It ends when the connection ends.
pub(in crate::replay) type ConnectionDriver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Connects, and authenticates if the URL has a password.
///
/// # Errors
/// [`ConnectionError`]
pub(in crate::replay) async fn connect(
    url: &RedisUrl,
) -> Result<(MultiplexedConnection, ConnectionDriver), ConnectionError> {
    let connected = TcpStream::connect((url.host.as_str(), url.port)).await;
    let stream = connected.map_err(ConnectionError::Connect)?;
    stream.set_nodelay(true).map_err(ConnectionError::Connect)?;
    let info = connection_info(url);
    // Each check has a deadline of its own.
    let config = AsyncConnectionConfig::new()
        .set_response_timeout(None)
        .set_connection_timeout(None);
    match url.transport {
        RedisTransport::Plain => {
            let made = MultiplexedConnection::new_with_config(&info, stream, config).await;
            let (connection, driver) = made.map_err(ConnectionError::Refused)?;
            Ok((connection, Box::pin(driver)))
        }
        RedisTransport::Tls => {
            let name = ServerName::try_from(url.host.clone()).map_err(|_| ConnectionError::Name)?;
            let connected = tls()?.connect(name, stream).await;
            let stream = Box::pin(connected.map_err(ConnectionError::Connect)?);
            let made = MultiplexedConnection::new_with_config(&info, stream, config).await;
            let (connection, driver) = made.map_err(ConnectionError::Refused)?;
            Ok((connection, Box::pin(driver)))
        }
    }
}

fn connection_info(url: &RedisUrl) -> RedisConnectionInfo {
    // accredit does not send the library's name, so that the Redis user needs permission for three commands only.
    let mut info = RedisConnectionInfo::default()
        .set_protocol(ProtocolVersion::RESP2)
        .set_skip_set_lib_name()
        .set_db(url.database.into());
    if let Some(username) = &url.username {
        info = info.set_username(username);
    }
    if let Some(password) = &url.password {
        info = info.set_password(password);
    }
    info
}

/// Trusts the certificates of the system, as key fetches without `ca_file` do.
fn tls() -> Result<TlsConnector, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
