//! The first page of the console.

use maud::html;
use tokio::time::Instant;

use crate::console::chosen::ChosenFilters;
use crate::console::document::{Layout, Page};
use crate::console::explain::form::{self, FilledForm};
use crate::console::explain::page;
use crate::console::sources::ConsoleSources;
use crate::console::{issuers, live, rules, tail_table};

/// The first page, as it is at this moment; the script keeps it current.
pub fn overview(sources: &ConsoleSources, chosen: &ChosenFilters) -> Page {
    let issuers = sources.issuers();
    let chart = |id: &str, name: &str, description: &str| {
        html! {
            figure {
                figcaption { (name) }
                svg id=(id) role="img" aria-label=(description) {}
            }
        }
    };
    let main = html! {
        (live::state(sources, &issuers, Instant::now()))
        p.trouble id="link" role="status" hidden {}
        section id="decisions" aria-labelledby="decisions-title" {
            div.head {
                h2 id="decisions-title" { "Decisions" }
                p.quiet { "per second, during the last five minutes" }
            }
            div.decisions {
                div.charts id="charts" hidden {
                    (chart("chart-allow", "Allowed", "Allowed requests per second; the table has the numbers"))
                    (chart("chart-deny", "Denied", "Denied requests per second by reason; the table has the numbers"))
                }
                (live::decisions(&sources.history.recent()))
            }
        }
        (issuers::section(&issuers))
        (tail_table::section(sources, &issuers, chosen))
        (form::section(&FilledForm::default(), &page::nothing()))
        (rules::section(&sources.rules()))
        dialog id="details" aria-labelledby="details-title" {
            div.head {
                h2 id="details-title" { "Decision" }
                form method="dialog" { button { "Close" } }
            }
            div id="details-body" {}
        }
    };
    Page::new(
        "accredit console",
        &sources.instance,
        Layout::Console,
        &main,
    )
}
