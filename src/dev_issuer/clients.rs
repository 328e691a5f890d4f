//! The two clients that the development issuer knows; their secrets are public and protect nothing.

use std::fmt;

use aws_lc_rs::constant_time;

/// The audience that [`WITH_AUDIENCE`] is registered for.
pub const DEV_AUDIENCE: &str = "api.acme.example";

/// The client whose tokens carry `aud` and two scopes.
pub const WITH_AUDIENCE: Client = Client {
    id: "m2morg_1001",
    secret: "dev-secret-1001",
    audience: Some(DEV_AUDIENCE),
    scopes: &["deploy:applications", "read:deployments"],
    organisation: "org_2001",
    environment: Some("production_us"),
};

/// The client that was registered without an audience: its tokens have no `aud`.
pub const WITHOUT_AUDIENCE: Client = Client {
    id: "m2morg_1002",
    secret: "dev-secret-1002",
    audience: None,
    scopes: &["read:deployments"],
    organisation: "org_2002",
    environment: None,
};

static REGISTERED: [Client; 2] = [WITH_AUDIENCE, WITHOUT_AUDIENCE];

/// A customer's application, as it is registered with the issuer.
pub struct Client {
    /// `client_id`, which is also the `sub` of its tokens.
    pub id: &'static str,
    /// `client_secret`.
    pub secret: &'static str,
    /// What its tokens name as `aud`, if anything.
    pub audience: Option<&'static str>,
    /// The scopes it may have.
    pub scopes: &'static [&'static str],
    /// The organisation it belongs to, the claim `oid`.
    pub organisation: &'static str,
    /// The custom claim `environment`.
    pub environment: Option<&'static str>,
}

impl Client {
    /// The registered client of this id.
    pub fn find(id: &str) -> Option<&'static Client> {
        REGISTERED.iter().find(|client| client.id == id)
    }

    /// The registered client of this id, if the secret is its own.
    pub fn authenticate(id: &str, secret: &str) -> Option<&'static Client> {
        Client::find(id).filter(|client| {
            constant_time::verify_slices_are_equal(client.secret.as_bytes(), secret.as_bytes())
                .is_ok()
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("audience", &self.audience)
            .field("scopes", &self.scopes)
            .field("organisation", &self.organisation)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_secret_authenticates_a_client() {
        let found = |id, secret| Client::authenticate(id, secret).map(|client| client.id);
        assert_eq!(found("m2morg_1001", "dev-secret-1001"), Some("m2morg_1001"));
        assert_eq!(found("m2morg_1002", "dev-secret-1002"), Some("m2morg_1002"));
        for (id, secret) in [
            ("m2morg_1001", "dev-secret-1002"),
            ("m2morg_1001", "dev-secret-100"),
            ("m2morg_1001", ""),
            ("m2morg_1003", "dev-secret-1001"),
            ("", ""),
        ] {
            assert_eq!(found(id, secret), None, "{id} {secret}");
        }
    }

    #[test]
    fn a_secret_does_not_print() {
        assert!(!format!("{WITH_AUDIENCE:?}").contains("dev-secret"));
    }
}
