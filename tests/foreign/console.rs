//! The console as a real Chromium shows it.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::interval;

use super::support::accredit::Accredit;
use super::support::http::post;
use super::support::scripts::{answer, browser};

/// The rate of requests. The console adds their rows one by one.
const REQUEST_INTERVAL: Duration = Duration::from_millis(50);

/// One browser at a time: several of them on two processors are so slow that rows move on before they are clicked.
static BROWSER: Semaphore = Semaphore::const_new(1);

#[derive(Deserialize)]
struct Looked {
    looked: String,
}

/// Requests of every kind, as long as the browser test runs.
async fn traffic(accredit: &Accredit, good: &str, expired: &str) {
    let long = format!("/refused/{}", "segment".repeat(40));
    let mut pace = interval(REQUEST_INTERVAL);
    loop {
        pace.tick().await;
        assert_eq!(accredit.reason_at("/admitted", good).await, "allowed");
        assert_eq!(accredit.reason_at("/refused", expired).await, "expired");
        assert_eq!(accredit.reason_at(&long, expired).await, "expired");
        assert_eq!(accredit.reason_at("/no-token", "").await, "missing_token");
    }
}

async fn look(word: &str) {
    let _browser = BROWSER.acquire().await.unwrap();
    let (accredit, issuer) = Accredit::dev().await;
    let mint = async |claims| {
        let minted = post(&format!("{issuer}/dev/token"), &claims).await;
        minted["access_token"].as_str().unwrap().to_owned()
    };
    let (good, expired) = (
        mint(json!({})).await,
        mint(json!({ "expired": true })).await,
    );
    // There is something to see before anybody looks.
    assert_eq!(accredit.reason_at("/refused", &expired).await, "expired");
    let url = format!("http://{}/", accredit.admin());
    let looking = answer::<Looked>("console.js", browser("console.js", &[&url, word, &expired]));
    tokio::select! {
        looked = looking => assert_eq!(looked.looked, word),
        () = traffic(&accredit, &good, &expired) => {}
    }
}

#[tokio::test]
async fn the_console_works_without_scripts() {
    look("withoutScript").await;
}

#[tokio::test]
async fn the_console_follows_decisions_and_draws_them() {
    look("live").await;
}

#[tokio::test]
async fn the_console_filters_by_a_click_and_is_not_green_without_an_answer() {
    look("incident").await;
}

#[tokio::test]
async fn the_console_explains_a_token_in_place_and_clears_it() {
    look("explain").await;
}

#[tokio::test]
async fn the_console_fits_every_width_and_is_readable_in_both_colour_schemes() {
    look("sizes").await;
}

#[tokio::test]
async fn a_late_answer_does_not_replace_newer_console_content() {
    look("dialog").await;
}

#[tokio::test]
async fn many_console_tabs_do_not_use_up_the_connections() {
    look("tabs").await;
}
