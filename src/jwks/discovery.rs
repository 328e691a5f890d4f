//! Finds the address of an issuer's key set in its metadata (OpenID Connect Discovery 1.0, RFC 8414).

use accredit_core::jose::json::value::JsonValue;
use accredit_core::jose::json::{Duplicates, JsonDocument};
use accredit_core::keys::source::{AddressError, KeyAddress, Transport};

use crate::jwks::content::require_json;
use crate::jwks::error::MetadataError;
use crate::jwks::issuer_client::{IssuerClient, accepting};
use crate::jwks::server_text::quoted;

/// The media types that a request for metadata accepts. Some servers send it as a key set.
const METADATA_TYPES: &str = "application/jwk-set+json, application/json";

/// The discovery of one issuer.
pub struct Discovery {
    issuer: String,
    transport: Transport,
}

/// The requests that a fetch has made so far. They are kept when a fetch is cut off, so that the error can name them.
#[derive(Debug, Default)]
pub(in crate::jwks) struct FetchProgress {
    /// The address that has not answered yet.
    pub(in crate::jwks) address: Option<String>,
    /// The well-known addresses that gave no metadata.
    pub(in crate::jwks) attempts: Vec<MetadataError>,
}

impl Discovery {
    /// The discovery of that issuer.
    pub fn of(issuer: String, transport: Transport) -> Discovery {
        Discovery { issuer, transport }
    }

    /// The well-known addresses in the order in which they are requested (CONTRACT 5.9.1).
    pub fn addresses(issuer: &str) -> Vec<String> {
        let base = issuer.strip_suffix('/').unwrap_or(issuer);
        let host = base.find("://").map_or(0, |scheme| scheme + 3);
        let path = base.get(host..).and_then(|rest| rest.find('/'));
        let (origin, path) = base
            .split_at_checked(path.map_or(base.len(), |path| host + path))
            .unwrap_or((base, ""));
        let openid = "/.well-known/openid-configuration";
        let oauth = "/.well-known/oauth-authorization-server";
        if path.is_empty() {
            return vec![format!("{base}{openid}"), format!("{base}{oauth}")];
        }
        vec![
            format!("{base}{openid}"),
            format!("{origin}{oauth}{path}"),
            format!("{base}{oauth}"),
            format!("{origin}{openid}{path}"),
        ]
    }

    pub(in crate::jwks) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The address of the issuer's key set. What each well-known address gave instead is added to `progress` at once.
    pub(in crate::jwks) async fn find_key_address(
        &self,
        client: &IssuerClient,
        progress: &mut FetchProgress,
    ) -> Option<KeyAddress> {
        for address in Discovery::addresses(&self.issuer) {
            match self.request(client, &address, progress).await {
                Ok(found) => return Some(found),
                Err(error) => progress.attempts.push(error),
            }
        }
        None
    }

    async fn request(
        &self,
        client: &IssuerClient,
        address: &str,
        progress: &mut FetchProgress,
    ) -> Result<KeyAddress, MetadataError> {
        let address =
            KeyAddress::parse(address, self.transport).map_err(|error| MetadataError::Address {
                address: quoted(address),
                error,
            })?;
        progress.address = Some(address.to_string());
        let answer = client.get(&address, &accepting(METADATA_TYPES)).await;
        let answer = answer.map_err(MetadataError::Request)?;
        let shown = answer.address.clone();
        let body = answer.body().await.map_err(MetadataError::Request)?;
        self.read(&body, shown)
    }

    fn read(&self, metadata: &[u8], address: String) -> Result<KeyAddress, MetadataError> {
        if let Err(content) = require_json(metadata) {
            return Err(MetadataError::Content { address, content });
        }
        let Ok(document) = JsonDocument::parse(metadata, Duplicates::Refuse) else {
            return Err(MetadataError::NotMetadata {
                address,
                problem: "not valid JSON",
            });
        };
        let text = |name| document.object()?.get(name).and_then(JsonValue::as_str);
        let Some(issuer) = text("issuer") else {
            return Err(MetadataError::NotMetadata {
                address,
                problem: "there is no text `issuer`",
            });
        };
        if issuer != self.issuer {
            let without_slash =
                |issuer: &str| issuer.strip_suffix('/').unwrap_or(issuer).to_owned();
            return Err(MetadataError::OtherIssuer {
                address,
                configured: quoted(&self.issuer),
                found: quoted(issuer),
                only_by_final_slash: without_slash(issuer) == without_slash(&self.issuer),
            });
        }
        let Some(jwks_uri) = text("jwks_uri") else {
            return Err(MetadataError::NoKeyAddress { address });
        };
        let parsed = KeyAddress::parse(jwks_uri, self.transport).and_then(|keys| {
            // Metadata of a remote server must not make accredit send requests to a program on this machine.
            let is_downgrade = self.issuer.starts_with("https:") && keys.url().scheme() == "http";
            if is_downgrade && self.transport == Transport::Https {
                return Err(AddressError::Insecure);
            }
            Ok(keys)
        });
        parsed.map_err(|error| MetadataError::KeyAddress { address, error })
    }
}

