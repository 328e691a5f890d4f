//! Keys that come, go, hang and change under the service.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde_json::json;
use tokio::sync::Semaphore;

use super::support::check_request::Ask;
use super::support::eventually::{eventually, within};
use super::support::issuer::{Answer, KeyServer, Reply};
use super::support::keys::{p256, rsa, set};
use super::support::service::{Envoy, Service, inline_issuer, issuer_at};
use super::support::token::{Token, now};

/// What a caller waits when a test lets a wait run out.
const SHORT: Duration = Duration::from_secs(1);

struct Place {
    server: KeyServer,
    service: Service,
    envoy: Envoy,
}

/// A server with one RSA key `k`, and the service that has fetched it.
async fn place(lines: &str) -> Place {
    let server = KeyServer::with_keys(set([rsa(0).jwk("k")])).await;
    let service = Service::ready(&issuer_at(&server, lines)).await;
    assert_eq!(server.count("/keys"), 1);
    Place {
        envoy: service.envoy().await,
        service,
        server,
    }
}

impl Place {
    fn token(&self) -> Token {
        Token::of(&self.server.url(""))
    }

    /// A token that the key of the start has signed.
    fn known(&self) -> String {
        self.token().signed(rsa(0))
    }

    /// A token under a kid that is not held, signed by a key that is not held either.
    fn unknown(&self, kid: &str) -> String {
        self.token().kid(kid).signed(rsa(1))
    }

    async fn reason(&self, token: &str) -> String {
        self.envoy.check(Ask::bearer(token)).await.reason()
    }

    /// From now on the server holds answers back until it is given permits.
    fn gate(&self, keys: String) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.server
            .serve("/keys", Reply::When(gate.clone(), Answer::of(200, keys)));
        gate
    }

    fn fetches(&self) -> usize {
        self.server.count("/keys")
    }
}

fn old_keys() -> String {
    set([rsa(0).jwk("k")])
}

// === An unknown key ===

#[tokio::test]
async fn a_new_key_is_fetched_for_the_first_token_that_names_it() {
    let place = place("").await;
    place
        .server
        .serve("/keys", set([rsa(0).jwk("k"), rsa(1).jwk("new")]));
    assert_eq!(place.reason(&place.unknown("new")).await, "allowed");
    assert_eq!(place.reason(&place.known()).await, "allowed");
    assert_eq!(place.fetches(), 2);
}

#[tokio::test]
async fn a_key_that_a_later_fetch_lacks_is_unknown() {
    let place = place("").await;
    for _ in 0..5 {
        assert_eq!(
            place.reason(&place.unknown("invented")).await,
            "unknown_key"
        );
    }
    assert_eq!(place.fetches(), 2);
    // Another one might have come since, and nobody may ask for it yet.
    let answer = place
        .envoy
        .check(Ask::bearer(&place.unknown("another")))
        .await;
    assert_eq!(answer.reason(), "key_pending");
    assert!(
        (1..=10).contains(&answer.retry_after().unwrap()),
        "{answer:?}"
    );
    // A refresh of the operator's tells of both, and spends nothing.
    place.service.refresh_keys().await;
    assert_eq!(place.reason(&place.unknown("another")).await, "unknown_key");
    assert_eq!(place.fetches(), 3);
}

#[tokio::test]
async fn a_fetch_that_began_before_cannot_tell_that_a_key_is_unknown() {
    let place = place("").await;
    let gate = place.gate(old_keys());
    let refreshing = place.service.refresh_keys();
    let asking = async {
        place.server.asked("/keys", 2).await;
        place.reason(&place.unknown("new")).await
    };
    let releasing = async {
        place.server.asked("/keys", 2).await;
        // The check waits by then, or comes too late to wait and starts a fetch of its own.
        tokio::task::yield_now().await;
        gate.add_permits(9);
    };
    let (_, reason, ()) = tokio::join!(refreshing, asking, releasing);
    assert!(
        ["key_pending", "unknown_key"].contains(&reason.as_str()),
        "{reason}"
    );
    assert_eq!(
        reason == "unknown_key",
        place.fetches() == 3,
        "only a fetch since then can tell"
    );
    assert_eq!(place.reason(&place.unknown("new")).await, "unknown_key");
    assert_eq!(place.fetches(), 3);
}

