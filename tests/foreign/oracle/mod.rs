//! A differential oracle: generated tokens, judged by accredit, npm jose and PyPI joserfc under one policy.
//!
//! accredit may be stricter than a library, and laxer only for a reason that `docs/security-model.md` states. `make test`
//! judges 2,000 tokens, and `make oracle` 20,000.

mod class;
mod classify;
mod judges;
mod laxer;
mod report;
mod stricter;

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use classify::classes;
use judges::{Library, Tokens};
use report::Report;

use crate::support::accredit::Accredit;

/// The clock of the judges.
const NOW: u64 = 1_800_000_000;

/// How many tokens `make oracle` judges. docs/security-model.md has the numbers of that run.
const ALL_TOKENS: usize = 20_000;

/// What surrounds the numbers in docs/security-model.md.
const MARKS: [&str; 2] = ["<!-- oracle -->\n", "<!-- end of oracle -->\n"];

#[tokio::test]
async fn accredit_admits_what_a_library_refuses_only_for_a_stated_reason() {
    #[allow(
        clippy::disallowed_methods,
        reason = "a setting of the test, not of accredit"
    )]
    let count = std::env::var("ORACLE_TOKENS");
    let count = count.map_or(2_000, |count| count.parse().unwrap());
    let judged = Tokens::generate("fixed_clock", count, NOW)
        .await
        .judge()
        .await;
    let report = Report::new(&judged);
    let unexplained = &report.unexplained;
    assert!(
        unexplained.is_empty(),
        "{} differences without a reason:\n{}",
        unexplained.len(),
        unexplained.join("\n")
    );
    // All three have the same policy: they accept the ordinary tokens of each algorithm.
    let ordinary = judged.iter().filter(|judged| judged.case.is_ordinary());
    let mut algorithms: Vec<_> = ordinary
        .map(|judged| {
            let accepted = Library::BOTH.map(|library| judged.of(library).error.clone());
            let reason = judged.accredit.reason;
            assert_eq!(reason, "allowed", "{}", judged.case.name());
            assert_eq!(accepted, [None, None], "{}", judged.case.name());
            judged.case.algorithm.clone()
        })
        .collect();
    algorithms.sort();
    algorithms.dedup();
    assert_eq!(algorithms.len(), 10, "{algorithms:?}");
    compare_with_the_documentation(&report, count);
}

/// A short run has no token of some classes, so only the names of all classes are compared.
fn compare_with_the_documentation(report: &Report, count: usize) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security-model.md");
    let text = fs::read_to_string(&file).unwrap();
    let [begin, end] = MARKS;
    let (before, rest) = text.split_once(begin).unwrap();
    let (table, after) = rest.split_once(end).unwrap();
    if count == ALL_TOKENS {
        let unused = report.unused();
        assert!(unused.is_empty(), "classes without a token: {unused:?}");
        let expected = report.markdown();
        eprintln!("{expected}");
        if std::env::var_os("ACCREDIT_REWRITE_EXPECTED").is_some() {
            let text = format!("{before}{begin}{expected}{end}{after}");
            return fs::write(&file, text).unwrap();
        }
        assert!(
            table == expected,
            "set ACCREDIT_REWRITE_EXPECTED=1 and run `make oracle`"
        );
    }
    for class in classes() {
        let row = format!("\n| {} | ", class.name);
        assert!(table.contains(&row), "{} is not documented", class.name);
    }
}

/// The binary, with its own clock, gives the reasons that the core gives. Tokens at the edge of a second are left out.
#[tokio::test]
async fn the_service_decides_each_token_as_the_core_does_at_a_fixed_clock() {
    #[allow(
        clippy::disallowed_methods,
        reason = "the binary compares the tokens with the wall clock"
    )]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let tokens = Tokens::generate("wall_clock", 500, now.unwrap().as_secs()).await;
    let decisions = tokens.decide();
    let accredit = Accredit::serve(&tokens.configuration()).await;
    let mut asked = 0;
    for (case, decision) in tokens.cases.iter().zip(&decisions) {
        let Some(token) = case.ascii_token().filter(|_| !case.edge) else {
            continue;
        };
        let reason = accredit.reason(token).await;
        assert_eq!(reason, decision.reason, "{}", case.name());
        asked += 1;
    }
    assert!(asked > 400, "only {asked} tokens");
}
