//! The two registered clients of the development issuer (CONTRACT 2.7.5). Their secrets are public.

use std::fmt;

use aws_lc_rs::constant_time;

/// The audience that [`WITH_AUDIENCE`] is registered for.
pub(crate) const DEV_AUDIENCE: &str = "api.acme.example";

/// The client whose tokens have `aud` and two scopes.
pub(crate) const WITH_AUDIENCE: RegisteredClient = RegisteredClient {
    id: "m2morg_1001",
    secret: "dev-secret-1001",
    audience: Some(DEV_AUDIENCE),
    scopes: &["deploy:applications", "read:deployments"],
    organisation: "org_2001",
    environment: Some("production_us"),
};

/// The client without an audience. Its tokens have no `aud`.
pub(crate) const WITHOUT_AUDIENCE: RegisteredClient = RegisteredClient {
    id: "m2morg_1002",
    secret: "dev-secret-1002",
    audience: None,
    scopes: &["read:deployments"],
    organisation: "org_2002",
    environment: None,
};

static REGISTERED: [RegisteredClient; 2] = [WITH_AUDIENCE, WITHOUT_AUDIENCE];

/// A client application, as it is registered with the issuer.
pub(crate) struct RegisteredClient {
    /// `client_id`, which is also the `sub` of its tokens.
    pub(crate) id: &'static str,
    pub(crate) secret: &'static str,
    /// The `aud` of its tokens. `None`: its tokens have no `aud`.
    pub(crate) audience: Option<&'static str>,
    /// The scopes that it can request.
    pub(crate) scopes: &'static [&'static str],
    /// The organisation of the client: the claim `oid`.
    pub(crate) organisation: &'static str,
    /// The custom claim `environment`.
    pub(crate) environment: Option<&'static str>,
}

impl RegisteredClient {
    /// The registered client with this id.
    pub(crate) fn find(id: &str) -> Option<&'static RegisteredClient> {
        REGISTERED.iter().find(|client| client.id == id)
    }

    /// The registered client with this id and secret.
    pub(crate) fn authenticate(id: &str, secret: &str) -> Option<&'static RegisteredClient> {
        RegisteredClient::find(id).filter(|client| {
            constant_time::verify_slices_are_equal(client.secret.as_bytes(), secret.as_bytes())
                .is_ok()
        })
    }
}

impl fmt::Debug for RegisteredClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredClient")
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
    fn a_client_authenticates_with_its_own_secret_only() {
        let found = |id, secret| RegisteredClient::authenticate(id, secret).map(|client| client.id);
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
    fn debug_output_of_a_client_has_no_secret() {
        assert!(!format!("{WITH_AUDIENCE:?}").contains("dev-secret"));
    }
}
