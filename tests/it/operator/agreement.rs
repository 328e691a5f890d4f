//! What is explained is what is decided: the same of many requests, made of parts that each decide something.

use accredit::admin::pb;
use accredit::admin::pb::explanation::Answer as Item;

use crate::support::check_request::{ClientRequest, HeaderForm};
use crate::support::keys::{rsa, set};
use crate::support::service::{Service, inline_issuer};
use crate::support::token::{Token, now};

const ISSUERS: [&str; 2] = ["https://one.test", "https://two.test"];

const REQUESTS: usize = 600;

const RULES: &str = "\
forward_token: false
payload_header: x-jwt-payload
strip_headers: ['x-jwt-*', x-inner]
ambiguous_paths: [empty_segments, parameters]
token_sources:
  - { header: authorization, scheme: Bearer }
  - { header: x-api-token }
  - { cookie: session }
  - { query: access_token }
rules:
  - { name: preflight, match: { preflight: true }, access: anonymous }
  - { name: open, match: { methods: [GET], paths: ['/open/**'] }, access: anonymous }
  - { name: asked, match: { paths: ['/asked/**'] }, access: anonymous, when: 'request.method == \"GET\"' }
  - { name: maybe, match: { paths: ['/maybe/**'] }, access: optional, scopes: [read] }
  - { name: shut, match: { context: { tier: internal } }, access: deny }
  - { name: ops, match: { hosts: ['*.ops.test'], paths: ['/ops/*'] }, any_scope: [ops, admin], forward_token: true }
  - { name: two, match: { paths: ['/two'] }, issuers: ['https://two.test'], audiences: [more.test] }
  - name: judged
    match: { paths: ['/judged/**'] }
    when: { expression: 'claims.org == \"a\" && request.headers[\"x-a\"].matches(\"^[a-c]+$\") && source.address != \"\"', message: no }
";

/// Chance that is the same in each run.
struct Dice(u64);

impl Dice {
    fn of<T: Clone>(&mut self, sides: &[T]) -> T {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let side = (self.0 >> 8) as usize % sides.len();
        sides[side].clone()
    }

    fn once_in(&mut self, times: usize) -> bool {
        let sides: Vec<_> = (0..times).collect();
        self.of(&sides) == 0
    }
}

/// Tokens good and bad, among them those that are remembered once they were seen.
fn tokens() -> Vec<String> {
    let mut tokens = Vec::new();
    for issuer in ISSUERS {
        let of = || {
            Token::of(issuer)
                .claim("org", "a")
                .claim("scope", "read ops")
        };
        let many = vec!["api.test", "more.test"];
        for token in [
            of(),
            of().claim("aud", many).claim("scope", "admin"),
            of().claim("org", "b").without("scope"),
            of().claim("exp", now() - 3600),
            of().claim("nbf", now() + 3600),
            of().claim("aud", "other.test"),
            of().without("sub"),
            of().kid("other"),
            of().without_header("kid"),
            of().alg("RS512"),
            of().header("typ", "other"),
            of().claim("cnf", serde_json::json!({})),
            of().claim("iss", format!("{issuer}/")),
            of().claim("sub", "ü\u{7f}"),
        ] {
            tokens.push(token.signed(rsa(0)));
        }
        tokens.push(of().signed(rsa(1)));
    }
    tokens.extend(["a.b.c", "none", ""].map(str::to_owned));
    tokens
}

