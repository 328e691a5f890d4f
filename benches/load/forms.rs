//! What each way to check a request adds to Envoy's own work: accredit as a service and as a module, and Envoy's filter
//! `jwt_authn`. Each has an Envoy with one worker, and sixteen connections with one request at a time each.

use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::client::Client;
use crate::configuration::{CLAIM_HEADERS, configuration};
use crate::cost::micros;
use crate::envoy::{Envoy, EnvoyConfig, SEEN, extension};
use crate::form_report::{FormCosts, RequestCost, report};
use crate::messages::{ISSUER, Minter};
use crate::process::{Process, ProcessCommand, Transport};

const CONNECTIONS: usize = 16;

/// The number of different tokens that are known.
const KNOWN_TOKENS: usize = 16;

/// How much is measured.
struct Scale {
    rounds: usize,
    /// Requests of each form in each round.
    requests: usize,
    /// Tokens in each round that are new.
    new_tokens: usize,
}

/// An Envoy that checks requests in one way, and the service that it asks.
struct Form {
    envoy: Envoy,
    service: Option<Process>,
    clients: Vec<Client>,
    costs: FormCosts,
}

const ALONE: &str = "Envoy alone";

/// The rows of the report.
pub(crate) async fn measure(envoy: &Path, module: &Path) -> String {
    let scale = Scale::read();
    let module = module.canonicalize().unwrap();
    let minter = Minter::new();
    let mut forms = forms(envoy, &module, &minter).await;
    let known: Vec<String> = (0..KNOWN_TOKENS)
        .map(|client| minter.token(client, json!({})))
        .collect();
    for form in &forms {
        form.assert_that_it_checks(&known[0]).await;
        // Warm: every token is known, and buffers have their sizes.
        form.send(&known, scale.requests / 2).await;
    }
    for round in 0..scale.rounds {
        let first = KNOWN_TOKENS + round * scale.new_tokens;
        let new: Vec<String> = (first..first + scale.new_tokens)
            .map(|client| minter.token(client, json!({})))
            .collect();
        for form in &mut forms {
            let cost = form.cost(&known, scale.requests).await;
            form.costs.known.push(cost);
            let cost = form.cost(&new, new.len()).await;
            form.costs.first_sight.push(cost);
        }
    }
    let costs: Vec<_> = forms.into_iter().map(|form| form.costs).collect();
    report(&costs)
}

impl Scale {
    /// `ACCREDIT_BENCH_REQUESTS` sets the requests of a round, for a trial run, which has two rounds.
    fn read() -> Scale {
        let requests = std::env::var("ACCREDIT_BENCH_REQUESTS");
        match requests.ok().and_then(|text| text.parse().ok()) {
            Some(requests) => Scale {
                rounds: 2,
                requests,
                new_tokens: requests / 10,
            },
            None => Scale {
                rounds: 31,
                requests: 4_000,
                new_tokens: 480,
            },
        }
    }
}

async fn forms(program: &Path, module: &Path, minter: &Minter) -> Vec<Form> {
    let keys = minter.key_set();
    let text = configuration(&keys, 2, 10);
    let inside = |form: &str| {
        let text = format!("metadata_form: {form}\n{text}");
        EnvoyConfig::with_filters(vec![module_filter(module, &text)])
    };
    let jwt_authn = |has_cache| EnvoyConfig::with_filters(vec![jwt_authn(&keys, has_cache)]);
    let service = ProcessCommand::accredit(&text, Transport::Tcp);
    let ext_authz = EnvoyConfig::with_ext_authz(service.endpoint());
    let alone = EnvoyConfig::with_filters(Vec::new());
    let service = Some(service.start());
    let mut forms = Vec::new();
    // In the order of the places in the report.
    for (name, goal, config, service) in [
        (ALONE, "", alone, None),
        ("`jwt_authn`", "", jwt_authn(false), None),
        (
            "`jwt_authn` with its token cache",
            "",
            jwt_authn(true),
            None,
        ),
        ("`ext_authz` to accredit over TCP", "", ext_authz, service),
        ("module, `metadata_form: none`", "8", inside("none"), None),
        ("module, `metadata_form: flat`", "14", inside("flat"), None),
        ("module, `metadata_form: full`", "", inside("full"), None),
    ] {
        let envoy = Envoy::start(program, config.pinned());
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            clients.push(Client::connect(envoy.address).await);
        }
        forms.push(Form {
            envoy,
            service,
            clients,
            costs: FormCosts::new(name, goal),
        });
    }
    forms
}

