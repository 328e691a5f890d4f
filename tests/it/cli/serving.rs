//! `serve`: start errors, and the three ways to configure it.

use std::net::TcpListener;

use crate::support::check_request::ClientRequest;
use crate::support::http2_client::whole;
use crate::support::issuer::KeyServer;
use crate::support::keys::{rsa, set};
use crate::support::process::{Running, accredit};
use crate::support::raw_call::{RawConnection, call_of, framed_check};
use crate::support::token::Token;

use super::common::{VALID, assert_complains, run, written};

#[tokio::test]
async fn errors_at_the_start_exit_with_1_or_2() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = written(folder.path(), "not a socket");
    let no_folder = "unix:/nonexistent/a.sock".to_owned();
    let not_a_socket = format!("unix:{in_the_way}");
    for (listen, admin, expected) in [
        (taken.as_str(), "127.0.0.1:0", [taken.as_str(), "in use"]),
        ("127.0.0.1:0", taken.as_str(), [taken.as_str(), "in use"]),
        (&no_folder, "127.0.0.1:0", ["/nonexistent", "create it"]),
        (&not_a_socket, "127.0.0.1:0", [&in_the_way, "not a socket"]),
    ] {
        let ended = run(&[
            "serve",
            "--issuer",
            "https://a.test",
            "--audience",
            "a",
            "--listen",
            listen,
            "--admin-listen",
            admin,
        ])
        .await;
        assert_complains(&ended, 1, &expected);
    }
    let text = format!(
        "{VALID}    jwks: {{ ca_file: /nonexistent/ca.pem }}\nlisten: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\n"
    );
    let file = written(folder.path(), &text);
    // A file that the configuration names is a part of it.
    assert_complains(
        &run(&["serve", "--config", &file]).await,
        2,
        &[
            "issuers[0].jwks.ca_file",
            "/nonexistent/ca.pem",
            "name a PEM file",
        ],
    );
}

/// Flags, environment variables and a file configure the same service.
#[tokio::test]
async fn flags_variables_and_file_configure_the_same_service() {
    let server = KeyServer::with_keys(set([rsa(0).jwk("k")])).await;
    let (issuer, uri) = (server.url(""), server.url("/keys"));
    let folder = tempfile::tempdir().unwrap();
    let file = written(
        folder.path(),
        &format!(
            "listen: 127.0.0.1:1\nadmin_listen: 127.0.0.1:0\nissuers:\n  - issuer: {issuer}\n    audiences: [first, api.test]\n    audience_absent: accept\n    jwks: {{ uri: '{uri}' }}\n"
        ),
    );
    let by_flags = accredit(&[
        "serve",
        "--issuer",
        &issuer,
        "--audience",
        "first",
        "--audience",
        "api.test",
        "--audience-absent",
        "accept",
        "--jwks-uri",
        &uri,
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
    ]);
    let mut by_environment = accredit(&["serve", "--audience-absent", "accept"]);
    by_environment.envs([
        ("ACCREDIT_ISSUER", issuer.as_str()),
        ("ACCREDIT_AUDIENCE", "first, api.test"),
        ("ACCREDIT_JWKS_URI", &uri),
        ("ACCREDIT_LISTEN", "127.0.0.1:0"),
        ("ACCREDIT_ADMIN_LISTEN", "127.0.0.1:0"),
    ]);
    let mut by_file = accredit(&["serve", "--config", &file, "--listen", "127.0.0.1:0"]);
    by_file.env("ACCREDIT_LISTEN", "127.0.0.1:1");
    for mut command in [by_flags, by_environment, by_file] {
        let mut process = Running::start(&mut command).await;
        process.wait_for_line("\"ready\"").await;
        let address = accredit_core::config::listen_addr::ListenAddr::Tcp(process.checks);
        let mut connection = RawConnection::open(&address).await;
        for (token, reason) in [
            (Token::of(&issuer), "allowed"),
            (Token::of(&issuer).claim("aud", "first"), "allowed"),
            (Token::of(&issuer).without("aud"), "allowed"),
            (Token::of(&issuer).claim("aud", "other"), "invalid_audience"),
        ] {
            let request = ClientRequest::bearer(&token.signed(rsa(0)));
            let answer = connection.send(call_of(whole(framed_check(request)))).await;
            assert_eq!(answer.reason(), reason);
        }
        drop(connection);
        process.signal("TERM").await;
        assert_eq!(process.exit_code().await, Some(0));
    }
}
