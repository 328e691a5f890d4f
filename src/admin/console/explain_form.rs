//! The form that asks why a token would be accepted or refused, and what it sends.

use std::fmt;

use crate::admin::console::html::Html;
use crate::admin::console::secrets::Secrets;
use crate::admin::pb;

/// What was filled in, as it is put into the form again: nothing that could be a secret. Neither the token nor a header
/// nor a query is in it.
#[derive(Clone, Debug, Default)]
pub struct Filled {
    method: String,
    host: String,
    path: String,
    context: String,
}

/// What cannot be asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormError {
    /// A field is not one of the form's.
    Field,
    /// A line of that field, counted from one, is not written as it has to be.
    Line(&'static str, usize, &'static str),
}

impl Filled {
    /// The same, where a token was pasted into the wrong field.
    #[must_use]
    pub fn without(self, secrets: &Secrets) -> Filled {
        Filled {
            method: secrets.hidden(self.method),
            host: secrets.hidden(self.host),
            path: secrets.hidden(self.path),
            context: secrets.hidden(self.context),
        }
    }
}

/// Reads the fields of a form.
///
/// # Errors
/// [`FormError`]
pub fn read(fields: Vec<(String, String)>) -> Result<(pb::ExplainRequest, Filled), FormError> {
    let (mut ask, mut filled) = (pb::ExplainRequest::default(), Filled::default());
    for (name, value) in fields {
        let text = value.trim();
        let given = Some(text.to_owned()).filter(|text| !text.is_empty());
        match name.as_str() {
            "token" => ask.token = given.as_deref().map(bare).map(str::to_owned),
            "method" => {
                text.clone_into(&mut filled.method);
                ask.method = given;
            }
            "host" => {
                text.clone_into(&mut filled.host);
                ask.host = given;
            }
            "path" => {
                let path = text.split(['?', '#']).next().unwrap_or_default();
                path.clone_into(&mut filled.path);
                ask.path = given;
            }
            "headers" => ask.headers = headers(text)?,
            "context" => {
                text.clone_into(&mut filled.context);
                ask.context = context(text)?.into_iter().collect();
            }
            "source_address" => text.clone_into(&mut ask.source_address),
            "source_principal" => text.clone_into(&mut ask.source_principal),
            _ => return Err(FormError::Field),
        }
    }
    Ok((ask, filled))
}

/// The token of what was pasted: often the whole header is.
fn bare(text: &str) -> &str {
    let without = |text: &'_ str, prefix: &str| -> Option<usize> {
        let head = text.get(..prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then_some(prefix.len())
    };
    let mut rest = text;
    for prefix in ["authorization:", "bearer "] {
        if let Some(length) = without(rest, prefix) {
            rest = rest.get(length..).unwrap_or_default().trim_start();
        }
    }
    rest
}

fn headers(text: &str) -> Result<Vec<pb::Header>, FormError> {
    let wrong = |line| FormError::Line("headers", line, "name: value");
    let pairs = pairs(text, ':', wrong)?.into_iter();
    Ok(pairs
        .map(|(name, value)| pb::Header {
            // As Envoy tells of them.
            name: name.to_ascii_lowercase(),
            value,
        })
        .collect())
}

fn context(text: &str) -> Result<Vec<(String, String)>, FormError> {
    pairs(text, '=', |line| {
        FormError::Line("context", line, "name=value")
    })
}

fn pairs(
    text: &str,
    between: char,
    wrong: impl Fn(usize) -> FormError,
) -> Result<Vec<(String, String)>, FormError> {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(place, line)| match line.split_once(between) {
            Some((name, value)) if !name.trim().is_empty() => {
                Ok((name.trim().to_owned(), value.trim().to_owned()))
            }
            Some(_) | None => Err(wrong(place + 1)),
        })
        .collect()
}

