//! The bearer token of fetches (`jwks.bearer_file`). It is read at each fetch, because Kubernetes replaces it every hour.

use std::io;
use std::path::{Path, PathBuf};

use reqwest::header::HeaderValue;
use thiserror::Error;

use crate::regular_file;

/// The largest file, in octets.
const MAX_FILE: u64 = 64 * 1024;

/// Why there is no token to send.
#[derive(Debug, Error)]
pub enum BearerFileError {
    #[error("{}: cannot be read: {cause}; correct the path, or let this user read the file", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("{}: is empty; write the bearer token into it", .0.display())]
    Empty(PathBuf),
    #[error(
        "{}: is not a bearer token: it has a character that a token cannot have (RFC 6750 section 2.1); write the token alone into it",
        .0.display()
    )]
    NotAToken(PathBuf),
}

/// The value of `Authorization`. White space around the token is removed.
///
/// # Errors
/// [`BearerFileError`]
pub(crate) fn authorization(path: &Path) -> Result<HeaderValue, BearerFileError> {
    let text = regular_file::read(path, MAX_FILE).map_err(|cause| BearerFileError::Unreadable {
        path: path.to_owned(),
        cause,
    })?;
    let token = text.trim_ascii();
    if token.is_empty() {
        return Err(BearerFileError::Empty(path.to_owned()));
    }
    let is_of_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    let value = [b"Bearer ", token].concat();
    let value = HeaderValue::from_bytes(&value)
        .ok()
        .filter(|_| token.iter().all(is_of_token));
    let mut value = value.ok_or_else(|| BearerFileError::NotAToken(path.to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::authorization;

    #[test]
    fn a_bearer_file_has_one_token_and_white_space_around_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        for (text, value) in [
            ("a.b-c_d~e+f/g==", Some("Bearer a.b-c_d~e+f/g==")),
            ("\n token\r\n", Some("Bearer token")),
            ("", None),
            (" \n", None),
            ("two tokens", None),
            ("two\ntokens", None),
            ("tokén", None),
        ] {
            std::fs::write(&file, text).expect("is written");
            let read = authorization(&file);
            let read = read.as_ref().ok().map(|value| value.to_str());
            assert_eq!(read.transpose().expect("is ASCII"), value, "{text:?}");
        }
        let error = authorization(&folder.path().join("absent")).expect_err("is absent");
        assert!(
            error.to_string().contains("absent: cannot be read"),
            "{error}"
        );
    }
}
