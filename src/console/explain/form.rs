//! The form that explains a token, and the request that it sends.

use maud::{Markup, html};

use crate::admin::pb;
use crate::console::explain::secrets::Secrets;

/// The fields that are filled in again on the page that answers. Tokens, headers and queries are not among them,
/// because they can be secrets.
#[derive(Clone, Debug, Default)]
pub struct FilledForm {
    method: String,
    host: String,
    path: String,
    context: String,
}

/// Why a form cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    #[error(
        "the form has an unknown field; the fields are token, method, host, path, headers, context, source_address and \
         source_principal"
    )]
    UnknownField,
    /// Lines are counted from 1.
    #[error("line {line} of the field {field} is malformed; write `{form}`")]
    MalformedLine {
        field: &'static str,
        line: usize,
        form: &'static str,
    },
}

impl FilledForm {
    /// The same fields without a token that was pasted into the wrong one.
    #[must_use]
    pub fn without(self, secrets: &Secrets) -> FilledForm {
        FilledForm {
            method: secrets.hidden(self.method),
            host: secrets.hidden(self.host),
            path: secrets.hidden(self.path),
            context: secrets.hidden(self.context),
        }
    }
}

/// Reads the fields of a form. Empty fields count as absent.
///
/// # Errors
/// [`FormError`]
pub fn read(fields: Vec<(String, String)>) -> Result<(pb::ExplainRequest, FilledForm), FormError> {
    let (mut client_request, mut filled) = (pb::ExplainRequest::default(), FilledForm::default());
    for (name, value) in fields {
        let text = value.trim_matches([' ', '\t', '\r', '\n']);
        let given = Some(text.to_owned()).filter(|text| !text.is_empty());
        match name.as_str() {
            "token" => {
                let token = Some(value.trim()).filter(|token| !token.is_empty());
                client_request.token = token.map(bare).map(str::to_owned);
            }
            "method" => {
                text.clone_into(&mut filled.method);
                client_request.method = given;
            }
            "host" => {
                text.clone_into(&mut filled.host);
                client_request.host = given;
            }
            "path" => {
                let path = text.split(['?', '#']).next().unwrap_or_default();
                path.clone_into(&mut filled.path);
                client_request.path = given;
            }
            "headers" => client_request.headers = headers(text)?,
            "context" => {
                text.clone_into(&mut filled.context);
                client_request.context = pairs(text, "context", '=', "name=value")?
                    .into_iter()
                    .collect();
            }
            "source_address" => text.clone_into(&mut client_request.source_address),
            "source_principal" => text.clone_into(&mut client_request.source_principal),
            _ => return Err(FormError::UnknownField),
        }
    }
    Ok((client_request, filled))
}

/// The token without `Authorization:` and `Bearer`, which are often pasted with it.
fn bare(text: &str) -> &str {
    let mut rest = text;
    for prefix in ["authorization:", "bearer "] {
        let starts_with = |head: &str| head.eq_ignore_ascii_case(prefix);
        if rest.get(..prefix.len()).is_some_and(starts_with) {
            rest = rest.get(prefix.len()..).unwrap_or_default().trim_start();
        }
    }
    rest
}

fn headers(text: &str) -> Result<Vec<pb::Header>, FormError> {
    let pairs = pairs(text, "headers", ':', "name: value")?.into_iter();
    Ok(pairs
        .map(|(name, value)| pb::Header {
            // Envoy sends header names in lower case.
            name: name.to_ascii_lowercase(),
            value,
        })
        .collect())
}

fn pairs(
    text: &str,
    field: &'static str,
    separator: char,
    form: &'static str,
) -> Result<Vec<(String, String)>, FormError> {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !trimmed(line).is_empty());
    lines
        .map(|(place, line)| match line.split_once(separator) {
            Some((name, value)) if !trimmed(name).is_empty() => {
                Ok((trimmed(name).to_owned(), trimmed(value).to_owned()))
            }
            Some(_) | None => Err(FormError::MalformedLine {
                field,
                line: place + 1,
                form,
            }),
        })
        .collect()
}

