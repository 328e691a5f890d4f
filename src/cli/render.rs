//! An explanation as text for a person, and as JSON for a program.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::app::explain::{Answer, Explanation};

/// For a person.
pub fn text(explanation: &Explanation) -> String {
    let mut text = String::new();
    // Writing into a `String` cannot fail.
    let _ = writeln!(
        text,
        "{}: {} (rule {})\n",
        explanation.decision, explanation.reason, explanation.rule
    );
    for rule in &explanation.rules {
        let said = rule
            .mismatch
            .map_or_else(|| "matches".to_owned(), |mismatch| mismatch.to_string());
        let _ = writeln!(text, "  rule {}: {said}", rule.name);
    }
    text.push('\n');
    for (step, outcome, note) in &explanation.steps {
        let outcome = outcome.to_string().replace('_', " ");
        let _ = write!(text, "  {:<16} {outcome:<12}", step.name());
        if let Some(note) = note {
            let _ = write!(text, " {note}");
        }
        let kept = text.trim_end().len();
        text.truncate(kept);
        text.push('\n');
    }
    text.push('\n');
    match &explanation.answer {
        Answer::Admitted { set, removed } => {
            text.push_str("The request goes on to the upstream, with\n");
            for (name, value) in set {
                let _ = writeln!(text, "  {name}: {value}");
            }
            let _ = write!(text, "and without {}", removed.join(", "));
        }
        Answer::Refused {
            status,
            headers,
            body,
        } => {
            let _ = writeln!(text, "The client is answered {status}, with");
            for (name, value) in headers {
                let _ = writeln!(text, "  {name}: {value}");
            }
            let _ = write!(text, "  {body}");
        }
    }
    if !explanation.not_given.is_empty() {
        let _ = write!(
            text,
            "\n\nNot given, and could change it: {}",
            explanation.not_given.join(", ")
        );
    }
    text
}

/// For a program.
pub fn json(explanation: &Explanation) -> String {
    let rules: Vec<Value> = explanation
        .rules
        .iter()
        .map(|rule| json!({ "name": &*rule.name, "mismatch": rule.mismatch.map(|mismatch| mismatch.to_string()) }))
        .collect();
    let steps: Vec<Value> = explanation
        .steps
        .iter()
        .map(|(step, outcome, note)| json!({ "step": step.name(), "outcome": outcome.to_string(), "note": note }))
        .collect();
    let headers = |pairs: &[(String, String)]| -> Value {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect()
    };
    let answer = match &explanation.answer {
        Answer::Admitted { set, removed } => {
            json!({ "set": headers(set), "removed": removed })
        }
        Answer::Refused {
            status,
            headers: sent,
            body,
        } => {
            json!({ "status": status, "headers": headers(sent), "body": body })
        }
    };
    json!({
        "decision": explanation.decision,
        "reason": explanation.reason,
        "rule": &*explanation.rule,
        "rules": rules,
        "steps": steps,
        "answer": answer,
        "not_given": explanation.not_given,
    })
    .to_string()
}
