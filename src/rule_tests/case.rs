//! One test case: its token, its request, and the differences between the expected decision and the real one.

use accredit_core::authz::answer::{Answer, Judged};
use accredit_core::config::one_or_many::OneOrMany;
use accredit_core::config::test_document::{ExpectationDocument, TestRequestDocument};

use crate::admin::pb;

/// A field of the decision that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) field: String,
    pub(crate) expected: String,
    pub(crate) actual: String,
}

/// What stands for the value of an absent header.
const ABSENT: &str = "(absent)";

/// The request of a case, with its token.
pub(crate) fn client_request(
    request: Option<&TestRequestDocument>,
    token: Option<String>,
) -> pb::ExplainRequest {
    let none = TestRequestDocument::default();
    let request = request.unwrap_or(&none);
    let headers = request.headers.iter().flat_map(|headers| &headers.0);
    let values = |(name, values): &(String, OneOrMany)| {
        let header = |value: &String| pb::Header {
            name: name.to_ascii_lowercase(),
            value: value.clone(),
        };
        values.as_slice().iter().map(header).collect::<Vec<_>>()
    };
    let context = request.context.iter().flat_map(|entries| &entries.0);
    pb::ExplainRequest {
        token,
        method: request.method.clone(),
        host: request.host.clone(),
        path: request.path.clone(),
        headers: headers.flat_map(values).collect(),
        context: context.cloned().collect(),
        source_address: request.source_address.clone().unwrap_or_default(),
        source_principal: request.source_principal.clone().unwrap_or_default(),
        // Cases are decided at a fixed clock, at which no proof of possession can be made.
        scheme: None,
        source_certificate: String::new(),
    }
}

/// The fields of the decision that are not as expected.
pub(crate) fn differences(expected: &ExpectationDocument, judged: &Judged) -> Vec<Difference> {
    let record = &judged.record;
    let mut differences = Vec::new();
    let mut compare = |field: &str, expected: Option<&str>, actual: &str| {
        if let Some(expected) = expected.filter(|expected| *expected != actual) {
            differences.push(Difference {
                field: field.to_owned(),
                expected: expected.to_owned(),
                actual: actual.to_owned(),
            });
        }
    };
    compare(
        "decision",
        expected.decision.as_deref(),
        record.decision().as_str(),
    );
    compare("reason", expected.reason.as_deref(), record.reason.as_str());
    compare("rule", expected.rule.as_deref(), &record.rule);
    let (status, set, removed): (_, Vec<(&str, &str)>, Vec<&str>) = match &judged.answer {
        Answer::Admit(admission) => (
            "none, the request is admitted".to_owned(),
            admission.set().collect(),
            admission.remove().collect(),
        ),
        Answer::Refuse(refusal) => {
            let headers = refusal.headers.iter();
            let headers = headers.map(|(name, value)| (&**name, &**value));
            (refusal.status.to_string(), headers.collect(), Vec::new())
        }
    };
    let expected_status = expected.status.map(|status| status.to_string());
    compare("status", expected_status.as_deref(), &status);
    let value = |name: &str| {
        let mut found = set.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| *value)
    };
    for (name, expected) in expected.headers.iter().flat_map(|headers| &headers.0) {
        let actual = value(name).unwrap_or(ABSENT);
        compare(&format!("header {name}"), Some(expected), actual);
    }
    for name in expected.absent_headers.iter().flatten() {
        let actual = value(name).unwrap_or(ABSENT);
        compare(&format!("header {name}"), Some(ABSENT), actual);
    }
    for name in expected.removed_headers.iter().flatten() {
        let is_removed = removed.iter().any(|own| own.eq_ignore_ascii_case(name));
        let actual = if is_removed { "removed" } else { "not removed" };
        compare(&format!("header {name}"), Some("removed"), actual);
    }
    differences
}
