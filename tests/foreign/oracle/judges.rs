//! The three judges: accredit's core at a fixed clock, npm jose and PyPI joserfc, each by the same policy.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use accredit::jwks::key_stores::KeyStores;
use accredit_core::authn::error::AuthenticationError;
use accredit_core::authn::moment::Moment;
use accredit_core::authz::answer::Answer;
use accredit_core::authz::authorizer::{Authorizer, Judgement};
use accredit_core::authz::denial::Denial;
use accredit_core::config::load;
use accredit_core::config::resolve::resolve;
use accredit_core::engine::{Engines, key_entries};
use accredit_core::request::{ClientCertificate, Completeness, Headers, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use tokio::process::Command;

use crate::support::scripts::{node, python};

/// One generated token.
#[derive(Deserialize)]
pub(super) struct Case {
    number: usize,
    pub(super) algorithm: String,
    issuer: String,
    mutations: Vec<String>,
    /// The result depends on the second in which the token is judged.
    pub(super) edge: bool,
    /// One character per byte.
    token: String,
}

/// A library that accredit is compared with.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Library {
    Jose,
    Joserfc,
}

/// The decision of a library. No error: it accepts the token.
#[derive(Deserialize)]
pub(super) struct Verdict {
    pub(super) error: Option<String>,
}

/// The decision of accredit.
pub(super) struct Decision {
    pub(super) reason: &'static str,
    pub(super) cause: String,
}

/// A token, and what each judge decided.
pub(super) struct Judged {
    pub(super) case: Case,
    pub(super) accredit: Decision,
    jose: Verdict,
    joserfc: Verdict,
}

/// What all three judge by.
#[derive(Deserialize)]
struct Policy {
    now: u64,
    skew: u64,
    audiences: Vec<String>,
    required: Vec<String>,
    issuers: Vec<PolicyIssuer>,
}

#[derive(Deserialize)]
struct PolicyIssuer {
    issuer: String,
    algorithms: Vec<String>,
    keys: Vec<Value>,
}

/// A folder with generated tokens.
pub(super) struct Tokens {
    folder: PathBuf,
    pub(super) cases: Vec<Case>,
}

impl Case {
    pub(super) fn name(&self) -> String {
        let Case {
            number, algorithm, ..
        } = self;
        format!("token {number}, {algorithm}, {}", self.traits().join(" "))
    }

    /// What distinguishes the token from an ordinary one: its mutations, and the published keys if they are unusual.
    pub(super) fn traits(&self) -> Vec<&str> {
        let keys = self.issuer.rsplit('/').next().unwrap_or_default();
        let mutations = self.mutations.iter().map(|mutation| &**mutation);
        mutations.chain([keys]).collect()
    }

    /// A token as the issuer with ordinary keys writes them.
    pub(super) fn is_ordinary(&self) -> bool {
        self.mutations.is_empty() && self.issuer == "https://issuer.example"
    }

    /// The token, if a header in protobuf's `string` can carry it unchanged.
    pub(super) fn ascii_token(&self) -> Option<&str> {
        self.token.is_ascii().then_some(&*self.token)
    }

    /// The value of the `Authorization` header.
    fn authorization(&self) -> Vec<u8> {
        let token = self.token.chars();
        let bytes = token.map(|byte| u8::try_from(byte).expect("one character per byte"));
        b"Bearer ".iter().copied().chain(bytes).collect()
    }
}

impl Tokens {
    /// Generates tokens into a folder of `target`.
    pub(super) async fn generate(name: &str, count: usize, now: u64) -> Tokens {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("oracle")
            .join(name);
        let arguments = [
            folder.to_str().expect("is UTF-8"),
            &count.to_string(),
            "1",
            &now.to_string(),
        ];
        run("generator", python("oracle/generate.py", &arguments)).await;
        let cases = lines(&folder.join("tokens.jsonl"));
        assert_eq!(cases.len(), count);
        Tokens { folder, cases }
    }

