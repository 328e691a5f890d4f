//! Tokens that are good, and tokens that are good but for what a test changes.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::keys::{TestKey, base64url};

/// The audience that good tokens are for.
pub(crate) const AUDIENCE: &str = "api.acme.example";

/// A token before it is signed.
#[derive(Clone)]
pub(crate) struct Token {
    header: Value,
    claims: Value,
}

impl Token {
    /// One that an issuer of that name, whose key has that id, gives out for an hour.
    pub(crate) fn good(issuer: &str, kid: &str) -> Self {
        let now = now();
        Self {
            header: json!({ "alg": "RS256", "kid": kid, "typ": "JWT" }),
            claims: json!({
                "iss": issuer, "sub": "m2morg_1001", "client_id": "m2morg_1001", "oid": "org_2001",
                "scopes": ["deploy:applications", "read:deployments"], "aud": [AUDIENCE],
                "iat": now, "nbf": now, "exp": now + 3600,
            }),
        }
    }

    /// With this member of the header, in place of what was there.
    pub(crate) fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header[name] = value.into();
        self
    }

    /// Without that member of the header.
    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.header.as_object_mut().unwrap().remove(name).unwrap();
        self
    }

    /// With this claim, in place of what was there.
    pub(crate) fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    /// With that claim a number of seconds from now.
    pub(crate) fn time(self, name: &str, from_now: i64) -> Self {
        let time = now() + from_now;
        self.claim(name, time)
    }

    /// Without that claim.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(name).unwrap();
        self
    }

    /// The header's JSON.
    pub(crate) fn header_json(&self) -> String {
        self.header.to_string()
    }

    /// The claims' JSON.
    pub(crate) fn claims_json(&self) -> String {
        self.claims.to_string()
    }

    /// Signed.
    pub(crate) fn sign(&self, key: &TestKey) -> String {
        sign_text(&self.header_json(), &self.claims_json(), key)
    }
}

/// A token of exactly this text, signed.
pub(crate) fn sign_text(header: &str, claims: &str, key: &TestKey) -> String {
    let input = signing_input(header, claims);
    let signature = key.sign(&input);
    format!("{input}.{signature}")
}

/// What is signed of a token of exactly this text.
pub(crate) fn signing_input(header: &str, claims: &str) -> String {
    format!("{}.{}", base64url(header), base64url(claims))
}

/// The same token with one bit of its signature's first byte changed.
pub(crate) fn with_bad_signature(token: &str) -> String {
    let (input, signature) = token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{input}.{other}{}", &signature[1..])
}

#[allow(
    clippy::disallowed_methods,
    reason = "the tests' issuers stamp their tokens"
)]
fn now() -> i64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since_epoch.unwrap().as_secs()).unwrap()
}
