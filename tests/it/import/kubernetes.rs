//! Kubernetes' AuthenticationConfiguration.

use super::common::{Converted, get, import, with};
use crate::support::issuer::{Answer, KeyServer};
use crate::support::keys::{rsa, set};
use crate::support::token::Token;

/// An issuer whose keys can be found.
pub(super) async fn issuer() -> (KeyServer, String) {
    let keys = KeyServer::start().await;
    let issuer = keys.url("");
    keys.serve("/keys", set([rsa(0).jwk("k")]));
    let metadata = format!(r#"{{"issuer":"{issuer}","jwks_uri":"{issuer}/keys"}}"#);
    keys.serve(
        "/.well-known/openid-configuration",
        Answer::of(200, metadata),
    );
    (keys, issuer)
}

/// What `import` makes of an authenticator for this issuer with these further lines.
pub(super) async fn authenticator(issuer: &str, lines: &str) -> Converted {
    import(&format!(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt:\n\
         - issuer: {{ url: '{issuer}', audiences: [cluster] }}\n{lines}"
    ))
    .await
}

#[tokio::test]
async fn claim_validation_rules_are_conditions_on_the_tokens_of_their_issuer() {
    let (_keys, issuer) = issuer().await;
    let converted = import(&format!(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt:\n\
         - issuer: {{ url: '{issuer}', audiences: [cluster] }}\n  claimValidationRules:\n  \
         - {{ claim: hd, requiredValue: acme.example }}\n  - {{ expression: 'claims.exp - claims.iat <= 7200', message: short }}\n  \
         claimMappings: {{ username: {{ claim: name, prefix: '' }}, groups: {{ claim: groups, prefix: '' }} }}\n\
         anonymous: {{ enabled: true, conditions: [{{ path: /livez }}] }}\n"
    ))
    .await;
    assert_eq!(converted.code, 0, "{}", converted.stderr);
    assert!(
        converted.yaml.contains("clock_skew: 0s"),
        "{}",
        converted.yaml
    );
    assert!(
        converted.yaml.contains("x-jwt-username: name"),
        "{}",
        converted.yaml
    );
    let good = || {
        Token::of(&issuer)
            .claim("aud", "cluster")
            .claim("hd", "acme.example")
            .claim("name", "ann")
    };
    converted
        .deciding()
        .await
        .assert_decides(vec![
            ("good", with(get("/"), &good()), "allowed"),
            ("no token", get("/"), "missing_token"),
            (
                "no name",
                with(get("/"), &good().without("name")),
                "missing_claim",
            ),
            (
                "another domain",
                with(get("/"), &good().claim("hd", "b.example")),
                "condition_failed",
            ),
            (
                "a list is no text",
                with(get("/"), &good().claim("hd", vec!["acme.example"])),
                "condition_failed",
            ),
            (
                "too long",
                with(get("/"), &good().time("exp", 9000)),
                "condition_failed",
            ),
            (
                "expired a moment ago",
                with(get("/"), &good().time("exp", -5)),
                "expired",
            ),
            ("anonymous", get("/livez"), "anonymous"),
            (
                "anonymous, a bad token",
                with(get("/livez"), &good().claim("hd", "b.example")),
                "condition_failed",
            ),
        ])
        .await;
}

#[tokio::test]
async fn what_accredit_cannot_evaluate_refuses_the_tokens_of_the_issuer() {
    for (more, expected) in [
        (
            "  userValidationRules: [{ expression: \"user.username != 'root'\" }]\n",
            "no user to validate",
        ),
        (
            "  claimValidationRules: [{ expression: 'claims.?x.orValue(1) == 1' }]\n",
            "cannot compile",
        ),
        (
            "  claimValidationRules: [{ expression: \"claims.aud != 'x'\" }]\n",
            "is always a list",
        ),
    ] {
        let keys = KeyServer::start().await;
        let issuer = keys.url("");
        keys.serve("/keys", set([rsa(0).jwk("k")]));
        let metadata = format!(r#"{{"issuer":"{issuer}","jwks_uri":"{issuer}/keys"}}"#);
        keys.serve(
            "/.well-known/openid-configuration",
            Answer::of(200, metadata),
        );
        let converted = import(&format!(
            "apiVersion: apiserver.config.k8s.io/v1beta1\nkind: AuthenticationConfiguration\njwt:\n\
             - issuer: {{ url: '{issuer}', audiences: [cluster] }}\n{more}"
        ))
        .await;
        converted.assert_reports("left out: ", &[expected]);
        let token = Token::of(&issuer).claim("aud", "cluster");
        converted
            .deciding()
            .await
            .assert_decides(vec![(expected, with(get("/"), &token), "denied_by_rule")])
            .await;
    }
}
