//! Tokens: good ones, and junk of every kind.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::key_server::RotatingKeys;

pub(crate) const ISSUER: &str = "https://issuer.test";

/// A published key.
pub(crate) struct SigningKey {
    pair: Ed25519KeyPair,
    kid: String,
}

/// Signs with a key that was published a rotation ago, as issuers should. Each rotation publishes the key of the next one
/// and withdraws the key of the one before.
pub(crate) struct Signer {
    keys: Mutex<SignerKeys>,
    stranger: SigningKey,
}

struct SignerKeys {
    next_number: u64,
    withdrawn: Option<Arc<SigningKey>>,
    previous: Option<Arc<SigningKey>>,
    current: Arc<SigningKey>,
    next: Arc<SigningKey>,
}

impl SigningKey {
    fn new(kid: String) -> SigningKey {
        let pair = Ed25519KeyPair::generate().unwrap();
        SigningKey { pair, kid }
    }

    fn jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key());
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.kid, "x": x })
    }

    fn token(&self, claims: &Value) -> String {
        let header = json!({ "alg": "EdDSA", "kid": self.kid, "typ": "JWT" });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", part(&header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(input.as_bytes()));
        format!("{input}.{signature}")
    }
}

impl Signer {
    pub(crate) fn new(published: &RotatingKeys) -> Signer {
        let key = |number: u64| Arc::new(SigningKey::new(format!("key-{number}")));
        let keys = SignerKeys {
            next_number: 2,
            withdrawn: None,
            previous: None,
            current: key(0),
            next: key(1),
        };
        keys.publish(published);
        Signer {
            keys: Mutex::new(keys),
            stranger: SigningKey::new("key-0".to_owned()),
        }
    }

    pub(crate) fn rotate(&self, published: &RotatingKeys) {
        let mut keys = self.keys.lock().unwrap();
        let new = Arc::new(SigningKey::new(format!("key-{}", keys.next_number)));
        keys.next_number += 1;
        let current = Arc::clone(&keys.next);
        let previous = std::mem::replace(&mut keys.current, current);
        keys.withdrawn = keys.previous.replace(previous);
        keys.next = new;
        keys.publish(published);
    }

    /// A token that only the withdrawal of its key makes bad.
    pub(crate) fn withdrawn_token(&self) -> Option<String> {
        let withdrawn = self.keys.lock().unwrap().withdrawn.clone()?;
        Some(withdrawn.token(&claims("withdrawn")))
    }

    /// A good token, whose `sub` is that.
    pub(crate) fn good(&self, subject: &str) -> String {
        self.current().token(&claims(subject))
    }

    /// A token that must not be admitted, unlike any other.
    pub(crate) fn junk(&self, number: u64) -> String {
        let subject = format!("junk-{number}");
        let mut claims = claims(&subject);
        match number % 100 {
            // An unknown key, which causes a fetch of keys at most once in ten seconds.
            0 => SigningKey::new(format!("none-{number}")).token(&claims),
            1..10 => {
                claims["padding"] = random(6_000).into();
                self.stranger.token(&claims)
            }
            10..20 => format!("{}.{}.{}", random(60), random(300), random(64)),
            20..30 => random(1_500),
            30..45 => {
                claims["exp"] = 1.into();
                self.current().token(&claims)
            }
            45..60 => {
                claims["aud"] = "other.test".into();
                self.current().token(&claims)
            }
            60..70 => {
                claims["iss"] = format!("https://{number}.test").into();
                self.current().token(&claims)
            }
            70..80 => format!("{}AA", self.current().token(&claims)),
            _ => {
                let good = self.current().token(&claims);
                let (input, _) = good.rsplit_once('.').unwrap();
                format!("{input}.{}", random(64))
            }
        }
    }

    fn current(&self) -> Arc<SigningKey> {
        Arc::clone(&self.keys.lock().unwrap().current)
    }
}

impl SignerKeys {
    fn publish(&self, published: &RotatingKeys) {
        let keys = self.previous.iter().chain([&self.current, &self.next]);
        let keys: Vec<_> = keys.map(|key| key.jwk()).collect();
        published.publish(json!({ "keys": keys }).to_string());
    }
}

fn claims(subject: &str) -> Value {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = since.unwrap().as_secs();
    json!({
        "iss": ISSUER, "aud": "api.test", "sub": subject, "iat": now, "exp": now + 3600,
        "scopes": ["read:deployments", "deploy:applications"], "oid": "org_2001",
        "custom_claims": { "environment": "production_us" },
    })
}

/// The base64url text of that many random bytes.
fn random(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    SystemRandom::new().fill(&mut random).unwrap();
    URL_SAFE_NO_PAD.encode(random)
}
