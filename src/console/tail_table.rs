//! The table of decisions on the first page, with its filters: the service fills it with the latest refusals, and the
//! script adds decisions as they are made.

use accredit_core::reason::Reason;
use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::admin::convert;
use crate::admin::pb;
use crate::admin::text::{latency, moment};
use crate::console::sources::ConsoleSources;

/// The refusals in the table of a newly loaded page.
const INITIAL_ROWS: usize = 25;

/// The class and the heading of each column.
const COLUMNS: [(&str, &str); 8] = [
    ("time", "Time"),
    ("decision", "Decision"),
    ("reason", "Reason"),
    ("rule", "Rule"),
    ("issuer", "Issuer"),
    ("asked", "Request"),
    ("latency", "Latency"),
    ("id", "Request ID"),
];

/// The characters of a query value that need no encoding are those of RFC 3986, section 2.3.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The section with filters and table.
pub fn section(sources: &ConsoleSources, issuers: &[pb::Issuer]) -> Markup {
    let latest = sources.admin.last_refusals.latest(INITIAL_ROWS);
    html! {
        section id="tail" aria-labelledby="tail-title" {
            div.head {
                h2 id="tail-title" { "Tail" }
                p.quiet id="tail-state" role="status" {
                    "The latest refusals. With JavaScript enabled, new decisions appear here as they are made."
                }
                (lookup(""))
            }
            (filters(sources, issuers))
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
                    tbody role="rowgroup" {
                        @for kept in latest { (row(&convert::decision(&kept))) }
                    }
                }
            }
            p.quiet id="tail-empty" { "No decisions yet." }
        }
    }
}

fn row(decision: &pb::Decision) -> Markup {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let time = moment(decision);
    let time_of_day = time.split_once('T').map_or(&*time, |(_, time)| time);
    let cells = [
        time_of_day.to_owned(),
        decision.decision.clone(),
        decision.reason.clone(),
        decision.rule.clone(),
        or_dash(&decision.issuer),
        format!(
            "{} {}{}",
            text(&decision.method),
            text(&decision.host),
            text(&decision.path)
        ),
        latency(decision.latency_micros),
    ];
    html! {
        tr role="row" data-decision=(decision.decision) data-reason=(decision.reason) {
            @for ((class, _), cell) in COLUMNS.iter().zip(&cells) {
                td role="cell" class={ (class) @if cell == "-" { " none" } } { (cell) }
            }
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
                "Find a refusal by its " code { "x-request-id" } " "
                input name="request_id" required maxlength="128" autocomplete="off" spellcheck="false" value=(id);
            }
            button { "Find" }
        }
    }
}

fn filters(sources: &ConsoleSources, issuers: &[pb::Issuer]) -> Markup {
    let reasons = Reason::ALL.into_iter().map(Reason::as_str);
    let names = issuers.iter().flat_map(|issuer| &issuer.issuers);
    let names = names.map(String::as_str).chain(["none", "unknown"]);
    let rules = sources.rules();
    html! {
        form.filters id="filters" autocomplete="off" hidden {
            label {
                "Decision "
                select name="decision" {
                    option value="" { "allow and deny" }
                    option { "allow" }
                    option selected { "deny" }
                }
            }
            (choice("Reason", "reason", reasons))
            (choice("Issuer", "issuer", names))
            (choice("Rule", "rule", rules.iter().map(String::as_str)))
            label {
                "Path begins with "
                input name="path" autocomplete="off" spellcheck="false" autocapitalize="off" placeholder="/";
            }
            span.buttons {
                button type="button" id="pause" aria-pressed="false" { "Pause" }
                button type="button" id="clear" { "Clear" }
            }
        }
    }
}

fn choice<'a>(label: &str, name: &str, values: impl Iterator<Item = &'a str>) -> Markup {
    html! {
        label {
            (label) " "
            select name=(name) {
                option value="" { "any" }
                @for value in values { option { (value) } }
            }
        }
    }
}
