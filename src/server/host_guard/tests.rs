//! Which hosts the guard lets through, as a table.

use axum::body::Body;
use axum::routing::get;
use http::HeaderValue;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::*;

fn guard(listen: &str) -> HostGuard {
    let hosts = ["Accredit.Example.", "10.1.2.3"].map(|host| Host::parse(host).unwrap());
    HostGuard::new(&listen.parse().unwrap(), hosts)
}

async fn status(guard: HostGuard, uri: &str, hosts: &[&[u8]]) -> u16 {
    let mut request = Request::get(uri).body(Body::empty()).unwrap();
    for host in hosts {
        let value = HeaderValue::from_bytes(host).unwrap();
        request.headers_mut().append(HOST, value);
    }
    let routes = guard.protect(Router::new().route("/livez", get(|| async { "ok" })));
    let response = TowerToHyperService::new(routes).call(request).await;
    response.unwrap().status().as_u16()
}

#[tokio::test]
async fn loopback_its_own_address_and_the_listed_hosts_pass() {
    let passing = [
        "localhost",
        "localhost:9192",
        "LocalHost.",
        "localhost.:9192",
        "127.0.0.1",
        "127.0.0.1:9192",
        "127.8.9.1",
        "[::1]",
        "[::1]:9192",
        "[::ffff:127.0.0.1]:9192",
        "192.0.2.7:9192",
        "192.0.2.7",
        "accredit.example",
        "ACCREDIT.example.:1",
        "10.1.2.3:80",
    ];
    for host in passing {
        let got = status(guard("192.0.2.7:9192"), "/livez", &[host.as_bytes()]).await;
        assert_eq!(got, 200, "{host}");
    }
}

#[tokio::test]
async fn any_other_is_misdirected() {
    let refused = [
        "",
        ".",
        "evil.example",
        "evil.example:9192",
        "localhost.evil.example",
        "evil.localhost",
        "localhost..",
        "accredit.example..",
        "x.accredit.example",
        "accredit.example.evil.example",
        "localhost:9192:1",
        "localhost:",
        "localhost:x",
        "localhost:123456",
        "evil@localhost",
        "localhost/",
        "localhost#",
        "localhost,localhost",
        "127.0.0.1.evil.example",
        "128.0.0.1",
        "192.0.2.8",
        "[::2]",
        "[::1",
        "::1]",
        "[::1]x:1",
        "[localhost]",
        "0.0.0.0",
        "2130706433",
        "0x7f.1",
        " localhost",
    ];
    for host in refused {
        let got = status(guard("192.0.2.7:9192"), "/livez", &[host.as_bytes()]).await;
        assert_eq!(got, 421, "{host:?}");
    }
    assert_eq!(
        status(guard("[::1]:9192"), "/livez", &[b"local\xffhost"]).await,
        421
    );
}

#[tokio::test]
async fn missing_several_and_contradicting_hosts_are_misdirected() {
    let guard = || guard("127.0.0.1:9192");
    let here: &[u8] = b"localhost";
    assert_eq!(status(guard(), "/livez", &[]).await, 421);
    assert_eq!(status(guard(), "/livez", &[here, here]).await, 421);
    assert_eq!(
        status(guard(), "/livez", &[here, b"evil.example"]).await,
        421
    );
    assert_eq!(
        status(guard(), "http://localhost/livez", &[b"evil.example"]).await,
        421
    );
    assert_eq!(
        status(guard(), "http://evil.example/livez", &[here]).await,
        421
    );
    assert_eq!(
        status(guard(), "http://localhost/livez", &[b"127.0.0.1"]).await,
        421
    );
}

#[tokio::test]
async fn the_authority_of_http_2_counts_as_the_host() {
    let guard = || guard("127.0.0.1:9192");
    assert_eq!(
        status(guard(), "http://localhost:9192/livez", &[]).await,
        200
    );
    assert_eq!(
        status(guard(), "http://localhost:9192/livez", &[b"localhost"]).await,
        200
    );
    assert_eq!(status(guard(), "http://evil.example/livez", &[]).await, 421);
    assert_eq!(status(guard(), "http://u@localhost/livez", &[]).await, 421);
}

#[tokio::test]
async fn what_is_not_found_is_guarded_too() {
    let guard = || guard("127.0.0.1:9192");
    assert_eq!(status(guard(), "/nothing", &[b"evil.example"]).await, 421);
    assert_eq!(status(guard(), "/nothing", &[b"localhost"]).await, 404);
}

#[tokio::test]
async fn a_unix_socket_lets_any_host_through() {
    let guard = || guard("unix:/run/accredit/admin.sock");
    assert_eq!(status(guard(), "/livez", &[b"evil.example"]).await, 200);
    assert_eq!(status(guard(), "/livez", &[]).await, 200);
}

#[tokio::test]
async fn another_page_is_refused_though_it_uses_our_address() {
    let own = ["http://localhost:9192", "https://LOCALHOST:9192"];
    let others = [
        "null",
        "",
        "http://localhost:3000",
        "http://localhost",
        "http://evil.example",
        "http://localhost:9192.evil.example",
        "http://127.0.0.1:9192",
    ];
    let expected = own.iter().map(|origin| (origin, 200));
    for (origin, expected) in expected.chain(others.iter().map(|origin| (origin, 403))) {
        let request = Request::post("/livez")
            .header(HOST, "localhost:9192")
            .header(ORIGIN, *origin)
            .body(Body::empty())
            .unwrap();
        let routes = Router::new().route("/livez", axum::routing::post(|| async { "ok" }));
        let routes = guard("192.0.2.7:9192").protect(routes);
        let response = TowerToHyperService::new(routes).call(request).await;
        assert_eq!(response.unwrap().status().as_u16(), expected, "{origin:?}");
    }
}
