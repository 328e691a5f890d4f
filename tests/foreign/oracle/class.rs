//! The kinds of differences between accredit and a library.

use super::judges::Library;

/// A kind of difference.
pub(super) struct Class {
    pub(super) name: &'static str,
    pub(super) side: Side,
    /// For the table of docs/security-model.md.
    pub(super) why: &'static str,
}

/// Who is stricter.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Side {
    /// accredit refuses what a library accepts.
    Stricter,
    /// accredit admits what a library refuses.
    Laxer,
}

/// A refusal of accredit that a library does not share.
pub(super) struct Refusal {
    pub(super) class: &'static str,
    pub(super) reason: &'static str,
    /// A part of the cause.
    pub(super) cause: &'static str,
    /// The token has one of these. Empty: any token.
    pub(super) traits: &'static [&'static str],
}

/// A refusal of a library that accredit does not share.
pub(super) struct Objection {
    pub(super) class: &'static str,
    pub(super) library: Library,
    /// A part of the library's error.
    pub(super) error: &'static str,
    /// The token has one of these.
    pub(super) traits: &'static [&'static str],
}
