//! Markup under construction. Whatever is not written in this program's own source goes in as escaped text, since there
//! is no other way in: an [`Html`] cannot hold what a request, a token or an issuer said as anything but text.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

use crate::admin::printable::printable;

/// A piece of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// Nothing yet.
    pub fn new() -> Html {
        Html::default()
    }

    /// Markup of this program's own. A `'static` text is in the program, and so of no caller's making.
    pub fn markup(&mut self, markup: &'static str) -> &mut Html {
        self.0.push_str(markup);
        self
    }

    /// Text, of an element or of an attribute in quotes.
    pub fn text(&mut self, text: &str) -> &mut Html {
        for char in printable(text).chars() {
            match char {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                char => self.0.push(char),
            }
        }
        self
    }

    /// Text as a value in the query of an address (RFC 3986, section 2.3 says what need not be encoded).
    pub fn query_value(&mut self, text: &str) -> &mut Html {
        for byte in text.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    self.0.push(char::from(byte));
                }
                byte => {
                    self.0.push('%');
                    for digit in [byte >> 4, byte & 15] {
                        let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
                        self.0.push(digit.to_ascii_uppercase());
                    }
                }
            }
        }
        self
    }

    /// A number.
    pub fn number(&mut self, number: usize) -> &mut Html {
        self.0.push_str(&number.to_string());
        self
    }

    /// Another piece.
    pub fn piece(&mut self, piece: &Html) -> &mut Html {
        self.0.push_str(&piece.0);
        self
    }

    /// A term and what is said of it, for a list of such.
    pub fn fact(&mut self, term: &'static str, said: &str) -> &mut Html {
        self.markup("<div><dt>").markup(term).markup("</dt><dd>");
        self.text(said).markup("</dd></div>")
    }
}

impl IntoResponse for Html {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "text/html; charset=utf-8")], self.0).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::Html;

    #[test]
    fn text_is_text_wherever_it_stands() {
        let mut html = Html::new();
        html.markup("<a title=\"").text("\"><script>'&\u{202e}\n");
        html.markup("\" href=\"?id=").query_value("a b&c=\"/ä");
        html.markup("\">");
        assert_eq!(
            html.0,
            "<a title=\"&quot;&gt;&lt;script&gt;&#39;&amp;\\u{202e}\\u{a}\" href=\"?id=a%20b%26c%3D%22%2F%C3%A4\">"
        );
    }
}
