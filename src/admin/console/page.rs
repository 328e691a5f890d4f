//! The frame of every page of the console, and the page itself.

use tokio::time::Instant;

use crate::admin::console::explain_form::Filled;
use crate::admin::console::html::Html;
use crate::admin::console::sources::ConsoleSources;
use crate::admin::console::{explain_form, explained, issuers, live, tail_form};

/// The console.
pub fn console(sources: &ConsoleSources) -> Html {
    let issuers = sources.issuers();
    let mut main = Html::new();
    main.piece(&live::state(sources, &issuers, Instant::now()));
    main.markup("<p id=\"link\" class=\"trouble\" role=\"status\" hidden></p>");
    main.markup(
        "<section id=\"decisions\" aria-labelledby=\"decisions-title\"><div class=\"head\">",
    );
    main.markup("<h2 id=\"decisions-title\">Decisions</h2><p class=\"quiet\">per second, the last five minutes</p></div>");
    main.markup("<div class=\"decisions\"><div id=\"charts\" class=\"charts\" hidden>");
    main.markup("<figure><figcaption>Admitted</figcaption><svg id=\"chart-allow\" role=\"img\" aria-label=\"Admitted requests per second; the table has the numbers\"></svg></figure>");
    main.markup("<figure><figcaption>Refused</figcaption><svg id=\"chart-deny\" role=\"img\" aria-label=\"Refused requests per second by reason; the table has the numbers\"></svg></figure></div>");
    main.piece(&live::decisions(&sources.history.kept()));
    main.markup("</div></section>")
        .piece(&issuers::section(&issuers));
    main.piece(&tail_form::section(sources, &issuers));
    main.piece(&explain_form::section(
        &Filled::default(),
        &explained::nothing(),
    ));
    main.markup("<dialog id=\"details\" aria-labelledby=\"details-title\"><div class=\"head\"><h2 id=\"details-title\">Decision</h2>");
    main.markup("<form method=\"dialog\"><button>Close</button></form></div><div id=\"details-body\"></div></dialog>");
    framed("accredit console", "console", &main)
}

/// The page that answers the form.
pub fn explained(filled: &Filled, answer: &Html) -> Html {
    framed(
        "Explained: accredit console",
        "single",
        &explain_form::section(filled, answer),
    )
}

/// The page that tells of one request's refusals.
pub fn refusals(id: &str, told: &Html) -> Html {
    let mut main = Html::new();
    main.piece(told)
        .markup("<section>")
        .piece(&tail_form::lookup(id))
        .markup("</section>");
    framed("Refusals: accredit console", "single", &main)
}

fn framed(title: &'static str, class: &'static str, main: &Html) -> Html {
    let mut html = Html::new();
    html.markup("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>")
        .markup(title);
    html.markup("</title><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.markup("<meta name=\"color-scheme\" content=\"light dark\"><link rel=\"icon\" href=\"/console/icon.svg\">");
    html.markup("<link rel=\"stylesheet\" href=\"/console/style.css\">");
    html.markup("<script type=\"module\" src=\"/console/app.js\"></script></head><body class=\"")
        .markup(class);
    html.markup("\"><a class=\"skip\" href=\"#main\">To the content</a><header class=\"top\"><a class=\"name\" href=\"/\">accredit</a>");
    html.markup("<nav aria-label=\"Parts of the page\"><a href=\"/#decisions\">Decisions</a><a href=\"/#issuers\">Issuers</a>");
    html.markup("<a href=\"/#tail\">Tail</a><a href=\"/#explain\">Explain</a></nav></header><main id=\"main\">");
    html.piece(main).markup("</main></body></html>\n");
    html
}
