//! Signs tokens in the form of Scalekit's, and tokens with chosen claims or faults (CONTRACT 2.7.7).

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use serde_json::{Map, Value, json};

use crate::dev_issuer::{
    claims,
    clients::{RegisteredClient, WITH_AUDIENCE},
    keys::{KeyError, SigningKey},
};

/// How long ago a token with the switch `expired` expired, in seconds. It exceeds any usual clock skew.
const EXPIRED_SECONDS_AGO: u64 = 3_600;

/// Signs tokens with the current key of the issuer. Clones share the key and its rotation.
#[derive(Clone)]
pub struct Minter {
    shared: Arc<Shared>,
}

struct Shared {
    issuer: String,
    current: RwLock<Arc<SigningKey>>,
    /// Signs tokens with the switch `forged`. Its public part is not in the key set.
    forger: SigningKey,
}

/// A signed token and its claims.
pub(crate) struct Minted {
    pub(crate) token: String,
    pub(crate) claims: Map<String, Value>,
    /// The time of signing, in seconds since 1970. `iat` can differ.
    pub(crate) signed_at: u64,
}

impl Minter {
    /// A minter for this issuer. Generates two keys, so do not call it on an async thread.
    pub(crate) fn generate(issuer: String) -> Result<Minter, KeyError> {
        let current = RwLock::new(Arc::new(SigningKey::generate()?));
        let forger = SigningKey::generate()?;
        Ok(Minter {
            shared: Arc::new(Shared {
                issuer,
                current,
                forger,
            }),
        })
    }

    /// The `iss` of the tokens.
    pub(crate) fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    /// A token with all scopes of this client; `None` if no client has this id.
    pub fn client_token(&self, client_id: &str) -> Option<String> {
        let client = RegisteredClient::find(client_id)?;
        let minted = self.issue(client, client.scopes).ok()?;
        Some(minted.token)
    }

    /// A token of `client` with these scopes, as the token endpoint issues it.
    pub(crate) fn issue(
        &self,
        client: &RegisteredClient,
        scopes: &[&str],
    ) -> Result<Minted, KeyError> {
        let signed_at = unix_now();
        let claims = claims::of(client, scopes, self.issuer(), signed_at)?;
        let key = self.current();
        Ok(Minted {
            token: key.sign(Some(key.kid()), &claims)?,
            claims,
            signed_at,
        })
    }

    /// A token with chosen claims. Its claims are those of the first client, or of the client that `client_id` names. Each
    /// member of `overrides` replaces a claim (null removes it), except the switches `expired`, `forged` and `kid`.
    pub(crate) fn mint(&self, overrides: &Map<String, Value>) -> Result<Minted, MintError> {
        let mut overrides = overrides.clone();
        let expired = take_switch(&mut overrides, "expired")?;
        let forged = take_switch(&mut overrides, "forged")?;
        let current = self.current();
        let kid = match overrides.remove("kid") {
            None => Some(current.kid().to_owned()),
            Some(Value::Null) => None,
            Some(Value::String(kid)) => Some(kid),
            Some(_) => return Err(MintError::KidNotText),
        };

        let signed_at = unix_now();
        let issued_at = match expired {
            true => signed_at.saturating_sub(EXPIRED_SECONDS_AGO + claims::TOKEN_LIFETIME),
            false => signed_at,
        };
        let client = overrides
            .get("client_id")
            .and_then(Value::as_str)
            .and_then(RegisteredClient::find)
            .unwrap_or(&WITH_AUDIENCE);
        let mut claims = claims::of(client, client.scopes, self.issuer(), issued_at)?;
        for (name, value) in overrides {
            match value {
                Value::Null => claims.remove(&name),
                value => claims.insert(name, value),
            };
        }

        let key = if forged {
            &self.shared.forger
        } else {
            &*current
        };
        Ok(Minted {
            token: key.sign(kid.as_deref(), &claims)?,
            claims,
            signed_at,
        })
    }

    /// Replaces the key, and returns the new `kid`. Generates a key, so do not call it on an async thread.
    pub(crate) fn rotate(&self) -> Result<String, KeyError> {
        let key = Arc::new(SigningKey::generate()?);
        let kid = key.kid().to_owned();
        // A poisoned lock still holds a complete key: this assignment is the only write.
        *self
            .shared
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner) = key;
        Ok(kid)
    }

    /// The JWK Set with the current key.
    pub fn key_set(&self) -> Value {
        json!({ "keys": [self.current().public_jwk()] })
    }

    fn current(&self) -> Arc<SigningKey> {
        self.shared
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl fmt::Debug for Minter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minter")
            .field("issuer", &self.shared.issuer)
            .finish_non_exhaustive()
    }
}

fn take_switch(overrides: &mut Map<String, Value>, name: &'static str) -> Result<bool, MintError> {
    match overrides.remove(name) {
        None => Ok(false),
        Some(Value::Bool(on)) => Ok(on),
        Some(_) => Err(MintError::SwitchNotBoolean(name)),
    }
}

#[allow(clippy::disallowed_methods, reason = "an issuer dates its tokens")]
fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// Why a token could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MintError {
    #[error("{0} must be true or false")]
    SwitchNotBoolean(&'static str),
    #[error("kid must be a string, or null for a token without kid")]
    KidNotText,
    #[error("cannot make the token: {0}")]
    Key(#[from] KeyError),
}
