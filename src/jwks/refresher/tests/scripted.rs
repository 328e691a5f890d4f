//! A source that answers as a test prescribes, by the clock of the test.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use accredit_core::keys::access::KeyAccess;
use accredit_core::keys::error::KeySetError;
use accredit_core::keys::key_set::KeySet;
use accredit_core::keys::ledger::Purpose;
use accredit_core::keys::source::{FetchSettings, KeyAddress, KeySource, Transport};
use accredit_core::keys::store::KeyStore;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::jwks::error::{ContentError, FetchError, RequestError, RequestFailure};
use crate::jwks::fetcher::{Fetch, FetchedKeySet, FetchedKeys};
use crate::jwks::refresher::Refresher;

/// How long a fetch may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// What the source does on a fetch.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// After this time, it gives the set that it has then.
    Set {
        after: Duration,
        max_age: Option<u64>,
    },
    /// It confirms the set that it gave last, whatever it has.
    Unchanged,
    /// It answers with that status.
    Status(u16, Option<u64>),
    /// It gives something that is not a key set.
    Rubbish,
    /// It does not answer, or not to the end.
    Hang,
    /// The fetch panics.
    Panic,
}

/// One key under one name.
pub(super) type Named = (&'static str, usize);

#[derive(Default)]
struct ScriptState {
    keys: Vec<Named>,
    asked: Vec<Instant>,
    in_flight: usize,
    most_in_flight: usize,
    given: Option<Given>,
    has_answered: bool,
}

/// What the source gave, or confirmed, last.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) asked: Instant,
    pub(super) keys: Vec<Named>,
}

/// The source, and its clones are the same.
#[derive(Clone)]
pub(super) struct ScriptedSource {
    reply: Arc<Mutex<Reply>>,
    state: Arc<Mutex<ScriptState>>,
}

pub(super) const GOOD: Reply = Reply::Set {
    after: Duration::ZERO,
    max_age: None,
};

// === impl ScriptedSource ===

impl ScriptedSource {
    pub(super) fn of(keys: &[Named]) -> ScriptedSource {
        let state = ScriptState {
            keys: keys.to_vec(),
            ..ScriptState::default()
        };
        ScriptedSource {
            reply: Arc::new(Mutex::new(GOOD)),
            state: Arc::new(Mutex::new(state)),
        }
    }

    pub(super) fn replies(&self, reply: Reply) {
        *self.reply.lock().expect("is whole") = reply;
    }

    pub(super) fn has(&self, keys: &[Named]) {
        self.state.lock().expect("is whole").keys = keys.to_vec();
    }

    pub(super) fn keys(&self) -> Vec<Named> {
        self.state.lock().expect("is whole").keys.clone()
    }

    /// When it was asked.
    pub(super) fn request_times(&self) -> Vec<Instant> {
        self.state.lock().expect("is whole").asked.clone()
    }

    pub(super) fn given(&self) -> Option<Given> {
        self.state.lock().expect("is whole").given.clone()
    }

    pub(super) fn most_in_flight(&self) -> usize {
        self.state.lock().expect("is whole").most_in_flight
    }

    /// As if an earlier process had been given these.
    pub(super) fn gave_before(&self, given: Given) {
        self.state.lock().expect("is whole").given = Some(given);
    }

