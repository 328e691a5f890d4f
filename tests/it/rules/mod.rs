//! Which requests need what, and what rules ask of tokens.

mod access;
mod claims;
mod conditions;
mod paths;
mod place;
mod sources;
mod trials;
mod typed_metadata;
