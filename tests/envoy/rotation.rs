//! Keys that change while requests keep coming: no token is refused whose key is published.

use std::sync::{Arc, Mutex};

use accredit::dev_issuer::server::DevIssuer;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::support::config::{ACME, issuer};
use super::support::scene::Scene;
use accredit_test_support::client::{Answer, RawRequest};
use accredit_test_support::http2_client::{Http2, request, whole};
use accredit_test_support::issuer::KeyServer;
use accredit_test_support::keys::{rsa, set};
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

/// Enough that some are under way at every moment of the change.
const LOADERS: usize = 4;

type Mint = Arc<dyn Fn(usize) -> String + Send + Sync>;

/// Requests that keep coming, with the tokens that are minted at the moment.
struct Load {
    mints: Arc<Mutex<Vec<(&'static str, Mint)>>>,
    answers: mpsc::Receiver<(&'static str, Answer)>,
    _loaders: JoinSet<()>,
}

impl Load {
    async fn start(scene: &Scene, name: &'static str, mint: Mint) -> Self {
        let mints = Arc::new(Mutex::new(vec![(name, mint)]));
        let (sender, answers) = mpsc::channel(1);
        let mut loaders = JoinSet::new();
        for loader in 0..LOADERS {
            let client = Http2::connect(scene.envoy.address()).await;
            let (mints, sender) = (Arc::clone(&mints), sender.clone());
            loaders.spawn(async move {
                for number in 0.. {
                    let (name, mint) = {
                        let mints = mints.lock().unwrap();
                        mints[number % mints.len()].clone()
                    };
                    // Every other token is one that was seen before.
                    let token = mint(if number % 4 < 2 {
                        0
                    } else {
                        number * LOADERS + loader
                    });
                    let head = request("GET", "/", Some(&token));
                    let (answer, _) = client.send(head.body(whole("")).unwrap()).await;
                    if sender.send((name, answer)).await.is_err() {
                        return;
                    }
                }
            });
        }
        Self {
            mints,
            answers,
            _loaders: loaders,
        }
    }

    fn add(&self, name: &'static str, mint: Mint) {
        self.mints.lock().unwrap().push((name, mint));
    }

    fn remove(&self, name: &str) {
        self.mints.lock().unwrap().retain(|mint| mint.0 != name);
    }

    /// Judges the next answers, each with the name of its token.
    async fn judge(&mut self, count: usize, judge: impl Fn(&str, &Answer)) {
        for _ in 0..count {
            let (name, answer) = self.answers.recv().await.unwrap();
            judge(name, &answer);
        }
    }
}

fn admitted(name: &str, answer: &Answer) {
    assert_eq!(answer.status, 200, "{name}: {answer:?} {}", answer.text());
}

fn mint(kid: &'static str, number: usize) -> Mint {
    Arc::new(move |id| {
        Token::of_client(ACME, kid)
            .claim("jti", id)
            .signed(rsa(number))
    })
}

#[tokio::test]
async fn an_overlapping_key_rotation_refuses_no_valid_token() {
    let (one, two) = (rsa(0).jwk("one"), rsa(1).jwk("two"));
    let server = KeyServer::with_keys(set([one.clone()])).await;
    let jwks = format!("uri: '{}'", server.url("/keys"));
    let yaml = format!("issuers:\n{}", issuer(ACME, &jwks, &[]));
    let scene = Scene::start(Service::ready(&yaml).await).await;

    let mut load = Load::start(&scene, "one", mint("one", 0)).await;
    load.judge(60, admitted).await;
    server.serve("/keys", set([one, two.clone()]));
    load.add("two", mint("two", 1));
    load.judge(150, admitted).await;
    assert_eq!(
        server.count("/keys"),
        2,
        "one fetch for all that came with the new key"
    );
    // The issuer withdraws the old key when it no longer signs with it.
    load.remove("one");
    server.serve("/keys", set([two]));
    load.judge(60, |_, answer| assert_eq!(answer.status, 200))
        .await;
}

#[tokio::test]
async fn a_new_key_of_the_development_issuer_admits_at_once() {
    let issuer = DevIssuer::bind("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let (name, address) = (issuer.issuer(), issuer.local_addr());
    let (_stop, stopped) = oneshot::channel::<()>();
    let mut serving = JoinSet::new();
    serving.spawn(issuer.serve(async {
        let _ = stopped.await;
    }));
    // Its keys are found through discovery.
    let yaml = format!("issuers:\n  - issuer: '{name}'\n    audiences: [api.acme.example]\n");
    let scene = Scene::start(Service::ready(&yaml).await).await;
    let token = || async {
        let form =
            "grant_type=client_credentials&client_id=m2morg_1001&client_secret=dev-secret-1001";
        let answer = RawRequest::new("POST", "/oauth/token")
            .host(Some(address.to_string().as_bytes()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send(address)
            .await;
        answer.json()["access_token"].as_str().unwrap().to_owned()
    };

    let old = token().await;
    let mut load = Load::start(&scene, "old", Arc::new(move |_| old.clone())).await;
    load.judge(60, admitted).await;
    let rotate = RawRequest::new("POST", "/dev/rotate")
        .host(Some(address.to_string().as_bytes()))
        .body("");
    let rotating = rotate.send(address);
    let (rotated, ()) = tokio::join!(rotating, load.judge(20, admitted));
    assert_eq!(rotated.status, 200, "{rotated:?}");
    let new = token().await;
    load.add("new", Arc::new(move |_| new.clone()));
    load.judge(200, |name, answer| match name {
        "new" => admitted(name, answer),
        // This issuer withdraws the old key at once: its tokens are good until that is known, and then the key is
        // unknown, or may be new again.
        _ => assert!(
            answer.status == 200
                || answer.status == 503 && answer.header("retry-after").is_some()
                || answer.status == 401 && answer.text().contains("key is unknown"),
            "{answer:?} {}",
            answer.text()
        ),
    })
    .await;
}
