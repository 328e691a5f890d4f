//! What an operator uses during an incident: filters over the last refusals, the cause of a refusal, the rules, a refresh of keys.

use serde_json::json;

use crate::support::check_request::ClientRequest;
use crate::support::issuer::{Answer, KeyServer, Reply};
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer, issuer_at};
use crate::support::token::Token;

use super::browser::{get, post};

const ISSUER: &str = "https://issuer.test";

fn configuration() -> String {
    let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
    format!(
        "issuers:\n{issuer}rules:\n  - {{ name: open, match: {{ methods: [GET, HEAD], paths: [/healthz, /static/**] }}, access: anonymous }}\n  \
         - {{ name: scoped, match: {{ paths: [/scoped/**], hosts: ['*.test'] }}, scopes: [a, b], when: 'claims.x == 1' }}\n  \
         - {{ name: closed, match: {{ context: {{ tier: [internal] }} }}, access: deny }}\n"
    )
}

/// The paths of the requests in the rows of a page, in their order.
fn requested_rules(page: &str) -> Vec<&str> {
    let cells = page.split("<td class=\"request\" role=\"cell\">").skip(1);
    cells
        .filter_map(|cell| cell.split_once('<')?.0.rsplit_once("test"))
        .map(|(_, path)| path)
        .collect()
}

#[tokio::test]
async fn filters_of_the_address_find_earlier_refusals() {
    let service = Service::ready(&configuration()).await;
    let expired = Token::of(ISSUER).claim("exp", 1).signed(rsa(0));
    for path in ["/scoped/1", "/other/1"] {
        service.check(ClientRequest::plain().path(path)).await;
        service
            .check(ClientRequest::bearer(&expired).path(path))
            .await;
    }
    for (query, paths) in [
        ("", &["/other/1", "/other/1", "/scoped/1", "/scoped/1"][..]),
        ("reason=missing_token", &["/other/1", "/scoped/1"]),
        ("rule=scoped", &["/scoped/1", "/scoped/1"]),
        ("rule=scoped&reason=expired", &["/scoped/1"]),
        (
            "issuer=https%3A%2F%2Fissuer.test&path=%2Fother",
            &["/other/1"],
        ),
        (
            "issuer=none&reason=missing_token&path=%2Fscoped",
            &["/scoped/1"],
        ),
        ("decision=&reason=expired", &["/other/1", "/scoped/1"]),
        ("decision=allow", &[]),
        ("reason=no_such_reason", &[]),
        ("colour=red&rule=scoped", &["/scoped/1", "/scoped/1"]),
    ] {
        let page = get(service.admin, &format!("/?{query}"), "").await;
        assert_eq!(page.status, 200, "{query}");
        assert_eq!(requested_rules(&page.body), paths, "{query}");
        let latest = get(service.admin, &format!("/console/latest?{query}"), "").await;
        assert_eq!(requested_rules(&latest.body), paths, "{query}");
    }
    let page = get(service.admin, "/?rule=gone&path=%2Fa%22b", "")
        .await
        .body;
    assert!(page.contains("<option selected>gone</option>"), "{page}");
    assert!(page.contains("value=\"/a&quot;b\""), "{page}");
    assert!(page.contains("<option selected>deny</option>"), "{page}");
}

#[tokio::test]
async fn the_cause_of_a_refusal_comes_before_its_steps_and_has_what_to_do() {
    let service = Service::ready(&configuration()).await;
    let expired = Token::of(ISSUER).claim("exp", 1).signed(rsa(0));
    let page = post(
        service.admin,
        "/console/explain",
        &[("token", &expired)],
        "",
    )
    .await;
    let place = |text: &str| {
        let found = page.body.find(text);
        found.unwrap_or_else(|| panic!("{text} is not in {}", page.body))
    };
    let order = [
        "class=\"verdict\"",
        "Step <code>exp</code> failed: ",
        "What to do: ",
        "docs/troubleshooting.md#expired",
        "Steps in order",
    ]
    .map(place);
    assert!(order.is_sorted(), "{order:?}");
}

/// The documentation has no public address, and an operator needs it without the network too.
#[tokio::test]
async fn links_in_what_to_do_lead_to_pages_that_the_console_has() {
    let service = Service::ready(&configuration()).await;
    let bound = Token::of(ISSUER).claim("cnf", json!({ "jkt": "A" }));
    let fields = [("token", &*bound.signed(rsa(0)))];
    let page = post(service.admin, "/console/explain", &fields, "")
        .await
        .body;
    assert!(!page.contains("]("), "{page}");
    let links: Vec<&str> = page
        .split("<a href=\"")
        .filter_map(|rest| {
            rest.starts_with("/console/docs/")
                .then(|| rest.split('"').next())?
        })
        .collect();
    assert!(links.contains(&"/console/docs/bound-tokens.md"), "{page}");
    for link in links {
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let page = get(service.admin, path, "").await;
        assert_eq!(page.status, 200, "{link}");
        let place = format!(" id=\"{anchor}\"");
        assert!(anchor.is_empty() || page.body.contains(&place), "{link}");
    }
    for path in ["/console/docs/absent.md", "/console/docs/..%2Fadmin-api.md"] {
        assert_eq!(get(service.admin, path, "").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_console_lists_the_rules_in_words() {
    let service = Service::ready(&configuration()).await;
    let page = get(service.admin, "/", "").await.body;
    let (_, rules) = page.split_once("id=\"rules\"").expect("has rules");
    for text in [
        "<td>GET, HEAD; /healthz, /static/**</td><td>no token</td>",
        "<td>/scoped/**; host *.test</td><td>a verified token; all of the scopes a, b; the condition `when`</td>",
        "<td>context tier = internal</td><td>nothing: every request is denied</td>",
        "<td>every other request</td><td>a verified token</td>",
    ] {
        assert!(rules.contains(text), "{text} is not in {rules}");
    }
}

#[tokio::test]
async fn the_console_names_the_machine_and_the_load() {
    let service = Service::ready(&configuration()).await;
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("can be read");
    let page = get(service.admin, "/", "").await.body;
    let title = format!("<title>{}: accredit console</title>", name.trim());
    assert!(page.contains(&title), "{title} is not in {page}");
    assert!(page.contains(env!("ACCREDIT_COMMIT")), "{page}");
    assert!(page.contains("0 of 1024"), "{page}");
}

#[tokio::test]
async fn the_console_fetches_keys_on_demand_but_not_for_other_sites() {
    let keys = KeyServer::with_keys(set([rsa(0).jwk("old")])).await;
    let service = Service::ready(&issuer_at(&keys, "")).await;
    keys.serve(
        "/keys",
        Reply::Answer(Answer::of(200, set([rsa(1).jwk("new")]))),
    );
    let refused = post(
        service.admin,
        "/console/refresh",
        &[],
        "sec-fetch-site: cross-site\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n",
    )
    .await;
    assert_eq!(refused.status, 403);
    assert_eq!(get(service.admin, "/console/refresh", "").await.status, 405);
    let held = get(service.admin, "/console/live", "").await.body;
    assert!(held.contains(">old<") && !held.contains(">new<"), "{held}");

    let answer = post(service.admin, "/console/refresh", &[], "").await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/#issuers")
    );
    let held = get(service.admin, "/console/live", "").await.body;
    assert!(held.contains(">new<") && !held.contains(">old<"), "{held}");
}
