//! The token endpoint's rules, without HTTP.

use axum::http::HeaderValue;

use super::*;

const GRANT: (&str, &str) = ("grant_type", "client_credentials");
const ID: (&str, &str) = ("client_id", "m2morg_1001");
const SECRET: (&str, &str) = ("client_secret", "dev-secret-1001");

fn decide(
    authorizations: &[&str],
    fields: &[(&str, &str)],
) -> Result<TokenGrant, TokenRequestError> {
    let mut headers = HeaderMap::new();
    for value in authorizations {
        headers.append(
            AUTHORIZATION,
            HeaderValue::from_str(value).expect("a value"),
        );
    }
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    TokenGrant::decide(&headers, fields)
}

fn basic(credentials: &str) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}

fn refused(authorizations: &[&str], fields: &[(&str, &str)]) -> TokenRequestError {
    decide(authorizations, fields).expect_err("a refusal")
}

#[test]
fn a_client_authenticates_by_form_or_by_basic() {
    let by_form = decide(&[], &[GRANT, ID, SECRET]).expect("a grant");
    assert_eq!(by_form.client.id, "m2morg_1001");
    for credentials in [
        "m2morg_1001:dev-secret-1001",
        "m2morg%5f1001:dev%2Dsecret-1001", // RFC 6749, section 2.3.1
    ] {
        for scheme in ["Basic", "basic"] {
            let authorization = basic(credentials).replacen("Basic", scheme, 1);
            let by_basic = decide(&[&authorization], &[GRANT]).expect("a grant");
            assert_eq!(by_basic.client.id, "m2morg_1001", "{authorization}");
        }
    }
    let named_too = decide(&[&basic("m2morg_1001:dev-secret-1001")], &[GRANT, ID]);
    assert_eq!(named_too.expect("a grant").client.id, "m2morg_1001");
}

#[test]
fn a_scheme_other_than_basic_is_not_client_authentication() {
    assert!(decide(&["Bearer e30.e30.e30"], &[GRANT, ID, SECRET]).is_ok());
    assert!(decide(&["Basically"], &[GRANT, ID, SECRET]).is_ok());
    assert_eq!(
        refused(&["Bearer e30.e30.e30"], &[GRANT]),
        TokenRequestError::InvalidClient { challenge: true }
    );
}

#[test]
fn a_token_error_has_a_challenge_if_the_authorization_header_had_credentials() {
    for credentials in [
        "m2morg_1001:dev-secret-1002",
        "m2morg_1001:",
        "m2morg_1001",
        "m2morg_9999:dev-secret-1001",
        "m2morg_1001:dev-secret-1001%",
        "m2morg_1001:dev-secret-1001%zz",
        "m2morg_1001:dev-secret+1001",
    ] {
        let expected = TokenRequestError::InvalidClient { challenge: true };
        assert_eq!(
            refused(&[&basic(credentials)], &[GRANT]),
            expected,
            "{credentials}"
        );
    }
    for authorization in ["Basic", "Basic !", "Basic bTJt="] {
        let expected = TokenRequestError::InvalidClient { challenge: true };
        assert_eq!(
            refused(&[authorization], &[GRANT]),
            expected,
            "{authorization}"
        );
    }
    let expected = TokenRequestError::InvalidClient { challenge: false };
    assert_eq!(refused(&[], &[GRANT, ID, ("client_secret", "x")]), expected);
    assert_eq!(refused(&[], &[GRANT, ID, ("client_secret", "")]), expected);
    assert_eq!(refused(&[], &[GRANT]), expected);
}

#[test]
fn a_client_that_authenticates_twice_is_refused() {
    let own = basic("m2morg_1001:dev-secret-1001");
    let twice = TokenRequestError::AuthenticatedTwice;
    assert_eq!(refused(&[&own], &[GRANT, ID, SECRET]), twice);
    assert_eq!(refused(&[&own, &own], &[GRANT]), twice);
    assert_eq!(
        refused(&[&own], &[GRANT, ("client_id", "m2morg_1002")]),
        twice
    );
}

#[test]
fn missing_and_repeated_token_request_parameters_are_errors() {
    assert_eq!(
        refused(&[], &[ID, SECRET]),
        TokenRequestError::ParameterMissing("grant_type")
    );
    assert_eq!(
        refused(&[], &[("grant_type", ""), ID, SECRET]),
        TokenRequestError::ParameterMissing("grant_type")
    );
    assert_eq!(
        refused(&[], &[GRANT, SECRET]),
        TokenRequestError::ParameterMissing("client_id")
    );
    for repeated in [GRANT, ID, SECRET] {
        let fields = [GRANT, ID, SECRET, repeated];
        assert_eq!(
            refused(&[], &fields),
            TokenRequestError::ParameterRepeated,
            "{repeated:?}"
        );
    }
    assert_eq!(
        refused(&[], &[("grant_type", "password"), ID, SECRET]),
        TokenRequestError::UnsupportedGrantType
    );
    assert!(decide(&[], &[GRANT, ID, SECRET, ("resource", "urn:x")]).is_ok());
}

#[test]
fn only_registered_scopes_are_granted() {
    let both = vec!["deploy:applications", "read:deployments"];
    for (asked, granted) in [
        ("", Some(both.clone())),
        ("openid profile email", Some(both.clone())),
        ("read:deployments deploy:applications", Some(both)),
        ("read:deployments", Some(vec!["read:deployments"])),
        (
            "openid  read:deployments read:deployments",
            Some(vec!["read:deployments"]),
        ),
        ("read:deployments admin", None),
        ("offline_access", None),
        ("Read:deployments", None),
    ] {
        let decided = decide(&[], &[GRANT, ID, SECRET, ("scope", asked)]);
        let expected = granted.ok_or(TokenRequestError::InvalidScope);
        assert_eq!(decided.map(|grant| grant.scopes), expected, "{asked}");
    }
    let other = [
        GRANT,
        ("client_id", "m2morg_1002"),
        ("client_secret", "dev-secret-1002"),
        ("scope", "deploy:applications"),
    ];
    assert_eq!(refused(&[], &other), TokenRequestError::InvalidScope);
}
