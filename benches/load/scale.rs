//! What must not grow: the cost of a check beside a deny list of a million entries, 10,000 tenants, 1,000 issuers, and features
//! that it does not use. Each figure is a ratio of two services within one round; the row has the median of the rounds.

use std::io::{BufWriter, Write as _};
use std::path::Path;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::checks::CheckConnection;
use crate::client::Client;
use crate::configuration::configuration;
use crate::cost::cpu_per_check;
use crate::figures::{median, row};
use crate::messages::{ISSUER, Minter, check};
use crate::process::Process;

const ROUNDS: usize = 7;
const CHECKS: usize = 20_000;

/// Tokens that are new in each round.
const NEW_TOKENS: usize = 1_000;

const ENTRIES: usize = 1_000_000;
const TENANTS: usize = 10_000;

/// Two services that answer the same checks, and should cost the same.
struct Pair<'a> {
    name: &'static str,
    more: &'a Process,
    less: &'a Process,
    /// The claims that the tokens have besides those of every token.
    claims: Value,
}

/// The rows of the report.
pub(crate) async fn measure() -> String {
    let minter = Minter::new();
    let keys = minter.key_set();
    let folder = tempfile::tempdir().unwrap();
    let [long, empty] = ["long.jsonl", "empty.yaml"].map(|name| folder.path().join(name));
    write_list(&long);
    std::fs::write(&empty, "[]\n").unwrap();

    let plain = configuration(&keys, 2, 10);
    let revoked = |list: &Path| format!("{plain}revoked: {{ file: '{}' }}\n", list.display());
    let usual = Process::accredit(&plain);
    let few_revoked = Process::accredit(&revoked(&empty));
    let many_revoked = Process::accredit(&revoked(&long));
    let many_issuers = Process::accredit(&configuration(&keys, 1000, 10));
    let featured = Process::accredit(&unused_features(&revoked(&empty), &keys));
    let one_tenant = Process::accredit(&with_tenants(&plain, 1));
    let many_tenants = Process::accredit(&with_tenants(&plain, TENANTS));
    let pairs = [
        Pair {
            name: "a deny list of 1,000,000 ÷ none",
            more: &many_revoked,
            less: &usual,
            claims: json!({}),
        },
        Pair {
            name: "a deny list of 1,000,000 ÷ an empty one",
            more: &many_revoked,
            less: &few_revoked,
            claims: json!({}),
        },
        Pair {
            name: "1,000 issuers ÷ 2",
            more: &many_issuers,
            less: &usual,
            claims: json!({}),
        },
        Pair {
            name: "10,000 tenants ÷ 1",
            more: &many_tenants,
            less: &one_tenant,
            claims: json!({ "iss": tenant_issuer("tenant-0"), "tid": "tenant-0" }),
        },
        Pair {
            name: "features that the check does not use ÷ none",
            more: &featured,
            less: &usual,
            claims: json!({}),
        },
    ];
    let mut report = String::new();
    let mut row = |name: &str, value: f64, goal: &str| row(&mut report, name, value, goal);
    for pair in &pairs {
        let (known, first) = pair.ratios(&minter).await;
        row(&format!("known token, {}", pair.name), known, "1.05");
        row(&format!("first sight, {}", pair.name), first, "1.05");
    }
    // The peak, so that what the list needs while it is read counts too.
    let added = many_revoked.peak_memory() - few_revoked.peak_memory();
    row(
        "memory added by 1,000,000 entries of the deny list, MiB",
        added,
        "200",
    );
    report
}

impl Pair<'_> {
    /// The medians for known tokens, and for tokens that both services see for the first time.
    async fn ratios(&self, minter: &Minter) -> (f64, f64) {
        let mut client = 0;
        let mut tokens = |count: usize| -> Vec<Bytes> {
            let numbers = client..client + count;
            client += count;
            let message = |number| {
                let token = minter.token(number, self.claims.clone());
                check(Some(&token), "/api/data", number)
            };
            numbers.map(message).collect()
        };
        let known = tokens(16);
        for process in [self.more, self.less] {
            let client = Client::connect(process.address).await;
            assert_eq!(client.code(&known[0]).await, 0, "{}", self.name);
            CheckConnection::connect(process.address).closed_loop(&known, 10_000);
        }
        let (mut of_known, mut of_first) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let cost = |process: &Process, messages: &[Bytes], checks: usize| {
                cpu_per_check(process, &known[0], messages, checks)
            };
            of_known.push(cost(self.more, &known, CHECKS) / cost(self.less, &known, CHECKS));
            let new = tokens(NEW_TOKENS);
            of_first.push(cost(self.more, &new, NEW_TOKENS) / cost(self.less, &new, NEW_TOKENS));
        }
        (median(&of_known), median(&of_first))
    }
}

/// Entries of each kind, none of which names a token of the benchmark.
fn write_list(path: &Path) {
    let mut text = BufWriter::new(std::fs::File::create(path).unwrap());
    for number in 0..ENTRIES {
        let by = ["jti", "sub", "client_id", "oid"][number % 4];
        writeln!(
            text,
            "{{\"issuer\":\"{ISSUER}\",\"{by}\":\"00000000-0000-4000-8000-{number:012}\",\"until\":4102444800}}"
        )
        .unwrap();
    }
    text.flush().unwrap();
}

/// The first issuer becomes one with this number of tenants.
fn with_tenants(plain: &str, count: usize) -> String {
    let tenants: Vec<String> = (0..count)
        .map(|number| format!("tenant-{number}"))
        .collect();
    let entry = format!("  - issuer: {ISSUER}\n");
    assert_eq!(plain.matches(&entry).count(), 1);
    let issuer = tenant_issuer("{tid}");
    let own = format!(
        "  - issuer: '{issuer}'\n    tenants: [{}]\n",
        tenants.join(", ")
    );
    plain.replace(&entry, &own)
}

fn tenant_issuer(tenant: &str) -> String {
    format!("https://login.example/{tenant}/v2.0")
}

/// Another issuer with tenants, a rule on trial, the metadata of the API and a memory of proofs: all of no use to the check.
fn unused_features(plain: &str, keys: &str) -> String {
    let issuer = tenant_issuer("{tid}");
    let issuers = format!(
        "issuers:\n  - issuer: '{issuer}'\n    tenants: any\n    jwks: {{ inline: '{keys}' }}\n    audiences: [api.acme.example]\n"
    );
    let rules =
        "rules:\n  - { name: trial, match: { paths: [/trial] }, shadow: { until: 2999-12-31 } }\n";
    let mut text = plain
        .replacen("issuers:\n", &issuers, 1)
        .replacen("rules:\n", rules, 1);
    text.push_str(
        "resource_metadata: { resource: https://api.acme.example, scopes: [read:deployments] }\nreplay: { size: 1000 }\n",
    );
    text
}
