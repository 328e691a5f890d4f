//! Which requests need what, and what rules ask of tokens.

mod access;
mod conditions;
mod paths;
mod place;
mod sources;