#[tokio::test]
async fn a_fetch_that_failed_leaves_unknown_keys_unavailable_and_known_ones_good() {
    let place = place("").await;
    place
        .server
        .serve("/keys", Answer::of(503, "no").with("retry-after", "77"));
    for kid in ["a", "a", "b"] {
        let answer = place.envoy.check(Ask::bearer(&place.unknown(kid))).await;
        assert_eq!(answer.reason(), "keys_unavailable", "{kid}");
        assert!(
            (70..=77).contains(&answer.retry_after().unwrap()),
            "{answer:?}"
        );
    }
    assert_eq!(place.reason(&place.known()).await, "allowed");
    assert_eq!(place.fetches(), 2, "it asked to be left alone");
    let told = place.service.issuers().await.remove(0);
    assert!(told.has_keys && told.last_error.contains("503"), "{told:?}");
    assert!(
        (60.0..=77.0).contains(&told.next_refresh_seconds.unwrap()),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_flood_of_invented_keys_costs_one_fetch_and_waits_in_bounds() {
    let place = place("").await;
    let gate = place.gate(old_keys());
    let mut checks: FuturesUnordered<_> = (0..100)
        .map(|number| {
            let (envoy, token) = (place.envoy.clone(), place.unknown(&format!("z{number}")));
            async move { envoy.check(Ask::bearer(&token)).await }
        })
        .collect();
    // 64 wait, and the others are told at once to come back.
    for _ in 0..36 {
        let answer = checks.next().await.unwrap();
        assert_eq!(answer.reason(), "key_pending");
        assert!(
            (1..=10).contains(&answer.retry_after().unwrap()),
            "{answer:?}"
        );
    }
    assert_eq!(place.fetches(), 2);
    assert_eq!(
        place.reason(&place.known()).await,
        "allowed",
        "nobody else waits"
    );
    gate.add_permits(9);
    let mut unknown = 0;
    while let Some(answer) = checks.next().await {
        match answer.reason().as_str() {
            "unknown_key" => unknown += 1,
            "key_pending" => {}
            other => panic!("{other}"),
        }
    }
    // The fetch began with the first of them, and can tell of none that was seen later.
    assert!(unknown >= 1);
    for number in 0..100 {
        let reason = place.reason(&place.unknown(&format!("y{number}"))).await;
        assert_eq!(reason, "key_pending");
    }
    assert_eq!(place.fetches(), 2);
}

#[tokio::test]
async fn after_the_cooldown_one_more_fetch_may_start() {
    let place = place("").await;
    assert_eq!(place.reason(&place.unknown("first")).await, "unknown_key");
    assert_eq!(place.reason(&place.unknown("second")).await, "key_pending");
    place
        .server
        .serve("/keys", set([rsa(0).jwk("k"), rsa(1).jwk("second")]));
    eventually("the cooldown ends", async || {
        (place.reason(&place.unknown("second")).await == "allowed").then_some(())
    })
    .await;
    assert_eq!(place.fetches(), 3);
}

#[tokio::test]
async fn a_server_that_hangs_costs_no_caller_its_deadline() {
    let place = place("").await;
    place.server.serve("/keys", Reply::Hang);
    let ask = Ask::bearer(&place.unknown("new"));
    let answer = place.envoy.check_within(ask, SHORT).await;
    assert_eq!(answer.reason(), "key_pending");
    // The caller who is gone stops no fetch, the next one joins it, and known keys do not wait.
    let ask = Ask::bearer(&place.unknown("other"));
    assert_eq!(
        place.envoy.check_within(ask, SHORT).await.reason(),
        "key_pending"
    );
    assert_eq!(place.reason(&place.known()).await, "allowed");
    assert_eq!(place.fetches(), 2);
}

#[tokio::test]
async fn the_services_own_patience_ends_a_wait_too() {
    let server = KeyServer::with_keys(old_keys()).await;
    let configuration = format!("{}check_timeout: 200ms\n", issuer_at(&server, ""));
    let service = Service::ready(&configuration).await;
    server.serve("/keys", Reply::Hang);
    let token = Token::of(&server.url("")).kid("new").signed(rsa(1));
    let answer = service.check(Ask::bearer(&token)).await;
    assert_eq!(answer.reason(), "key_pending");
}

#[tokio::test]
async fn a_caller_who_goes_away_stops_no_fetch() {
    let place = place("").await;
    let gate = place.gate(set([rsa(0).jwk("k"), rsa(1).jwk("new")]));
    let (envoy, token) = (place.envoy.clone(), place.unknown("new"));
    tokio::select! {
        answer = envoy.check(Ask::bearer(&token)) => panic!("{answer:?}"),
        () = place.server.asked("/keys", 2) => {}
    }
    gate.add_permits(1);
    eventually("the key is held", async || {
        let held = place.service.issuers().await.remove(0).keys.len() == 2;
        held.then_some(())
    })
    .await;
    assert_eq!(place.reason(&token).await, "allowed");
    assert_eq!(place.fetches(), 2);
}

#[tokio::test]
async fn those_who_wait_take_no_place_among_the_checks() {
    let server = KeyServer::with_keys(old_keys()).await;
    let configuration = format!("{}max_concurrent_checks: 1\n", issuer_at(&server, ""));
    let service = Service::ready(&configuration).await;
    let envoy = service.envoy().await;
    let gate = Arc::new(Semaphore::new(0));
    server.serve(
        "/keys",
        Reply::When(gate.clone(), Answer::of(200, old_keys())),
    );
    let token = Token::of(&server.url(""));
    let waiting = Ask::bearer(&token.clone().kid("new").signed(rsa(1)));
    let known = Ask::bearer(&token.signed(rsa(0)));
    let others = async {
        server.asked("/keys", 2).await;
        eventually("there is a place", async || {
            envoy
                .check(known.clone())
                .await
                .is_admission()
                .then_some(())
        })
        .await;
        gate.add_permits(1);
    };
    let (answer, ()) = tokio::join!(envoy.check(waiting), others);
    assert_eq!(answer.reason(), "unknown_key");
}

// === Once more ===

#[tokio::test]
async fn a_key_that_changed_under_its_kid_is_fetched_and_the_old_one_gone() {
    for more in ["", "token_cache: 0\n"] {
        let server = KeyServer::with_keys(old_keys()).await;
        let service = Service::ready(&format!("{}{more}", issuer_at(&server, ""))).await;
        let envoy = service.envoy().await;
        let by = |key| Ask::bearer(&Token::of(&server.url("")).signed(key));
        assert!(envoy.check(by(rsa(0))).await.is_admission());
        server.serve("/keys", set([rsa(1).jwk("k")]));
        assert!(envoy.check(by(rsa(1))).await.is_admission());
        assert_eq!(envoy.check(by(rsa(0))).await.reason(), "invalid_signature");
        assert_eq!(server.count("/keys"), 2);
    }
}

#[tokio::test]
async fn a_kid_that_changed_its_type_is_fetched_too() {
    let place = place("algorithms: [RS256, ES256]").await;
    place.server.serve("/keys", set([p256(0).jwk("k")]));
    let new = place.token().alg("ES256").signed(p256(0));
    assert_eq!(place.reason(&new).await, "allowed");
    assert_eq!(place.reason(&place.known()).await, "unsupported_algorithm");
}

#[tokio::test]
async fn a_token_without_kid_is_judged_once_more() {
    let place = place("").await;
    place.server.serve("/keys", set([rsa(1).jwk("new")]));
    let token = place.token().without_header("kid").signed(rsa(1));
    assert_eq!(place.reason(&token).await, "allowed");
    assert_eq!(place.fetches(), 2);
}

#[tokio::test]
async fn once_more_never_makes_a_bad_token_an_outage() {
    let forged = |place: &Place| place.token().signed(rsa(1));
    let lacking = place("").await;
    for _ in 0..3 {
        assert_eq!(lacking.reason(&forged(&lacking)).await, "invalid_signature");
    }
    assert_eq!(lacking.fetches(), 2);

    let failing = place("").await;
    failing.server.serve("/keys", Answer::of(500, "no"));
    assert_eq!(failing.reason(&forged(&failing)).await, "invalid_signature");

    let hanging = place("").await;
    hanging.server.serve("/keys", Reply::Hang);
    let answer = hanging
        .envoy
        .check_within(Ask::bearer(&forged(&hanging)), SHORT)
        .await;
    assert_eq!(answer.reason(), "invalid_signature");

    // One that has expired is not worth a fetch.
    let expired = place("").await;
    let token = expired.token().claim("exp", now() - 100).signed(rsa(1));
    assert_eq!(expired.reason(&token).await, "invalid_signature");
    assert_eq!(expired.fetches(), 1);
}

#[tokio::test]
async fn forged_tokens_take_no_place_from_new_keys() {
    let place = place("").await;
    let gate = place.gate(set([rsa(0).jwk("k"), rsa(2).jwk("new")]));
    let forged: FuturesUnordered<_> = (0..80)
        .map(|number| {
            let token = place.token().claim("jti", number).signed(rsa(1));
            let envoy = place.envoy.clone();
            async move { envoy.check(Ask::bearer(&token)).await.reason() }
        })
        .collect();
    let mut forged = forged;
    for _ in 0..16 {
        assert_eq!(forged.next().await.as_deref(), Some("invalid_signature"));
    }
    let token = place.token().kid("new").signed(rsa(2));
    let new = place.envoy.check(Ask::bearer(&token));
    let release = async {
        // It is among those that wait, or finds the key held: either way there was a place.
        place.server.asked("/keys", 2).await;
        gate.add_permits(9);
    };
    let (answer, ()) = tokio::join!(new, release);
    assert!(answer.is_admission(), "{answer:?}");
    while let Some(reason) = forged.next().await {
        assert_eq!(reason, "invalid_signature");
    }
    assert_eq!(place.fetches(), 2);
}

// === Without keys ===

#[tokio::test]
async fn an_issuer_without_keys_waits_for_the_fetch_in_flight() {
    let gate = Arc::new(Semaphore::new(0));
    let server = KeyServer::with_keys(Reply::When(gate.clone(), Answer::of(200, old_keys()))).await;
    let service = Service::start(&issuer_at(&server, ""));
    server.asked("/keys", 1).await;
    let envoy = service.envoy().await;
    let token = Token::of(&server.url("")).signed(rsa(0));
    let late = envoy.check_within(Ask::bearer(&token), SHORT).await;
    assert_eq!(late.reason(), "keys_unavailable");
    assert!(late.retry_after().is_some());
    let waiting = envoy.check(Ask::bearer(&token));
    let (answer, ()) = tokio::join!(waiting, async { gate.add_permits(1) });
    assert!(answer.is_admission(), "{answer:?}");
    assert_eq!(server.count("/keys"), 1);
}

#[tokio::test]
async fn an_issuer_without_keys_starts_no_fetch_for_a_token() {
    let leave_alone = Answer::of(429, "no").with("retry-after", "120");
    let server = KeyServer::with_keys(leave_alone).await;
    let service = Service::start(&issuer_at(&server, ""));
    server.asked("/keys", 1).await;
    let token = Token::of(&server.url("")).signed(rsa(0));
    let answer = eventually("the failure is known", async || {
        let answer = service.check(Ask::bearer(&token)).await;
        assert_eq!(answer.reason(), "keys_unavailable");
        answer.retry_after().filter(|seconds| *seconds > 100)
    })
    .await;
    assert!(answer <= 120);
    for kid in ["a", "b"] {
        let token = Token::of(&server.url("")).kid(kid).signed(rsa(0));
        assert_eq!(
            service.check(Ask::bearer(&token)).await.reason(),
            "keys_unavailable"
        );
    }
    assert_eq!(server.count("/keys"), 1);
}

#[tokio::test]
async fn an_empty_key_set_is_believed() {
    let place = place("").await;
    assert_eq!(place.reason(&place.known()).await, "allowed");
    place.server.serve("/keys", set([]));
    let told = place.service.refresh_keys().await.remove(0);
    assert!(
        !told.has_keys && told.keys.is_empty() && told.last_error.is_empty(),
        "{told:?}"
    );
    for _ in 0..2 {
        assert!(
            !place
                .envoy
                .check(Ask::bearer(&place.known()))
                .await
                .is_admission()
        );
    }
    place.server.serve("/keys", old_keys());
    place.service.refresh_keys().await;
    assert_eq!(place.reason(&place.known()).await, "allowed");
}

#[tokio::test]
async fn keys_past_their_time_are_no_keys() {
    let server = KeyServer::with_keys(old_keys()).await;
    let jwks = format!(
        "jwks: {{ uri: '{}', refresh: 1s, max_stale: 2s }}",
        server.url("/keys")
    );
    let plain = format!("jwks: {{ uri: '{}' }}", server.url("/keys"));
    let service = Service::ready(&issuer_at(&server, "").replace(&plain, &jwks)).await;
    let envoy = service.envoy().await;
    let ask = Ask::bearer(&Token::of(&server.url("")).signed(rsa(0)));
    assert!(envoy.check(ask.clone()).await.is_admission());
    server.serve("/keys", Answer::of(500, "no"));
    eventually("the keys are too old, for a cached token too", async || {
        let answer = envoy.check(ask.clone()).await;
        (answer.reason() == "keys_unavailable").then_some(())
    })
    .await;
    server.serve("/keys", old_keys());
    eventually("the keys are back", async || {
        envoy.check(ask.clone()).await.is_admission().then_some(())
    })
    .await;
}

// === What a fetch may bring ===

#[tokio::test]
async fn a_removed_key_stops_admitting_at_the_swap() {
    let keys = set([rsa(0).jwk("k"), rsa(1).jwk("next")]);
    for more in ["", "token_cache: 0\n"] {
        let server = KeyServer::with_keys(keys.clone()).await;
        let service = Service::ready(&format!("{}{more}", issuer_at(&server, ""))).await;
        let envoy = service.envoy().await;
        let old = Ask::bearer(&Token::of(&server.url("")).signed(rsa(0)));
        let next = Ask::bearer(&Token::of(&server.url("")).kid("next").signed(rsa(1)));
        for ask in [&old, &next, &old, &next] {
            assert!(envoy.check(ask.clone()).await.is_admission());
        }
        server.serve("/keys", set([rsa(1).jwk("next")]));
        service.refresh_keys().await;
        assert_eq!(envoy.check(old.clone()).await.reason(), "unknown_key");
        assert!(envoy.check(next.clone()).await.is_admission());
        // Back again, it admits again.
        server.serve("/keys", keys.clone());
        service.refresh_keys().await;
        assert!(envoy.check(old).await.is_admission());
    }
}

#[tokio::test]
async fn whatever_a_bad_server_answers_the_last_good_keys_serve() {
    let jwks = "timeout: 300ms";
    let server = KeyServer::with_keys(old_keys()).await;
    let plain = issuer_at(&server, "");
    let service = Service::ready(&plain.replace("/keys' }", &format!("/keys', {jwks} }}"))).await;
    let envoy = service.envoy().await;
    let ok = |body: &str| Answer::of(200, body);
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let good = old_keys();
    let padded = |length: usize| {
        let pad = length - good.len() - r#""pad":"","#.len();
        good.replacen('{', &format!(r#"{{"pad":"{}","#, "x".repeat(pad)), 1)
    };
    let largest = padded(1024 * 1024);
    assert_eq!(largest.len(), 1024 * 1024);
    let cases: Vec<(&str, Reply)> = vec![
        ("500", Answer::of(500, &*good).into()),
        ("404", Answer::of(404, &*good).into()),
        ("204", Answer::of(204, "").into()),
        ("201", Answer::of(201, &*good).into()),
        ("401", Answer::of(401, &*good).into()),
        ("HTML", ok("<html>sign in</html>").into()),
        ("nothing", ok("").into()),
        ("a list", ok("[]").into()),
        ("no keys", ok("{}").into()),
        ("keys an object", ok(r#"{"keys":{}}"#).into()),
        (
            "keys twice",
            ok(&good.replacen('{', r#"{"keys":[],"#, 1)).into(),
        ),
        (
            "a member twice",
            ok(&good.replacen('{', r#"{"x":1,"x":1,"#, 1)).into(),
        ),
        ("bytes after", ok(&format!("{good}x")).into()),
        ("a mark", ok(&format!("\u{feff}{good}")).into()),
        ("deep", ok(&format!(r#"{{"keys":{nested}}}"#)).into()),
        (
            "no usable key",
            ok(&set([json!({ "kty": "oct", "k": "AAAA" })])).into(),
        ),
        ("too large", ok(&padded(1024 * 1024 + 1)).into()),
        ("far too large", ok(&padded(5 * 1024 * 1024)).into()),
        (
            "a bomb",
            Answer::of(200, gzip(&padded(20 * 1024 * 1024)))
                .with("content-encoding", "gzip")
                .into(),
        ),
        ("no gzip", ok(&good).with("content-encoding", "gzip").into()),
        ("half", Reply::Drop(ok(&good))),
        ("drops", Reply::Drip(ok(&good))),
        ("hangs", Reply::Hang),
        ("nowhere", Answer::of(302, "").into()),
    ];
    let known = Ask::bearer(&Token::of(&server.url("")).signed(rsa(0)));
    let other = Ask::bearer(&Token::of(&server.url("")).kid("z").signed(rsa(1)));
    for (thing, reply) in cases {
        server.serve("/keys", reply);
        let told = service.refresh_keys().await.remove(0);
        assert!(!told.last_error.is_empty(), "{thing}: {told:?}");
        assert!(told.has_keys, "{thing}");
        assert!(envoy.check(known.clone()).await.is_admission(), "{thing}");
        assert!(!envoy.check(other.clone()).await.is_admission(), "{thing}");
    }
    let good_ones: Vec<(&str, Reply)> = vec![
        ("the largest", ok(&largest).into()),
        (
            "gzip",
            Answer::of(200, gzip(&good))
                .with("content-encoding", "gzip")
                .into(),
        ),
        (
            "another type",
            ok(&good).with("content-type", "text/html").into(),
        ),
    ];
    for (thing, reply) in good_ones {
        server.serve("/keys", reply);
        let told = service.refresh_keys().await.remove(0);
        assert_eq!(told.last_error, "", "{thing}");
        assert!(envoy.check(known.clone()).await.is_admission(), "{thing}");
    }
}

fn gzip(text: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn redirects_stay_on_their_host_and_end_soon() {
    let server = KeyServer::with_keys(old_keys()).await;
    let service = Service::ready(&issuer_at(&server, "")).await;
    let to = |location: &str| Answer::of(302, "").with("location", location);
    server.serve("/there", old_keys());
    for (path, next) in [("/1", "/there"), ("/2", "/1"), ("/3", "/2")] {
        server.serve(path, to(next));
    }
    server.serve("/loop", to("/loop"));
    let elsewhere = format!("http://localhost:{}/there", server.port());
    let absolute = server.url("/there");
    for (thing, location, good) in [
        ("one", "/there", true),
        ("relative", "there", true),
        ("absolute", absolute.as_str(), true),
        ("three", "/2", true),
        ("four", "/3", false),
        ("for ever", "/loop", false),
        ("another host", elsewhere.as_str(), false),
        ("a host that nobody has", "//other.invalid/there", false),
        ("a file", "file:///etc/passwd", false),
        ("no address", "http://", false),
    ] {
        server.serve("/keys", to(location));
        let told = service.refresh_keys().await.remove(0);
        assert_eq!(
            told.last_error.is_empty(),
            good,
            "{thing}: {}",
            told.last_error
        );
    }
    for status in [301, 303, 307, 308] {
        server.serve("/keys", Answer::of(status, "").with("location", "/there"));
        assert_eq!(
            service.refresh_keys().await.remove(0).last_error,
            "",
            "{status}"
        );
    }
}

#[tokio::test]
async fn what_stands_is_not_sent_again() {
    let server = KeyServer::with_keys(Answer::of(200, old_keys()).with("etag", "\"v1\"")).await;
    let service = Service::ready(&issuer_at(&server, "")).await;
    let envoy = service.envoy().await;
    let known = Ask::bearer(&Token::of(&server.url("")).signed(rsa(0)));
    assert!(envoy.check(known.clone()).await.is_admission());
    server.serve("/keys", Answer::of(304, ""));
    let told = service.refresh_keys().await.remove(0);
    assert_eq!((told.last_error.as_str(), told.keys.len()), ("", 1));
    let seen = server.requests("/keys");
    assert_eq!(seen[0].header("if-none-match"), None);
    assert_eq!(seen[1].header("if-none-match"), Some("\"v1\""));
    assert!(envoy.check(known.clone()).await.is_admission());
    // "Not modified" is a success, so it can tell that a key is unknown.
    let unknown = Token::of(&server.url("")).kid("z").signed(rsa(1));
    assert_eq!(
        envoy.check(Ask::bearer(&unknown)).await.reason(),
        "unknown_key"
    );
    server.serve("/keys", set([rsa(1).jwk("z")]));
    service.refresh_keys().await;
    // The one fetch of these ten seconds is spent, so nobody can tell whether it has come back.
    assert_eq!(envoy.check(known).await.reason(), "key_pending");
}

#[tokio::test]
async fn the_servers_wishes_about_time_are_heard_within_bounds() {
    let server = KeyServer::with_keys(old_keys()).await;
    let service = Service::ready(&issuer_at(&server, "")).await;
    let good = || Answer::of(200, old_keys());
    let bad = |retry_after: &str| Answer::of(503, "no").with("retry-after", retry_after);
    let date = Answer::of(429, "no")
        .with("date", "Wed, 21 Oct 2015 07:28:00 GMT")
        .with("retry-after", "Wed, 21 Oct 2015 07:30:00 GMT");
    for (thing, reply, bounds) in [
        ("nothing", good(), 239.0..286.0),
        (
            "a minute",
            good().with("cache-control", "public, max-age=60"),
            47.0..58.0,
        ),
        (
            "no time",
            good().with("cache-control", "max-age=0"),
            23.0..29.0,
        ),
        (
            "a day",
            good().with("cache-control", "max-age=86400"),
            239.0..286.0,
        ),
        (
            "quoted",
            good().with("cache-control", "Max-Age=\"60\""),
            47.0..58.0,
        ),
        (
            "nonsense",
            good().with("cache-control", "max-age=soon"),
            239.0..286.0,
        ),
        ("not now", bad("100"), 99.0..101.0),
        ("not for a week", bad("604800"), 3599.0..3601.0),
        ("until a date", date, 119.0..121.0),
        ("nonsense again", bad("-5"), 0.0..61.0),
    ] {
        server.serve("/keys", reply);
        let told = service.refresh_keys().await.remove(0);
        let next = told.next_refresh_seconds.unwrap();
        assert!(bounds.contains(&next), "{thing}: {next}");
    }
}

// === Other sources ===

#[tokio::test]
async fn keys_from_a_file_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    std::fs::write(&file, old_keys()).unwrap();
    let issuer = "https://file.test";
    let service = Service::ready(&format!(
        "issuers:\n  - issuer: {issuer}\n    audiences: [api.test]\n    jwks: {{ file: '{}' }}\n",
        file.display()
    ))
    .await;
    let envoy = service.envoy().await;
    let old = Ask::bearer(&Token::of(issuer).signed(rsa(0)));
    let new = Ask::bearer(&Token::of(issuer).kid("new").signed(rsa(1)));
    assert!(envoy.check(old.clone()).await.is_admission());
    std::fs::write(&file, set([rsa(1).jwk("new")])).unwrap();
    assert!(
        envoy.check(new.clone()).await.is_admission(),
        "an unknown kid rereads"
    );
    assert_eq!(
        envoy.check(old).await.reason(),
        "key_pending",
        "gone, or not yet back"
    );
    for bad in [Some(""), Some("{}"), None] {
        match bad {
            Some(text) => std::fs::write(&file, text).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        let told = service.refresh_keys().await.remove(0);
        assert!(!told.last_error.is_empty() && told.has_keys, "{told:?}");
        assert!(
            envoy.check(new.clone()).await.is_admission(),
            "the last good ones serve"
        );
    }
    assert_eq!(
        service.issuers().await[0].source,
        file.display().to_string()
    );
}

#[tokio::test]
async fn a_file_that_is_not_there_gives_no_keys_until_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let issuer = "https://file.test";
    let service = Service::start(&format!(
        "issuers:\n  - issuer: {issuer}\n    audiences: [api.test]\n    jwks: {{ file: '{}' }}\n",
        file.display()
    ));
    let ask = Ask::bearer(&Token::of(issuer).signed(rsa(0)));
    assert_eq!(
        service.check(ask.clone()).await.reason(),
        "keys_unavailable"
    );
    std::fs::write(&file, old_keys()).unwrap();
    service.refresh_keys().await;
    assert!(service.check(ask).await.is_admission());
}

#[tokio::test]
async fn keys_in_the_configuration_are_all_there_are() {
    let issuer = "https://inline.test";
    let service = Service::ready(&format!(
        "issuers:\n{}",
        inline_issuer(issuer, &old_keys(), "")
    ))
    .await;
    let token = || Token::of(issuer);
    for (token, reason) in [
        (token().signed(rsa(0)), "allowed"),
        (token().kid("z").signed(rsa(0)), "unknown_key"),
        (token().kid("z2").signed(rsa(0)), "unknown_key"),
        (token().signed(rsa(1)), "invalid_signature"),
    ] {
        assert_eq!(service.check(Ask::bearer(&token)).await.reason(), reason);
    }
    let told = service.refresh_keys().await.remove(0);
    assert_eq!(
        (told.source.as_str(), told.next_refresh_seconds),
        ("inline", None)
    );
}

#[tokio::test]
async fn keys_are_found_by_each_of_the_three_addresses() {
    let openid = "/tenant/1/.well-known/openid-configuration";
    let inserted = "/.well-known/oauth-authorization-server/tenant/1";
    let appended = "/tenant/1/.well-known/oauth-authorization-server";
    for (number, path) in [openid, inserted, appended].into_iter().enumerate() {
        for slash in ["", "/"] {
            let server = KeyServer::with_keys(old_keys()).await;
            let issuer = server.url(&format!("/tenant/1{slash}"));
            server.serve_metadata(path, &issuer, &server.url("/keys"));
            let service = Service::ready(&format!(
                "issuers:\n  - issuer: {issuer}\n    audiences: [api.test]\n"
            ))
            .await;
            let token = Token::of(&issuer).signed(rsa(0));
            assert!(
                service.check(Ask::bearer(&token)).await.is_admission(),
                "{path}"
            );
            let asked = [openid, inserted, appended].map(|path| server.count(path));
            let expected = [1, usize::from(number > 0), usize::from(number > 1)];
            assert_eq!(asked, expected, "{path}");
            // A token's sake does not ask for the metadata again; a refresh does.
            let token = Token::of(&issuer).kid("z").signed(rsa(0));
            assert_eq!(
                service.check(Ask::bearer(&token)).await.reason(),
                "unknown_key"
            );
            assert_eq!((server.count(path), server.count("/keys")), (1, 2));
        }
    }
}

#[tokio::test]
async fn metadata_of_another_issuer_give_no_keys() {
    let server = KeyServer::with_keys(old_keys()).await;
    let issuer = server.url("");
    let well_known = "/.well-known/openid-configuration";
    let service = Service::start(&format!(
        "issuers:\n  - issuer: {issuer}\n    audiences: [api.test]\n"
    ));
    let keys = server.url("/keys");
    for (thing, named, jwks_uri, says) in [
        (
            "a final slash",
            format!("{issuer}/"),
            keys.clone(),
            "final `/`",
        ),
        (
            "another",
            "https://evil.test".to_owned(),
            keys.clone(),
            "another issuer",
        ),
        (
            "http elsewhere",
            issuer.clone(),
            "http://keys.invalid/k".to_owned(),
            "not https",
        ),
        ("no address", issuer.clone(), "keys".to_owned(), "not https"),
    ] {
        server.serve_metadata(well_known, &named, &jwks_uri);
        let told = service.refresh_keys().await.remove(0);
        assert!(
            told.last_error.contains(says),
            "{thing}: {}",
            told.last_error
        );
        assert!(!told.has_keys, "{thing}");
    }
    assert_eq!(server.count("/keys"), 0);
    let ask = Ask::bearer(&Token::of(&issuer).signed(rsa(0)));
    assert_eq!(
        service.check(ask.clone()).await.reason(),
        "keys_unavailable"
    );
    server.serve_metadata(well_known, &issuer, &keys);
    service.refresh_keys().await;
    assert!(service.check(ask).await.is_admission());
}

#[tokio::test]
async fn one_hung_issuer_delays_nobody_else() {
    let (good, hung) = (
        KeyServer::with_keys(old_keys()).await,
        KeyServer::with_keys(Reply::Hang).await,
    );
    let entry = issuer_at(&hung, "required: false").replace("issuers:\n", "");
    let service = Service::ready(&format!("{}{entry}", issuer_at(&good, ""))).await;
    let envoy = service.envoy().await;
    let token = |server: &KeyServer| Ask::bearer(&Token::of(&server.url("")).signed(rsa(0)));
    let waiting = envoy.check(token(&hung));
    let others = async {
        for _ in 0..20 {
            assert!(envoy.check(token(&good)).await.is_admission());
        }
    };
    let (answer, ()) = within("both end", async { tokio::join!(waiting, others) }).await;
    assert_eq!(answer.reason(), "keys_unavailable");
}
