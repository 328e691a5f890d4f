//! Renders an explanation as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::admin::guide::{ReasonGuide, plain};
use crate::admin::pb;
use crate::admin::pb::explanation::Answer;
use crate::admin::text::LEFT_TO_ENVOY;
use crate::cli::paint::{Colour, Paint};
use crate::telemetry::printable::printable;

/// The explanation as text for people: the result, a summary of a denial, and then each step.
pub(crate) fn text(explanation: &pb::Explanation, paint: Paint) -> String {
    let mut text = String::new();
    let decision = printable(&explanation.decision);
    let colour = match &*decision {
        "allow" => Colour::Green,
        "shadow" => Colour::Yellow,
        _ => Colour::Red,
    };
    // Writing into a `String` cannot fail.
    let _ = writeln!(
        text,
        "{}: {} (rule {})\n",
        paint.text(colour, &decision),
        printable(&explanation.reason),
        printable(&explanation.rule)
    );
    push_summary(&mut text, explanation);
    for rule in &explanation.rules {
        let said = printable(rule.mismatch.as_deref().unwrap_or("matches"));
        let _ = writeln!(text, "  rule {}: {said}", printable(&rule.name));
    }
    if !explanation.rules.is_empty() {
        text.push('\n');
    }
    for step in &explanation.steps {
        let outcome = step.outcome.replace('_', " ");
        let note = step.note.as_deref().unwrap_or_default();
        let line = format!("  {:<16} {outcome:<12} {note}", step.name);
        let _ = writeln!(text, "{}", printable(line.trim_end()));
    }
    text.push('\n');
    match &explanation.answer {
        Some(Answer::Admitted(admission)) => {
            text.push_str("Envoy forwards the request to the upstream with these headers:\n");
            push_headers(&mut text, &admission.set);
            let _ = write!(
                text,
                "and removes {}",
                printable(&admission.removed.join(", "))
            );
            if !admission.left_out.is_empty() {
                text.push_str("\n\nClaim headers that are left out:");
            }
            for header in &admission.left_out {
                let line = format!("{}: {}", header.name, header.cause);
                let _ = write!(text, "\n  {}", printable(&line));
            }
        }
        Some(Answer::Refused(refusal)) => {
            if refusal.left_to_envoy {
                text.push_str(LEFT_TO_ENVOY);
                text.push('\n');
            }
            let _ = writeln!(
                text,
                "Envoy answers the client with status {}, these headers and this body:",
                refusal.status
            );
            push_headers(&mut text, &refusal.headers);
            let _ = write!(text, "  {}", printable(&refusal.body));
        }
        None => {}
    }
    if !explanation.not_given.is_empty() {
        let _ = write!(
            text,
            "\n\nInputs that were not given and could change the decision: {}",
            printable(&explanation.not_given.join(", "))
        );
    }
    text
}

/// What decided, what the reason means, and what to do.
fn push_summary(text: &mut String, explanation: &pb::Explanation) {
    let Some(guide) = ReasonGuide::of(&explanation.reason) else {
        return;
    };
    let mut steps = explanation.steps.iter();
    let why = match steps.find(|step| step.outcome == "failed") {
        Some(step) => match step.note.as_deref() {
            Some(note) => format!("step {}: {note}", step.name),
            None => format!("step {} failed", step.name),
        },
        None => {
            "accredit failed with an internal error at no particular step; the log has the cause"
                .to_owned()
        }
    };
    for (name, value) in [
        ("why", &*why),
        ("meaning", &plain(&guide.meaning)),
        ("what to do", &plain(&guide.fix)),
        (
            "more",
            &format!("docs/{}", ReasonGuide::page(&explanation.reason)),
        ),
    ] {
        let _ = writeln!(text, "  {name:<11} {}", printable(value));
    }
    text.push('\n');
}

fn push_headers(text: &mut String, headers: &[pb::Header]) {
    for header in headers {
        let line = format!("{}: {}", header.name, header.value);
        let _ = writeln!(text, "  {}", printable(&line));
    }
}

