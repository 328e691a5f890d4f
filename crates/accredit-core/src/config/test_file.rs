//! From the text of a file of test cases to its cases, with every problem of the file.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chrono::DateTime;
use serde::Deserialize;
use serde_json::Value;

use crate::config::locations::Locations;
use crate::config::path;
use crate::config::problem::{Problem, Problems};
use crate::config::schema;
use crate::config::sentence::Sentence;
use crate::config::structure::check;
use crate::config::test_document::{TestCaseDocument, TestDocument};
use crate::config::yaml;
use crate::reason::{Decision, Reason};

/// The time of decisions unless the file has another one: 2026-01-01T00:00:00Z.
const DEFAULT_NOW: Duration = Duration::from_secs(1_767_225_600);

/// A file of test cases.
#[derive(Clone, Debug)]
pub struct TestFile {
    /// The configuration, relative to the folder of the file.
    pub config: Option<String>,
    /// Environment variables for the configuration.
    pub env: HashMap<String, String>,
    pub cases: Vec<TestCase>,
}

/// A test case and the time of its decision, from 1970-01-01T00:00:00Z.
#[derive(Clone, Debug)]
pub struct TestCase {
    pub now: Duration,
    pub document: TestCaseDocument,
}

/// Reads a file of test cases.
///
/// # Errors
/// Every problem of the file.
pub fn read(file: Arc<str>, text: &str) -> Result<TestFile, Vec<Problem>> {
    static SCHEMA: LazyLock<Value> = LazyLock::new(schema::of::<TestDocument>);
    let mut problems = Problems::of_file(file);
    let Some(mut root) = yaml::read::read(text, &mut problems) else {
        return Err(problems.into_sorted());
    };
    problems.locate_in(Locations::of(&root));
    let repaired = check::check(&mut root, &SCHEMA, &mut problems);
    problems.ignore_consequences_of(repaired);
    let Ok(document) = TestDocument::deserialize(&root) else {
        if !problems.has_errors() {
            let what = "the document does not fit its type";
            problems.error("", what, "report this as a fault of accredit");
        }
        return Err(problems.into_sorted());
    };
    let cases = cases(&document, &mut problems);
    if problems.has_errors() {
        return Err(problems.into_sorted());
    }
    Ok(TestFile {
        config: document.config,
        env: document
            .env
            .map(|env| env.0.into_iter().collect())
            .unwrap_or_default(),
        cases,
    })
}

fn cases(document: &TestDocument, problems: &mut Problems) -> Vec<TestCase> {
    let now = time("now", document.now.as_deref(), problems).unwrap_or(DEFAULT_NOW);
    let mut names = HashMap::new();
    let mut cases = Vec::new();
    for (number, case) in document.cases.iter().enumerate() {
        let key = path::item("cases", number);
        let name = path::member(&key, "name");
        if let Some(other) = names.insert(case.name.as_str(), name.clone()) {
            let what = format!("this name is also at {other}");
            problems.error(&name, Sentence::own(what), "choose another name");
        }
        check_token(&key, case, problems);
        check_expectation(&path::member(&key, "expect"), case, problems);
        let own = time(&path::member(&key, "now"), case.now.as_deref(), problems);
        cases.push(TestCase {
            now: own.unwrap_or(now),
            document: case.clone(),
        });
    }
    cases
}

fn time(key: &str, text: Option<&str>, problems: &mut Problems) -> Option<Duration> {
    let time = DateTime::parse_from_rfc3339(text?).ok();
    let seconds = time.and_then(|time| u64::try_from(time.timestamp()).ok());
    if seconds.is_none() {
        problems.error(
            key,
            "this is not a time after 1970",
            "write a time such as 2026-01-01T00:00:00Z, in quotes",
        );
    }
    seconds.map(Duration::from_secs)
}

fn check_token(key: &str, case: &TestCaseDocument, problems: &mut Problems) {
    if case.token.is_some() && case.claims.is_some() {
        problems.error(
            &path::member(key, "token"),
            "the request has one token: either its text or its claims",
            "remove `token` or `claims`",
        );
    }
    if case.forged.is_some() && case.claims.is_none() {
        problems.error(
            &path::member(key, "forged"),
            "only a token of `claims` can be forged",
            "add `claims`, or remove this key",
        );
    }
}

