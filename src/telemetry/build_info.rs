//! The version and the commit of this build.

/// The version of accredit.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The first 12 digits of the commit, or `unknown` (see `build.rs`).
pub const COMMIT: &str = env!("ACCREDIT_COMMIT");

/// The version and the commit, as `accredit --version` prints them.
pub const VERSION_AND_COMMIT: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("ACCREDIT_COMMIT"),
    ")"
);
