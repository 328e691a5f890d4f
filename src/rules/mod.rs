//! May they: the operator's rules, compiled once, and judged without a clock, a socket or a signature.

pub mod condition;
pub mod context;
pub mod demands;
pub mod expression;
pub mod facts;
pub mod host;
pub mod path;
pub mod pattern;
pub mod rule;
pub mod table;
