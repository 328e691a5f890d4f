//! When the service reports that it is ready.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::support::check_request::ClientRequest;
use crate::support::http_get::get;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::rsa;
use crate::support::service::{Service, inline_issuer, issuer_at};
use crate::support::token::Token;

use super::common::{ISSUER, assert_readiness, health, keys};

#[tokio::test]
async fn the_service_is_ready_once_it_has_keys() {
    let gate = Arc::new(Semaphore::new(0));
    let server = KeyServer::with_keys(Reply::When(gate.clone(), Answer::of(200, keys()))).await;
    let service = Service::start(&format!(
        "{}probe_listen: 127.0.0.1:0\n",
        issuer_at(&server, "")
    ));
    server.wait_for_requests("/keys", 1).await;
    let result = assert_readiness(&service, false).await;
    assert_eq!(result["without_keys"], json!([server.url("")]));
    gate.add_permits(1);
    service.until(ServingStatus::Serving).await;
    let result = assert_readiness(&service, true).await;
    assert_eq!(result["without_keys"], json!([]));
    assert_eq!(result["issuers"][0]["keys"], 1);
    assert_eq!(result["issuers"][0]["issuers"], json!([server.url("")]));
    assert!(result["issuers"][0]["age_seconds"].is_number(), "{result}");
    assert_eq!(
        health(service.checks_tcp(), "other").await,
        Err(Code::NotFound)
    );
    // A later loss does not take it out.
    server.serve("/keys", Answer::of(500, "no"));
    service.refresh_keys().await;
    let result = assert_readiness(&service, true).await;
    assert!(
        result["issuers"][0]["last_error"]
            .as_str()
            .unwrap()
            .contains("500"),
        "{result}"
    );
}

#[tokio::test]
async fn an_unreachable_issuer_delays_readiness_for_startup_wait_only() {
    let dead = KeyServer::with_keys(Answer::of(500, "no")).await;
    let entry = issuer_at(&dead, "");
    let good = inline_issuer(ISSUER, &keys(), "");
    let service = Service::ready(&format!("{entry}{good}startup_wait: 200ms\n")).await;
    let (status, body) = get(service.admin, "localhost", "/readyz").await;
    let result: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &result["without_keys"]),
        (200, &json!([dead.url("")]))
    );
    assert!(
        service
            .check(ClientRequest::bearer(&Token::of(ISSUER).signed(rsa(0))))
            .await
            .is_admission()
    );
    let dead = ClientRequest::bearer(&Token::of(&dead.url("")).signed(rsa(0)));
    assert_eq!(service.check(dead).await.reason(), "keys_unavailable");
}

#[tokio::test]
async fn the_service_is_not_ready_without_any_keys() {
    let server = KeyServer::with_keys(Answer::of(500, "no")).await;
    let more = "startup_wait: 1ms\nprobe_listen: 127.0.0.1:0\n";
    let service = Service::start(&format!("{}{more}", issuer_at(&server, "")));
    // By the second attempt, the wait is long over.
    server.wait_for_requests("/keys", 2).await;
    assert_readiness(&service, false).await;
    server.serve("/keys", keys());
    service.refresh_keys().await;
    service.until(ServingStatus::Serving).await;
    assert_readiness(&service, true).await;
}

#[tokio::test]
async fn readiness_does_not_wait_for_an_optional_issuer() {
    let (dead, good) = (
        KeyServer::with_keys(Reply::Hang).await,
        KeyServer::with_keys(keys()).await,
    );
    let optional = issuer_at(&dead, "required: false").replace("issuers:\n", "");
    let service = Service::ready(&format!(
        "{}{optional}startup_wait: 1h\n",
        issuer_at(&good, "")
    ))
    .await;
    let result = service.issuers().await;
    assert_eq!((result[0].required, result[0].has_keys), (true, true));
    assert_eq!((result[1].required, result[1].has_keys), (false, false));
}
