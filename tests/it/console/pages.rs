//! The pages themselves: what they show, what protects them, and that all text in them is text.

use serde_json::json;

use crate::support::check_request::ClientRequest;
use crate::support::issuer::{KeyServer, Reply};
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer, issuer_at};
use crate::support::token::Token;

use super::browser::{get, post};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const PAGES: [&str; 7] = [
    "/",
    "/console/live",
    "/console/decisions",
    "/console/latest",
    "/console/refusals?request_id=x",
    "/console/refusals",
    "/console/docs/troubleshooting.md",
];

const ASSETS: [(&str, &str); 9] = [
    ("/console/app.js", "text/javascript; charset=utf-8"),
    ("/console/chart.js", "text/javascript; charset=utf-8"),
    ("/console/dom.js", "text/javascript; charset=utf-8"),
    ("/console/explain.js", "text/javascript; charset=utf-8"),
    ("/console/live.js", "text/javascript; charset=utf-8"),
    ("/console/tabs.js", "text/javascript; charset=utf-8"),
    ("/console/tail.js", "text/javascript; charset=utf-8"),
    ("/console/style.css", "text/css; charset=utf-8"),
    ("/console/icon.svg", "image/svg+xml"),
];

fn configuration() -> String {
    let keys = set([
        rsa(0).jwk("k<b>1</b>"),
        json!({ "kty": "oct", "k": "AA", "kid": "aside<i>" }),
    ]);
    let issuer = inline_issuer("https://issuer.test/?<script>alert(1)</script>", &keys, "");
    format!(
        "issuers:\n{issuer}rules:\n  - {{ name: '\"><script>alert(2)</script>', match: {{ hosts: [api.test] }} }}\n"
    )
}

#[tokio::test]
async fn every_console_answer_has_restrictive_security_headers() {
    let service = Service::ready(&configuration()).await;
    let mut answers = vec![post(service.admin, "/console/explain", &[], "").await];
    for page in PAGES {
        let answer = get(service.admin, page, "").await;
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        answers.push(answer);
    }
    answers.push(get(service.admin, "/console/tail?decision=maybe", "").await);
    for answer in &answers {
        assert_eq!(answer.header("cache-control"), "no-store", "{answer:?}");
    }
    for (asset, kind) in ASSETS {
        let answer = get(service.admin, asset, "").await;
        assert_eq!((answer.status, answer.header("content-type")), (200, kind));
        assert_eq!(answer.header("cache-control"), "no-cache");
        answers.push(answer);
    }
    answers.push(get(service.admin, "/", "sec-fetch-site: cross-site\r\n").await);
    for answer in answers {
        assert_eq!(answer.header("content-security-policy"), POLICY);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
    }
}

#[tokio::test]
async fn pages_of_other_sites_cannot_use_the_console() {
    let service = Service::ready(&configuration()).await;
    let admin = service.admin;
    let own = format!("origin: http://{admin}\r\n");
    let navigates = "sec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n";
    let fetch = |site: &str| format!("sec-fetch-site: {site}\r\nsec-fetch-mode: no-cors\r\n");
    for (lines, status) in [
        (String::new(), 200),
        (own.clone(), 200),
        (fetch("same-origin"), 200),
        (fetch("none"), 200),
        (fetch("cross-site"), 403),
        (fetch("same-site"), 403),
        (format!("sec-fetch-site: cross-site\r\n{navigates}"), 200),
        ("origin: http://evil.test\r\n".to_owned(), 403),
        ("origin: null\r\n".to_owned(), 403),
    ] {
        assert_eq!(get(admin, "/", &lines).await.status, status, "{lines}");
    }
    for (lines, status) in [
        (String::new(), 200),
        (
            format!("{own}sec-fetch-site: same-origin\r\n{navigates}"),
            200,
        ),
        (format!("sec-fetch-site: cross-site\r\n{navigates}"), 403),
        ("origin: null\r\n".to_owned(), 403),
    ] {
        let answer = post(admin, "/console/explain", &[("token", "")], &lines).await;
        assert_eq!(answer.status, status, "{lines}");
    }
    assert_eq!(get(admin, "/console/explain", "").await.status, 405);
    let followed = format!("sec-fetch-site: cross-site\r\n{navigates}");
    for (path, status) in [
        ("/console/refusals?request_id=x", 200),
        ("/console/live", 403),
        ("/console/decisions", 403),
        ("/console/latest", 403),
        // With a filter that is none, so that the answer has an end either way.
        ("/console/tail?decision=maybe", 403),
    ] {
        assert_eq!(get(admin, path, &followed).await.status, status, "{path}");
    }
}