/// The section with the form, and below it what was answered.
pub fn section(filled: &Filled, answer: &Html) -> Html {
    let mut html = Html::new();
    html.markup("<section id=\"explain\" aria-labelledby=\"explain-title\">");
    html.markup("<h2 id=\"explain-title\">Explain a token</h2><div class=\"explain\">");
    html.markup("<form id=\"explain-form\" method=\"post\" action=\"/console/explain\" autocomplete=\"off\">");
    html.markup("<label for=\"token\">Token</label><textarea id=\"token\" name=\"token\" rows=\"5\" autocomplete=\"off\" ");
    html.markup("spellcheck=\"false\" autocapitalize=\"off\" autocorrect=\"off\" aria-describedby=\"token-note\"></textarea>");
    html.markup("<p id=\"token-note\" class=\"note\">It goes to this service in the body of one request, and is kept ");
    html.markup("nowhere. Nothing is counted, logged or fetched for it.</p><div class=\"fields\">");
    html.piece(&field("Method", "method", "GET", &filled.method));
    html.piece(&field("Host", "host", "localhost", &filled.host));
    html.piece(&field("Path", "path", "/", &filled.path));
    html.markup("</div><details");
    html.markup(if filled.context.is_empty() {
        ""
    } else {
        " open"
    });
    html.markup("><summary>Headers, context, peer</summary>");
    html.piece(&lines(
        "Headers, one on each line",
        "headers",
        "x-name: value",
        "",
    ));
    html.piece(&lines(
        "The route’s context, one on each line",
        "context",
        "name=value",
        &filled.context,
    ));
    html.markup("<div class=\"fields two\">");
    html.piece(&field("Peer’s address", "source_address", "192.0.2.7", ""));
    html.piece(&field(
        "Peer’s principal",
        "source_principal",
        "spiffe://…",
        "",
    ));
    html.markup(
        "</div></details><p class=\"buttons\"><button class=\"main\">Explain</button></p></form>",
    );
    html.markup("<div id=\"explanation\" class=\"explanation\" tabindex=\"-1\">");
    html.piece(answer).markup("</div></div></section>");
    html
}

fn field(label: &'static str, name: &'static str, example: &'static str, value: &str) -> Html {
    let mut html = Html::new();
    html.markup("<label>")
        .markup(label)
        .markup(" <input name=\"")
        .markup(name);
    html.markup("\" placeholder=\"")
        .markup(example)
        .markup("\" value=\"")
        .text(value);
    html.markup("\" autocomplete=\"off\" spellcheck=\"false\" autocapitalize=\"off\"></label>");
    html
}

fn lines(label: &'static str, name: &'static str, example: &'static str, value: &str) -> Html {
    let mut html = Html::new();
    html.markup("<label>")
        .markup(label)
        .markup(" <textarea name=\"")
        .markup(name);
    html.markup("\" rows=\"2\" placeholder=\"").markup(example);
    html.markup("\" autocomplete=\"off\" spellcheck=\"false\" autocapitalize=\"off\">");
    for line in value.lines() {
        html.text(line).markup("\n");
    }
    html.markup("</textarea></label>");
    html
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormError::Field => f.write_str(
                "there is a field that is not of the form: they are token, method, host, path, headers, context, \
                 source_address, source_principal",
            ),
            FormError::Line(field, line, form) => {
                write!(f, "line {line} of the {field} is not of the form `{form}`")
            }
        }
    }
}

impl std::error::Error for FormError {}

#[cfg(test)]
mod tests {
    use super::{FormError, read};

    fn fields(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        fields.iter().map(owned).collect()
    }

    #[test]
    fn what_is_empty_is_not_given() {
        let (ask, _) = read(fields(&[("token", " \n"), ("method", ""), ("headers", "")])).unwrap();
        assert_eq!((ask.token, ask.method), (None, None));
        assert!(ask.headers.is_empty());
    }

    #[test]
    fn a_pasted_header_is_its_token() {
        for pasted in ["a.b.c\n", "Bearer a.b.c", "authorization:bearer  a.b.c"] {
            let (ask, _) = read(fields(&[("token", pasted)])).unwrap();
            assert_eq!(ask.token.as_deref(), Some("a.b.c"), "{pasted}");
        }
    }

    #[test]
    fn lines_are_pairs_and_one_that_is_not_is_named() {
        let (ask, _) = read(fields(&[
            ("headers", "X-A: 1:2\r\n\r\nb:"),
            ("context", "tier=a=b"),
        ]))
        .unwrap();
        let headers: Vec<_> = ask
            .headers
            .iter()
            .map(|header| (&*header.name, &*header.value))
            .collect();
        assert_eq!(headers, [("x-a", "1:2"), ("b", "")]);
        assert_eq!(ask.context["tier"], "a=b");
        let wrong = read(fields(&[("headers", "a: b\nnothing")])).unwrap_err();
        assert_eq!(wrong, FormError::Line("headers", 2, "name: value"));
    }
}