#[cfg(test)]
mod tests {
    use super::{Discovery, MetadataError};
    use accredit_core::keys::source::Transport;

    #[test]
    fn well_known_addresses_are_requested_in_the_order_of_contract_5_9_1() {
        for issuer in ["https://a.example/t/1", "https://a.example/t/1/"] {
            assert_eq!(
                Discovery::addresses(issuer),
                [
                    "https://a.example/t/1/.well-known/openid-configuration",
                    "https://a.example/.well-known/oauth-authorization-server/t/1",
                    "https://a.example/t/1/.well-known/oauth-authorization-server",
                    "https://a.example/.well-known/openid-configuration/t/1",
                ]
            );
        }
        for issuer in ["https://a.example", "https://a.example/"] {
            assert_eq!(
                Discovery::addresses(issuer),
                [
                    "https://a.example/.well-known/openid-configuration",
                    "https://a.example/.well-known/oauth-authorization-server",
                ]
            );
        }
    }

    #[test]
    fn discovery_metadata_must_name_the_configured_issuer() {
        let discovery = Discovery::of("https://a.example".into(), Transport::Https);
        let read = |text: &str| {
            let address = discovery.read(text.as_bytes(), "https://a.example/m".into());
            address.map(|address| address.to_string())
        };
        assert_eq!(
            read(r#"{"issuer":"https://a.example","jwks_uri":"https://keys.example/k"}"#),
            Ok("https://keys.example/k".into())
        );
        for (text, states) in [
            (
                r#"{"issuer":"https://a.example/","jwks_uri":"https://a.example/k"}"#,
                r#"https://a.example/m: the metadata names the issuer "https://a.example/", and the configured issuer is "https://a.example": they differ by a final `/` only"#,
            ),
            (
                r#"{"issuer":"https://b.example","jwks_uri":"https://a.example/k"}"#,
                r#"the issuer "https://b.example", and the configured issuer is "https://a.example"; correct the issuer"#,
            ),
            (
                r#"{"issuer":"https://a.example","jwks_uri":"http://a.example/k"}"#,
                "http is permitted to loopback addresses only; use https, or set allow_http",
            ),
            (
                r#"{"issuer":"https://a.example","jwks_uri":"/k"}"#,
                "`jwks_uri` cannot be used: the address has no scheme",
            ),
            (
                r#"{"issuer":"https://a.example"}"#,
                "no `jwks_uri`; set jwks.uri",
            ),
            (
                r#"{"issuer":"https://a.example","jwks_uri":1}"#,
                "no `jwks_uri`",
            ),
            ("", "https://a.example/m: is empty"),
            ("<html>", "an HTML or XML page"),
            ("\u{feff}{}", "byte-order mark"),
            ("[]", "no text `issuer`"),
            ("{", "not valid JSON"),
            (r#"{"jwks_uri":"https://a.example/k"}"#, "no text `issuer`"),
            (
                r#"{"issuer":1,"jwks_uri":"https://a.example/k"}"#,
                "no text `issuer`",
            ),
        ] {
            let error = read(text).expect_err("is no metadata").to_string();
            assert!(error.contains(states), "{text}: {error}");
        }
    }

    #[test]
    fn server_text_in_a_discovery_error_is_shortened_and_escaped() {
        let discovery = Discovery::of("https://a.example".into(), Transport::Https);
        let text = format!(r#"{{"issuer":"\u0000\u202e{}"}}"#, "x".repeat(1000));
        let error = discovery.read(text.as_bytes(), String::new());
        let Err(MetadataError::OtherIssuer { found, .. }) = error else {
            panic!("is another issuer's")
        };
        assert!(found.len() < 300, "{found}");
        assert!(found.starts_with(r#""\0\u{202e}x"#), "{found}");
    }
}