/// The same request, sent to the service and to `explain`.
fn request(dice: &mut Dice, tokens: &[String]) -> (ClientRequest, pb::ExplainRequest) {
    let method = dice.of(&["GET", "GET", "POST", "OPTIONS"]);
    let host = dice.of(&["api.test", "A.ops.test:443", "b.ops.test.", "", "a b"]);
    let paths = [
        "/",
        "/open/a",
        "/open//a",
        "/open/a;b",
        "/open/%2e",
        "/asked/x",
        "/maybe/1",
        "/ops/a",
        "/ops/a/",
        "/two",
        "/judged/%41",
        "/%",
        "*",
        "/ops/%C3%BC",
    ];
    let mut path = dice.of(&paths).to_owned();
    let mut headers: Vec<(&str, String)> = Vec::new();
    while !dice.once_in(2) {
        let token = dice.of(tokens);
        match dice.of(&[0, 0, 0, 1, 2, 3]) {
            0 => headers.push((
                "authorization",
                format!("{} {token}", dice.of(&["Bearer", "bearer ", "Basic"])),
            )),
            1 => headers.push(("X-Api-Token", token)),
            2 => headers.push(("cookie", format!("a=b; session={token}; c=d"))),
            _ => path = format!("{path}?a=1&access_token={token}&b=2"),
        }
    }
    let others = [
        ("x-a", "abc"),
        ("x-a", "d"),
        ("x_jwt_sub", "root"),
        ("x-jwt-sub", "root"),
        ("X-Inner", "1"),
        ("x.inner", "2"),
        ("origin", "https://web.test"),
        ("access-control-request-method", "GET"),
        ("content-type", "application/grpc"),
        ("x-envoy-auth-failure-mode-allowed", "true"),
    ];
    while !dice.once_in(3) {
        let (name, value) = dice.of(&others);
        headers.push((name, value.to_owned()));
    }
    let mut client_request = ClientRequest::plain().to(method, &path).at(host);
    let mut explained = pb::ExplainRequest {
        method: Some(method.to_owned()),
        host: Some(host.to_owned()),
        path: Some(path),
        ..pb::ExplainRequest::default()
    };
    for (name, value) in headers {
        explained.headers.push(pb::Header {
            name: name.to_owned(),
            value: value.clone(),
        });
        client_request = client_request.header(name, value);
    }
    if dice.once_in(8) {
        client_request = client_request.on_route("tier", "internal");
        explained
            .context
            .insert("tier".to_owned(), "internal".to_owned());
    }
    if dice.once_in(2) {
        client_request = client_request.from("192.0.2.1", "spiffe://a/b");
        explained.source_address = "192.0.2.1".to_owned();
        explained.source_principal = "spiffe://a/b".to_owned();
    }
    (client_request, explained)
}

#[tokio::test]
async fn explanations_agree_with_the_decisions_of_the_service() {
    let issuers: String = ISSUERS
        .map(|issuer| inline_issuer(issuer, &set([rsa(0).jwk("k")]), ""))
        .concat();
    let service = Service::ready(&format!("{RULES}issuers:\n{issuers}")).await;
    let (envoy, mut admin) = (service.envoy().await, service.admin().await);
    let (tokens, mut dice) = (tokens(), Dice(0x9e37_79b9_7f4a_7c15));
    let mut met = std::collections::BTreeSet::new();
    for _ in 0..REQUESTS {
        let (client_request, explained) = request(&mut dice, &tokens);
        let decided = envoy
            .check(client_request.message_in(HeaderForm::HeaderMap))
            .await;
        let result = admin.explain(explained.clone()).await.expect("is served");
        let result = result.into_inner().explanation.expect("is there");
        let rule = decided.text("rule").unwrap_or_default();
        assert_eq!(
            (&result.reason, &result.rule),
            (&decided.reason(), &rule),
            "{explained:?}"
        );
        let pairs = |headers: Vec<pb::Header>| -> Vec<_> {
            headers
                .into_iter()
                .map(|header| (header.name, header.value))
                .collect()
        };
        match result.answer.expect("is there") {
            Item::Admitted(admission) => {
                assert!(decided.is_admission(), "{explained:?}");
                assert_eq!(pairs(admission.set), decided.headers, "{explained:?}");
                assert_eq!(admission.removed, decided.removed, "{explained:?}");
            }
            Item::Refused(refusal) => {
                assert_eq!(
                    (refusal.status as i32, refusal.body),
                    (decided.http, decided.body),
                    "{explained:?}"
                );
                assert_eq!(pairs(refusal.headers), decided.headers, "{explained:?}");
            }
        }
        met.insert(format!("{rule}: {}", result.reason));
    }
    assert!(met.len() > 40, "{} outcomes were met: {met:#?}", met.len());
}

#[tokio::test]
async fn a_request_with_many_headers_is_explained_as_it_is_decided() {
    let issuer = inline_issuer(ISSUERS[0], &set([rsa(0).jwk("k")]), "");
    let service = Service::ready(&format!(
        "issuers:\n{issuer}rules:\n  - {{ name: all, access: anonymous }}\n"
    ))
    .await;
    // Four more of them are the pseudo-headers of what is asked of the service.
    for (count, reason) in [(9_996, "anonymous"), (10_001, "invalid_request")] {
        let (mut client_request, mut explained) =
            (ClientRequest::plain(), pb::ExplainRequest::default());
        for number in 0..count {
            let name = format!("x-{number}");
            client_request = client_request.header(&name, "");
            explained.headers.push(pb::Header {
                name,
                value: String::new(),
            });
        }
        let decided = service
            .check(client_request.message_in(HeaderForm::HeaderMap))
            .await;
        assert_eq!(decided.reason(), reason, "{count}");
        let result = service.admin().await.explain(explained).await;
        let result = result.expect("is served").into_inner().explanation;
        assert_eq!(result.expect("is there").reason, reason, "{count}");
    }
}
