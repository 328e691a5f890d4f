//! What a server sent, as an error message repeats it.

/// The maximum length of a server's text in an error, in characters.
const MAX_QUOTED: usize = 200;

/// A text of a server for an error message: shortened, in quotation marks, without control characters.
pub(in crate::jwks) fn quoted(text: &str) -> String {
    format!("{:?}", shortened(text))
}

/// A text of a server, shortened.
pub(in crate::jwks) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
