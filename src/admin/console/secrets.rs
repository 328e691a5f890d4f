//! What somebody pasted, and is not to come back: a page can be saved, printed and shared.

use std::collections::HashSet;

use crate::admin::pb;
use crate::admin::pb::explanation::Answer;
use crate::jose::base64url;

/// A shorter text is no part of a token that anybody could use, and could be a word.
const SHORTEST: usize = 16;

/// Every text of 16 bytes that is in a part of the tokens in one request that somebody asks about. Looked up in
/// one pass, however many there are, and what stands in their place is not looked through again: it could be made to
/// hold further ones, which would make the answer longer without an end.
pub struct Secrets(HashSet<[u8; SHORTEST]>);

impl Secrets {
    /// Those of that request: of its token, and of whatever else in it looks like one.
    pub fn of(ask: &pb::ExplainRequest) -> Secrets {
        let token = ask.token.iter().flat_map(|token| token.split('.'));
        let headers = ask.headers.iter().map(|header| header.value.as_str());
        let context = ask.context.values().map(String::as_str);
        let fields = [&ask.method, &ask.host, &ask.path].into_iter();
        let elsewhere = headers
            .chain(context)
            .chain(fields.filter_map(Option::as_deref))
            .flat_map(|text| text.split(|char| !is_of_a_token(char)))
            .filter(|word| looks_like_one(word))
            .flat_map(|token| token.split('.'));
        let windows = token
            .chain(elsewhere)
            .flat_map(|part| part.as_bytes().windows(SHORTEST))
            // What is cut out of a text has to leave whole characters.
            .filter(|window| window.is_ascii());
        Secrets(
            windows
                .filter_map(|window| window.try_into().ok())
                .collect(),
        )
    }

    /// The explanation without them: `payload_header` alone would put one into it.
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

    /// The text with so much of it said to be a part of a token.
    pub fn hidden(&self, text: String) -> String {
        let (mut told, mut end_of_told) = (String::new(), 0);
        let mut secret: Option<std::ops::Range<usize>> = None;
        let mut hide = |secret: &std::ops::Range<usize>| {
            told.push_str(text.get(end_of_told..secret.start).unwrap_or_default());
            told.push_str(&format!("(a part of the token, {} bytes)", secret.len()));
            end_of_told = secret.end;
        };
        for (start, window) in text.as_bytes().windows(SHORTEST).enumerate() {
            if !self.0.contains(window) {
                continue;
            }
            let end = start + SHORTEST;
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
        told.push_str(text.get(end_of_told..).unwrap_or_default());
        told
    }
}

/// Base64url, and what joins the parts (RFC 7515, section 3.1).
fn is_of_a_token(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.')
}

/// A JWT's first part is a JSON object in base64url, which most write without spaces.
fn looks_like_one(word: &str) -> bool {
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
    fn parts_of_tokens_are_hidden_wherever_they_were_given() {
        let part = |letter: &str| format!("eyJ{}", letter.repeat(20));
        let (head, payload, other) = (part("a"), part("b"), part("c"));
        let secrets = Secrets::of(&pb::ExplainRequest {
            token: Some(format!("{head}.{payload}.short")),
            path: Some(format!("/?a=1&access_token={other}.x.y")),
            ..pb::ExplainRequest::default()
        });
        let text = format!("1 {head} 2 {payload} 3 {other} short");
        let said = "(a part of the token, 23 bytes)";
        let expected = format!("1 {said} 2 {said} 3 {said} short");
        assert_eq!(secrets.hidden(text), expected);
    }
}
