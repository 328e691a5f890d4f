//! What changes by itself: whether the service is ready, and its decisions by reason.

use tokio::time::Instant;

use crate::admin::console::history::{Kept, Line};
use crate::admin::console::html::Html;
use crate::admin::console::sources::ConsoleSources;
use crate::admin::pb;
use crate::admin::told::span;

/// Whether it is ready, what runs, and what is wrong.
pub fn state(sources: &ConsoleSources, issuers: &[pb::Issuer], now: Instant) -> Html {
    let ready = (sources.is_ready)();
    let with_keys = issuers.iter().filter(|issuer| issuer.has_keys).count();
    let mut html = Html::new();
    html.markup("<section id=\"state\" class=\"state\" aria-label=\"State\"><p class=\"lamp ");
    html.markup(match ready {
        true => "good\">Ready</p>",
        false => "bad\">Not ready</p>",
    });
    html.markup("<dl><div><dt>Issuers with keys</dt><dd");
    html.markup(match with_keys == issuers.len() {
        true => ">",
        false => " class=\"bad\">",
    });
    html.number(with_keys).markup(" of ").number(issuers.len());
    html.markup("</dd></div>");
    html.fact("Version", env!("CARGO_PKG_VERSION"));
    html.markup("<div><dt>Configuration</dt><dd><code>");
    html.text(&(sources.config)());
    html.markup("</code></dd></div>");
    let runs = now.saturating_duration_since(sources.started);
    html.fact("Running for", &span(runs.as_secs_f64()));
    html.markup("</dl></section>");
    html
}

/// Decisions of the last five minutes: a table, from which the script draws the charts.
pub fn decisions(kept: &Kept) -> Html {
    let mut html = Html::new();
    html.markup("<div id=\"counts\" class=\"counts\" data-seconds=\"");
    let took = kept
        .took
        .iter()
        .map(|took| format!("{:.1}", took.as_secs_f64()));
    html.text(&took.collect::<Vec<_>>().join(" ")).markup("\">");
    html.markup(
        "<table><caption class=\"unseen\">Decisions of the last five minutes by reason</caption>",
    );
    html.markup("<thead><tr><th scope=\"col\">Reason</th><th scope=\"col\" class=\"number\">per second</th>");
    html.markup("<th scope=\"col\" class=\"number\">in 5 min</th></tr></thead><tbody>");
    for line in &kept.lines {
        html.piece(&row(line));
    }
    html.markup("</tbody></table>");
    if kept.lines.is_empty() {
        html.markup("<p class=\"quiet\">Nothing was decided in the last five minutes.</p>");
    }
    html.markup("</div>");
    html
}

fn row(line: &Line) -> Html {
    let mut html = Html::new();
    html.markup("<tr data-decision=\"")
        .text(line.reason.decision().as_str());
    html.markup("\" data-reason=\"").text(line.reason.as_str());
    let steps: Vec<String> = line.steps.iter().map(u64::to_string).collect();
    html.markup("\" data-steps=\"").text(&steps.join(" "));
    html.markup("\"><th scope=\"row\"><span class=\"swatch\"></span>");
    html.text(line.reason.as_str())
        .markup("</th><td class=\"number\">");
    html.text(&rate(line.per_second));
    html.markup("</td><td class=\"number\">");
    html.text(&grouped(line.total)).markup("</td></tr>");
    html
}

/// A rate with as many digits as mean something.
fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate >= 100.0 => grouped(rate.round() as u64),
        rate => format!("{rate:.1}"),
    }
}

/// A number with a space between thousands.
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
    fn numbers_can_be_read() {
        let told = [0, 999, 1000, 1_234_567].map(grouped);
        assert_eq!(
            told,
            ["0", "999", "1\u{202f}000", "1\u{202f}234\u{202f}567"]
        );
        assert_eq!(
            [0.04, 99.94, 1234.5].map(rate),
            ["0.0", "99.9", "1\u{202f}235"]
        );
    }
}
