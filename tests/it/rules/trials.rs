//! Rules on trial (CONTRACT 8.7).

use crate::support::check_request::{ClientRequest, HeaderForm};
use crate::support::http_get::get;
use crate::support::keys::rsa;
use crate::support::process::{Running, accredit};
use crate::support::service::inline_issuer;

use super::place::{ISSUER, service, token, with};

const TRIAL: &str = "
rules:
  - name: reports
    match: { paths: [/reports/**] }
    scopes: [reports:read]
    shadow: { until: 2999-12-31 }
  - { name: open, match: { paths: [/open] }, access: anonymous, when: 'request.query == \"a\"', shadow: { until: 2999-12-31 } }
  - { name: ended, match: { paths: [/ended/**] }, scopes: [reports:read], shadow: { until: 2026-01-01 } }
  - { name: rest, access: deny }
";

#[tokio::test]
async fn a_rule_on_trial_admits_what_it_would_refuse_and_keeps_the_true_reason() {
    let service = service(TRIAL).await;
    let spoofed = |client_request: ClientRequest| {
        client_request
            .header("x-jwt-sub", "evil")
            .path("/reports/1")
    };
    let expired = token().time("exp", -100);
    for (client_request, decision, reason, subject) in [
        (
            with(token().claim("scope", "reports:read")),
            "allow",
            "allowed",
            Some("someone"),
        ),
        // The token is verified, and the rule does not accept it.
        (
            with(token().claim("scope", "other")),
            "shadow",
            "insufficient_scope",
            Some("someone"),
        ),
        // Claim headers never come from a token that was not accepted (CONTRACT 8.7.4).
        (with(expired), "shadow", "expired", None),
        (
            ClientRequest::bearer(&token().signed(rsa(1))),
            "shadow",
            "invalid_signature",
            None,
        ),
        (
            ClientRequest::bearer("abc"),
            "shadow",
            "malformed_token",
            None,
        ),
        (ClientRequest::plain(), "shadow", "missing_token", None),
    ] {
        let answer = service.check(spoofed(client_request)).await;
        assert!(answer.is_admission(), "{reason}: {answer:?}");
        assert_eq!(
            answer.text("decision").as_deref(),
            Some(decision),
            "{reason}"
        );
        assert_eq!(answer.reason(), reason);
        assert_eq!(answer.text("rule").as_deref(), Some("reports"));
        assert_eq!(answer.header("x-jwt-sub"), subject, "{reason}");
        assert_eq!(answer.removes("x-jwt-sub"), subject.is_none(), "{reason}");
    }
}

#[tokio::test]
async fn a_trial_admits_nothing_that_is_not_a_matter_of_its_rule() {
    let service = service(TRIAL).await;
    let two_tokens = ClientRequest::bearer(&token().signed(rsa(0)))
        .header("authorization", "Bearer abc")
        .path("/reports/1");
    for (client_request, reason) in [
        (
            ClientRequest::plain().path("/reports/../x"),
            "invalid_request",
        ),
        (two_tokens, "invalid_request"),
        (ClientRequest::plain().path("/ended/1"), "missing_token"),
        (with(token()).path("/ended/1"), "insufficient_scope"),
        (with(token()).path("/x"), "denied_by_rule"),
    ] {
        let answer = service.check(client_request).await;
        assert!(!answer.is_admission(), "{reason}: {answer:?}");
        assert_eq!(answer.reason(), reason);
    }
    let open = |query: &str| ClientRequest::plain().path(&format!("/open?{query}"));
    let answer = service.check(open("a")).await;
    assert_eq!(answer.text("decision").as_deref(), Some("allow"));
    let answer = service.check(open("b")).await;
    assert!(answer.is_admission());
    assert_eq!(answer.reason(), "condition_failed");
}

/// CONTRACT 3.10.4: the path of an admission without an accepted token is not ambiguous.
#[tokio::test]
async fn a_trial_admits_no_permitted_ambiguous_path_without_an_accepted_token() {
    let trial = format!("ambiguous_paths: [encoded_slash]\n{TRIAL}");
    let service = service(&trial).await;
    let path = "/reports/a%2Fb";
    for (request, reason) in [
        (ClientRequest::plain(), "missing_token"),
        (with(token().claim("scope", "other")), "insufficient_scope"),
    ] {
        let answer = service.check(request.path(path)).await;
        assert!(!answer.is_admission(), "{reason}: {answer:?}");
        assert_eq!(answer.reason(), reason);
    }
    let accepted = with(token().claim("scope", "reports:read")).path(path);
    assert!(service.check(accepted).await.is_admission());
}

#[tokio::test]
async fn a_trial_removes_the_token_that_must_not_reach_the_upstream() {
    let service = service(&format!(
        "forward_token: false\n{}",
        TRIAL.replace(
            "rules:\n",
            "accept_warnings: [anonymous_token_forwarded]\nrules:\n"
        )
    ))
    .await;
    let expired = token().time("exp", -100).signed(rsa(0));
    for bearer in [expired, token().signed(rsa(0)), "abc".to_owned()] {
        let answer = service
            .check(ClientRequest::bearer(&bearer).path("/reports/1"))
            .await;
        assert_eq!(answer.text("decision").as_deref(), Some("shadow"));
        assert!(answer.removes("authorization"), "{bearer}");
    }
}

/// As an admission by a rule that is not on trial: the upstream gets fewer cookies than the client sent.
#[tokio::test]
async fn a_trial_counts_the_cookies_that_are_lost_with_the_token() {
    let service = service(&format!(
        "forward_token: false\ntoken_sources: [{{ cookie: session }}]\n{}",
        TRIAL.replace(
            "rules:\n",
            "accept_warnings: [anonymous_token_forwarded]\nrules:\n"
        )
    ))
    .await;
    let accepted = token().claim("scope", "reports:read");
    let tokens = [accepted, token(), token().time("exp", -100)];
    for (token, reason) in tokens
        .into_iter()
        .zip(["allowed", "insufficient_scope", "expired"])
    {
        let mut cookies = format!("a=1; session={}; b=", token.signed(rsa(0))).into_bytes();
        cookies.extend(b"\xff; c=3");
        let request = ClientRequest::plain()
            .path("/reports/1")
            .header("cookie", cookies);
        let answer = service
            .check(request.message_in(HeaderForm::HeaderMap))
            .await;
        assert_eq!(answer.reason(), reason);
        assert_eq!(answer.header("cookie"), Some("a=1; c=3"), "{answer:?}");
    }
    let (_, metrics) = get(service.admin, "localhost", "/metrics").await;
    assert!(
        metrics.contains("\naccredit_dropped_cookies_total 3\n"),
        "{metrics}"
    );
}

/// CONTRACT 8.7.2
#[tokio::test]
async fn trials_are_counted_logged_and_announced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accredit.yaml");
    let issuer = inline_issuer(ISSUER, &crate::support::keys::set([rsa(0).jwk("k")]), "");
    let text = format!("listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\nissuers:\n{issuer}{TRIAL}");
    std::fs::write(&file, text).unwrap();
    let mut command = accredit(&["serve", "--config", file.to_str().unwrap()]);
    let mut running = Running::start(&mut command).await;
    running
        .wait_for_line("a rule on trial admits what it would deny")
        .await;
    running.wait_for_line("the trial of a rule has ended").await;
    let answer = running
        .check(ClientRequest::plain().path("/reports/1"))
        .await;
    assert!(answer.is_admission());
    let line = running
        .wait_for_line("request admitted by a rule on trial")
        .await;
    assert_eq!(line["decision"], "shadow");
    assert_eq!(line["reason"], "missing_token");
    let (_, metrics) = get(running.admin, "localhost", "/metrics").await;
    let counted = "accredit_checks_total{decision=\"shadow\",reason=\"missing_token\",issuer=\"none\",rule=\"reports\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    let days = metrics
        .lines()
        .find(|line| line.starts_with("accredit_shadow_rules{rule=\"reports\"}"));
    let days: f64 = days.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(days > 300_000.0, "{days}");
    assert!(
        metrics.contains("accredit_shadow_rules{rule=\"ended\"} 0"),
        "{metrics}"
    );
}
