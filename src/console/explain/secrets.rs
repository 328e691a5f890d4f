//! Keeps pasted tokens out of the page that answers: a page can be saved, printed and shared.

use std::collections::HashSet;

use accredit_core::jose::base64url;

use crate::admin::pb;
use crate::admin::pb::explanation::Answer;

/// A shorter text is useless as a part of a token, and can be an ordinary word.
const MIN_SECRET: usize = 16;

/// Every substring of 16 bytes of the tokens in one explain request. A text is searched for all of them in one pass, and
/// the replacements are not searched again: a crafted token could occur in the replacement text, and the answer would
/// grow without bound.
pub struct Secrets(HashSet<[u8; MIN_SECRET]>);

impl Secrets {
    /// The substrings of the request's token, and of everything in the other fields that looks like a token.
    pub fn of(request: &pb::ExplainRequest) -> Secrets {
        let token = request.token.iter().flat_map(|token| token.split('.'));
        let headers = request.headers.iter().map(|header| header.value.as_str());
        let context = request.context.iter();
        let context = context.flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        let fields = [&request.method, &request.host, &request.path].into_iter();
        let elsewhere = headers
            .chain(context)
            .chain(fields.filter_map(Option::as_deref))
            .flat_map(|text| text.split(|char| !is_token_char(char)))
            .filter(|word| looks_like_a_token(word))
            .flat_map(|token| token.split('.'));
        let windows = token
            .chain(elsewhere)
            .flat_map(|part| part.as_bytes().windows(MIN_SECRET))
            // Cutting ASCII out of a text leaves whole characters.
            .filter(|window| window.is_ascii());
        Secrets(
            windows
                .filter_map(|window| window.try_into().ok())
                .collect(),
        )
    }

    /// The explanation without the secrets; for example, `payload_header` puts the payload of the token into it.
    pub fn taken_out_of(&self, mut explanation: pb::Explanation) -> pb::Explanation {
        for step in &mut explanation.steps {
            step.note = step.note.take().map(|note| self.hidden(note));
        }
        let without = |headers: &mut Vec<pb::Header>| {
            for header in headers {
                header.value = self.hidden(std::mem::take(&mut header.value));
            }
        };
        match &mut explanation.answer {
            Some(Answer::Admitted(admission)) => without(&mut admission.set),
            Some(Answer::Refused(refusal)) => {
                without(&mut refusal.headers);
                refusal.body = self.hidden(std::mem::take(&mut refusal.body));
            }
            None => {}
        }
        explanation
    }

    /// The text with each secret replaced by a note of its length.
    pub fn hidden(&self, text: String) -> String {
        let (mut shown, mut end_of_shown) = (String::new(), 0);
        let mut secret: Option<std::ops::Range<usize>> = None;
        let mut hide = |secret: &std::ops::Range<usize>| {
            shown.push_str(text.get(end_of_shown..secret.start).unwrap_or_default());
            shown.push_str(&format!("(part of the token, {} bytes)", secret.len()));
            end_of_shown = secret.end;
        };
        for (start, window) in text.as_bytes().windows(MIN_SECRET).enumerate() {
            if !self.0.contains(window) {
                continue;
            }
            let end = start + MIN_SECRET;
            secret = match secret {
                Some(before) if start <= before.end => Some(before.start..end),
                Some(before) => {
                    hide(&before);
                    Some(start..end)
                }
                None => Some(start..end),
            };
        }
        let Some(last) = secret else {
            return text;
        };
        hide(&last);
        shown.push_str(text.get(end_of_shown..).unwrap_or_default());
        shown
    }
}

/// Base64url and the separator of the parts (RFC 7515, section 3.1).
fn is_token_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.')
}

/// The first part of a JWT is a JSON object in base64url; `eyJ` is the encoding of `{"`.
fn looks_like_a_token(word: &str) -> bool {
    let Some((head, _)) = word.split_once('.') else {
        return false;
    };
    head.starts_with("eyJ")
        || base64url::decode(head).is_ok_and(|header| header.trim_ascii_start().starts_with(b"{"))
}

#[cfg(test)]
mod tests {
    use super::Secrets;
    use crate::admin::pb;

    #[test]
    fn parts_of_tokens_are_hidden_in_every_form_field() {
        let part = |letter: &str| format!("eyJ{}", letter.repeat(20));
        let (head, payload, other) = (part("a"), part("b"), part("c"));
        let secrets = Secrets::of(&pb::ExplainRequest {
            token: Some(format!("{head}.{payload}.short")),
            path: Some(format!("/?a=1&access_token={other}.x.y")),
            ..pb::ExplainRequest::default()
        });
        let text = format!("1 {head} 2 {payload} 3 {other} short");
        let said = "(part of the token, 23 bytes)";
        let expected = format!("1 {said} 2 {said} 3 {said} short");
        assert_eq!(secrets.hidden(text), expected);
    }
}
