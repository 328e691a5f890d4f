//! Why a text is not a path pattern.

/// The text is not a path pattern (CONTRACT 3.9.6).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("a path pattern begins with `/`, such as `/deployments/*` or `/public/**`")]
    Relative,
    #[error("`**` can stand once per pattern; `*` matches exactly one segment")]
    SecondDoubleWildcard,
    #[error("`**` must be a whole segment; inside a segment, `*` matches any characters")]
    PartialDoubleWildcard,
    #[error(
        "`{0}` is not a wildcard here: a pattern is literal text, in which `*` matches one segment or a part of one, \
         and `**` any number of segments"
    )]
    ForeignSyntax(String),
    #[error(
        "no path can match {0}: a pattern is decoded text, in which `*` matches one segment or a part of one, and `**` \
         any number of segments"
    )]
    Unmatchable(&'static str),
}