/// Without what HTTP removes from the ends of a header value (RFC 9110 section 5.5). Other white space reaches the service.
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// The section with the form, and beside it the answer.
pub fn section(filled: &FilledForm, answer: &Markup) -> Markup {
    html! {
        section id="explain" aria-labelledby="explain-title" {
            h2 id="explain-title" { "Explain a token" }
            div.explain {
                form id="explain-form" method="post" action="/console/explain" autocomplete="off" {
                    label for="token" { "Token" }
                    textarea id="token" name="token" rows="5" autocomplete="off" spellcheck="false" autocapitalize="off"
                        autocorrect="off" aria-describedby="token-note" {}
                    p.note id="token-note" {
                        "The token is sent to this service in a request body. It is not stored, and explaining it \
                         fetches no keys and adds nothing to logs and metrics."
                    }
                    div.fields {
                        (field("Method", "method", "GET", &filled.method))
                        (field("Host", "host", "localhost", &filled.host))
                        (field("Path", "path", "/", &filled.path))
                    }
                    details open[!filled.context.is_empty()] {
                        summary { "Headers, context extensions, connection" }
                        (lines("Headers, one per line", "headers", "x-name: value", ""))
                        (lines("Context extensions of the route, one per line", "context", "name=value", &filled.context))
                        div.fields.two {
                            (field("Client address", "source_address", "192.0.2.7", ""))
                            (field("Client principal", "source_principal", "spiffe://…", ""))
                        }
                    }
                    p.buttons { button.main { "Explain" } }
                }
                div.explanation id="explanation" tabindex="-1" { (answer) }
            }
        }
    }
}

fn field(label: &str, name: &str, example: &str, value: &str) -> Markup {
    html! {
        label {
            (label) " "
            input name=(name) placeholder=(example) value=(value) autocomplete="off" spellcheck="false"
                autocapitalize="off";
        }
    }
}

fn lines(label: &str, name: &str, example: &str, value: &str) -> Markup {
    html! {
        label {
            (label) " "
            textarea name=(name) rows="2" placeholder=(example) autocomplete="off" spellcheck="false"
                autocapitalize="off" { @for line in value.lines() { (line) "\n" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FormError, read};

    fn fields(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        fields.iter().map(owned).collect()
    }

    #[test]
    fn an_empty_form_field_counts_as_absent() {
        let (client_request, _) =
            read(fields(&[("token", " \n"), ("method", ""), ("headers", "")])).unwrap();
        assert_eq!((client_request.token, client_request.method), (None, None));
        assert!(client_request.headers.is_empty());
    }

    #[test]
    fn a_pasted_authorization_header_gives_its_token() {
        for pasted in ["a.b.c\n", "Bearer a.b.c", "authorization:bearer  a.b.c"] {
            let (client_request, _) = read(fields(&[("token", pasted)])).unwrap();
            assert_eq!(client_request.token.as_deref(), Some("a.b.c"), "{pasted}");
        }
    }

    #[test]
    fn header_values_of_the_form_lose_only_the_white_space_that_http_removes() {
        for (line, value) in [
            ("a: \t1\t ", "1"),
            ("a:\u{a0}1\u{a0}", "\u{a0}1\u{a0}"),
            ("a: \u{2003}1\u{3000} ", "\u{2003}1\u{3000}"),
            ("a:\u{b}1\u{c}", "\u{b}1\u{c}"),
        ] {
            let (client_request, _) = read(fields(&[("headers", line)])).unwrap();
            assert_eq!(client_request.headers[0].value, value, "{line:?}");
        }
    }

    #[test]
    fn form_lines_are_read_as_pairs_and_a_malformed_line_is_named() {
        let (client_request, _) = read(fields(&[
            ("headers", "X-A: 1:2\r\n\r\nb:"),
            ("context", "tier=a=b"),
        ]))
        .unwrap();
        let headers: Vec<_> = client_request
            .headers
            .iter()
            .map(|header| (&*header.name, &*header.value))
            .collect();
        assert_eq!(headers, [("x-a", "1:2"), ("b", "")]);
        assert_eq!(client_request.context["tier"], "a=b");
        assert_eq!(
            read(fields(&[("headers", "a: b\nnothing")])).unwrap_err(),
            FormError::MalformedLine {
                field: "headers",
                line: 2,
                form: "name: value"
            }
        );
    }
}
