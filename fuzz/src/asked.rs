//! A request of the fuzz target `decision`, and what a service must decide about it.

use super::choices::Choices;
use super::minted::{FORGED, MINTED, satisfies, text_of};
use super::reduced_message::{Attributes, AttributesRequest, Check, Header, HeaderMap, Http};

/// A request, before the edits of its message.
pub struct Asked {
    pub path: &'static str,
    pub method: &'static str,
    /// Its number among the minted and the forged ones. `None`: no token.
    pub token: Option<usize>,
    /// The text of the token, if it was changed.
    pub changed: Option<String>,
    /// `authorization`, another header, a cookie, or a parameter of the query.
    pub place: usize,
    /// A token in `authorization`, if the other one is elsewhere.
    pub beside: Option<usize>,
}

impl Asked {
    pub fn chosen(choices: &mut Choices<'_>) -> Asked {
        let count = MINTED.len() + FORGED.len();
        let token = Some(choices.below(count + 1)).filter(|token| *token < count);
        let place = choices.below(4);
        Asked {
            path: choices.pick(&[
                "/x",
                "/open/a",
                "/optional/x",
                "/write/x",
                "/billing/1",
                "/when/y",
                "/partner",
                "/never",
                "/",
                "/%6fpen/a",
                "/open/../x",
                "/a;b",
            ]),
            method: choices.pick(&["GET", "POST", "get"]),
            changed: token.filter(|_| choices.one_in(3)).map(|token| {
                let mut text = text_of(token).as_bytes().to_vec();
                choices.edit(
                    &mut text,
                    &[".", "=", "A", "e30", "eyJhbGciOiJub25lIn0", &MINTED[0].text],
                );
                String::from_utf8_lossy(&text).into_owned()
            }),
            token,
            place,
            beside: (place != 0 && choices.one_in(4)).then(|| choices.below(count)),
        }
    }

    fn text(&self) -> Option<&str> {
        self.changed.as_deref().or(self.token.map(text_of))
    }

    pub fn message(&self, choices: &mut Choices<'_>) -> Check {
        let mut path = self.path.to_owned();
        let mut headers = vec![
            (":method", self.method.to_owned()),
            ("accept", "*/*".to_owned()),
        ];
        match (self.text(), self.place) {
            (None, _) => {}
            (Some(token), 0) => headers.push(("authorization", format!("Bearer {token}"))),
            (Some(token), 1) => headers.push(("x-api-token", token.to_owned())),
            (Some(token), 2) => headers.push(("cookie", format!("a=b; session={token}; c=d"))),
            (Some(token), _) => path.push_str(&format!("?x=1&access_token={token}")),
        }
        if let Some(beside) = self.beside {
            headers.push(("authorization", format!("bearer {}", text_of(beside))));
        }
        const SPOOFED: &[&str] = &[
            "x-jwt-sub",
            "x_jwt_sub",
            "x-jwt-other",
            "x.jwt.scope",
            "x-envoy-auth-failure-mode-allowed",
            "x-jwt-payload",
            "x-jwt",
        ];
        for _ in 0..choices.below(3) {
            headers.push((choices.pick(SPOOFED), choices.text(8)));
        }
        headers.push((":path", path.clone()));
        let mut http = Http {
            method: self.method.to_owned(),
            host: "api.example".to_owned(),
            path,
            ..Http::default()
        };
        if choices.one_in(2) {
            http.headers = headers
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
        } else {
            let header = |(name, value): (&str, String)| Header {
                key: name.to_owned(),
                raw_value: value.into_bytes(),
                ..Header::default()
            };
            http.header_map = Some(HeaderMap {
                headers: headers.into_iter().map(header).collect(),
            });
        }
        Check {
            attributes: Some(Attributes {
                request: Some(AttributesRequest { http: Some(http) }),
                ..Attributes::default()
            }),
        }
    }

    /// Whether a service with sources at these places must admit the request. `None` if the token was changed.
    pub fn expected(&self, places: &[usize]) -> Option<bool> {
        let rule = match self.path {
            "/open/a" | "/%6fpen/a" => "open",
            "/optional/x" => "optional",
            "/write/x" if self.method == "POST" => "write",
            "/billing/1" => "billing",
            "/when/y" => "when",
            "/partner" => "partner",
            "/never" => "never",
            "/open/../x" | "/a;b" => return Some(false),
            _ => "rest",
        };
        match (rule, self.method) {
            (_, "get") | ("never", _) => return Some(false),
            ("open", _) => return Some(true),
            _ => {}
        }
        if self.changed.is_some() {
            return None;
        }
        // A cookie without three parts is no token.
        let is_token = |token: &usize| self.place != 2 || text_of(*token).matches('.').count() == 2;
        // It can resemble a token all the same, and such a request may be denied.
        if self.place == 2
            && places.contains(&2)
            && self.token.is_some_and(|token| !is_token(&token))
        {
            return None;
        }
        let own = self
            .token
            .filter(|token| places.contains(&self.place) && is_token(token));
        match (own, self.beside) {
            (Some(one), Some(other)) if text_of(one) != text_of(other) => Some(false),
            (Some(token), _) | (None, Some(token)) => Some(
                MINTED
                    .get(token)
                    .is_some_and(|token| satisfies(token, rule, self.method)),
            ),
            (None, None) => Some(rule == "optional"),
        }
    }
}
