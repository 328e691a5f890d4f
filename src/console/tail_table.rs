//! The table of decisions on the first page, with its filters: the service fills it with the latest refusals, and the
//! script adds decisions as they are made.

use accredit_core::reason::Reason;
use maud::{Markup, html};
use percent_encoding::utf8_percent_encode;

use crate::admin::convert;
use crate::admin::pb;
use crate::admin::text::{latency, moment};
use crate::console::chosen::ChosenFilters;
use crate::console::document::ENCODED;
use crate::console::live::link;
use crate::console::sources::ConsoleSources;

/// The refusals in the table of a newly loaded page without filters.
const INITIAL_ROWS: usize = 25;

/// The refusals that filters find among the last 1,000.
const MAX_FOUND: usize = 200;

/// The class and the heading of each column.
const COLUMNS: [(&str, &str); 8] = [
    ("time", "Time"),
    ("decision", "Decision"),
    ("reason", "Reason"),
    ("rule", "Rule"),
    ("issuer", "Issuer"),
    ("request", "Request"),
    ("latency", "Latency"),
    ("id", "Request ID"),
];

/// The section with filters and table.
pub fn section(sources: &ConsoleSources, issuers: &[pb::Issuer], chosen: &ChosenFilters) -> Markup {
    html! {
        section id="tail" aria-labelledby="tail-title" {
            div.head {
                h2 id="tail-title" { "Tail" }
                p.quiet id="tail-state" role="status" {
                    "The latest denials. With JavaScript enabled, new decisions appear here as they are made."
                }
                (lookup(""))
            }
            (filters(sources, issuers, chosen))
            @if chosen.is_narrow() {
                noscript { p.note { "Only some denials are shown. " a href="/#tail" { "Show all" } } }
            }
            div.rows {
                table id="tail-table" role="table" {
                    caption.unseen { "Decisions, newest first" }
                    thead role="rowgroup" {
                        tr role="row" {
                            @for (class, heading) in COLUMNS {
                                th scope="col" role="columnheader" class=(class) { (heading) }
                            }
                        }
                    }
                    (latest(sources, chosen))
                }
            }
            p.quiet id="tail-empty" { "No decisions yet." }
        }
    }
}

/// The rows of the latest refusals that the filters admit, newest first.
pub fn latest(sources: &ConsoleSources, chosen: &ChosenFilters) -> Markup {
    let kept = match chosen.filter() {
        Some(filter) => {
            let count = match chosen.is_narrow() {
                true => MAX_FOUND,
                false => INITIAL_ROWS,
            };
            let refusals = &sources.admin.last_refusals;
            refusals.latest_of(count, |refusal| filter.admits(refusal))
        }
        None => Vec::new(),
    };
    html! {
        tbody id="latest" role="rowgroup" {
            @for kept in kept { (row(&convert::decision(&kept))) }
        }
    }
}

fn row(decision: &pb::Decision) -> Markup {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let time = moment(decision);
    let time_of_day = time.split_once('T').map_or(&*time, |(_, time)| time);
    let request = format!(
        "{} {}{}",
        text(&decision.method),
        text(&decision.host),
        text(&decision.path)
    );
    let id = text(&decision.request_id);
    html! {
        tr role="row" data-decision=(decision.decision) data-reason=(decision.reason)
            data-key={ (time_of_day) "|" (id) "|" (request) } {
            td.time role="cell" { (time_of_day) }
            td.decision role="cell" { (decision.decision) }
            td.reason role="cell" { (decision.reason) }
            td.rule role="cell" { (link("rule", &decision.rule, "deny")) }
            @match &decision.issuer {
                Some(issuer) => td.issuer role="cell" { (link("issuer", issuer, "deny")) },
                None => td.issuer.none role="cell" { "-" },
            }
            td.request role="cell" { (request) }
            td.latency role="cell" { (latency(decision.latency_micros)) }
            td.id role="cell" {
                @match &decision.request_id {
                    Some(id) => a href=(format!("/console/refusals?request_id={}", utf8_percent_encode(id, ENCODED))) { (id) },
                    None => "-",
                }
            }
        }
    }
}

/// The form that looks up the refusals of one request.
pub fn lookup(id: &str) -> Markup {
    html! {
        form.lookup action="/console/refusals" {
            label {
                "Find a denial by its " code { "x-request-id" } " "
                input name="request_id" required maxlength="128" autocomplete="off" spellcheck="false" value=(id);
            }
            button { "Find" }
        }
    }
}

fn filters(sources: &ConsoleSources, issuers: &[pb::Issuer], chosen: &ChosenFilters) -> Markup {
    let reasons = Reason::ALL.into_iter().map(Reason::as_str);
    let names = issuers.iter().flat_map(|issuer| &issuer.issuers);
    let names = names.map(String::as_str).chain(["none", "unknown"]);
    let rules = sources.rules();
    html! {
        form.filters id="filters" autocomplete="off" hidden {
            label {
                "Decision "
                select name="decision" {
                    option value="" selected[chosen.decision.is_empty()] { "all" }
                    option selected[chosen.decision == "allow"] { "allow" }
                    option selected[chosen.decision == "deny"] { "deny" }
                    option selected[chosen.decision == "shadow"] { "shadow" }
                }
            }
            (choice("Reason", "reason", reasons, &chosen.reason))
            (choice("Issuer", "issuer", names, &chosen.issuer))
            (choice("Rule", "rule", rules.iter().map(|rule| &*rule.name), &chosen.rule))
            label {
                "Path begins with "
                input name="path" autocomplete="off" spellcheck="false" autocapitalize="off" placeholder="/"
                    value=(chosen.path);
            }
            span.buttons {
                button type="button" id="pause" aria-pressed="false" { "Pause" }
                button type="button" id="clear" { "Clear" }
            }
        }
    }
}

/// A value that is no longer configured can be chosen too: a link to the page can be old.
fn choice<'a>(
    label: &str,
    name: &str,
    values: impl Iterator<Item = &'a str>,
    chosen: &str,
) -> Markup {
    let values: Vec<&str> = values.collect();
    let is_gone = !chosen.is_empty() && values.iter().all(|value| *value != chosen);
    html! {
        label {
            (label) " "
            select name=(name) {
                option value="" { "any" }
                @for value in values { option selected[value == chosen] { (value) } }
                @if is_gone { option selected { (chosen) } }
            }
        }
    }
}
