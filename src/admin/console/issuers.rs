//! The issuers and their keys.

use crate::admin::console::html::Html;
use crate::admin::pb;
use crate::admin::told::span;

/// So many keys are shown without being asked for.
const SHOWN: usize = 4;

/// So many keys are on the page in all: it is written anew for each tab every few seconds, in one go, by the thread that
/// fetches keys, and is held for as long as a reader takes.
const MOST_KEYS: usize = 2_000;

/// All of them, in the order of the configuration.
pub fn section(issuers: &[pb::Issuer]) -> Html {
    let mut html = Html::new();
    html.markup("<section id=\"issuers\" aria-labelledby=\"issuers-title\">");
    html.markup("<h2 id=\"issuers-title\">Issuers and keys</h2><div class=\"issuers\">");
    if issuers.is_empty() {
        html.markup("<p class=\"quiet\">No issuer is configured.</p>");
    }
    let mut room = MOST_KEYS;
    for (place, issuer) in issuers.iter().enumerate() {
        html.piece(&article(place, issuer, &mut room));
    }
    html.markup("</div></section>");
    html
}

fn article(place: usize, issuer: &pb::Issuer, room: &mut usize) -> Html {
    let mut html = Html::new();
    html.markup("<article class=\"issuer\"><header><h3>");
    for (place, name) in issuer.issuers.iter().enumerate() {
        html.markup(if place == 0 { "" } else { "<br>" }).text(name);
    }
    html.markup("</h3>")
        .piece(&badge(issuer))
        .markup("</header>");
    if !issuer.last_error.is_empty() {
        html.markup("<p class=\"trouble\">The latest fetch failed: ");
        html.text(&issuer.last_error).markup("</p>");
    }
    html.markup("<dl>");
    let ago = |age: f64| format!("{} ago", span(age));
    let age = issuer.age_seconds.map_or_else(|| "never".to_owned(), ago);
    html.fact("Confirmed", &age);
    let next = |next: f64| format!("in {}", span(next));
    let next = issuer
        .next_refresh_seconds
        .map_or_else(|| "none".to_owned(), next);
    html.fact("Next refresh", &next);
    html.fact(
        "Readiness",
        if issuer.required {
            "waits for it"
        } else {
            "does not wait"
        },
    );
    html.fact("Keys from", &issuer.source).markup("</dl>");
    html.piece(&keys(place, issuer, room)).markup("</article>");
    html
}

/// The words of `accredit keys`.
fn badge(issuer: &pb::Issuer) -> Html {
    let mut html = Html::new();
    html.markup(match (issuer.has_keys, issuer.keys.is_empty()) {
        (true, _) if issuer.last_error.is_empty() => "<span class=\"badge good\">usable</span>",
        (true, _) => "<span class=\"badge warn\">usable, not refreshed</span>",
        (false, true) => "<span class=\"badge bad\">no keys</span>",
        (false, false) => "<span class=\"badge bad\">too old</span>",
    });
    html
}

fn keys(place: usize, issuer: &pb::Issuer, room: &mut usize) -> Html {
    let mut html = Html::new();
    let count = issuer.keys.len() + issuer.set_aside.len();
    if count == 0 {
        return html;
    }
    let Some(left) = room.checked_sub(count) else {
        html.markup("<p class=\"quiet\">").number(issuer.keys.len());
        html.markup(" keys, ").number(issuer.set_aside.len());
        html.markup(
            " set aside: too many for this page, <code>accredit keys</code> lists them</p>",
        );
        return html;
    };
    *room = left;
    let is_long = count > SHOWN;
    if is_long {
        html.markup("<details id=\"keys-")
            .number(place)
            .markup("\"><summary>");
        html.number(issuer.keys.len()).markup(" keys, ");
        html.number(issuer.set_aside.len())
            .markup(" set aside</summary>");
    }
    html.markup("<table class=\"keys\"><caption class=\"unseen\">Keys of ");
    html.text(issuer.issuers.first().map_or("", String::as_str));
    html.markup("</caption><thead><tr><th scope=\"col\">kid</th><th scope=\"col\">type</th>");
    html.markup("<th scope=\"col\">algorithms</th></tr></thead><tbody>");
    for key in &issuer.keys {
        html.piece(&kid(&key.kid)).markup("<td>").text(&key.kty);
        html.markup("</td><td>").text(&key.algorithms.join(" "));
        html.markup("</td></tr>");
    }
    for key in &issuer.set_aside {
        html.piece(&kid(&key.kid));
        html.markup("<td colspan=\"2\" class=\"aside\">set aside: ");
        html.text(&key.reason).markup("</td></tr>");
    }
    html.markup("</tbody></table>");
    html.markup(if is_long { "</details>" } else { "" });
    html
}

fn kid(kid: &Option<String>) -> Html {
    let mut html = Html::new();
    html.markup("<tr><th scope=\"row\">");
    match kid {
        Some(kid) => html.text(kid),
        None => html.markup("<span class=\"quiet\">none</span>"),
    };
    html.markup("</th>");
    html
}

#[cfg(test)]
mod tests {
    use super::section;
    use crate::admin::pb;

    #[test]
    fn more_keys_than_a_page_can_bear_are_counted() {
        let issuer = |count: usize| pb::Issuer {
            keys: (0..count).map(|_| pb::Key::default()).collect(),
            ..pb::Issuer::default()
        };
        let page = section(&[issuer(1_500), issuer(700), issuer(500), issuer(1)]);
        let text = format!("{page:?}");
        assert_eq!(text.matches("<th scope=\\\"row\\\">").count(), 2_000);
        assert!(text.contains("700 keys, 0 set aside: too many"));
        assert!(text.contains("1 keys, 0 set aside: too many"));
    }
}
