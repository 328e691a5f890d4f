//! Tokens that are valid except for what a test changes.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::keys::{Key, base64url};

/// The audience of valid tokens.
pub const AUDIENCE: &str = "api.test";

/// A token before it is signed.
#[derive(Clone)]
pub struct Token {
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl Token {
    /// A token of this issuer that is valid for an hour, with `alg` RS256 and `kid` `k`.
    pub fn of(issuer: &str) -> Token {
        let object = |value: Value| value.as_object().cloned().unwrap_or_default();
        let now = now();
        Token {
            header: object(json!({ "alg": "RS256", "kid": "k", "typ": "JWT" })),
            claims: object(json!({
                "iss": issuer,
                "sub": "someone",
                "aud": AUDIENCE,
                "iat": now - 60,
                "nbf": now - 60,
                "exp": now + 3600,
            })),
        }
    }

    /// A token with exactly this header and these claims.
    pub fn exactly(header: Value, claims: Value) -> Token {
        let object = |value: Value| match value {
            Value::Object(members) => members,
            other => panic!("not an object: {other}"),
        };
        Token {
            header: object(header),
            claims: object(claims),
        }
    }

    /// A token as Scalekit issues it to a client: for an hour, with this `kid`.
    pub fn of_client(issuer: &str, kid: &str) -> Token {
        let now = now();
        let claims = json!({
            "iss": issuer, "sub": "m2morg_1001", "client_id": "m2morg_1001", "oid": "org_2001",
            "scopes": ["deploy:applications", "read:deployments"], "aud": ["api.acme.example"],
            "iat": now, "nbf": now, "exp": now + 3600,
        });
        Token::exactly(json!({ "alg": "RS256", "kid": kid, "typ": "JWT" }), claims)
    }

    /// Sets a time claim to a number of seconds from now.
    pub fn time(self, name: &str, from_now: i64) -> Token {
        self.claim(name, now() + from_now)
    }

    /// Sets a claim.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Token {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a claim.
    pub fn without(mut self, name: &str) -> Token {
        let removed = self.claims.remove(name);
        assert!(removed.is_some(), "there is no claim {name}");
        self
    }

    /// Sets a member of the header.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Token {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Removes a member of the header.
    pub fn without_header(mut self, name: &str) -> Token {
        let removed = self.header.remove(name);
        assert!(removed.is_some(), "there is no member {name}");
        self
    }

    /// Sets the `kid`.
    pub fn kid(self, kid: &str) -> Token {
        self.header("kid", kid)
    }

    /// Sets the `alg`.
    pub fn alg(self, alg: &str) -> Token {
        self.header("alg", alg)
    }

    /// The claims as JSON.
    pub fn claims_text(&self) -> String {
        Value::Object(self.claims.clone()).to_string()
    }

    /// The header as JSON.
    pub fn header_text(&self) -> String {
        Value::Object(self.header.clone()).to_string()
    }

    /// The compact form, signed with the algorithm of its `alg`.
    pub fn signed(&self, key: &Key) -> String {
        let alg = self.header.get("alg").and_then(Value::as_str);
        signed_text(
            self.header_text(),
            self.claims_text(),
            key,
            alg.unwrap_or_default(),
        )
    }
}

/// The compact form of exactly these texts, signed.
pub fn signed_text(
    header: impl AsRef<[u8]>,
    claims: impl AsRef<[u8]>,
    key: &Key,
    alg: &str,
) -> String {
    sealed(header, claims, |input| key.sign(alg, input))
}

/// The compact form of exactly these texts, with the signature that `sign` returns.
pub fn sealed(
    header: impl AsRef<[u8]>,
    claims: impl AsRef<[u8]>,
    sign: impl FnOnce(&[u8]) -> Vec<u8>,
) -> String {
    let input = signing_input(header, claims);
    let signature = base64url(sign(input.as_bytes()));
    format!("{input}.{signature}")
}

/// The text that is signed: the first two segments of the compact form.
pub fn signing_input(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    format!("{}.{}", base64url(header), base64url(claims))
}

/// The same token with one bit of its signature's first byte changed.
pub fn with_bad_signature(token: &str) -> String {
    let (input, signature) = token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{input}.{other}{}", &signature[1..])
}

/// Seconds since the epoch.
#[allow(clippy::disallowed_methods, reason = "tokens contain the current time")]
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.expect("after 1970").as_secs()).expect("fits")
}