    /// The configuration of accredit that says the same as the policy.
    pub(super) fn configuration(&self) -> String {
        let policy = self.policy();
        let mut text = String::from("token_cache: 0\nissuers:\n");
        for issuer in policy.issuers {
            let entry = json!({
                "issuer": issuer.issuer,
                "jwks": { "inline": json!({ "keys": issuer.keys }).to_string() },
                "audiences": policy.audiences,
                "algorithms": issuer.algorithms,
                "required_claims": policy.required,
                "clock_skew": format!("{}s", policy.skew),
            });
            // JSON is YAML.
            writeln!(text, "  - {entry}").unwrap();
        }
        text
    }

    /// Decides each token with accredit's core, at the clock of the policy.
    pub(super) fn decide(&self) -> Vec<Decision> {
        let (document, locations) = load::read(&self.configuration(), &|_| None).unwrap();
        let mut settings = resolve(&document, locations).unwrap().settings;
        let leases = KeyStores::default().lease(&key_entries(&settings)).unwrap();
        let authorizer = Engines::default().build(&mut settings, leases, None);
        let moment = Moment::new(Duration::from_secs(self.policy().now), Instant::now());
        let decide = |case| decide(&authorizer, case, moment);
        self.cases.iter().map(decide).collect()
    }

    /// The decisions of all three judges.
    pub(super) async fn judge(self) -> Vec<Judged> {
        let folder = self.folder.to_str().expect("is UTF-8");
        tokio::join!(
            run("jose", node("oracle.js", &[folder])),
            run("joserfc", python("oracle/judge.py", &[folder])),
        );
        let jose: Vec<Verdict> = lines(&self.folder.join("jose.jsonl"));
        let joserfc: Vec<Verdict> = lines(&self.folder.join("joserfc.jsonl"));
        assert_eq!(jose.len(), self.cases.len());
        assert_eq!(joserfc.len(), self.cases.len());
        let decisions = self.decide();
        let libraries = jose.into_iter().zip(joserfc);
        let judged = self.cases.into_iter().zip(decisions).zip(libraries);
        judged
            .map(|((case, accredit), (jose, joserfc))| Judged::new(case, accredit, jose, joserfc))
            .collect()
    }

    fn policy(&self) -> Policy {
        let text = fs::read_to_string(self.folder.join("policy.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

impl Library {
    pub(super) const BOTH: [Library; 2] = [Library::Jose, Library::Joserfc];
}

impl Judged {
    pub(super) fn new(case: Case, accredit: Decision, jose: Verdict, joserfc: Verdict) -> Judged {
        Judged {
            case,
            accredit,
            jose,
            joserfc,
        }
    }

    pub(super) fn of(&self, library: Library) -> &Verdict {
        match library {
            Library::Jose => &self.jose,
            Library::Joserfc => &self.joserfc,
        }
    }
}

impl Decision {
    pub(super) fn is_admission(&self) -> bool {
        self.reason == "allowed"
    }
}

fn decide(authorizer: &Authorizer, case: &Case, moment: Moment) -> Decision {
    let authorization = case.authorization();
    let headers = [("authorization", &authorization[..])];
    let request = Request {
        method: "GET",
        host: "api.example",
        path: "/api/data",
        headers: Headers::new(headers.into_iter(), Completeness::Complete),
        source_address: "",
        source_principal: "",
        source_certificate: ClientCertificate::Absent,
        scheme: "https",
        context: Vec::new(),
        trace: None,
    };
    let Judgement::Judged(judged) = authorizer.judge(&request, moment) else {
        panic!("waits for keys that never change: {}", case.name())
    };
    let reason = judged.record.reason.as_str();
    let is_admission = matches!(judged.answer, Answer::Admit(_));
    assert_eq!(is_admission, reason == "allowed", "{}", case.name());
    let cause = match judged.record.denial {
        Some(Denial::Unauthenticated(AuthenticationError::Token(error))) => error.to_string(),
        _ => String::new(),
    };
    Decision { reason, cause }
}

/// Runs a script to its end, however long it takes.
async fn run(name: &str, mut script: Command) {
    let output = script.output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {errors}");
}

fn lines<T: DeserializeOwned>(file: &Path) -> Vec<T> {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}
