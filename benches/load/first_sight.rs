//! Tokens that are not in the token cache: verifying a valid one, keeping it, and denying one that is not valid.
//! `cargo bench --bench load -- first` measures these alone.

use std::fmt::Write as _;

use accredit_core::jose::base64url;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use bytes::Bytes;
use serde_json::json;

use crate::configuration::{configuration, without_token_cache};
use crate::cost::{CHECKS, ROUNDS, cpu_per_check, micros};
use crate::figures::{TABLE_HEAD, median, row};
use crate::messages::{self, Minter, check};
use crate::process::{self, Process, ProcessCommand, Transport};

/// Tokens that are new in each round.
const NEW_TOKENS: usize = 600;

/// The number of the first client with a new token. Clients of known tokens have lower numbers.
const FIRST_CLIENT: usize = 1_000_000;

/// The services under test, and the rounds so far.
pub(crate) struct FirstSight<'a> {
    minter: &'a Minter,
    floor: &'a Process,
    /// accredit with a token cache.
    caching: &'a Process,
    /// accredit without a token cache, and else the same.
    forgetting: &'a Process,
    known: Bytes,
    expired: Vec<Bytes>,
    rounds: Vec<FirstSightRound>,
}

/// The CPU time of a check in one round, in microseconds.
struct FirstSightRound {
    floor: f64,
    /// One verification by the cryptographic library alone.
    raw: f64,
    valid: f64,
    valid_not_kept: f64,
    forged: f64,
    unknown_key: f64,
    expired: f64,
}

/// The report of this part alone.
pub(crate) fn measure() -> String {
    let minter = Minter::new();
    let with_cache = configuration(&minter.key_set(), 2, 10);
    let floor = ProcessCommand::floor(Transport::Tcp).start();
    let caching = Process::accredit(&with_cache);
    let forgetting = Process::accredit(&without_token_cache(&with_cache));
    let mut first_sight = FirstSight::new(&minter, &floor, &caching, &forgetting);
    for _ in 0..ROUNDS {
        first_sight.round();
    }
    let mut report = TABLE_HEAD.to_owned();
    for (name, value, goal) in first_sight.figures() {
        row(&mut report, name, value, goal);
    }
    // Writing to a String cannot fail.
    let _ = writeln!(
        report,
        "\nCPU time per check: {:.1} µs at first sight, {:.1} µs without a token cache, {:.1} µs for the floor. One RS256 verification: {:.1} µs.",
        first_sight.median(|round| round.valid),
        first_sight.median(|round| round.valid_not_kept),
        first_sight.median(|round| round.floor),
        first_sight.median(|round| round.raw),
    );
    report
}

impl<'a> FirstSight<'a> {
    pub(crate) fn new(
        minter: &'a Minter,
        floor: &'a Process,
        caching: &'a Process,
        forgetting: &'a Process,
    ) -> FirstSight<'a> {
        let expired = (0..NEW_TOKENS).map(|client| {
            let token = minter.token(client, json!({"iat": 1000, "nbf": 1000, "exp": 2000}));
            check(Some(&token), "/api/data", client)
        });
        let known = check(Some(&minter.token(1, json!({}))), "/api/data", 1);
        let first_sight = FirstSight {
            minter,
            floor,
            caching,
            forgetting,
            known,
            expired: expired.collect(),
            rounds: Vec::new(),
        };
        // Warm: buffers have their sizes, and the token is known.
        for process in [floor, caching, forgetting] {
            first_sight.cost(process, std::slice::from_ref(&first_sight.known), CHECKS);
        }
        first_sight
    }

    /// Measures every case once, each with tokens that are new to the service.
    pub(crate) fn round(&mut self) {
        let first = FIRST_CLIENT + self.rounds.len() * NEW_TOKENS;
        let tokens: Vec<String> = (first..first + NEW_TOKENS)
            .map(|client| self.minter.token(client, json!({})))
            .collect();
        let checks = |change: fn(&str) -> String| -> Vec<Bytes> {
            let tokens = tokens.iter().enumerate();
            tokens
                .map(|(number, token)| check(Some(&change(token)), "/api/data", number))
                .collect()
        };
        let cost = |process: &Process, messages: &[Bytes]| self.cost(process, messages, NEW_TOKENS);

        let raw = raw_verification(self.minter, &tokens);
        let floor = self.cost(self.floor, std::slice::from_ref(&self.known), CHECKS);
        let forged = cost(self.caching, &checks(messages::forged));
        let unknown_key = cost(self.caching, &checks(messages::with_unknown_key));
        let expired = cost(self.caching, &self.expired);
        let valid = checks(str::to_owned);
        // Each of the two comes first in every other round, because the machine may get slower or faster within a round.
        let (valid, valid_not_kept) = if self.rounds.len().is_multiple_of(2) {
            let kept = cost(self.caching, &valid);
            (kept, cost(self.forgetting, &valid))
        } else {
            let not_kept = cost(self.forgetting, &valid);
            (cost(self.caching, &valid), not_kept)
        };
        self.rounds.push(FirstSightRound {
            floor,
            raw,
            valid,
            valid_not_kept,
            forged,
            unknown_key,
            expired,
        });
    }

    /// The name, the value and the goal of each row.
    pub(crate) fn figures(&self) -> [(&'static str, f64, &'static str); 6] {
        [
            (
                "first sight: (CPU - floor) ÷ one RS256 verification",
                self.median(|round| (round.valid - round.floor) / round.raw),
                "1.15",
            ),
            (
                "keeping a token: first sight with `token_cache: 64MiB` - with `token_cache: 0`, µs",
                self.median(|round| round.valid - round.valid_not_kept),
                "1",
            ),
            (
                "expired ÷ first sight",
                self.median(|round| round.expired / round.valid),
                "0.95",
            ),
            (
                "forged ÷ first sight",
                self.median(|round| round.forged / round.valid),
                "0.95",
            ),
            ("forged token, µs", self.median(|round| round.forged), "28"),
            (
                "unknown `kid` ÷ first sight",
                self.median(|round| round.unknown_key / round.valid),
                "0.95",
            ),
        ]
    }

    fn median(&self, figure: impl Fn(&FirstSightRound) -> f64) -> f64 {
        median(&self.rounds.iter().map(figure).collect::<Vec<_>>())
    }

    fn cost(&self, process: &Process, messages: &[Bytes], checks: usize) -> f64 {
        cpu_per_check(process, &self.known, messages, checks)
    }
}

/// What the cryptographic library alone takes to verify one of these tokens, in microseconds.
fn raw_verification(minter: &Minter, tokens: &[String]) -> f64 {
    let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, minter.public_key()).unwrap();
    let parts: Vec<(&str, Vec<u8>)> = tokens
        .iter()
        .map(|token| {
            let (signed, signature) = token.rsplit_once('.').unwrap();
            (signed, base64url::decode(signature).unwrap())
        })
        .collect();
    let before = process::own_cpu();
    for (signed, signature) in &parts {
        key.verify_sig(signed.as_bytes(), signature).unwrap();
    }
    micros(process::own_cpu() - before) / parts.len() as f64
}
