//! The parts of the first page that the script renews: readiness, and the decisions by reason.

use maud::{Markup, html};
use tokio::time::Instant;

use crate::admin::pb;
use crate::admin::text::span;
use crate::console::document::fact;
use crate::console::history::{ReasonCounts, RecentDecisions};
use crate::console::sources::ConsoleSources;

/// Readiness, version and configuration.
pub fn state(sources: &ConsoleSources, issuers: &[pb::Issuer], now: Instant) -> Markup {
    let with_keys = issuers.iter().filter(|issuer| issuer.has_keys).count();
    let is_refused = |issuer: &pb::Issuer| issuer.required && !issuer.has_keys;
    let is_failing = |issuer: &pb::Issuer| !issuer.has_keys || !issuer.last_error.is_empty();
    let (class, readiness) = match (sources.is_ready)() {
        false => ("lamp bad", "Not ready"),
        true if issuers.iter().any(is_refused) => {
            ("lamp bad", "Ready, but a required issuer has no keys")
        }
        true if issuers.iter().any(is_failing) => ("lamp warn", "Ready, but key refreshes fail"),
        true => ("lamp good", "Ready"),
    };
    let uptime = now.saturating_duration_since(sources.started);
    html! {
        section.state id="state" aria-label="State" {
            p class=(class) { (readiness) }
            dl {
                div {
                    dt { "Issuers with keys" }
                    dd.bad[with_keys < issuers.len()] { (with_keys) " of " (issuers.len()) }
                }
                (fact("Version", env!("CARGO_PKG_VERSION")))
                div {
                    dt { "Configuration" }
                    dd { code { ((sources.config)()) } }
                }
                (fact("Uptime", &span(uptime.as_secs_f64())))
            }
        }
    }
}

/// The decisions of the last five minutes: a table, from which the script draws the charts.
pub fn decisions(recent: &RecentDecisions) -> Markup {
    let lengths = recent.lengths.iter();
    let lengths = lengths.map(|length| format!("{:.1}", length.as_secs_f64()));
    html! {
        div.counts id="counts" data-seconds=(lengths.collect::<Vec<_>>().join(" ")) {
            table {
                caption.unseen { "Decisions of the last five minutes by reason" }
                thead {
                    tr {
                        th scope="col" { "Reason" }
                        th.number scope="col" { "per second" }
                        th.number scope="col" { "in 5 min" }
                    }
                }
                tbody {
                    @for counts in &recent.reasons { (row(counts)) }
                }
            }
            @if recent.reasons.is_empty() {
                p.quiet { "No decisions in the last five minutes." }
            }
        }
    }
}

fn row(counts: &ReasonCounts) -> Markup {
    let intervals: Vec<String> = counts.intervals.iter().map(u64::to_string).collect();
    let reason = counts.reason;
    html! {
        tr data-decision=(reason.decision().as_str()) data-reason=(reason.as_str()) data-steps=(intervals.join(" ")) {
            th scope="row" { span.swatch {} (reason.as_str()) }
            td.number { (rate(counts.per_second)) }
            td.number { (grouped(counts.total)) }
        }
    }
}

/// A rate with its significant digits.
fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate >= 100.0 => grouped(rate.round() as u64),
        rate => format!("{rate:.1}"),
    }
}

/// A number with a narrow no-break space between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{grouped, rate};

    #[test]
    fn large_numbers_are_grouped_and_small_rates_have_a_decimal() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(grouped),
            ["0", "999", "1\u{202f}000", "1\u{202f}234\u{202f}567"]
        );
        assert_eq!(
            [0.04, 99.94, 1234.5].map(rate),
            ["0.0", "99.9", "1\u{202f}235"]
        );
    }
}