    async fn answer(&self, asked: Instant) -> Result<FetchedKeys, FetchError> {
        let reply = self.reply.lock().expect("is whole").clone();
        match reply {
            Reply::Set { after, max_age } => {
                tokio::time::sleep(after).await;
                let mut state = self.state.lock().expect("is whole");
                let keys = state.keys.clone();
                state.has_answered = true;
                state.given = Some(Given {
                    asked,
                    keys: keys.clone(),
                });
                Ok(FetchedKeys {
                    key_set: Some(FetchedKeySet::parse(
                        text(&keys).into_bytes(),
                        String::new(),
                    )?),
                    max_age: max_age.map(Duration::from_secs),
                })
            }
            Reply::Unchanged => {
                let mut state = self.state.lock().expect("is whole");
                // Otherwise there is nothing that it confirms, and the fetch fails.
                if let (true, Some(given)) = (state.has_answered, &mut state.given) {
                    given.asked = asked;
                }
                Ok(FetchedKeys {
                    key_set: None,
                    max_age: None,
                })
            }
            Reply::Status(status, retry_after) => Err(failed(RequestFailure::Status {
                status,
                retry_after: retry_after.map(Duration::from_secs),
            })),
            Reply::Rubbish => Err(FetchError::Content {
                origin: String::new(),
                content: ContentError::KeySet(KeySetError::NoKeys),
            }),
            Reply::Hang => std::future::pending().await,
            Reply::Panic => panic!("the test makes this fetch panic"),
        }
    }
}

impl Fetch for ScriptedSource {
    async fn fetch(&mut self, _: Purpose) -> Result<FetchedKeys, FetchError> {
        let asked = Instant::now();
        {
            let mut state = self.state.lock().expect("is whole");
            state.asked.push(asked);
            state.in_flight += 1;
            state.most_in_flight = state.most_in_flight.max(state.in_flight);
        }
        let _landing = Landing(self);
        tokio::time::timeout(TIMEOUT, self.answer(asked))
            .await
            .unwrap_or(Err(failed(RequestFailure::TimedOut(TIMEOUT))))
    }

    fn forget(&mut self) {}
}

struct Landing<'a>(&'a ScriptedSource);

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.0.state.lock().expect("is whole").in_flight -= 1;
    }
}

fn failed(cause: RequestFailure) -> FetchError {
    FetchError::Request(RequestError {
        address: String::new(),
        cause,
    })
}

/// The text of a set of these.
pub(super) fn text(keys: &[Named]) -> String {
    static KEYS: [OnceLock<String>; 4] = [const { OnceLock::new() }; 4];
    let jwk = |(kid, number): &Named| {
        let x = KEYS[*number].get_or_init(|| {
            let pair = Ed25519KeyPair::generate().expect("a key can be made");
            URL_SAFE_NO_PAD.encode(pair.public_key())
        });
        format!(r#"{{"kid":"{kid}","kty":"OKP","crv":"Ed25519","x":"{x}"}}"#)
    };
    let keys: Vec<String> = keys.iter().map(jwk).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

/// A set of these.
pub(super) fn set(keys: &[Named]) -> KeySet {
    KeySet::parse(text(keys).as_bytes()).expect("is a set")
}

/// Five minutes between refreshes, a day of life.
pub(super) fn settings() -> FetchSettings {
    FetchSettings {
        refresh: Duration::from_secs(300),
        max_stale: Duration::from_secs(24 * 60 * 60),
        timeout: TIMEOUT,
        ca_file: None,
        access: KeyAccess::default(),
    }
}

/// An empty store.
pub(super) fn store() -> Arc<KeyStore> {
    let address = KeyAddress::parse("https://a.example/keys", Transport::Https);
    let source = KeySource::Uri(address.expect("is an address"));
    Arc::new(KeyStore::new(source, Instant::now().into_std()))
}

/// A store whose refresher runs until it is dropped.
pub(super) struct RefreshedStore {
    pub(super) store: Arc<KeyStore>,
    _refreshing: JoinSet<()>,
}

impl RefreshedStore {
    pub(super) fn from(source: &ScriptedSource, store: Arc<KeyStore>) -> RefreshedStore {
        let turns = Arc::new(Semaphore::new(1));
        let refresher = Refresher::new(store.clone(), source.clone(), settings(), turns);
        let mut refreshing = JoinSet::new();
        refreshing.spawn(refresher.run());
        RefreshedStore {
            store,
            _refreshing: refreshing,
        }
    }
}

/// Moves the clock by this time.
pub(super) async fn pass(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}
