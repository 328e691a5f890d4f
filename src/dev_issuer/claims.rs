//! The claims of a token, in the form of Scalekit's tokens.

use serde_json::{Map, Value, json};

use crate::dev_issuer::{
    clients::RegisteredClient,
    keys::{KeyError, random_id},
};

/// `exp` - `iat` of every token, in seconds.
pub(crate) const TOKEN_LIFETIME: u64 = 86_400;

/// The claims of a token of `client` with these scopes. `issued_at` is in seconds since 1970.
pub(crate) fn of(
    client: &RegisteredClient,
    scopes: &[&str],
    issuer: &str,
    issued_at: u64,
) -> Result<Map<String, Value>, KeyError> {
    let mut custom_claims = Map::new();
    if let Some(environment) = client.environment {
        custom_claims.insert("environment".into(), environment.into());
    }
    let mut claims = Map::new();
    claims.insert("iss".into(), issuer.into());
    claims.insert("sub".into(), client.id.into());
    claims.insert("client_id".into(), client.id.into());
    claims.insert("oid".into(), client.organisation.into());
    claims.insert("scopes".into(), json!(scopes));
    claims.insert("custom_claims".into(), custom_claims.into());
    claims.insert("jti".into(), random_id()?.into());
    claims.insert("iat".into(), issued_at.into());
    claims.insert("nbf".into(), issued_at.into());
    claims.insert("exp".into(), (issued_at + TOKEN_LIFETIME).into());
    if let Some(audience) = client.audience {
        claims.insert("aud".into(), json!([audience]));
    }
    Ok(claims)
}
