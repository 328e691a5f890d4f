//! An issuer's key set and tokens, and what has to become of them.

use serde_json::{Map, Value, json};

use crate::support::check_request::ClientRequest;
use crate::support::issuer::KeyServer;
use crate::support::keys::Key;
use crate::support::service::Service;
use crate::support::token::{Token, now};

use super::page;

/// Samples for the section with that heading.
pub(super) struct Sample {
    pub(super) heading: &'static str,
    key: &'static Key,
    /// The members of the key set.
    keys: Map<String, Value>,
    pub(super) admitted: Vec<Bearer>,
    pub(super) refused: Vec<(Bearer, &'static str)>,
}

/// A token, and the claim headers that it sets.
pub(super) struct Bearer {
    pub(super) name: &'static str,
    text: String,
    headers: Vec<(&'static str, &'static str)>,
}

/// How a serializer writes the members of one key.
pub(super) type Rewrite = fn(Map<String, Value>) -> Map<String, Value>;

impl Sample {
    /// A sample whose tokens are signed with that key, which is among these.
    pub(super) fn of(heading: &'static str, key: &'static Key, keys: Vec<Value>) -> Sample {
        let mut set = Map::new();
        set.insert("keys".to_owned(), keys.into());
        Sample {
            heading,
            key,
            keys: set,
            admitted: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// With a member of the set beside `keys`.
    pub(super) fn beside_keys(mut self, name: &str, value: impl Into<Value>) -> Sample {
        self.keys.insert(name.to_owned(), value.into());
        self
    }

    /// A token that has to be admitted with these claim headers.
    pub(super) fn admits(
        mut self,
        name: &'static str,
        header: &Value,
        claims: &Value,
        headers: &[(&'static str, &'static str)],
    ) -> Sample {
        let text = signed(self.key, header, claims);
        let headers = headers.to_vec();
        self.admitted.push(Bearer {
            name,
            text,
            headers,
        });
        self
    }

    /// A token that has to be refused with that reason.
    pub(super) fn refuses(
        self,
        name: &'static str,
        header: &Value,
        claims: &Value,
        reason: &'static str,
    ) -> Sample {
        let text = signed(self.key, header, claims);
        self.refuses_text(name, &text, reason)
    }

    /// A text that is no token here, and has to be refused with that reason.
    pub(super) fn refuses_text(
        mut self,
        name: &'static str,
        text: &str,
        reason: &'static str,
    ) -> Sample {
        let text = text.to_owned();
        let headers = Vec::new();
        let bearer = Bearer {
            name,
            text,
            headers,
        };
        self.refused.push((bearer, reason));
        self
    }

    /// The service with the configuration of the section, and with the key set as that serializer writes it.
    pub(super) async fn serve(&self, rewrite: Rewrite) -> Service {
        let mut set = self.keys.clone();
        for key in set["keys"].as_array_mut().unwrap() {
            *key = rewrite(key.as_object().unwrap().clone()).into();
        }
        let server = KeyServer::with_keys(Value::from(set).to_string()).await;
        let configuration = page::configuration(self.heading, &server.url("/keys"));
        // The service is ready once it has the keys, so the server is not needed any more.
        Service::ready(&configuration).await
    }

    /// Every token is decided as the section says.
    pub(super) async fn is_decided_as_documented(&self) {
        let service = self.serve(|key| key).await;
        let envoy = service.envoy().await;
        for token in &self.admitted {
            let answer = envoy.check(token.request()).await;
            assert_eq!(answer.reason(), "allowed", "{}", token.name);
            for (header, value) in &token.headers {
                assert_eq!(answer.header(header), Some(*value), "{}", token.name);
            }
        }
        for (token, reason) in &self.refused {
            let answer = envoy.check(token.request()).await;
            assert_eq!(answer.reason(), *reason, "{}", token.name);
        }
    }
}

impl Bearer {
    pub(super) fn request(&self) -> ClientRequest {
        ClientRequest::bearer(&self.text)
    }
}

/// A claim set that is good for these seconds, with these claims.
pub(super) fn claims(lifetime: i64, claims: Value) -> Value {
    let mut all = json!({ "iat": now() - 5, "exp": now() - 5 + lifetime });
    for (name, value) in claims.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

/// These claims with those changed; `null` removes one.
pub(super) fn but(claims: &Value, changes: Value) -> Value {
    let mut all = claims.as_object().unwrap().clone();
    for (name, value) in changes.as_object().unwrap() {
        all.remove(name);
        if !value.is_null() {
            all.insert(name.clone(), value.clone());
        }
    }
    all.into()
}

fn signed(key: &Key, header: &Value, claims: &Value) -> String {
    Token::exactly(header.clone(), claims.clone()).signed(key)
}