/// The explanation as one JSON object for programs.
pub(crate) fn json(explanation: &pb::Explanation) -> Value {
    let rules: Vec<Value> = explanation
        .rules
        .iter()
        .map(|rule| json!({ "name": rule.name, "mismatch": rule.mismatch }))
        .collect();
    let steps: Vec<Value> = explanation
        .steps
        .iter()
        .map(|step| json!({ "step": step.name, "outcome": step.outcome, "note": step.note }))
        .collect();
    let headers = |headers: &[pb::Header]| -> Value {
        headers
            .iter()
            .map(|header| (header.name.clone(), Value::from(header.value.as_str())))
            .collect()
    };
    let answer = match &explanation.answer {
        Some(Answer::Admitted(admission)) => {
            let left_out: serde_json::Map<String, Value> = admission
                .left_out
                .iter()
                .map(|header| (header.name.clone(), Value::from(header.cause.as_str())))
                .collect();
            json!({
                "set": headers(&admission.set),
                "removed": admission.removed,
                "left_out": left_out,
            })
        }
        Some(Answer::Refused(refusal)) => json!({
            "status": refusal.status,
            "headers": headers(&refusal.headers),
            "body": refusal.body,
            "left_to_envoy": refusal.left_to_envoy,
        }),
        None => Value::Null,
    };
    json!({
        "decision": explanation.decision,
        "reason": explanation.reason,
        "rule": explanation.rule,
        "rules": rules,
        "steps": steps,
        "answer": answer,
        "not_given": explanation.not_given,
    })
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::admin::pb;
    use crate::admin::pb::explanation::Answer;
    use crate::cli::paint::Paint;

    #[test]
    fn an_explanation_of_a_denial_begins_with_the_cause_and_what_to_do() {
        let step = |name: &str, outcome: &str, note: Option<&str>| pb::Step {
            name: name.to_owned(),
            outcome: outcome.to_owned(),
            note: note.map(str::to_owned),
        };
        let explanation = pb::Explanation {
            decision: "deny".to_owned(),
            reason: "expired".to_owned(),
            rule: "default".to_owned(),
            steps: vec![
                step("signature", "passed", None),
                step("exp", "failed", Some("1h02m ago")),
            ],
            ..pb::Explanation::default()
        };
        let result = text(&explanation, Paint::Plain);
        let lines: Vec<_> = result.lines().collect();
        assert_eq!(
            lines[..3],
            [
                "deny: expired (rule default)",
                "",
                "  why         step exp: 1h02m ago"
            ]
        );
        assert!(
            lines[3].starts_with("  meaning     The time in `exp` has passed"),
            "{result}"
        );
        assert!(
            lines[4].starts_with("  what to do  Let the client get a new token"),
            "{result}"
        );
        assert_eq!(lines[5], "  more        docs/troubleshooting.md#expired");
        assert!(result.contains("  signature        passed"), "{result}");
    }

    #[test]
    fn control_characters_in_an_explanation_are_escaped() {
        let odd = || "\u{1b}[2J\n\u{202e}".to_owned();
        let header = || pb::Header {
            name: odd(),
            value: odd(),
        };
        let left_out = pb::LeftOutHeader {
            name: odd(),
            cause: odd(),
        };
        let answers = [
            Answer::Admitted(pb::Admission {
                set: vec![header()],
                removed: vec![odd()],
                left_out: vec![left_out],
            }),
            Answer::Refused(pb::Refusal {
                status: 401,
                headers: vec![header()],
                body: odd(),
                left_to_envoy: false,
            }),
        ];
        for (answer, lines) in answers.into_iter().zip([14, 11]) {
            let explanation = pb::Explanation {
                decision: odd(),
                reason: odd(),
                rule: odd(),
                rules: vec![pb::RuleLookedAt {
                    name: odd(),
                    mismatch: Some(odd()),
                }],
                steps: vec![pb::Step {
                    name: odd(),
                    outcome: odd(),
                    note: Some(odd()),
                }],
                answer: Some(answer),
                not_given: vec![odd()],
            };
            let result = text(&explanation, Paint::Plain);
            assert!(!result.contains(['\u{1b}', '\u{202e}']), "{result:?}");
            assert_eq!(result.lines().count(), lines, "{result:?}");
        }
    }
}
