//! The tail's place on the page: its filters, and the last refusals, which the script goes on with.

use crate::admin::console::html::Html;
use crate::admin::console::sources::ConsoleSources;
use crate::admin::convert;
use crate::admin::pb;
use crate::admin::told::{latency, moment};
use crate::reason::Reason;

/// So many refusals are there before anything is followed.
const BEFORE: usize = 25;

/// The heads of its columns, with the classes of their cells.
const COLUMNS: [(&str, &str); 8] = [
    ("time", "Time"),
    ("decision", "Decision"),
    ("reason", "Reason"),
    ("rule", "Rule"),
    ("issuer", "Issuer"),
    ("asked", "Request"),
    ("latency", "Latency"),
    ("id", "Request id"),
];

/// All of it.
pub fn section(sources: &ConsoleSources, issuers: &[pb::Issuer]) -> Html {
    let mut html = Html::new();
    html.markup("<section id=\"tail\" aria-labelledby=\"tail-title\"><div class=\"head\">");
    html.markup(
        "<h2 id=\"tail-title\">Tail</h2><p id=\"tail-state\" class=\"quiet\" role=\"status\">",
    );
    html.markup(
        "The last refusals. With JavaScript, decisions are followed here as they are made.</p>",
    );
    html.piece(&lookup("")).markup("</div>");
    html.piece(&filters(sources, issuers));
    html.markup("<div class=\"rows\"><table id=\"tail-table\" role=\"table\">");
    html.markup("<caption class=\"unseen\">Decisions, the newest first</caption><thead role=\"rowgroup\"><tr role=\"row\">");
    for (class, head) in COLUMNS {
        html.markup("<th scope=\"col\" role=\"columnheader\" class=\"")
            .markup(class);
        html.markup("\">").markup(head).markup("</th>");
    }
    html.markup("</tr></thead><tbody role=\"rowgroup\">");
    for kept in sources.admin.last_refusals.latest(BEFORE) {
        html.piece(&row(&convert::decision(&kept)));
    }
    html.markup(
        "</tbody></table></div><p id=\"tail-empty\" class=\"quiet\">No decision yet.</p></section>",
    );
    html
}

fn row(decision: &pb::Decision) -> Html {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let asked = [&decision.method, &decision.host, &decision.path]
        .map(|part| part.as_deref().unwrap_or(""));
    let [method, host, path] = asked;
    let time = moment(decision);
    let time_of_day = time
        .split_once('T')
        .map_or(&*time, |(_, time)| time)
        .to_owned();
    let mut html = Html::new();
    html.markup("<tr role=\"row\" data-decision=\"")
        .text(&decision.decision);
    html.markup("\" data-reason=\"")
        .text(&decision.reason)
        .markup("\">");
    let cells = [
        time_of_day,
        decision.decision.clone(),
        decision.reason.clone(),
        decision.rule.clone(),
        or_dash(&decision.issuer),
        format!("{method} {host}{path}"),
        latency(decision.latency_micros),
    ];
    for ((class, _), cell) in COLUMNS.iter().zip(&cells) {
        html.markup("<td role=\"cell\" class=\"")
            .markup(class)
            .markup(if cell == "-" { " none\">" } else { "\">" });
        html.text(cell).markup("</td>");
    }
    html.markup("<td role=\"cell\" class=\"id\">");
    match &decision.request_id {
        Some(id) => {
            html.markup("<a href=\"/console/refusals?request_id=")
                .query_value(id);
            html.markup("\">").text(id).markup("</a>")
        }
        None => html.markup("-"),
    };
    html.markup("</td></tr>");
    html
}

/// Asks for the refusals of one request.
pub fn lookup(id: &str) -> Html {
    let mut html = Html::new();
    html.markup("<form class=\"lookup\" action=\"/console/refusals\"><label>Find a refusal by its <code>x-request-id</code> ");
    html.markup("<input name=\"request_id\" required maxlength=\"128\" autocomplete=\"off\" spellcheck=\"false\" value=\"");
    html.text(id)
        .markup("\"></label><button>Find</button></form>");
    html
}

fn filters(sources: &ConsoleSources, issuers: &[pb::Issuer]) -> Html {
    let mut html = Html::new();
    html.markup("<form id=\"filters\" class=\"filters\" autocomplete=\"off\" hidden>");
    html.markup(
        "<label>Decision <select name=\"decision\"><option value=\"\">allow and deny</option>",
    );
    html.markup("<option>allow</option><option selected>deny</option></select></label>");
    let reasons = Reason::ALL
        .into_iter()
        .map(|reason| reason.as_str().to_owned());
    html.piece(&choice("Reason", "reason", reasons));
    let names = issuers.iter().flat_map(|issuer| issuer.issuers.clone());
    let names = names.chain(["none".to_owned(), "unknown".to_owned()]);
    html.piece(&choice("Issuer", "issuer", names));
    html.piece(&choice("Rule", "rule", sources.rules().into_iter()));
    html.markup(
        "<label>Path begins with <input name=\"path\" autocomplete=\"off\" spellcheck=\"false\" ",
    );
    html.markup("autocapitalize=\"off\" placeholder=\"/\"></label>");
    html.markup("<span class=\"buttons\"><button type=\"button\" id=\"pause\" aria-pressed=\"false\">Pause</button>");
    html.markup("<button type=\"button\" id=\"clear\">Clear</button></span></form>");
    html
}

fn choice(label: &'static str, name: &'static str, values: impl Iterator<Item = String>) -> Html {
    let mut html = Html::new();
    html.markup("<label>")
        .markup(label)
        .markup(" <select name=\"")
        .markup(name);
    html.markup("\"><option value=\"\">any</option>");
    for value in values {
        html.markup("<option>").text(&value).markup("</option>");
    }
    html.markup("</select></label>");
    html
}
