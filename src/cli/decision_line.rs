//! A decision as one line of aligned columns.

use accredit_core::reason::Reason;

use crate::admin::pb;
use crate::admin::text::{latency, moment};
use crate::cli::columns::Columns;
use crate::cli::paint::{Colour, Paint};
use crate::telemetry::printable::printable;

const COLUMNS: usize = 11;

const HEAD: [&str; COLUMNS] = [
    "TIME (UTC)",
    "DECISION",
    "REASON",
    "RULE",
    "ISSUER",
    "METHOD",
    "HOST",
    "PATH",
    "LATENCY",
    "CONFIG",
    "REQUEST ID",
];

/// Formats decisions one after another, in columns that are aligned with the earlier lines.
#[derive(Clone, Debug)]
pub(crate) struct DecisionLines {
    columns: Columns<COLUMNS>,
    paint: Paint,
}

impl DecisionLines {
    pub(crate) fn new(paint: Paint) -> DecisionLines {
        DecisionLines {
            columns: Columns::default(),
            paint,
        }
    }

    /// The names of the columns, with room for the longest time of day, decision and reason.
    pub(crate) fn head(&mut self) -> String {
        let texts = HEAD.map(str::to_owned);
        self.columns.fit(&texts);
        let longest = Reason::ALL.into_iter().map(Reason::as_str);
        let longest = longest
            .max_by_key(|reason| reason.len())
            .unwrap_or_default();
        let mut widest: [String; COLUMNS] = Default::default();
        for (text, value) in widest.iter_mut().zip(["00:00:00.000Z", "allow", longest]) {
            value.clone_into(text);
        }
        self.columns.fit(&widest);
        self.paint.text(Colour::Dim, &self.columns.line(&texts))
    }

    /// The line of a decision, with the time of day (UTC).
    pub(crate) fn line(&mut self, decision: &pb::Decision) -> String {
        let time = moment(decision);
        let time_of_day = time.split_once('T').map_or(&*time, |(_, time)| time);
        self.line_at(time_of_day.to_owned(), decision)
    }

    /// The line of a decision, with date and time (UTC).
    pub(crate) fn dated(&mut self, decision: &pb::Decision) -> String {
        self.line_at(moment(decision), decision)
    }

    fn line_at(&mut self, time: String, decision: &pb::Decision) -> String {
        let text = |text: &Option<String>| match text.as_deref() {
            Some(text) if !text.is_empty() => text.to_owned(),
            Some(_) | None => "-".to_owned(),
        };
        let texts = [
            time,
            decision.decision.clone(),
            decision.reason.clone(),
            decision.rule.clone(),
            text(&decision.issuer),
            text(&decision.method),
            text(&decision.host),
            text(&decision.path),
            latency(decision.latency_micros),
            text(&Some(decision.config.clone())),
            text(&decision.request_id),
        ]
        .map(|text| printable(&text).into_owned());
        self.columns.fit(&texts);
        let mut cells = self.columns.cells(&texts);
        for cell in cells.iter_mut().skip(1).take(2) {
            *cell = self.paint.text(colour(decision), cell);
        }
        let line = cells.join("  ").trim_end().to_owned();
        match decision.cause.as_deref() {
            Some(cause) => format!("{line}  {}", printable(cause)),
            None => line,
        }
    }
}

/// Green for allow; yellow for a 503, whose cause is not the client; red for every other denial.
fn colour(decision: &pb::Decision) -> Colour {
    match (decision.decision.as_str(), decision.reason.as_str()) {
        ("allow", _) => Colour::Green,
        ("shadow", _) => Colour::Yellow,
        (_, "keys_unavailable" | "key_pending" | "overloaded" | "internal_error") => Colour::Yellow,
        _ => Colour::Red,
    }
}

#[cfg(test)]
mod tests {
    use super::DecisionLines;
    use crate::admin::pb;
    use crate::cli::paint::Paint;

    fn decision(decision: &str, reason: &str, path: &str) -> pb::Decision {
        pb::Decision {
            unix_millis: 1_764_032_523_045,
            decision: decision.to_owned(),
            reason: reason.to_owned(),
            rule: "default".to_owned(),
            method: Some("GET".to_owned()),
            host: Some("api.test".to_owned()),
            path: Some(path.to_owned()),
            latency_micros: 17,
            ..pb::Decision::default()
        }
    }

    #[test]
    fn decision_lines_have_aligned_columns_and_escaped_control_characters() {
        let mut lines = DecisionLines::new(Paint::Plain);
        let first = lines.line(&decision("deny", "missing_token", "/a\u{1b}[2J"));
        let second = lines.line(&decision("allow", "allowed", "/b"));
        assert_eq!(
            first,
            "01:02:03.045Z  deny  missing_token  default  -  GET  api.test  /a\\u{1b}[2J  17us  -  -"
        );
        assert_eq!(
            second,
            "01:02:03.045Z  allow  allowed        default  -  GET  api.test  /b           17us  -  -"
        );
    }

    #[test]
    fn decisions_are_aligned_with_the_names_of_the_columns() {
        let mut lines = DecisionLines::new(Paint::Plain);
        let head = lines.head();
        let line = lines.line(&decision("deny", "expired", "/a"));
        for (name, value) in [
            ("DECISION", "deny"),
            ("REASON", "expired"),
            ("RULE", "default"),
        ] {
            assert_eq!(head.find(name), line.find(value), "{head}\n{line}");
        }
    }

    /// The server at `--admin` is not trusted: it may be another program.
    #[test]
    fn control_characters_in_every_field_of_a_decision_line_are_escaped() {
        let odd = || "\u{1b}]0;x\u{7}\n".to_owned();
        let decision = pb::Decision {
            rule: odd(),
            issuer: Some(odd()),
            request_id: Some(odd()),
            method: Some(odd()),
            host: Some(odd()),
            ..decision(&odd(), &odd(), &odd())
        };
        let line = DecisionLines::new(Paint::Plain).dated(&decision);
        assert!(!line.contains(char::is_control), "{line:?}");
    }

    #[test]
    fn coloured_decision_lines_show_the_decision_by_colour() {
        let mut lines = DecisionLines::new(Paint::Coloured);
        for (outcome, reason, colour) in [
            ("allow", "allowed", "\u{1b}[32m"),
            ("deny", "expired", "\u{1b}[31m"),
            ("deny", "keys_unavailable", "\u{1b}[33m"),
        ] {
            let line = lines.line(&decision(outcome, reason, "/"));
            assert!(line.contains(colour), "{line:?}");
        }
    }
}
