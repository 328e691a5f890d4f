//! Conditions on claims, in each type that a claim can have.

use accredit_test_support::client::RawRequest;
use serde_json::{Value, json};

use super::super::imported::Compared::{BothAdmit, BothRefuse, Named};
use super::super::imported::with;
use super::{good, twins};

#[tokio::test]
async fn conditions_on_claims_hold_as_for_istio() {
    let twins = twins("3-claims").await;
    let of = |path: &str, claim: &str, value: Value| with(path, &good().claim(claim, value));
    let roles = |value: Value| json!({ "roles": value });
    let mut both = good().claim("groups", "admins").claim("sub", "user-2");
    let both_request = with("/both", &both);
    both = both.claim("sub", "user-3");
    twins
        .compare(vec![
            (
                "list admins",
                of("/groups", "groups", json!(["x", "admins"])),
                BothAdmit,
            ),
            (
                "string admins",
                of("/groups", "groups", json!("admins")),
                BothAdmit,
            ),
            (
                "list ops-eu",
                of("/groups", "groups", json!(["ops-eu"])),
                BothAdmit,
            ),
            (
                "string x admins",
                of("/groups", "groups", json!("x admins")),
                BothRefuse,
            ),
            (
                "none of them",
                of("/groups", "groups", json!(["x", 5, null])),
                BothRefuse,
            ),
            (
                "an object",
                of("/groups", "groups", json!({ "admins": true })),
                BothRefuse,
            ),
            ("groups, none", RawRequest::get("/groups"), BothRefuse),
            (
                "nested list",
                of("/nested", "realm_access", roles(json!(["editor"]))),
                BothAdmit,
            ),
            (
                "nested string",
                of("/nested", "realm_access", roles(json!("editor"))),
                BothAdmit,
            ),
            (
                "nested words",
                of("/nested", "realm_access", roles(json!("a editor"))),
                BothRefuse,
            ),
            (
                "nested in a string",
                of("/nested", "realm_access", json!("roles")),
                BothRefuse,
            ),
            (
                "scope words",
                of("/scope", "scope", json!("a orders:read")),
                BothAdmit,
            ),
            (
                "scope list",
                of("/scope", "scope", json!(["a", "orders:read"])),
                BothAdmit,
            ),
            (
                "scope single",
                of("/scope", "scope", json!("orders:read")),
                BothAdmit,
            ),
            (
                "another scope",
                of("/scope", "scope", json!("orders:readx")),
                BothRefuse,
            ),
            (
                "scopes is another claim",
                of("/scope", "scopes", json!(["orders:read"])),
                BothRefuse,
            ),
            (
                "roles words",
                of("/roles", "roles", json!("a reader")),
                BothRefuse,
            ),
            (
                "without banned",
                of("/not", "groups", json!(["x"])),
                BothAdmit,
            ),
            ("banned", of("/not", "groups", json!("banned")), BothRefuse),
            (
                "banned and x",
                of("/not", "groups", json!(["banned", "x"])),
                BothRefuse,
            ),
            ("claim absent", with("/not", &good()), BothAdmit),
            ("not, none", RawRequest::get("/not"), BothAdmit),
            (
                "present string",
                of("/present", "level", json!("x")),
                BothAdmit,
            ),
            (
                "present list",
                of("/present", "level", json!(["x"])),
                BothAdmit,
            ),
            (
                "present number",
                of("/present", "level", json!(5)),
                BothRefuse,
            ),
            (
                "present empty",
                of("/present", "level", json!("")),
                BothRefuse,
            ),
            ("absent", with("/present", &good()), BothRefuse),
            ("number", of("/number", "level", json!(5)), BothRefuse),
            (
                "number as a string",
                of("/number", "level", json!("5")),
                BothAdmit,
            ),
            ("boolean", of("/bool", "vip", json!(true)), BothRefuse),
            (
                "boolean as a string",
                of("/bool", "vip", json!("true")),
                BothAdmit,
            ),
            ("aud string", with("/aud", &good()), BothAdmit),
            (
                "aud list",
                of("/aud", "aud", json!(["x", "api.acme.example"])),
                BothAdmit,
            ),
            ("aud other", of("/aud", "aud", json!("x")), BothRefuse),
            ("azp", of("/presenter", "azp", json!("web")), BothAdmit),
            (
                "principal",
                of("/principal", "sub", json!("user-1")),
                BothAdmit,
            ),
            (
                "another principal",
                of("/principal", "sub", json!("user-2")),
                BothRefuse,
            ),
            ("suffix", of("/suffix", "sub", json!("user-1")), BothAdmit),
            (
                "suffix evil",
                of("/suffix", "sub", json!("evil/user-1")),
                BothRefuse,
            ),
            ("both", both_request, BothAdmit),
            ("one of both", with("/both", &both), BothRefuse),
            (
                "dotted",
                of("/dotted", "example.com/role", json!("x")),
                BothAdmit,
            ),
            ("elsewhere", with("/elsewhere", &good()), BothRefuse),
            (
                "a longer path",
                of("/groups/x", "groups", json!("admins")),
                BothRefuse,
            ),
            (
                "an encoded letter",
                of("/%67roups", "groups", json!("admins")),
                BothAdmit,
            ),
            (
                "a slash at the end",
                of("/groups/", "groups", json!("admins")),
                Named("ignores one slash at the end"),
            ),
            (
                "an encoded slash",
                of("/x%2f..%2fgroups", "groups", json!("admins")),
                BothRefuse,
            ),
        ])
        .await;
}
