//! Where in a request a token may lie: exactly one, or why not.

use crate::authn::error::Error;
use crate::request::Headers;
use crate::token;
use crate::token::bearer::BearerToken;

/// A header that may carry the token after a scheme (RFC 6750 section 2.1).
#[derive(Clone, Debug)]
pub struct TokenSource {
    header: String,
    scheme: String,
}

impl TokenSource {
    /// `Authorization: Bearer`
    pub fn authorization_bearer() -> TokenSource {
        TokenSource {
            header: "authorization".into(),
            scheme: "Bearer".into(),
        }
    }

    /// The header, in lower case.
    pub fn header(&self) -> &str {
        &self.header
    }

    /// The token of a request.
    ///
    /// # Errors
    /// [`Error::MissingToken`], [`Error::SeveralCredentials`], or that it is malformed.
    pub fn extract<'a>(&self, headers: &Headers<'a>) -> Result<BearerToken<'a>, Error> {
        let mut values = headers.all(&self.header);
        let value = values.next().ok_or(Error::MissingToken)?;
        // Two entries are two credentials even where both say the same: servers differ on which one counts.
        if values.next().is_some() {
            return Err(Error::SeveralCredentials);
        }
        let value = trimmed(value);
        if value.contains(&b',')
            && value
                .split(|byte| *byte == b',')
                .any(|part| self.begins_with_scheme(part))
        {
            return Err(Error::SeveralCredentials);
        }
        let credentials = self.after_scheme(value).ok_or(Error::MissingToken)?;
        if credentials.is_empty() {
            return Err(Error::MissingToken);
        }
        BearerToken::new(credentials).map_err(|_| Error::Token(token::error::Error::Malformed))
    }

    fn begins_with_scheme(&self, part: &[u8]) -> bool {
        self.after_scheme(trimmed(part)).is_some()
    }

    /// What follows the scheme and its spaces; `None` for another scheme.
    fn after_scheme<'a>(&self, value: &'a [u8]) -> Option<&'a [u8]> {
        let (scheme, rest) = value.split_at_checked(self.scheme.len())?;
        if !scheme.eq_ignore_ascii_case(self.scheme.as_bytes()) {
            return None;
        }
        match rest.first() {
            None => Some(rest),
            Some(b' ') => Some(trimmed(rest)),
            Some(_) => None,
        }
    }
}

fn trimmed(value: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value
        .iter()
        .position(|byte| !is_blank(byte))
        .unwrap_or(value.len());
    let end = value
        .iter()
        .rposition(|byte| !is_blank(byte))
        .map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::TokenSource;
    use crate::authn::error::Error;
    use crate::request::{Completeness, Headers};
    use crate::token;

    fn extract(values: &[&[u8]]) -> Result<String, Error> {
        let entries = values.iter().map(|value| ("Authorization", *value));
        let headers = Headers::new(entries, Completeness::Complete);
        TokenSource::authorization_bearer()
            .extract(&headers)
            .map(|token| token.expose().to_owned())
    }

    #[test]
    fn one_bearer_token_or_why_not() {
        let malformed = Err(Error::Token(token::error::Error::Malformed));
        let several = Err(Error::SeveralCredentials);
        let cases: &[(&[&[u8]], Result<&str, Error>)] = &[
            (&[], Err(Error::MissingToken)),
            (&[b""], Err(Error::MissingToken)),
            (&[b"Bearer"], Err(Error::MissingToken)),
            (&[b"Bearer   "], Err(Error::MissingToken)),
            (&[b"Basic dXNlcjpwYXNz"], Err(Error::MissingToken)),
            (&[b"Bearerx a.b.c"], Err(Error::MissingToken)),
            (&[b"Bearer\ta.b.c"], Err(Error::MissingToken)),
            (&[b"Digest a=1, b=2"], Err(Error::MissingToken)),
            (&[b"a.b.c"], Err(Error::MissingToken)),
            (&[b"Bearer a.b.c"], Ok("a.b.c")),
            (&[b"bEaReR a.b.c"], Ok("a.b.c")),
            (&[b"\t Bearer    a.b.c \t"], Ok("a.b.c")),
            (&[b"Bearer a b"], Ok("a b")),
            (&[b"Bearer a.b.c,Bearer a.b.c"], several),
            (&[b"Bearer a.b.c, Bearer d.e.f"], several),
            (&[b"Bearer a.b.c,x"], several),
            (&[b"Basic x,bearer a.b.c"], several),
            (&[b"Basic x, Bearer"], several),
            (&[b"Bearer a.b.c,"], several),
            (&[b"Bearer a.b.c", b"Bearer a.b.c"], several),
            (&[b"Basic x", b"Bearer a.b.c"], several),
            (&[b"Bearer \xff"], malformed),
        ];
        for (values, expected) in cases {
            let shown: Vec<_> = values
                .iter()
                .map(|value| String::from_utf8_lossy(value))
                .collect();
            assert_eq!(extract(values), expected.map(str::to_owned), "{shown:?}");
        }
        let longest = [b"Bearer ".as_slice(), &[b'a'; 16 * 1024]].concat();
        assert!(extract(&[&longest]).is_ok());
        assert_eq!(
            extract(&[&[&longest[..], b"a"].concat()]),
            malformed.map(str::to_owned)
        );
    }
}
