//! The URL of the Redis or Valkey server that holds the used proofs of all replicas.

use std::fmt;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use crate::rules::host::Host as RequestHost;

/// The port of Redis.
const DEFAULT_PORT: u16 = 6379;

/// `redis://` or `rediss://`, with a host, and optionally a user, a password, a port and the number of a database. Its texts for
/// operators have the scheme, the host and the port only.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    pub transport: RedisTransport,
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
    pub username: Option<String>,
    pub password: Option<String>,
    pub database: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisTransport {
    /// `redis://`
    Plain,
    /// `rediss://`
    Tls,
}

/// Why a text is not the URL of a Redis server. The error contains no part of the text, which can have a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisUrlError {
    #[error("this is not a URL")]
    NotAUrl,
    #[error("the scheme is neither `redis` nor `rediss`")]
    Scheme,
    #[error("the URL has no host")]
    NoHost,
    #[error("a user or a password is not UTF-8 once decoded")]
    Credentials,
    #[error("a user needs a password")]
    NoPassword,
    #[error("the path is not the number of a database from 0 to 65535")]
    Database,
    #[error("the URL has a query or a fragment")]
    Query,
}

impl RedisUrl {
    /// Reads a URL, such as `rediss://user:password@redis.example:6379/0`.
    ///
    /// # Errors
    /// [`RedisUrlError`]
    pub fn parse(text: &str) -> Result<RedisUrl, RedisUrlError> {
        let url = Url::parse(text).map_err(|_| RedisUrlError::NotAUrl)?;
        let transport = match url.scheme() {
            "redis" => RedisTransport::Plain,
            "rediss" => RedisTransport::Tls,
            _ => return Err(RedisUrlError::Scheme),
        };
        if url.query().is_some() || url.fragment().is_some() {
            return Err(RedisUrlError::Query);
        }
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            _ => return Err(RedisUrlError::NoHost),
        };
        let username = decoded(url.username())?;
        let password = decoded(url.password().unwrap_or_default())?;
        if username.is_some() && password.is_none() {
            return Err(RedisUrlError::NoPassword);
        }
        let database = match url.path() {
            "" | "/" => 0,
            path => {
                let number = path.strip_prefix('/').filter(|text| is_number(text));
                let number = number.and_then(|text| text.parse().ok());
                number.ok_or(RedisUrlError::Database)?
            }
        };
        Ok(RedisUrl {
            transport,
            host,
            port: url.port().unwrap_or(DEFAULT_PORT),
            username,
            password,
            database,
        })
    }

    /// The host as URLs have it.
    fn host_text(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        }
    }

    /// Whether a password would cross a network in the clear.
    pub fn exposes_password(&self) -> bool {
        let host = RequestHost::parse(&self.host_text());
        let is_local = host.is_ok_and(|host| host.is_loopback());
        self.transport == RedisTransport::Plain && self.password.is_some() && !is_local
    }
}

/// `None` if the text is empty.
fn decoded(text: &str) -> Result<Option<String>, RedisUrlError> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| RedisUrlError::Credentials)?;
    Ok((!decoded.is_empty()).then(|| decoded.into_owned()))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for RedisUrl {
    /// Without the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.transport {
            RedisTransport::Plain => "redis",
            RedisTransport::Tls => "rediss",
        };
        write!(f, "{scheme}://{}:{}", self.host_text(), self.port)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::{RedisTransport, RedisUrl, RedisUrlError};

    #[test]
    fn a_redis_url_has_a_host_and_optional_parts() {
        let all = RedisUrl::parse("rediss://us%40er:p%3Aw@redis.example:7000/3").unwrap();
        assert_eq!(all.transport, RedisTransport::Tls);
        assert_eq!((all.host.as_str(), all.port), ("redis.example", 7000));
        assert_eq!(all.username.as_deref(), Some("us@er"));
        assert_eq!(all.password.as_deref(), Some("p:w"));
        assert_eq!(all.database, 3);
        let least = RedisUrl::parse("redis://[::1]").unwrap();
        assert_eq!((least.host.as_str(), least.port), ("::1", 6379));
        assert_eq!(
            (least.username, least.password, least.database),
            (None, None, 0)
        );
        let password = RedisUrl::parse("redis://:secret@127.0.0.1/").unwrap();
        assert_eq!(password.username, None);
        assert_eq!(password.password.as_deref(), Some("secret"));
    }

    #[test]
    fn a_text_that_is_no_redis_url_is_refused() {
        for (text, error) in [
            ("", RedisUrlError::NotAUrl),
            ("localhost", RedisUrlError::NotAUrl),
            ("localhost:6379", RedisUrlError::Scheme),
            ("http://redis.example", RedisUrlError::Scheme),
            ("unix:///run/redis.sock", RedisUrlError::Scheme),
            ("redis:///0", RedisUrlError::NoHost),
            ("redis://user@redis.example", RedisUrlError::NoPassword),
            ("redis://:%ff@redis.example", RedisUrlError::Credentials),
            ("redis://redis.example/a", RedisUrlError::Database),
            ("redis://redis.example/-1", RedisUrlError::Database),
            ("redis://redis.example/+1", RedisUrlError::Database),
            ("redis://redis.example/70000", RedisUrlError::Database),
            (
                "redis://redis.example/0?protocol=resp3",
                RedisUrlError::Query,
            ),
            ("rediss://redis.example/#insecure", RedisUrlError::Query),
        ] {
            assert_eq!(RedisUrl::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn no_text_of_a_redis_url_has_its_credentials() {
        let url = RedisUrl::parse("redis://someone:secret@[2001:db8::1]:1/2").unwrap();
        assert_eq!(url.to_string(), "redis://[2001:db8::1]:1");
        assert_eq!(format!("{url:?}"), "RedisUrl(redis://[2001:db8::1]:1)");
    }

    #[test]
    fn a_password_is_exposed_on_a_plain_connection_to_another_machine() {
        for (text, is_exposed) in [
            ("redis://:secret@redis.example", true),
            ("redis://:secret@10.0.0.1", true),
            ("rediss://:secret@redis.example", false),
            ("redis://redis.example", false),
            ("redis://:secret@localhost", false),
            ("redis://:secret@127.0.0.1", false),
            ("redis://:secret@[::1]", false),
        ] {
            let url = RedisUrl::parse(text).unwrap();
            assert_eq!(url.exposes_password(), is_exposed, "{text}");
        }
    }
}
