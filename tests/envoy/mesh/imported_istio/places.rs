//! Places of a request in which tokens are found.

use accredit_test_support::client::RawRequest;
use accredit_test_support::keys::rsa;

use super::super::imported::Compared::{BothAdmit, BothRefuse, Named, Stricter};
use super::{good, twins};

#[tokio::test]
async fn tokens_are_optional_and_found_in_all_places_as_by_istio() {
    let twins = twins("2-everything").await;
    let signed = good().signed(rsa(0));
    let bad = good().claim("aud", "other").signed(rsa(0));
    let header = |name: &str, value: &str| RawRequest::get("/x").header(name, value);
    twins
        .compare(vec![
            ("none", RawRequest::get("/x"), BothAdmit),
            (
                "a scheme that is not read",
                header("authorization", &format!("Bearer {bad}")),
                BothAdmit,
            ),
            (
                "Token",
                header("authorization", &format!("Token {signed}")),
                BothAdmit,
            ),
            (
                "Token, bad",
                header("authorization", &format!("Token {bad}")),
                BothRefuse,
            ),
            (
                "x-token",
                header("x-token", &format!("Bearer {signed}")),
                BothAdmit,
            ),
            (
                "x-token, bad",
                header("x-token", &format!("Bearer {bad}")),
                BothRefuse,
            ),
            (
                "param",
                RawRequest::get(format!("/x?jwt={signed}")),
                BothAdmit,
            ),
            (
                "param, bad",
                RawRequest::get(format!("/x?jwt={bad}")),
                BothRefuse,
            ),
            (
                "cookie",
                header("cookie", &format!("session={signed}; b=2")),
                BothAdmit,
            ),
            (
                "cookie, bad",
                header("cookie", &format!("session={bad}")),
                BothRefuse,
            ),
            (
                "no aud",
                header(
                    "x-token",
                    &format!("Bearer {}", good().without("aud").signed(rsa(0))),
                ),
                BothRefuse,
            ),
            (
                "an audience with a slash at its end",
                header(
                    "x-token",
                    &format!(
                        "Bearer {}",
                        good()
                            .claim("aud", "https://orders.example/")
                            .signed(rsa(0))
                    ),
                ),
                Stricter,
            ),
            (
                "no sub",
                header(
                    "x-token",
                    &format!("Bearer {}", good().without("sub").signed(rsa(0))),
                ),
                BothAdmit,
            ),
            (
                "cookie, no token",
                header("cookie", "session=none"),
                Named("three parts"),
            ),
            (
                "good param, bad cookie",
                RawRequest::get(format!("/x?jwt={signed}"))
                    .header("cookie", format!("session={bad}")),
                BothRefuse,
            ),
        ])
        .await;
}
