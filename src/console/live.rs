//! The parts of the first page that the script renews: readiness, and the decisions by reason, rule and issuer.

use accredit_core::reason::Decision;
use maud::{Markup, html};
use percent_encoding::utf8_percent_encode;
use tokio::time::Instant;

use crate::admin::guide::{ReasonGuide, plain};
use crate::admin::pb;
use crate::admin::text::{latency, span};
use crate::console::document::{ENCODED, fact};
use crate::console::history::{NameCounts, ReasonCounts, RecentDecisions};
use crate::console::reason_class::colour;
use crate::console::sources::ConsoleSources;
use crate::telemetry::metrics::BucketCounts;

/// The rules, and the issuers, in the tables beside the reasons: those with the most denials.
const MAX_NAMES: usize = 12;

/// Readiness, load and configuration.
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
    let (in_flight, limit) = (sources.in_flight)();
    let durations = sources.history.recent().durations;
    html! {
        section.state id="state" aria-label="State" {
            p class=(class) { (readiness) }
            dl {
                div {
                    dt { "Issuers with keys" }
                    dd.bad[with_keys < issuers.len()] { (with_keys) " of " (issuers.len()) }
                }
                div {
                    dt { "Checks in flight" }
                    dd.bad[in_flight * 2 > limit] { (in_flight) " of " (limit) }
                }
                div title="Of the checks in the last minute, waits for keys included" {
                    dt { "Duration p50, p95, p99" }
                    dd { (percentiles(&durations)) }
                }
                div {
                    dt { "Configuration" }
                    dd { code { ((sources.config)()) } }
                }
                (fact("Uptime", span(uptime.as_secs_f64())))
            }
        }
    }
}

fn percentiles(durations: &BucketCounts) -> String {
    let texts: Option<Vec<String>> = [0.5, 0.95, 0.99]
        .into_iter()
        .map(|share| {
            let micros = durations.percentile(share)?.as_micros();
            Some(latency(u64::try_from(micros).unwrap_or(u64::MAX)))
        })
        .collect();
    texts.map_or_else(|| "-".to_owned(), |texts| texts.join(", "))
}

/// The decisions of the last five minutes: tables, from which the script draws the charts.
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
            } @else {
                (names("rule", "Rule", &recent.rules))
                (names("issuer", "Issuer", &recent.issuers))
            }
        }
    }
}

fn row(counts: &ReasonCounts) -> Markup {
    let intervals: Vec<String> = counts.intervals.iter().map(u64::to_string).collect();
    let reason = counts.reason;
    let name = reason.as_str();
    let decision = counts.decision.as_str();
    let meaning = ReasonGuide::of(name).map(|guide| plain(&guide.meaning));
    html! {
        tr data-decision=(decision) data-reason=(name) data-steps=(intervals.join(" ")) title=[meaning] {
            th scope="row" {
                span class={ "swatch " (colour(reason)) } {} (link("reason", name, decision))
                @if counts.decision == Decision::Shadow { small { " allowed on trial" } }
            }
            td.number { (rate(counts.per_second)) }
            td.number { (grouped(counts.total)) }
        }
    }
}

/// A table of rules or of issuers; a name filters the tail.
fn names(filter: &str, heading: &str, names: &[NameCounts]) -> Markup {
    let shown = names.iter().take(MAX_NAMES);
    let others = names.len().saturating_sub(MAX_NAMES);
    html! {
        table.names {
            caption.unseen { "Decisions of the last five minutes by " (filter) }
            thead {
                tr {
                    th scope="col" { (heading) }
                    th.number scope="col" { "allowed/s" }
                    th.number scope="col" { "denied/s" }
                }
            }
            tbody {
                @for counts in shown {
                    tr title={ (grouped(counts.allowed)) " allowed and " (grouped(counts.denied)) " denied in 5 min" } {
                        th scope="row" { (link(filter, &counts.name, "")) }
                        td.number { (rate(counts.allowed_per_second)) }
                        td.number.bad[counts.denied_per_second >= 0.05] { (rate(counts.denied_per_second)) }
                    }
                }
                @if others > 0 {
                    tr { td.quiet colspan="3" { (others) " more with fewer denials" } }
                }
            }
        }
    }
}

/// A link that shows the decisions with that value of a filter, of either result if `decision` is empty.
pub fn link(filter: &str, value: &str, decision: &str) -> Markup {
    let encoded = utf8_percent_encode(value, ENCODED);
    html! {
        a.filter href={ "/?decision=" (decision) "&" (filter) "=" (encoded) "#tail" } data-filter=(filter) data-value=(value)
            data-decision=(decision) { (value) }
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
    use super::{grouped, link, rate};

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

    #[test]
    fn a_filter_link_encodes_its_value() {
        let markup = link("rule", "a&b=\"c\"", "deny").0;
        assert!(
            markup.contains("href=\"/?decision=deny&amp;rule=a%26b%3D%22c%22#tail\""),
            "{markup}"
        );
    }
}
