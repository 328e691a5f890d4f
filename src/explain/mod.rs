//! `accredit explain`, and `Explain` and `FindRefusals` of the admin API: decisions, step by step.

pub mod claim_notes;
pub mod example;
pub mod explanation;
pub mod key_notes;
pub mod not_given;
pub mod notes;
