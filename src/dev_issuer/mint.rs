//! Tokens in the shape Scalekit gives them, and every departure from it that someone may want to try.

use std::{
    error::Error,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use serde_json::{Map, Value, json};

use crate::dev_issuer::{
    claims,
    clients::{Client, WITH_AUDIENCE},
    keys::{KeyError, SigningKey},
};

/// How long ago a token minted with `expired` ended, in seconds: beyond any clock skew.
const EXPIRED_SINCE: u64 = 3_600;

/// Signs tokens with the issuer's current key. Clones share the key, and its rotation.
#[derive(Clone)]
pub struct Minter {
    shared: Arc<Shared>,
}

struct Shared {
    issuer: String,
    current: RwLock<Arc<SigningKey>>,
    /// Signs what is to look forged; its public part is never served.
    forger: SigningKey,
}

/// A signed token and what was signed.
pub struct Minted {
    /// The compact JWS.
    pub token: String,
    /// Its claims.
    pub claims: Map<String, Value>,
    /// When it was signed, which `iat` need not say.
    pub signed_at: u64,
}

impl Minter {
    /// A minter for this issuer, with new keys. Not for an async thread: it makes them.
    pub fn generate(issuer: String) -> Result<Minter, KeyError> {
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

    /// What `iss` says.
    pub fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    /// A token with all scopes of this client, or nothing where no such client is registered.
    pub fn client_token(&self, client_id: &str) -> Option<String> {
        let client = Client::find(client_id)?;
        let minted = self.issue(client, client.scopes).ok()?;
        Some(minted.token)
    }

    /// A token of this client with these scopes, as the token endpoint gives it.
    pub fn issue(&self, client: &Client, scopes: &[&str]) -> Result<Minted, KeyError> {
        let signed_at = unix_now();
        let claims = claims::of(client, scopes, self.issuer(), signed_at)?;
        let key = self.current();
        Ok(Minted {
            token: key.sign(Some(key.kid()), &claims)?,
            claims,
            signed_at,
        })
    }

    /// A token whose claims are those of the first client, or of the client that `client_id` names,
    /// overridden by the members given (null removes a claim), and bent by the switches `expired`,
    /// `forged` and `kid`.
    pub fn mint(&self, overrides: &Map<String, Value>) -> Result<String, MintError> {
        self.mint_with_claims(overrides).map(|minted| minted.token)
    }

    /// The same as [`Minter::mint`], with the claims that were signed.
    pub fn mint_with_claims(&self, overrides: &Map<String, Value>) -> Result<Minted, MintError> {
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
            true => signed_at.saturating_sub(EXPIRED_SINCE + claims::LIFETIME),
            false => signed_at,
        };
        let client = overrides
            .get("client_id")
            .and_then(Value::as_str)
            .and_then(Client::find)
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

    /// Replaces the key and returns the new `kid`. Where none can be made the old key stays, and its
    /// `kid` is what is returned. Not for an async thread: it makes a key.
    pub fn rotate(&self) -> String {
        self.replace_key()
            .unwrap_or_else(|_| self.current().kid().to_owned())
    }

    /// The same as [`Minter::rotate`], which says why no key could be made.
    pub fn replace_key(&self) -> Result<String, KeyError> {
        let key = Arc::new(SigningKey::generate()?);
        let kid = key.kid().to_owned();
        // A poisoned lock holds a whole key all the same: the only write is this one assignment.
        *self
            .shared
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner) = key;
        Ok(kid)
    }

    /// The JWK Set with the one current key.
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

#[allow(
    clippy::disallowed_methods,
    reason = "an issuer stamps its tokens; here alone it reads the clock"
)]
fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// Why no token was minted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MintError {
    /// This switch is neither true nor false.
    SwitchNotBoolean(&'static str),
    /// The switch `kid` is neither a string nor null.
    KidNotText,
    /// The key did not sign.
    Key(KeyError),
}

impl fmt::Display for MintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MintError::SwitchNotBoolean(name) => write!(f, "{name} must be true or false"),
            MintError::KidNotText => f.write_str("kid must be a string, or null for none"),
            MintError::Key(_) => f.write_str("the token could not be made"),
        }
    }
}

impl Error for MintError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            MintError::Key(error) => Some(error),
            MintError::SwitchNotBoolean(_) | MintError::KidNotText => None,
        }
    }
}

impl From<KeyError> for MintError {
    fn from(error: KeyError) -> MintError {
        MintError::Key(error)
    }
}
