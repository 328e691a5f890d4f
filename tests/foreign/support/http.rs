//! A client of token endpoints and of other people's APIs.

use serde_json::Value;

/// A client that uses no proxy: every server is on loopback.
pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Posts JSON, and reads the JSON that comes back, if any does.
pub(crate) async fn post(url: &str, body: &Value) -> Value {
    let answer = client().post(url).body(body.to_string()).send().await;
    let answer = answer.unwrap().error_for_status().unwrap();
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default()
}

/// Posts a form to a token endpoint, and takes the token out of the answer.
pub(crate) async fn request_token(endpoint: &str, fields: &[(&str, &str)]) -> String {
    let mut form = reqwest::Url::parse("http://form.example").unwrap();
    form.query_pairs_mut().extend_pairs(fields);
    let answer = client()
        .post(endpoint)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.query().unwrap_or_default().to_owned())
        .send()
        .await;
    let answer: Value = serde_json::from_slice(&answer.unwrap().bytes().await.unwrap()).unwrap();
    let token = answer["access_token"].as_str();
    token
        .unwrap_or_else(|| panic!("no token but {answer}"))
        .to_owned()
}
