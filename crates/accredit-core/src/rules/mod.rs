//! Rules: compiled once, then matched and evaluated without a clock, I/O or signatures.

pub mod ambiguity;
pub mod condition;
pub mod coverage;
pub mod demands;
pub mod facts;
pub mod host;
pub mod matcher;
pub mod matching_budget;
pub mod matching_cost;
pub mod path;
pub mod pattern;
pub mod peer;
pub mod rule;
pub mod rules_file;
pub mod table;
