//! Keys from a file, from the configuration, and by discovery.

use crate::support::check_request::ClientRequest;
use crate::support::issuer::KeyServer;
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::Token;

use super::place::old_keys;

#[tokio::test]
async fn a_key_file_is_read_again_when_it_changes() {
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
    let old = ClientRequest::bearer(&Token::of(issuer).signed(rsa(0)));
    let new = ClientRequest::bearer(&Token::of(issuer).kid("new").signed(rsa(1)));
    assert!(envoy.check(old.clone()).await.is_admission());
    std::fs::write(&file, set([rsa(1).jwk("new")])).unwrap();
    assert!(
        envoy.check(new.clone()).await.is_admission(),
        "an unknown kid rereads"
    );
    // Gone, or not yet back: the file is watched, and may have been read once more since.
    let reason = envoy.check(old).await.reason();
    assert!(
        ["key_pending", "unknown_key"].contains(&reason.as_str()),
        "{reason}"
    );
    for bad in [Some(""), Some("{}"), None] {
        match bad {
            Some(text) => std::fs::write(&file, text).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        let result = service.refresh_keys().await.remove(0);
        assert!(
            !result.last_error.is_empty() && result.has_keys,
            "{result:?}"
        );
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
async fn a_missing_key_file_gives_keys_once_it_exists() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let issuer = "https://file.test";
    let service = Service::start(&format!(
        "issuers:\n  - issuer: {issuer}\n    audiences: [api.test]\n    jwks: {{ file: '{}' }}\n",
        file.display()
    ));
    let request = ClientRequest::bearer(&Token::of(issuer).signed(rsa(0)));
    assert_eq!(
        service.check(request.clone()).await.reason(),
        "keys_unavailable"
    );
    std::fs::write(&file, old_keys()).unwrap();
    service.refresh_keys().await;
    assert!(service.check(request).await.is_admission());
}

#[tokio::test]
async fn inline_keys_are_the_only_keys_of_their_issuer() {
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
        assert_eq!(
            service.check(ClientRequest::bearer(&token)).await.reason(),
            reason
        );
    }
    let result = service.refresh_keys().await.remove(0);
    assert_eq!(
        (result.source.as_str(), result.next_refresh_seconds),
        ("inline", None)
    );
}

#[tokio::test]
async fn discovery_tries_the_four_well_known_urls_in_order() {
    let addresses = [
        "/tenant/1/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/tenant/1",
        "/tenant/1/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration/tenant/1",
    ];
    for (number, path) in addresses.into_iter().enumerate() {
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
                service
                    .check(ClientRequest::bearer(&token))
                    .await
                    .is_admission(),
                "{path}"
            );
            let asked = addresses.map(|path| server.count(path));
            let expected = [0, 1, 2, 3].map(|other| usize::from(number >= other));
            assert_eq!(asked, expected, "{path}");
            // A token-triggered fetch does not request the metadata again; a refresh does.
            let token = Token::of(&issuer).kid("z").signed(rsa(0));
            assert_eq!(
                service.check(ClientRequest::bearer(&token)).await.reason(),
                "unknown_key"
            );
            assert_eq!((server.count(path), server.count("/keys")), (1, 2));
        }
    }
}

#[tokio::test]
async fn metadata_of_another_issuer_are_rejected() {
    let server = KeyServer::with_keys(old_keys()).await;
    let issuer = server.url("");
    let well_known = "/.well-known/openid-configuration";
    let service = Service::start(&format!(
        "issuers:\n  - issuer: {issuer}\n    audiences: [api.test]\n"
    ));
    let keys = server.url("/keys");
    for (thing, named, jwks_uri, expected) in [
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
            "the issuer \"https://evil.test\"",
        ),
        (
            "http elsewhere",
            issuer.clone(),
            "http://keys.invalid/k".to_owned(),
            "http is permitted to loopback",
        ),
        (
            "no scheme",
            issuer.clone(),
            "keys".to_owned(),
            "has no scheme",
        ),
    ] {
        server.serve_metadata(well_known, &named, &jwks_uri);
        let result = service.refresh_keys().await.remove(0);
        assert!(
            result.last_error.contains(expected),
            "{thing}: {}",
            result.last_error
        );
        assert!(!result.has_keys, "{thing}");
    }
    assert_eq!(server.count("/keys"), 0);
    let request = ClientRequest::bearer(&Token::of(&issuer).signed(rsa(0)));
    assert_eq!(
        service.check(request.clone()).await.reason(),
        "keys_unavailable"
    );
    server.serve_metadata(well_known, &issuer, &keys);
    service.refresh_keys().await;
    assert!(service.check(request).await.is_admission());
}
