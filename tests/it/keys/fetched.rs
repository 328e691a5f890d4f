//! What a fetch may bring: good sets, bad answers, redirects, and wishes about time.

use serde_json::json;

use crate::support::check_request::ClientRequest;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, issuer_at};
use crate::support::token::Token;

use super::place::old_keys;

#[tokio::test]
async fn a_bad_answer_states_its_cause_and_leaves_the_last_known_good_keys() {
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
    let cases: Vec<(&str, Reply, &str)> = vec![
        ("500", Answer::of(500, &*good).into(), "status 500"),
        ("404", Answer::of(404, &*good).into(), "status 404"),
        ("204", Answer::of(204, "").into(), "status 204"),
        ("201", Answer::of(201, &*good).into(), "status 201"),
        ("401", Answer::of(401, &*good).into(), "status 401"),
        (
            "HTML",
            ok("<html>sign in</html>").into(),
            "is an HTML or XML page",
        ),
        ("nothing", ok("").into(), "is empty"),
        ("a list", ok("[]").into(), "no array `keys`"),
        ("no keys", ok("{}").into(), "no array `keys`"),
        (
            "metadata",
            ok(r#"{"issuer":"https://a.test","jwks_uri":"https://u:secret@a.test/k?secret"}"#)
                .into(),
            "this is provider metadata and not a key set; its jwks_uri is https://a.test/k: ",
        ),
        (
            "keys an object",
            ok(r#"{"keys":{}}"#).into(),
            "no array `keys`",
        ),
        (
            "keys twice",
            ok(&good.replacen('{', r#"{"keys":[],"#, 1)).into(),
            "twice",
        ),
        (
            "a member twice",
            ok(&good.replacen('{', r#"{"x":1,"x":1,"#, 1)).into(),
            "twice",
        ),
        (
            "bytes after",
            ok(&format!("{good}x")).into(),
            "not valid JSON",
        ),
        (
            "a byte-order mark",
            ok(&format!("\u{feff}{good}")).into(),
            "begins with a byte-order mark",
        ),
        (
            "deep",
            ok(&format!(r#"{{"keys":{nested}}}"#)).into(),
            "not valid JSON",
        ),
        (
            "no usable key",
            ok(&set([
                json!({ "kid": "hmac", "kty": "oct", "k": "AAAA" }),
                json!({ "kty": "EC", "crv": "P-1" }),
            ]))
            .into(),
            "none of its keys is usable: key \"hmac\": it is a symmetric key; a key without kid: its key type",
        ),
        (
            "too large",
            ok(&padded(1024 * 1024 + 1)).into(),
            "larger than 1 MiB",
        ),
        (
            "far too large",
            ok(&padded(5 * 1024 * 1024)).into(),
            "larger than 1 MiB",
        ),
        (
            "a bomb",
            Answer::of(200, gzip(&padded(20 * 1024 * 1024)))
                .with("content-encoding", "gzip")
                .into(),
            "larger than 1 MiB",
        ),
        (
            "no gzip",
            ok(&good).with("content-encoding", "gzip").into(),
            "the answer ended early",
        ),
        (
            "an encoding that was not offered",
            ok(&good).with("content-encoding", "br").into(),
            "`Content-Encoding: \"br\"`",
        ),
        (
            "gzip without its header",
            Answer::of(200, gzip(&good)).into(),
            "is compressed, and the answer has no `Content-Encoding: gzip`",
        ),
        ("half", Reply::Drop(ok(&good)), "the answer ended early"),
        ("drops", Reply::Drip(ok(&good)), "no complete answer within"),
        ("hangs", Reply::Hang, "no complete answer within"),
        (
            "nowhere",
            Answer::of(302, "").into(),
            "redirected to something that is not a URL",
        ),
        (
            "elsewhere",
            Answer::of(302, "")
                .with("location", "https://u:secret@b.test/k?secret")
                .into(),
            "redirected to https://b.test/k, which is not followed",
        ),
    ];
    let known = ClientRequest::bearer(&Token::of(&server.url("")).signed(rsa(0)));
    let other = ClientRequest::bearer(&Token::of(&server.url("")).kid("z").signed(rsa(1)));
    let address = server.url("/keys");
    for (thing, reply, cause) in cases {
        server.serve("/keys", reply);
        let result = service.refresh_keys().await.remove(0);
        let error = &result.last_error;
        assert!(error.contains(cause), "{thing}: {error}");
        assert!(error.contains(&address), "{thing}: {error}");
        assert!(!error.contains("secret"), "{thing}: {error}");
        assert!(result.has_keys, "{thing}");
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
        let result = service.refresh_keys().await.remove(0);
        assert_eq!(result.last_error, "", "{thing}");
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
async fn a_fetch_follows_few_redirects_and_only_on_the_same_host() {
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
        ("a host that does not exist", "//other.invalid/there", false),
        ("a file", "file:///etc/passwd", false),
        ("no address", "http://", false),
    ] {
        server.serve("/keys", to(location));
        let result = service.refresh_keys().await.remove(0);
        assert_eq!(
            result.last_error.is_empty(),
            good,
            "{thing}: {}",
            result.last_error
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
async fn an_unchanged_key_set_is_requested_conditionally() {
    let server = KeyServer::with_keys(Answer::of(200, old_keys()).with("etag", "\"v1\"")).await;
    let service = Service::ready(&issuer_at(&server, "")).await;
    let envoy = service.envoy().await;
    let known = ClientRequest::bearer(&Token::of(&server.url("")).signed(rsa(0)));
    assert!(envoy.check(known.clone()).await.is_admission());
    server.serve("/keys", Answer::of(304, ""));
    let result = service.refresh_keys().await.remove(0);
    assert_eq!((result.last_error.as_str(), result.keys.len()), ("", 1));
    let seen = server.requests("/keys");
    assert_eq!(seen[0].header("if-none-match"), None);
    assert_eq!(seen[1].header("if-none-match"), Some("\"v1\""));
    assert!(envoy.check(known.clone()).await.is_admission());
    // "Not modified" is a success, so it can tell that a key is unknown.
    let unknown = Token::of(&server.url("")).kid("z").signed(rsa(1));
    assert_eq!(
        envoy.check(ClientRequest::bearer(&unknown)).await.reason(),
        "unknown_key"
    );
    server.serve("/keys", set([rsa(1).jwk("z")]));
    service.refresh_keys().await;
    // No token starts another fetch in these ten seconds, so the key can have come back.
    assert_eq!(envoy.check(known).await.reason(), "key_pending");
}

#[tokio::test]
async fn cache_control_and_retry_after_are_obeyed_within_limits() {
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
        ("no longer than refresh", bad("604800"), 299.0..301.0),
        ("until a date", date, 119.0..121.0),
        ("nonsense again", bad("-5"), 0.0..61.0),
    ] {
        server.serve("/keys", reply);
        let result = service.refresh_keys().await.remove(0);
        let next = result.next_refresh_seconds.unwrap();
        assert!(bounds.contains(&next), "{thing}: {next}");
    }
}
