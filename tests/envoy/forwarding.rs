//! The token withheld from the upstream, and a service behind a unix socket.

use super::support::config::{ACME, KID, acme};
use super::support::scene::Scene;
use accredit_test_support::bootstrap::AuthzTarget;
use accredit_test_support::client::RawRequest;
use accredit_test_support::keys::rsa;
use accredit_test_support::service::Service;
use accredit_test_support::token::Token;

#[tokio::test]
async fn with_forward_token_false_the_upstream_gets_no_token() {
    let yaml = format!("forward_token: false\n{}", acme(&[]));
    let scene = Scene::start(Service::ready(&yaml).await).await;
    let token = Token::of_client(ACME, KID).signed(rsa(0));

    for name in ["authorization", "Authorization", "AUTHORIZATION"] {
        let request = RawRequest::new("POST", "/api/data?x=1")
            .header(name, format!("Bearer {token}"))
            .body("hello");
        let seen = scene.admitted(request).await.seen;
        assert_eq!(seen.header("authorization"), None);
        assert!(!format!("{:?}", seen.headers).contains(&token));
        assert_eq!(seen.header("x-jwt-sub").unwrap(), "m2morg_1001");
        assert_eq!(
            (seen.path.as_str(), &seen.body[..]),
            ("/api/data?x=1", &b"hello"[..])
        );
    }
    scene.refused(RawRequest::get("/"), "missing_token").await;
}

/// The rest of query and cookies arrives byte for byte.
#[tokio::test]
async fn a_token_is_removed_from_the_query_and_from_a_cookie() {
    let sources = "token_sources: [{ query: access_token }, { cookie: session }]";
    let yaml = format!("forward_token: false\n{sources}\n{}", acme(&[]));
    let scene = Scene::start(Service::ready(&yaml).await).await;
    let token = Token::of_client(ACME, KID).signed(rsa(0));

    let target = format!("/api?x=%7e&access%5Ftoken={token}&y=a+b&z");
    let seen = scene.admitted(RawRequest::get(&target)).await.seen;
    assert_eq!(seen.path, "/api?x=%7e&y=a+b&z");
    let alone = format!("/api?access_token={token}");
    assert_eq!(
        scene.admitted(RawRequest::get(&alone)).await.seen.path,
        "/api"
    );

    let cookie = |text: String| RawRequest::get("/api?x=1").header("cookie", text);
    let among = cookie(format!("a=\"b\"; session={token}; c=d"));
    let seen = scene.admitted(among).await.seen;
    assert_eq!(seen.header("cookie").as_deref(), Some("a=\"b\"; c=d"));
    assert_eq!(seen.path, "/api?x=1");
    let only = scene
        .admitted(cookie(format!("session={token}")))
        .await
        .seen;
    assert_eq!(only.header("cookie"), None);
    let twice =
        cookie(format!("session={token}")).header("cookie", format!("session={token}; e=f"));
    let seen = scene.admitted(twice).await.seen;
    assert_eq!(seen.header("cookie").as_deref(), Some("e=f"));
}

/// CONTRACT 4.12.3, 4.12.4: a token in several cookies is removed from all; a cookie whose bytes an answer cannot express is
/// the only other one that is lost.
#[tokio::test]
async fn a_token_is_removed_from_every_cookie_that_carries_it() {
    let sources = "token_sources: [{ cookie: session }, { cookie: access }]";
    let yaml = format!("forward_token: false\n{sources}\n{}", acme(&[]));
    let scene = Scene::start(Service::ready(&yaml).await).await;
    let token = Token::of_client(ACME, KID).signed(rsa(0));

    let cookies = format!("a=\"b,c\"; session={token}; access=\"{token}\"; session=1.2;d=grüße");
    let request = RawRequest::get("/").header("cookie", &cookies);
    let seen = scene.admitted(request).await.seen;
    assert_eq!(
        seen.header("cookie").as_deref(),
        Some("a=\"b,c\"; session=1.2;d=grüße")
    );

    let cookies = [format!("a=1; session={token}; b=").as_bytes(), b"\xff; c=3"].concat();
    let request = RawRequest::get("/").header("cookie", cookies);
    let seen = scene.admitted(request).await.seen;
    assert_eq!(seen.header("cookie").as_deref(), Some("a=1; c=3"));
}

#[tokio::test]
async fn envoy_reaches_the_service_through_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accredit.sock");
    let listen = format!("unix:{}", path.display());
    let accredit = Service::ready(&format!("listen: {listen}\n{}", acme(&[]))).await;
    assert!(matches!(accredit.target(), AuthzTarget::Unix(own) if own == path));
    let scene = Scene::start(accredit).await;
    let token = Token::of_client(ACME, KID).signed(rsa(0));

    scene.admitted(RawRequest::get("/").bearer(&token)).await;
    scene.refused(RawRequest::get("/"), "missing_token").await;
}