/// CONTRACT 6.1.6. A scraper, a probe or a command sends none of these headers.
#[tokio::test]
async fn pages_of_other_sites_reach_no_resource_of_the_admin_port() {
    let service = Service::ready(&configuration()).await;
    let admin = service.admin;
    let navigates = "sec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n";
    for path in [
        "/metrics",
        "/readyz",
        "/livez",
        "/accredit.admin.v1.Admin/ListIssuers",
        "/other",
    ] {
        let plain = get(admin, path, "").await;
        assert_ne!(plain.status, 403, "{path}");
        assert_eq!(plain.header("x-content-type-options"), "nosniff", "{path}");
        for lines in [
            "sec-fetch-site: cross-site\r\nsec-fetch-mode: no-cors\r\n".to_owned(),
            "sec-fetch-site: same-site\r\nsec-fetch-mode: no-cors\r\n".to_owned(),
            format!("sec-fetch-site: cross-site\r\n{navigates}"),
            "origin: http://evil.test\r\n".to_owned(),
        ] {
            let answer = get(admin, path, &lines).await;
            assert_eq!(answer.status, 403, "{path} {lines}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
        }
    }
    for path in ["/metrics", "/readyz", "/livez"] {
        assert_eq!(get(admin, path, "").await.status, 200, "{path}");
        let typed = get(admin, path, &format!("sec-fetch-site: none\r\n{navigates}")).await;
        assert_eq!(typed.status, 200, "{path}");
    }
}

#[tokio::test]
async fn the_probe_port_has_no_console() {
    let service = Service::ready(&format!("{}probe_listen: 127.0.0.1:0\n", configuration())).await;
    let probes = service.probes.expect("is configured");
    for (path, _) in ASSETS.iter().chain(&PAGES.map(|page| (page, ""))) {
        assert_eq!(get(probes, path, "").await.status, 404, "{path}");
    }
    assert_eq!(get(probes, "/console/tail", "").await.status, 404);
}

#[tokio::test]
async fn the_console_shows_readiness_issuers_and_keys_without_scripts() {
    let failing = KeyServer::with_keys(Reply::Hang).await;
    let good = inline_issuer(
        "https://good.test",
        &set([
            rsa(0).jwk("first"),
            json!({ "kty": "oct", "kid": "second" }),
        ]),
        "",
    );
    let waits = issuer_at(&failing, "");
    let service = Service::start(&format!("{waits}{good}"));
    let page = get(service.admin, "/", "").await.body;
    for text in [
        "Not ready",
        "1 of 2",
        env!("CARGO_PKG_VERSION"),
        "https://good.test",
        "usable",
        "first",
        "RSA",
        "RS256",
        "second",
        "set aside: ",
        "no keys",
        "ago",
        "Required for readiness",
        &failing.url("/keys"),
    ] {
        assert!(page.contains(text), "{text} is missing of {page}");
    }
    let without = Service::ready(&format!("startup_wait: 1ms\n{waits}{good}")).await;
    let live = get(without.admin, "/console/live", "").await.body;
    assert!(
        live.contains("lamp bad\">Ready, but a required issuer has no keys"),
        "an incident is not green: {live}"
    );
    let ready = Service::ready(&format!("issuers:\n{good}")).await;
    let live = get(ready.admin, "/console/live", "").await.body;
    assert!(
        live.contains("\">Ready</p>") && live.contains("1 of 1"),
        "{live}"
    );
}

#[tokio::test]
async fn client_and_issuer_text_is_escaped_in_the_console() {
    let service = Service::ready(&configuration()).await;
    let id = "\"><img src=x onerror=alert(3)>'&";
    let client_request = ClientRequest::plain()
        .path("/<svg/onload=alert(4)>?q=<script>")
        .header("x-request-id", id);
    assert_eq!(
        service.check(client_request).await.reason(),
        "missing_token"
    );
    let found = format!(
        "/console/refusals?request_id={}",
        "%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert%283%29%3E%27%26"
    );
    let fields = [
        ("token", Token::of("https://<b>").signed(rsa(0))),
        ("method", "<script>".to_owned()),
        ("host", "api.test".to_owned()),
        ("path", "/\"><script>".to_owned()),
        ("context", "a=</textarea><script>".to_owned()),
    ];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let pages = [
        get(service.admin, "/", "").await,
        get(service.admin, "/console/live", "").await,
        get(service.admin, &found, "").await,
        post(service.admin, "/console/explain", &fields, "").await,
        post(service.admin, "/console/explain", &[("<script>", "")], "").await,
    ];
    for page in &pages {
        let body = page.body.replace(
            "<script type=\"module\" src=\"/console/app.js\"></script>",
            "",
        );
        for wrong in [
            "<script",
            "<img",
            "<svg/",
            "<b>",
            "<i>",
            "</textarea><s",
            " style=",
            "<style",
            "onerror=\"",
            "javascript:",
        ] {
            assert!(!body.contains(wrong), "{wrong} in {body}");
        }
    }
    assert!(
        pages[0]
            .body
            .contains("&quot;&gt;&lt;img src=x onerror=alert(3)&gt;")
    );
    assert!(
        pages[0].body.contains("/&lt;svg/onload=alert(4)&gt;<"),
        "the path is there, without its query"
    );
    assert!(
        pages[0]
            .body
            .contains("&quot;&gt;&lt;script&gt;alert(2)&lt;/script&gt;")
    );
    assert!(
        pages[1]
            .body
            .contains("https://issuer.test/?&lt;script&gt;alert(1)&lt;/script&gt;")
    );
    assert!(
        pages[1].body.contains("k&lt;b&gt;1&lt;/b&gt;") && pages[1].body.contains("aside&lt;i&gt;")
    );
    assert!(pages[2].body.contains("missing_token"), "{}", pages[2].body);
    assert!(pages[3].body.contains("a=&lt;/textarea&gt;&lt;script&gt;"));
}