fn check_expectation(key: &str, case: &TestCaseDocument, problems: &mut Problems) {
    let expect = &case.expect;
    if let Some(decision) = &expect.decision
        && Decision::from_code(decision).is_none()
    {
        let key = path::member(key, "decision");
        let what = Sentence::quoting(&key, decision).and(" is not a decision");
        problems.error(&key, what, "write `allow` or `deny`");
    }
    if let Some(reason) = &expect.reason
        && Reason::ALL.iter().all(|own| own.as_str() != reason)
    {
        let key = path::member(key, "reason");
        let what = Sentence::quoting(&key, reason).and(" is not a reason");
        let known: Vec<_> = Reason::ALL.iter().map(|own| own.as_str()).collect();
        let advice = format!("write one of {}", known.join(", "));
        problems.error(&key, what, Sentence::own(advice));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{TestFile, read};

    fn problems(text: &str) -> Vec<String> {
        match read("t.yaml".into(), text) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        }
    }

    fn valid(text: &str) -> TestFile {
        read("t.yaml".into(), text).expect("is valid")
    }

    #[test]
    fn a_file_of_test_cases_has_claims_of_any_type_and_times() {
        let file = valid(
            "config: a.yaml\nnow: '2026-06-01T00:00:00Z'\nenv: { A: b }\ncases:\n  \
             - { name: a, claims: { n: null, o: { x: [1, 1.5, true, null] } }, expect: { reason: allowed } }\n  \
             - { name: b, now: '2026-06-01T00:00:01+00:00', expect: { decision: deny } }\n",
        );
        let claims = file.cases[0].document.claims.as_ref().expect("has claims");
        assert_eq!(
            serde_json::Value::from(claims.0.clone()),
            serde_json::json!({ "n": null, "o": { "x": [1, 1.5, true, null] } })
        );
        let times = file.cases.iter().map(|case| case.now);
        let start = Duration::from_secs(1_780_272_000);
        assert_eq!(
            times.collect::<Vec<_>>(),
            [start, start + Duration::from_secs(1)]
        );
        assert_eq!(file.env.get("A").map(String::as_str), Some("b"));
    }

    #[test]
    fn mistakes_in_a_file_of_test_cases_are_reported_with_their_lines() {
        for (text, expected) in [
            ("cases: []\n", "t.yaml: cases (line 1): this list is empty"),
            (
                "cases:\n  - { name: a, expect: {} }\n",
                "t.yaml: cases[0].expect (line 2): this mapping is empty",
            ),
            (
                "cases:\n  - { name: a, expekt: { reason: allowed } }\n",
                "t.yaml: cases[0].expekt (line 2): unknown key; did you mean `expect`?",
            ),
            (
                "cases:\n  - { name: a, expect: { reason: alowed } }\n",
                "t.yaml: cases[0].expect.reason (line 2): `alowed` is not a reason",
            ),
            (
                "cases:\n  - { name: a, expect: { decision: maybe } }\n",
                "t.yaml: cases[0].expect.decision (line 2)",
            ),
            (
                "cases:\n  - { name: a, token: x, claims: { sub: a }, expect: { reason: allowed } }\n",
                "t.yaml: cases[0].token (line 2): the request has one token",
            ),
            (
                "now: yesterday\ncases:\n  - { name: a, expect: { reason: allowed } }\n",
                "t.yaml: now (line 1): this is not a time",
            ),
            (
                "cases:\n  - { name: a, expect: { reason: allowed } }\n  - { name: a, expect: { reason: allowed } }\n",
                "t.yaml: cases[1].name (line 3): this name is also at cases[0].name",
            ),
            (
                "cases:\n  - { name: a, forged: true, expect: { reason: allowed } }\n",
                "forged (line 2)",
            ),
            ("- a\n", "t.yaml: line 1: this is a list"),
        ] {
            let problems = problems(text).join("\n");
            assert!(problems.contains(expected), "{expected}: {problems}");
        }
    }
}
