//! Finds an issuer's key set by its metadata: OpenID Connect Discovery 1.0, then RFC 8414.

use url::Url;

use crate::jose::json::{Duplicates, JsonDocument, JsonValue};
use crate::jwks::error::DiscoveryFailure;
use crate::jwks::http::{Http, read_body};
use crate::jwks::source::{KeyAddress, Transport};

/// Where the metadata of one issuer may be.
pub struct Discovery {
    issuer: String,
    transport: Transport,
}

impl Discovery {
    /// The discovery of that issuer.
    pub fn of(issuer: String, transport: Transport) -> Discovery {
        Discovery { issuer, transport }
    }

    /// The addresses that are tried, in order.
    pub fn addresses(issuer: &str) -> Vec<String> {
        let base = issuer.strip_suffix('/').unwrap_or(issuer);
        let mut addresses = vec![format!("{base}/.well-known/openid-configuration")];
        let path = Url::parse(base)
            .map(|url| url.path().trim_end_matches('/').to_owned())
            .unwrap_or_default();
        // RFC 8414 section 3 inserts its suffix between host and path; some servers append it.
        if let Some(origin) = base.strip_suffix(&path)
            && !path.is_empty()
        {
            addresses.push(format!(
                "{origin}/.well-known/oauth-authorization-server{path}"
            ));
        }
        addresses.push(format!("{base}/.well-known/oauth-authorization-server"));
        addresses
    }

    /// The issuer that the metadata must be of.
    pub(in crate::jwks) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The address of the issuer's key set; what each address gave instead is told as it comes, so that whoever stops
    /// waiting knows it.
    pub(in crate::jwks) async fn find_key_address(
        &self,
        http: &Http,
        failures: &mut Vec<DiscoveryFailure>,
    ) -> Option<KeyAddress> {
        for address in Discovery::addresses(&self.issuer) {
            match self.ask(http, &address).await {
                Ok(found) => return Some(found),
                Err(failure) => failures.push(failure),
            }
        }
        None
    }

    async fn ask(&self, http: &Http, address: &str) -> Result<KeyAddress, DiscoveryFailure> {
        let failed = |error| DiscoveryFailure::Fetch(Box::new(error));
        let address = KeyAddress::parse(address, self.transport)
            .map_err(|_| DiscoveryFailure::ForbiddenKeyAddress)?;
        let answer = http
            .get(&address, Default::default())
            .await
            .map_err(failed)?;
        let body = read_body(answer).await.map_err(failed)?;
        self.read(&body)
    }

    fn read(&self, metadata: &[u8]) -> Result<KeyAddress, DiscoveryFailure> {
        let document = JsonDocument::parse(metadata, Duplicates::Refuse)
            .map_err(|_| DiscoveryFailure::NotMetadata)?;
        let text = |name| document.object()?.get(name).and_then(JsonValue::as_str);
        let issuer = text("issuer").ok_or(DiscoveryFailure::NotMetadata)?;
        if issuer != self.issuer {
            let without_slash =
                |issuer: &str| issuer.strip_suffix('/').unwrap_or(issuer).to_owned();
            let only_by_final_slash = without_slash(issuer) == without_slash(&self.issuer);
            return Err(DiscoveryFailure::OtherIssuer {
                only_by_final_slash,
            });
        }
        let key_address = text("jwks_uri").ok_or(DiscoveryFailure::NoKeyAddress)?;
        KeyAddress::parse(key_address, self.transport)
            .map_err(|_| DiscoveryFailure::ForbiddenKeyAddress)
    }
}

#[cfg(test)]
mod tests {
    use super::{Discovery, DiscoveryFailure};
    use crate::jwks::source::Transport;

    #[test]
    fn the_addresses_in_their_order() {
        assert_eq!(
            Discovery::addresses("https://a.example/tenant/1/"),
            [
                "https://a.example/tenant/1/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server/tenant/1",
                "https://a.example/tenant/1/.well-known/oauth-authorization-server",
            ]
        );
        assert_eq!(
            Discovery::addresses("https://a.example"),
            [
                "https://a.example/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server",
            ]
        );
    }

    #[test]
    fn the_document_must_be_the_issuers_own() {
        let discovery = Discovery::of("https://a.example".into(), Transport::Https);
        let read = |text: &str| {
            discovery
                .read(text.as_bytes())
                .map(|address| address.to_string())
        };
        assert_eq!(
            read(r#"{"issuer":"https://a.example","jwks_uri":"https://keys.example/k"}"#),
            Ok("https://keys.example/k".into())
        );
        let other = |only_by_final_slash| {
            Err(DiscoveryFailure::OtherIssuer {
                only_by_final_slash,
            })
        };
        assert_eq!(
            read(r#"{"issuer":"https://a.example/","jwks_uri":"https://a.example/k"}"#),
            other(true)
        );
        assert_eq!(
            read(r#"{"issuer":"https://b.example","jwks_uri":"https://a.example/k"}"#),
            other(false)
        );
        assert_eq!(
            read(r#"{"issuer":"https://a.example","jwks_uri":"http://a.example/k"}"#),
            Err(DiscoveryFailure::ForbiddenKeyAddress)
        );
        for text in [
            r#"{"issuer":"https://a.example"}"#,
            r#"{"issuer":"https://a.example","jwks_uri":1}"#,
        ] {
            assert_eq!(read(text), Err(DiscoveryFailure::NoKeyAddress), "{text}");
        }
        for text in [
            "",
            "[]",
            "<html>",
            r#"{"jwks_uri":"https://a.example/k"}"#,
            r#"{"issuer":1,"jwks_uri":"https://a.example/k"}"#,
        ] {
            assert_eq!(read(text), Err(DiscoveryFailure::NotMetadata), "{text}");
        }
    }
}
