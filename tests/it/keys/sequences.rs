//! Whatever a key server does, in whatever order: a token is admitted only by a key of the set that was fetched last, and
//! is admitted once the server behaves.

use crate::support::check_request::ClientRequest;
use crate::support::connection::Envoy;
use crate::support::eventually::eventually;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::{Key, p256, set};
use crate::support::service::{Service, issuer_at};
use crate::support::token::Token;

const SEQUENCES: u64 = 4;
const STEPS: usize = 40;
const NAMES: [&str; 3] = ["a", "b", "c"];

/// Numbers that look like chance and are the same each time (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    /// Which key bears each name, if any: names are reused, and keys come back.
    fn keys(&mut self) -> [Option<usize>; 3] {
        [(); 3].map(|()| (self.below(4) > 0).then(|| self.below(4)))
    }
}

fn text(keys: [Option<usize>; 3]) -> String {
    set(NAMES
        .into_iter()
        .zip(keys)
        .filter_map(|(kid, key)| Some(p256(key?).jwk(kid))))
}

/// Every way to fail that a server of these keys has.
fn failure(chance: &mut Chance, keys: [Option<usize>; 3]) -> Reply {
    let good = || Answer::of(200, text(keys));
    let failures: [Reply; 9] = [
        Answer::of(500, text(keys)).into(),
        Answer::of(404, text(keys)).into(),
        Answer::of(304, "").into(),
        Answer::of(200, "<html>sign in</html>").into(),
        Answer::of(200, "{\"keys\":[{\"kty\":\"oct\"}]}").into(),
        Answer::of(302, "")
            .with("location", "http://127.0.0.2/keys")
            .into(),
        Reply::Hang,
        Reply::Drip(good()),
        Reply::Drop(good()),
    ];
    failures[chance.below(failures.len())].clone()
}

/// Until one has succeeded: the first may join one that the server still fails.
async fn fetch(service: &Service) {
    eventually("a fetch succeeds", async || {
        let result = service.refresh_keys().await.remove(0);
        result.last_error.is_empty().then_some(())
    })
    .await;
}

async fn admits(envoy: &Envoy, issuer: &str, kid: &str, key: &Key) -> bool {
    let token = Token::of(issuer).alg("ES256").kid(kid).signed(key);
    envoy
        .check(ClientRequest::bearer(&token))
        .await
        .is_admission()
}

/// Sends a token under each name by each key. A token may cause a fetch; while the server fails that changes nothing.
async fn assert_admits_exactly(
    envoy: &Envoy,
    issuer: &str,
    fetched: [Option<usize>; 3],
    what: &str,
) {
    for (kid, held) in NAMES.into_iter().zip(fetched) {
        for number in 0..4 {
            assert_eq!(
                admits(envoy, issuer, kid, p256(number)).await,
                held == Some(number),
                "{what}: key {number} as {kid}, where {fetched:?} was fetched"
            );
        }
    }
}

#[tokio::test]
async fn only_the_latest_fetched_keys_admit_and_fetches_always_recover() {
    for seed in 1..=SEQUENCES {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut fetched = chance.keys();
        fetched[0] = Some(0);
        let server = KeyServer::with_keys(text(fetched)).await;
        let issuer = server.url("");
        let configuration = issuer_at(&server, "algorithms: [ES256]")
            .replace("/keys' }", "/keys', timeout: 150ms }");
        let service = Service::ready(&configuration).await;
        let envoy = service.envoy().await;
        let mut published = fetched;
        for step in 0..STEPS {
            let what = format!("sequence {seed}, step {step}");
            match chance.below(3) {
                0 => {
                    published = chance.keys();
                    server.serve("/keys", text(published));
                    fetch(&service).await;
                    fetched = published;
                }
                1 => {
                    server.serve("/keys", failure(&mut chance, published));
                    service.refresh_keys().await;
                }
                // The keys change, and no fetch succeeds.
                _ => {
                    published = chance.keys();
                    server.serve("/keys", failure(&mut chance, published));
                }
            }
            assert_admits_exactly(&envoy, &issuer, fetched, &what).await;
        }
        server.serve("/keys", text(published));
        fetch(&service).await;
        let what = format!("sequence {seed}, recovered");
        assert_admits_exactly(&envoy, &issuer, published, &what).await;
    }
}
