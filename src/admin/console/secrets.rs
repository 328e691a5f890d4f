//! What somebody pasted, and is not to come back: a page can be saved, printed and shared.

use std::borrow::Cow;

use crate::admin::pb;
use crate::admin::pb::explanation::Answer;

/// A shorter text is no part of a token that anybody could use, and could be a word.
const SHORTEST: usize = 16;

/// The parts of the tokens in one request that somebody asks about.
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Those of that request: the parts of its token, and of whatever else in it looks like one.
    pub fn of(ask: &pb::ExplainRequest) -> Secrets {
        let token = ask.token.iter().flat_map(|token| token.split('.'));
        let headers = ask.headers.iter().map(|header| header.value.as_str());
        let elsewhere = headers.chain(ask.path.as_deref());
        // A JWT's first part begins with `{"`, and that in base64url with `eyJ`.
        let looks_like_one = |word: &&str| word.starts_with("eyJ") && word.contains('.');
        let elsewhere = elsewhere
            .flat_map(|text| text.split([' ', ',', ';', '=', '&', '?', '"']))
            .filter(looks_like_one)
            .flat_map(|token| token.split('.'));
        let parts = token.chain(elsewhere);
        let mut parts: Vec<String> = parts
            .filter(|part| part.len() >= SHORTEST)
            .map(str::to_owned)
            .collect();
        parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
        Secrets(parts)
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

    fn hidden(&self, text: String) -> String {
        let hide = |text: Cow<'_, str>, part: &String| -> String {
            let said = format!("(a part of the token, {} bytes)", part.len());
            text.replace(part.as_str(), &said)
        };
        self.0
            .iter()
            .fold(text, |text, part| hide(text.into(), part))
    }
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
