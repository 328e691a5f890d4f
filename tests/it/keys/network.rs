//! The ways to a key server: through proxies and by IPv6.

use std::path::Path;

use crate::support::check_request::ClientRequest;
use crate::support::http2_client::whole;
use crate::support::issuer::KeyServer;
use crate::support::keys::rsa;
use crate::support::process::{Running, accredit};
use crate::support::raw_call::{RawConnection, call_of, framed_check};
use crate::support::service::{Service, issuer_at};
use crate::support::token::Token;

use super::certificates::{ISSUER, configuration, error_of};
use super::place::old_keys;

// === Proxies ===

/// The true binary with these proxies, for keys at that address.
async fn through(folder: &Path, uri: &str, proxies: &[(&str, String)]) -> Running {
    let file = folder.join("accredit.yaml");
    let ports = "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n";
    let jwks = format!("uri: '{uri}', allow_http: true");
    std::fs::write(&file, format!("{ports}{}", configuration(&jwks))).unwrap();
    let mut command = accredit(&["serve", "--config", &file.display().to_string()]);
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command.envs(proxies.iter().map(|(name, value)| (name, value)));
    Running::start(&mut command).await
}

async fn admits(process: &Running) {
    let address = accredit_core::config::listen_addr::ListenAddr::Tcp(process.checks);
    let mut connection = RawConnection::open(&address).await;
    let request = ClientRequest::bearer(&Token::of(ISSUER).signed(rsa(0)));
    let answer = connection.send(call_of(whole(framed_check(request)))).await;
    assert!(answer.is_admission(), "{answer:?}");
}

#[tokio::test]
async fn fetches_use_the_proxies_of_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let proxy = KeyServer::start().await;
    let uri = "http://keys.invalid/keys";
    proxy.serve(uri, old_keys());
    for name in ["HTTP_PROXY", "http_proxy"] {
        let before = proxy.count(uri);
        let mut process = through(folder.path(), uri, &[(name, proxy.url(""))]).await;
        process.wait_for_line("\"ready\"").await;
        admits(&process).await;
        assert!(proxy.count(uri) > before, "{name}");
    }

    // https goes through a tunnel, which this proxy does not give.
    let proxies = [("HTTPS_PROXY", proxy.url(""))];
    let mut process = through(folder.path(), "https://keys.invalid/keys", &proxies).await;
    process.wait_for_line("key refresh failed").await;
    assert!(proxy.count("keys.invalid:443") >= 1);

    // A proxy would take a loopback address for its own.
    let direct = KeyServer::with_keys(old_keys()).await;
    let proxies = [("HTTP_PROXY", proxy.url(""))];
    let mut process = through(folder.path(), &direct.url("/keys"), &proxies).await;
    process.wait_for_line("\"ready\"").await;
    assert!(direct.count("/keys") >= 1);
    assert_eq!(proxy.count(&direct.url("/keys")), 0);
}

// === IPv6 ===

/// On a machine without IPv6 nothing can listen there: then it is the address that must be taken for loopback.
#[tokio::test]
async fn keys_are_fetched_over_ipv6() {
    let has_ipv6 = std::net::TcpListener::bind("[::1]:0").is_ok();
    if !has_ipv6 {
        let error = error_of("uri: 'http://[::1]:1/keys'").await;
        assert!(error.contains("unreachable"), "{error}");
        return;
    }
    let server = KeyServer::listening("[::1]:0", None).await;
    server.serve("/keys", old_keys());
    let service = Service::ready(&issuer_at(&server, "")).await;
    let request = ClientRequest::bearer(&Token::of(&server.url("")).signed(rsa(0)));
    assert!(service.check(request).await.is_admission());
    assert!(server.url("/keys").starts_with("http://[::1]:"));
}
