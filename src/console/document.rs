//! The HTML document around every page of the console, and the one way from markup to an HTTP answer.
//!
//! `maud` escapes every value that is put into a page, because [`Markup`] is the only type that it does not escape. In
//! addition, a [`Page`] contains no control character and no bidirectional control, wherever its text came from.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use maud::{DOCTYPE, Markup, Render, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

use crate::telemetry::build_info::{COMMIT, VERSION};
use crate::telemetry::printable::printable;

/// The characters of a query value that need no encoding are those of RFC 3986, section 2.3.
pub const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// An HTML answer: a whole page, or the parts of one that the script replaces.
pub struct Page(Markup);

/// How a page arranges its sections.
pub enum Layout {
    /// The console: sections beside each other.
    Console,
    /// One section.
    Single,
}

impl Page {
    /// A whole page of the service on that machine or in that pod, which title and header name: an operator has one page for
    /// each replica.
    pub fn new(title: &str, instance: &str, layout: Layout, main: &Markup) -> Page {
        Page(html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    title { (instance) ": " (title) }
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    link rel="icon" href="/console/icon.svg";
                    link rel="stylesheet" href="/console/style.css";
                    script type="module" src="/console/app.js" {}
                }
                body class=(layout.class()) {
                    a.skip href="#main" { "Skip to content" }
                    header.top {
                        p.name {
                            a href="/" { "accredit" } " "
                            span.instance title={ "version " (VERSION) ", commit " (COMMIT) } {
                                (instance) " "
                                span.version {
                                    (VERSION)
                                    @if COMMIT != "unknown" { " " span.commit { (COMMIT) } }
                                }
                            }
                        }
                        nav aria-label="Sections" {
                            a href="/#decisions" { "Decisions" }
                            a href="/#issuers" { "Issuers" }
                            a href="/#rules" { "Rules" }
                            a href="/#tail" { "Tail" }
                            a href="/#explain" { "Explain" }
                        }
                    }
                    main id="main" { (main) }
                }
            }
        })
    }

    pub fn parts(parts: Markup) -> Page {
        Page(parts)
    }
}

impl Layout {
    fn class(&self) -> &'static str {
        match self {
            Layout::Console => "console",
            Layout::Single => "single",
        }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        // Line breaks separate the lines of a text area.
        let lines: Vec<_> = self.0.0.split('\n').map(printable).collect();
        let html = lines.join("\n");
        ([(CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
    }
}

/// A term of a description list and its value.
pub fn fact(term: &str, value: impl Render) -> Markup {
    html! { div { dt { (term) } dd { (value) } } }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::response::IntoResponse as _;
    use maud::html;

    use super::Page;

    #[tokio::test]
    async fn text_in_the_console_cannot_become_markup() {
        let text = "\"><script>&\u{202e}\u{1b}\u{9b}";
        let page = Page::parts(html! { a title=(text) { (text) } "\n" });
        let body = to_bytes(page.into_response().into_body(), 1024).await;
        let escaped = "&quot;&gt;&lt;script&gt;&amp;\\u{202e}\\u{1b}\\u{9b}";
        assert_eq!(
            String::from_utf8_lossy(&body.unwrap()),
            format!("<a title=\"{escaped}\">{escaped}</a>\n")
        );
    }
}