impl Form {
    /// Sends that many requests, with these tokens in turn.
    async fn send(&self, tokens: &[String], requests: usize) {
        let mut sending = Vec::new();
        for (number, client) in self.clients.iter().enumerate() {
            let own = tokens.iter().cycle().take(requests).skip(number);
            sending.push(client.one_at_a_time(own.step_by(CONNECTIONS)));
        }
        join_all(sending).await;
    }

    async fn cost(&self, tokens: &[String], requests: usize) -> RequestCost {
        let cpu = || {
            let service = self.service.as_ref().map(Process::cpu);
            (self.envoy.cpu(), service.unwrap_or_default())
        };
        let before = cpu();
        self.send(tokens, requests).await;
        let after = cpu();
        RequestCost {
            envoy: micros(after.0 - before.0) / requests as f64,
            service: micros(after.1 - before.1) / requests as f64,
        }
    }

    /// Each form but Envoy alone sets the same five claim headers, and refuses a request without a token.
    async fn assert_that_it_checks(&self, token: &str) {
        let client = &self.clients[0];
        let (status, seen) = client.answer(SEEN, Some(token)).await;
        let (without_token, _) = client.answer(SEEN, None).await;
        let name = self.costs.name;
        if name == ALONE {
            assert_eq!((status, without_token), (200, 200));
            return;
        }
        assert_eq!((status, without_token), (200, 401), "{name}");
        let scope = seen.strip_prefix("m2morg_0 m2morg_0 org_2001 production_us ");
        let has_scope = scope.is_some_and(|scope| scope.len() > 10);
        assert!(has_scope, "{name}: {seen}");
    }
}

/// Envoy's own filter, with the claim headers of the configuration of accredit.
fn jwt_authn(keys: &str, has_cache: bool) -> Value {
    let headers: Vec<Value> = CLAIM_HEADERS
        .iter()
        .map(|(header, claim)| json!({ "header_name": header, "claim_name": claim }))
        .collect();
    let mut provider = json!({
        "issuer": ISSUER,
        "audiences": ["api.acme.example"],
        "forward": true,
        "local_jwks": { "inline_string": keys },
        "claim_to_headers": headers,
    });
    if has_cache {
        provider["jwt_cache_config"] = json!({ "jwt_cache_size": 10_000 });
    }
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": extension("filters.http.jwt_authn.v3.JwtAuthentication"),
            "providers": { "one": provider },
            "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": "one" } }],
        },
    })
}

/// accredit inside Envoy.
fn module_filter(file: &Path, configuration: &str) -> Value {
    json!({
        "name": "envoy.filters.http.dynamic_modules",
        "typed_config": {
            "@type": extension("filters.http.dynamic_modules.v3.DynamicModuleFilter"),
            "dynamic_module_config": {
                "module": { "local": { "filename": file } },
                "do_not_close": true,
            },
            "filter_name": "accredit",
            "filter_config": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": configuration,
            },
        },
    })
}

/// The files that the environment names: Envoy and the module.
pub(crate) fn programs() -> (PathBuf, PathBuf) {
    let file = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let (envoy, module) = (file("ACCREDIT_BENCH_ENVOY"), file("ACCREDIT_BENCH_MODULE"));
    envoy.zip(module).unwrap_or_else(|| {
        panic!("set ACCREDIT_BENCH_ENVOY and ACCREDIT_BENCH_MODULE, as scripts/bench.sh does")
    })
}
